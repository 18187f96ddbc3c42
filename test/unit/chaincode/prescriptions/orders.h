/*
 * orders.h: prescriptions of other people's FHIR documents as calls: what a MedicationRequest orders becomes an item, what
 * is dispensed becomes packs of a product with its codes. One channel lives as long as the test.
 */
#ifndef TEST_UNIT_CHAINCODE_PRESCRIPTIONS_ORDERS_H
#define TEST_UNIT_CHAINCODE_PRESCRIPTIONS_ORDERS_H

#include "test/unit/chaincode/prescriptions/pharmacy.h"

#include <jansson.h>

enum { orders_products = 200, orders_packs = 8, orders_items = 20, orders_text = 30000 };

static struct {
    size_t rx, products, packs;
    char codes[orders_products][400];
    char id[32]; /* of the prescription that was issued last */
    int64_t auth[orders_items];
    char drug[orders_items][400]; /* of its items, as JSON */
    size_t items;
    int64_t until;
} orders;

/* ---- reading FHIR ---- */

/* The value at "a.b.0.c"; NULL where there is none. */
static inline json_t *fhir_at(const json_t *value, const char *path)
{
    char name[80];

    while (value && *path) {
        size_t n = strcspn(path, ".");

        snprintf(name, sizeof(name), "%.*s", (int)n, path);
        value = json_is_array(value) ? json_array_get(value, (size_t)atoi(name)) : json_object_get(value, name);
        path += n + (path[n] == '.');
    }
    return (json_t *)value;
}

static inline const char *fhir_text(const json_t *value, const char *path)
{
    const char *s = json_string_value(fhir_at(value, path));

    return s ? s : "";
}

static inline bool fhir_is(const json_t *resource, const char *type)
{
    return strcmp(fhir_text(resource, "resourceType"), type) == 0;
}

/* A quantity in whole units; what is no number is one. */
static inline int64_t fhir_units(const json_t *value)
{
    double units = json_is_number(value) ? json_number_value(value) : 1;

    return (int64_t)units + (units > (double)(int64_t)units);
}

/* Resources of a type in a document, nested ones and contained ones as well: up to `max` of them. */
static inline size_t fhir_find(const json_t *value, const char *type, const json_t **out, size_t n, size_t max)
{
    const char *name;
    json_t *one;
    size_t i;

    if (fhir_is(value, type) && n < max)
        out[n++] = value;
    if (json_is_object(value)) {
        json_object_foreach((json_t *)value, name, one) n = fhir_find(one, type, out, n, max);
    } else {
        json_array_foreach(value, i, one) n = fhir_find(one, type, out, n, max);
    }
    return n;
}

/* The epoch of "YYYY-MM-DD…" at noon; 0 for anything else. */
static inline int64_t fhir_day(const char *date)
{
    char day[11];
    int64_t epoch = 0;

    snprintf(day, sizeof(day), "%s", date);
    return lib_date_parse(day, &epoch) ? epoch + DAY / 2 : 0;
}

/* ---- orders ---- */

/* A code as an id: what is none is left out. */
static inline const char *order_id(const char *text)
{
    static char out[4][65];
    static size_t at;
    char *id = out[at++ % 4];
    size_t n = 0;

    for (; *text && n < 64; text++) {
        char one[2] = { *text, 0 };

        if (lib_is_id(one))
            id[n++] = *text;
    }
    id[n] = 0;
    return id;
}

/* Where a coding is, {"system","code"}; the caller frees it. NULL when it has none. */
static inline json_t *order_drug(const json_t *concept)
{
    const char *system = fhir_text(concept, "coding.0.system"), *code = fhir_text(concept, "coding.0.code");

    return *system && *code ? json_pack("{s:s,s:s}", "system", system, "code", code) : NULL;
}

/* "50mg" of a ratio; "" when it has none */
static inline const char *order_strength(const json_t *ratio)
{
    static char out[100];
    const json_t *value = fhir_at(ratio, "numerator.value");

    *out = 0;
    if (json_is_number(value))
        snprintf(out, sizeof(out), "%g%s", json_number_value(value), order_id(fhir_text(ratio, "numerator.unit")));
    return order_id(out);
}

/*
 * The item of a MedicationRequest, whose medicine is in it or in `medication`. An ingredient's code stands for every product
 * with this ingredient, strength and form. NULL when it says no code.
 */
static inline json_t *order_item(const json_t *request, const json_t *medication)
{
    const json_t *concept = medication ? fhir_at(medication, "code") : fhir_at(request, "medicationCodeableConcept");
    const json_t *ingredient = fhir_at(medication, "ingredient.0.itemCodeableConcept"),
                 *by_ingredient = order_drug(ingredient);
    const bool generic = strcmp(fhir_text(concept, "coding.0.code"), "wirkstoff") == 0 && by_ingredient;
    json_t *item = json_object(), *drug = generic ? json_incref((json_t *)by_ingredient) : order_drug(concept);
    const char *text = fhir_text(request, "dosageInstruction.0.text"), *name = fhir_text(concept, "text");
    const char *form = order_id(fhir_text(medication, "form.coding.0.code")),
               *strength = order_strength(fhir_at(medication, "ingredient.0.strength"));
    char dose[900];

    snprintf(dose, sizeof(dose), "%s%s%s", name, *name ? ": " : "", *text ? text : "as discussed");
    if (drug) {
        json_object_set(item, "drug", drug);
        json_object_set_new(item, "dose", json_string(dose));
        json_object_set_new(item, "auth", json_integer(fhir_units(fhir_at(request, "dispenseRequest.quantity.value"))));
        if (by_ingredient && *form && *strength) {
            json_object_set_new(item, "ingredient", json_string(order_id(fhir_text(ingredient, "coding.0.code"))));
            json_object_set_new(item, "strength", json_string(strength));
            json_object_set_new(item, "form", json_string(form));
            if (generic || json_is_true(fhir_at(request, "substitution.allowedBoolean")))
                json_object_set_new(item, "substitution", json_string("allowed"));
        }
        if (json_integer_value(fhir_at(request, "dispenseRequest.numberOfRepeatsAllowed")) > 0) {
            const json_t *days = fhir_at(request, "dispenseRequest.expectedSupplyDuration.value");

            json_object_set(item, "repeats", fhir_at(request, "dispenseRequest.numberOfRepeatsAllowed"));
            json_object_set_new(item, "interval", json_integer(json_is_number(days) ? fhir_units(days) : 28));
        }
    } else {
        json_decref(item);
        item = NULL;
    }
    json_decref((json_t *)by_ingredient);
    json_decref(drug);
    return item;
}

/* ---- calls ---- */

/* A channel with the maker, the wholesaler and the pharmacies, and an open encounter for each of these patients. */
static inline int orders_begin(void **state)
{
    memset(&orders, 0, sizeof(orders));
    shelf_start();
    health_install("consent", &consent_chaincode);
    health_install("ehr", &ehr_chaincode);
    install_prescriptions(&prescriptions_chaincode);
    as_world_admin("PharmacyMSP", "adm3", P1, "25");
    assert_accepted(supply_in("Setup", "{\"salt\":\"" FP("5b") "\"}"));
    as_doctor();
    start_encounter("e1", PID_A);
    return 0;
}

/* Issue these items (consumed) to PID_A, or to `pid`, until then; orders.id names the prescription. */
static inline fcc_test_result order_issue_for(const char *pid, json_t *items, int64_t until)
{
    static char in[orders_text];
    char *text = json_dumps(items, JSON_COMPACT), end[LIB_TIME_SIZE];
    size_t i;
    json_t *item;

    orders.items = 0;
    json_array_foreach(items, i, item) if (i < orders_items)
    {
        char *drug = json_dumps(json_object_get(item, "drug"), JSON_COMPACT | JSON_SORT_KEYS);

        orders.auth[i] = json_integer_value(json_object_get(item, "auth"));
        snprintf(orders.drug[i], sizeof(orders.drug[i]), "%s", drug);
        orders.items++;
        free(drug);
    }
    snprintf(orders.id, sizeof(orders.id), "rx-%zu", ++orders.rx);
    orders.until = until;
    lib_time_format(until, end);
    snprintf(
        in, sizeof(in),
        "{\"rxId\":\"%s\",\"pid\":\"%s\",\"encId\":\"e1\",\"items\":%s,\"codeHash\":\"%%s\",\"codeSalt\":\"" CODE_SALT
        "\",\"validUntil\":\"%s\",\"salt\":\"" SALT1 "\"}",
        orders.id, pid, text, end);
    free(text);
    json_decref(items);
    as_doctor();
    return invoke("Issue", in);
}

static inline fcc_test_result order_issue(json_t *items)
{
    return order_issue_for(PID_A, items, fcc_test_time(world) + 400 * DAY);
}

/* One that is like any other. */
static inline fcc_test_result order_any(void)
{
    return order_issue(json_pack("[{s:{s:s,s:s},s:s,s:i}]", "drug", "system", "http://snomed.info/sct", "code",
                                 "39732311000001104", "dose", "twice a day", "auth", 20));
}

static inline void order_nominate(const char *gln)
{
    char in[200];

    as_patient();
    snprintf(in, sizeof(in), "{\"pid\":\"" PID_A "\"%s%s%s,\"salt\":\"" SALT3 "\"}", gln ? ",\"gln\":\"" : "",
             gln ? gln : "", gln ? "\"" : "");
    (void)invoke("Nominate", in); /* it may be so already */
}

static inline fcc_test_result order_accept(void)
{
    as_pharmacist();
    return invoke_id("Accept", orders.id, ACCEPT);
}

/* The GTIN of a product with this code, whose packs of a million units may be split. */
static inline const char *order_gtin(const char *drug)
{
    static char gtin[15];
    char list[500], serials[200] = "", packs[700] = "", one[80], in[1200];
    size_t n = 0;
    int sum = 0;

    while (n < orders.products && strcmp(orders.codes[n], drug) != 0)
        n++;
    snprintf(gtin, sizeof(gtin), "0400000001%03zu", n);
    for (int i = 0; i < 13; i++)
        sum += (gtin[i] - '0') * (i % 2 ? 1 : 3);
    gtin[13] = (char)('0' + (10 - sum % 10) % 10);
    gtin[14] = 0;
    if (n < orders.products)
        return gtin;
    assert_true(n < orders_products);
    snprintf(orders.codes[orders.products++], sizeof(orders.codes[0]), "%s", drug);
    snprintf(list, sizeof(list), "[%s]", drug);
    as_maker();
    assert_accepted(fcc_test_submit(world, "supply", "RegisterProduct", gtin, list, "387207008", "500mg", "10219000",
                                    "1000000", "true", "true", "[\"DE\"]", "A medicine", FCC_END));
    for (char c = 'a'; c < 'a' + orders_packs; c++) {
        snprintf(one, sizeof(one), "%s\"n%zu%c\"", c > 'a' ? "," : "", n, c);
        strcat(serials, one);
        snprintf(one, sizeof(one), "%s{\"gtin\":\"%s\",\"serial\":\"n%zu%c\"}", c > 'a' ? "," : "", gtin, n, c);
        strcat(packs, one);
    }
    snprintf(in, sizeof(in),
             "{\"id\":\"made-%s\",\"gtin\":\"%s\",\"lot\":\"L1\",\"expiry\":\"391231\",\"serials\":[%s],\"salt\":"
             "\"" SALT1 "\"}",
             gtin, gtin, serials);
    assert_accepted(supply_in("Commission", in));
    snprintf(in, sizeof(in), "{\"id\":\"sent-%s\",\"packs\":[%s],\"toGln\":\"" P1 "\",\"salt\":\"" SALT2 "\"}", gtin,
             packs);
    assert_accepted(supply_in("Ship", in));
    as_pharmacist();
    snprintf(in, sizeof(in), "{\"id\":\"here-%s\",\"packs\":[%s],\"salt\":\"" SALT3 "\"}", gtin, packs);
    assert_accepted(supply_in("Receive", in));
    return gtin;
}

/* Dispense so many units of each item of the last prescription; none of those of 0. */
static inline fcc_test_result order_dispense(int seq, const int64_t *units)
{
    char in[orders_text / 4], lines[orders_text / 8] = "", one[300];

    for (size_t i = 0; i < orders.items; i++) {
        const char *gtin;
        size_t n = 0;

        if (!units[i])
            continue;
        gtin = order_gtin(orders.drug[i]);
        while (strcmp(orders.codes[n], orders.drug[i]) != 0)
            n++;
        snprintf(one, sizeof(one),
                 "%s{\"item\":%zu,\"packs\":[{\"gtin\":\"%s\",\"serial\":\"n%zu%c\",\"units\":%lld}]}",
                 *lines ? "," : "", i + 1, gtin, n, (char)('a' + i % orders_packs), (long long)units[i]);
        strcat(lines, one);
    }
    snprintf(in, sizeof(in), "{\"seq\":%d,\"lines\":[%s],\"salt\":\"" SALT2 "\"}", seq, lines);
    as_pharmacist();
    return invoke_id("Dispense", orders.id, in);
}

static inline bool order_status_is(const char *status)
{
    char want[60];

    snprintf(want, sizeof(want), "\"status\":\"%s\"", status);
    return strstr(rx_value(orders.id), want) != NULL;
}

#endif

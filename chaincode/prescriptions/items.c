/*
 * items.c: what is prescribed, how much of it is left, and which packs it may be.
 *
 * An item authorises `auth` units, and that again `repeats` times. `done` counts what was dispensed in the window that is
 * open; when it reaches `auth` and repeats are left, the next window opens `interval` days later, at `notBefore`, with
 * `done` 0 and `used` one more.
 */
#include "prescriptions/parts.h"

static const char *const substitution_words[] = { "allowed", "no", NULL };

static const lib_field item_fields[] = {
    { .name = "drug", .type = LIB_OBJECT },
    { .name = "ingredient", .type = LIB_ID, .optional = true },
    { .name = "strength", .type = LIB_ID, .optional = true },
    { .name = "form", .type = LIB_ID, .optional = true },
    { .name = "dose", .type = LIB_TEXT, .min = 1, .max = 1000 },
    { .name = "auth", .type = LIB_INT, .min = 1, .max = RX_MAX_UNITS },
    { .name = "repeats", .type = LIB_INT, .optional = true, .min = 0, .max = 99 },
    { .name = "interval", .type = LIB_INT, .optional = true, .min = 1, .max = 366 },
    { .name = "notBefore", .type = LIB_TIME, .optional = true },
    { .name = "substitution", .type = LIB_WORD, .optional = true, .words = substitution_words },
};
static const lib_field drug_fields[] = {
    { .name = "system", .type = LIB_URI, .max = 128 },
    { .name = "code", .type = LIB_ID },
};

int64_t rx_number(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

/* ---- those of a new prescription ---- */

/* Code systems whose codes have a form that is checked: pharmacies order by these numbers. */
static bool is_code_of(const char *system, const char *code)
{
    static const char pzn[] = "http://fhir.de/CodeSystem/ifa/pzn", snomed[] = "http://snomed.info/sct";
    size_t digits = strspn(code, "0123456789");

    if (strcmp(system, pzn) == 0)
        return digits == 8 && code[digits] == 0;
    if (strcmp(system, snomed) == 0)
        return digits >= 6 && digits <= 18 && code[digits] == 0;
    return true;
}

static fcc_status check_item(lib_call *call, const json_t *item, const char *where, const char *in_drug)
{
    const json_t *drug = json_object_get(item, "drug");
    fcc_status st = lib_check_fields(call, item, item_fields, sizeof(item_fields) / sizeof(item_fields[0]), where);

    if (st != FCC_OK || (st = lib_check_fields(call, drug, drug_fields, sizeof(drug_fields) / sizeof(drug_fields[0]),
                                               in_drug)) != FCC_OK)
        return st;
    if (!is_code_of(lib_text(drug, "system"), lib_text(drug, "code")))
        return lib_refuse(call, LIB_BAD_INPUT, "%scode is none of this system", in_drug);
    if (rx_number(item, "repeats") > 0 && !json_object_get(item, "interval"))
        return lib_refuse(call, LIB_BAD_INPUT, "%sinterval is missing: an item with repeats says how far apart", where);
    if (lib_text_is(item, "substitution", "allowed") &&
        !(lib_text(item, "ingredient") && lib_text(item, "strength") && lib_text(item, "form")))
        return lib_refuse(call, LIB_BAD_INPUT, "%ssubstitution needs ingredient, strength and form", where);
    return FCC_OK;
}

fcc_status rx_check_items(lib_call *call)
{
    const json_t *items = lib_in(call, "items");

    for (size_t i = 0; i < json_array_size(items); i++) {
        char where[32], in_drug[40];
        fcc_status st;

        snprintf(where, sizeof(where), "items[%zu].", i);
        snprintf(in_drug, sizeof(in_drug), "%sdrug.", where);
        if ((st = check_item(call, json_array_get(items, i), where, in_drug)) != FCC_OK)
            return st;
    }
    return FCC_OK;
}

json_t *rx_new_items(lib_call *call)
{
    const json_t *given = lib_in(call, "items");
    json_t *items = lib_own(call, json_array());

    for (size_t i = 0; i < json_array_size(given); i++) {
        const json_t *from = json_array_get(given, i);
        json_t *item = json_deep_copy(from);

        if (!item || json_array_append_new(items, item) != 0 ||
            json_object_set_new(item, "n", json_integer((json_int_t)i + 1)) != 0 ||
            json_object_set_new(item, "done", json_integer(0)) != 0 ||
            json_object_set_new(item, "used", json_integer(0)) != 0 ||
            json_object_set_new(item, "repeats", json_integer(rx_number(from, "repeats"))) != 0 ||
            (!lib_text(from, "substitution") && json_object_set_new(item, "substitution", json_string("no")) != 0))
            return NULL;
    }
    return items;
}

/* ---- what is left of them ---- */

json_t *rx_item(const json_t *rx, int64_t n)
{
    const json_t *items = json_object_get(rx, "items");

    return n >= 1 && n <= (int64_t)json_array_size(items) ? json_array_get(items, (size_t)n - 1) : NULL;
}

bool rx_item_is_done(const json_t *item)
{
    return rx_number(item, "done") >= rx_number(item, "auth") && rx_number(item, "used") >= rx_number(item, "repeats");
}

fcc_status rx_take(json_t *item, int64_t units, int64_t now)
{
    int64_t done = rx_number(item, "done") + units, used = rx_number(item, "used");
    char opens[LIB_TIME_SIZE];

    if (done == rx_number(item, "auth") && used < rx_number(item, "repeats")) {
        lib_time_format(now + rx_number(item, "interval") * RX_DAY_SECONDS, opens);
        done = 0;
        used++;
        if (lib_set(item, "notBefore", opens) != FCC_OK)
            return FCC_ERR_NOMEM;
    }
    return json_object_set_new(item, "done", json_integer(done)) == 0 &&
                   json_object_set_new(item, "used", json_integer(used)) == 0
               ? FCC_OK
               : FCC_ERR_NOMEM;
}

bool rx_put_back(json_t *item, int64_t units, int64_t window, const char *opened)
{
    int64_t done = rx_number(item, "done"), used = rx_number(item, "used");

    if (used == window + 1 && done == 0) { /* this dispense or one beside it closed the window: it is open again */
        used = window;
        done = rx_number(item, "auth");
        if (lib_set(item, "notBefore", opened) != FCC_OK)
            return false;
    }
    return used == window && done >= units && json_object_set_new(item, "done", json_integer(done - units)) == 0 &&
           json_object_set_new(item, "used", json_integer(used)) == 0;
}

/* ---- packs ---- */

static bool same_text(const json_t *a, const json_t *b, const char *name)
{
    return lib_text_is(a, name, lib_text(b, name));
}

bool rx_matches(const json_t *item, const json_t *product)
{
    const json_t *wanted = json_object_get(item, "drug"), *drugs = json_object_get(product, "drug");

    for (size_t i = 0; i < json_array_size(drugs); i++)
        if (same_text(wanted, json_array_get(drugs, i), "system") &&
            same_text(wanted, json_array_get(drugs, i), "code"))
            return true;
    return lib_text_is(item, "substitution", "allowed") && same_text(item, product, "ingredient") &&
           same_text(item, product, "strength") && same_text(item, product, "form");
}

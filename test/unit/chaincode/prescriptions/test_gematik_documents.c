/*
 * gematik's and KBV's example documents of the German e-prescription: every prescription is issued, accepted and, where a
 * product can have its code, dispensed; every dispense is one of a prescription for the same medicine; a task has the
 * status that it names.
 */
#include "test/unit/chaincode/prescriptions/orders.h"

#include "test/support/shared_data.h"
#include "test/support/tally.h"

#define SET "e-prescription-gematik"

enum { max_found = 40 };

static tally t = { .set = SET };
static size_t issued, dispensed, later, tasks;

static void expect(const char *file, const char *what, fcc_test_result r, int want)
{
    if ((int)r.status != want)
        tally_fail(&t, "%s: %s: %d %s, and not %d", file, what, (int)r.status, r.message, want);
}

/* The resource that a reference names, among these: by its id, or the only one. */
static const json_t *referred(const json_t *request, const json_t *const *found, size_t n)
{
    const char *reference = fhir_text(request, "medicationReference.reference");

    for (size_t i = 0; i < n; i++)
        if (*fhir_text(found[i], "id") && strstr(reference, fhir_text(found[i], "id")))
            return found[i];
    return n == 1 ? found[0] : NULL;
}

/* When one of several prescriptions may be fetched: "Zeitraum" of the extension for multiple prescriptions; "" for none. */
static const char *period(const json_t *request, const char *end)
{
    const json_t *extensions = fhir_at(request, "extension"), *one, *parts, *part;
    char path[60];
    size_t i, k;

    snprintf(path, sizeof(path), "valuePeriod.%s", end);
    json_array_foreach(extensions, i, one)
    {
        parts = fhir_at(one, "extension");
        json_array_foreach(parts, k, part) if (*fhir_text(part, path) &&
                                               strstr(fhir_text(one, "url"), "Multiple")) return fhir_text(part, path);
    }
    return "";
}

/* Whether a maker's product has such a code: free text and what the pharmacy mixes have none. */
static bool has_product(const json_t *medication)
{
    return !strstr(fhir_text(medication, "code.coding.0.system"), "KBV_CS_ERP_Medication_Type") ||
           strcmp(fhir_text(medication, "code.coding.0.code"), "wirkstoff") == 0;
}

/* ---- prescriptions ---- */

static bool prescribe(const char *file, const json_t *bundle)
{
    const json_t *requests[max_found], *medications[max_found], *medication;
    size_t n = fhir_find(bundle, "MedicationRequest", requests, 0, max_found);
    size_t m = fhir_find(bundle, "Medication", medications, 0, max_found);
    int64_t written = n ? fhir_day(fhir_text(requests[0], "authoredOn")) : 0, from, until;
    json_t *item;

    medication = n ? referred(requests[0], medications, m) : NULL;
    item = medication ? order_item(requests[0], medication) : NULL;
    if (!item)
        return false;
    from = fhir_day(period(requests[0], "start"));
    until = fhir_day(period(requests[0], "end"));
    if (from) {
        char opens[LIB_TIME_SIZE];

        lib_time_format(from, opens);
        json_object_set_new(item, "notBefore", json_string(opens));
    }
    fcc_test_set_time(world, written ? written : NOW);
    expect(file, "Issue",
           order_issue_for(PID_A, json_pack("[o]", item), until ? until : fcc_test_time(world) + 400 * DAY), 200);
    issued++;
    expect(file, "Accept", order_accept(), 200);
    if (!has_product(medication))
        return true;
    if (from > fcc_test_time(world)) {
        expect(file, "Dispense before its time", order_dispense(1, orders.auth), 412);
        fcc_test_set_time(world, from);
        later++;
    }
    expect(file, "Dispense", order_dispense(1, orders.auth), 200);
    if (!order_status_is("completed"))
        tally_fail(&t, "%s: not all of it was dispensed", file);
    dispensed++;
    return true;
}

/* ---- dispenses ---- */

/* What was handed out of this medicine, on a prescription for it. */
static bool hand_out(const char *file, const json_t *document)
{
    const json_t *dispenses[max_found], *medications[max_found];
    size_t n = fhir_find(document, "MedicationDispense", dispenses, 0, max_found), done = 0;
    size_t m = fhir_find(document, "Medication", medications, 0, max_found);

    for (size_t i = 0; i < n; i++) {
        const json_t *medication = referred(dispenses[i], medications, m);
        int64_t when = fhir_day(fhir_text(dispenses[i], "whenHandedOver"));
        json_t *item = medication && has_product(medication) ? order_item(dispenses[i], medication) : NULL;

        if (!item)
            continue;
        json_object_set_new(item, "auth", json_integer(fhir_units(fhir_at(dispenses[i], "quantity.value"))));
        fcc_test_set_time(world, when ? when : NOW);
        expect(file, "Issue", order_issue(json_pack("[o]", item)), 200);
        expect(file, "Accept", order_accept(), 200);
        expect(file, "Dispense", order_dispense(1, orders.auth), 200);
        expect(file, "HandOver", invoke_id("HandOver", orders.id, SEQ("1")), 200);
        dispensed++;
        done++;
    }
    return done > 0;
}

/* ---- tasks ---- */

/* Their words of a task's status, and what it is here. */
static bool task(const char *file, const json_t *document)
{
    const char *status = fhir_text(document, "status");

    if (strcmp(status, "ready") != 0 && strcmp(status, "in-progress") != 0 && strcmp(status, "completed") != 0 &&
        strcmp(status, "cancelled") != 0)
        return false;
    fcc_test_set_time(world, NOW);
    expect(file, "Issue", order_any(), 200);
    if (strcmp(status, "cancelled") == 0) {
        as_doctor();
        expect(file, "Cancel", invoke_id("Cancel", orders.id, BECAUSE("prescribing_error")), 200);
    } else if (strcmp(status, "ready") != 0) {
        expect(file, "Accept", order_accept(), 200);
        if (strcmp(status, "completed") == 0)
            expect(file, "Dispense", order_dispense(1, orders.auth), 200);
    }
    if (!order_status_is(strcmp(status, "ready") == 0         ? "active"
                         : strcmp(status, "in-progress") == 0 ? "accepted"
                                                              : status))
        tally_fail(&t, "%s: %s is %s", file, status, rx_value(orders.id));
    tasks++;
    return true;
}

/* ---- documents ---- */

static void play(const char *file, const json_t *document)
{
    const json_t *found[1];
    size_t failed = t.failed;
    bool done;

    if (fhir_is(document, "Task"))
        done = task(file, document);
    else if (fhir_find(document, "MedicationDispense", found, 0, 1))
        done = hand_out(file, document);
    else if (fhir_find(document, "MedicationRequest", found, 0, 1))
        done = prescribe(file, document);
    else if (fhir_find(document, "Task", found, 0, 1))
        done = task(file, found[0]);
    else {
        if (fhir_find(document, "DeviceRequest", found, 0, 1))
            tally_skip(&t, "prescriptions of health apps");
        else if (fhir_is(document, "Medication"))
            tally_skip(&t, "medicines that nobody prescribes");
        else if (fhir_is(document, "OperationOutcome"))
            tally_skip(&t, "answers that do not say to what");
        else if (fhir_is(document, "Communication"))
            tally_skip(&t, "messages");
        else
            tally_skip(&t, "documents without a prescription or dispense");
        return;
    }
    if (!done)
        tally_skip(&t, "prescriptions and dispenses whose medicine is elsewhere or mixed in the pharmacy");
    else if (t.failed == failed)
        tally_pass(&t);
}

static void play_file(void *ctx, const char *file, const char *text)
{
    const char *name = strchr(file, '/');
    json_t *document;

    (void)ctx;
    if (!name) /* what tells of the set */
        return;
    document = text ? json_loads(text, 0, NULL) : NULL;
    if (document)
        play(name + 1, document);
    else
        tally_skip(&t, "no JSON");
    json_decref(document);
}

static void the_documents_are_prescriptions_and_dispenses(void **state)
{
    shared_need(SET);
    shared_walk(SET, "", true, play_file, NULL);
    fprintf(stderr,
            "# " SET ": %zu prescriptions issued, %zu dispensed, %zu of them not before their time, %zu tasks\n",
            issued, dispensed, later, tasks);
    assert_true(tally_print(&t));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_documents_are_prescriptions_and_dispenses, orders_begin, health_stop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

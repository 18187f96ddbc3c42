/*
 * Examples of NHS England's electronic prescription service: orders, releases, dispense notifications, returns,
 * withdrawals and cancellations, read as FHIR and made as calls. What a document reports of a state (a cancellation that
 * came too late, a release that another dispenser has) is brought about, and has to be answered in that class.
 */
#include "test/unit/chaincode/prescriptions/orders.h"

#include "test/support/shared_data.h"
#include "test/support/tally.h"

#define SET "e-prescription-nhs-eps"

enum { max_found = 40 };

static tally t = { .set = SET };
static size_t documents, orders_made, releases, notifications, returns, withdrawals, cancellations, refused;

/* Their codes of a reason, and the word for it here; "" for one that is not listed. */
static const char *reason_of(const json_t *concept)
{
    static const struct {
        const char *system, *code, *word;
    } words[] = {
        { "medicationrequest-status-reason", "0001", "prescribing_error" },
        { "medicationrequest-status-reason", "0002", "contraindication" },
        { "medicationrequest-status-reason", "0003", "regime_change" },
        { "medicationrequest-status-reason", "0004", "clinical_grounds" },
        { "medicationrequest-status-reason", "0005", "patient_request" },
        { "medicationrequest-status-reason", "0006", "pharmacist_request" },
        { "medicationrequest-status-reason", "0007", "death" },
        { "medicationrequest-status-reason", "0008", "left_practice" },
        { "medicationrequest-status-reason", "0009", "registered_elsewhere" },
        { "EPS-task-dispense-return-status-reason", "0001", "other_pharmacy" },
        { "EPS-task-dispense-return-status-reason", "0002", "not_dispensed" },
        { "EPS-task-dispense-return-status-reason", "0003", "patient_request" },
        { "EPS-task-dispense-return-status-reason", "0004", "expired" },
        { "EPS-task-dispense-return-status-reason", "", "other" },
        { "EPS-task-dispense-withdraw-reason", "MU", "medication_changed" },
        { "EPS-task-dispense-withdraw-reason", "", "other" },
    };
    const char *system = fhir_text(concept, "coding.0.system"), *code = fhir_text(concept, "coding.0.code");

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strstr(system, words[i].system) && (!*words[i].code || strcmp(code, words[i].code) == 0))
            return words[i].word;
    return "";
}

static void expect(const char *file, const char *what, fcc_test_result r, int want)
{
    if ((int)r.status == want)
        return;
    tally_fail(&t, "%s: %s: %d %s, and not %d", file, what, (int)r.status, r.message, want);
}

static fcc_test_result because(const char *function, const char *reason)
{
    char in[200];

    snprintf(in, sizeof(in), "{\"reasonCode\":\"%s\",\"salt\":\"" SALT3 "\"}", *reason ? reason : "unknown");
    return invoke_id(function, orders.id, in);
}

/* ---- orders ---- */

/* The items of a message's MedicationRequests; NULL when it has none. */
static json_t *items_of(const json_t *message)
{
    const json_t *found[max_found];
    size_t n = fhir_find(message, "MedicationRequest", found, 0, max_found);
    json_t *items = json_array();

    for (size_t i = 0; i < n && i < orders_items; i++) {
        json_t *item = order_item(found[i], NULL);

        if (item)
            json_array_append_new(items, item);
    }
    if (json_array_size(items) == 0) {
        json_decref(items);
        return NULL;
    }
    return items;
}

/* Issued as the message orders it; to the pharmacy that it names, if it does. */
static bool make_order(const char *file, const json_t *message, bool deceased)
{
    const json_t *found[max_found];
    json_t *items = items_of(message);

    if (!items)
        return false;
    fhir_find(message, "MedicationRequest", found, 0, max_found);
    order_nominate(fhir_at(found[0], "dispenseRequest.performer") ? P1 : NULL);
    if (deceased) {
        expect(file, "Issue", order_issue_for(PID_DEAD, items, fcc_test_time(world) + DAY), 412);
        refused++;
        return true;
    }
    expect(file, "Issue", order_issue(items), 200);
    if (strstr(rx_value(orders.id), "\"nominee\"") == NULL && fhir_at(found[0], "dispenseRequest.performer") != NULL)
        tally_fail(&t, "%s: the nominated pharmacy is not there", file);
    orders_made++;
    return true;
}

/* ---- cancellations ---- */

/* "R-0002" and what it says of a prescription whose cancellation was asked for: the state is brought about. */
static bool cancel_answered(const char *file, const json_t *message)
{
    const json_t *found[max_found];
    const char *code = "";
    int want = 200;

    if (fhir_find(message, "MedicationRequest", found, 0, max_found) > 0) {
        const json_t *extensions = fhir_at(found[0], "extension"), *one;
        size_t i;

        json_array_foreach(extensions, i, one)
        {
            const char *in = fhir_text(one, "extension.0.valueCoding.code");

            if (strstr(fhir_text(one, "url"), "PrescriptionStatusHistory") && *in)
                code = in;
        }
    }
    if (strncmp(code, "R-000", 5) != 0 || code[5] < '1' || code[5] > '8')
        return false;
    if (code[5] == '8')
        snprintf(orders.id, sizeof(orders.id), "none");
    else
        expect(file, "Issue",
               code[5] == '5' ? order_issue_for(PID_A, items_of(message), fcc_test_time(world) + 600)
                              : order_issue(items_of(message)),
               200);
    switch (code[5]) {
    case '2': /* with a dispenser */
    case '3':
        expect(file, "Accept", order_accept(), 200);
        want = 409;
        break;
    case '4': /* dispensed */
        expect(file, "Accept", order_accept(), 200);
        for (int i = 0; i < 3 && !order_status_is("completed"); i++) {
            expect(file, "Dispense", order_dispense(i + 1, orders.auth), 200);
            fcc_test_set_time(world, fcc_test_time(world) + 400 * DAY);
        }
        want = 410;
        break;
    case '5': /* expired */
        fcc_test_set_time(world, fcc_test_time(world) + 1200);
        as_doctor();
        expect(file, "Expire", invoke_id("Expire", orders.id, NO_CODE), 200);
        want = 410;
        break;
    case '6': /* cancelled before */
        as_doctor();
        expect(file, "Cancel", because("Cancel", "prescribing_error"), 200);
        want = 410;
        break;
    case '7': /* another prescriber */
        want = 403;
        break;
    case '8':
        want = 404;
        break;
    default:
        break;
    }
    as_doctor();
    if (code[5] == '7')
        as("HospitalMSP", "doctor", "d7", H1, "07");
    expect(file, "Cancel", because("Cancel", "clinical_grounds"), want);
    if (want == 409) {
        expect(file, "MarkForCancel", because("MarkForCancel", "clinical_grounds"), 200);
        if (!strstr(rx_value(orders.id), "\"marked\":true"))
            tally_fail(&t, "%s: it is not marked", file);
    }
    refused += want != 200;
    cancellations++;
    return true;
}

static bool cancel(const char *file, const json_t *message)
{
    const json_t *found[max_found];

    if (fhir_find(message, "MedicationRequest", found, 0, max_found) == 0)
        return false;
    expect(file, "Issue", order_issue(items_of(message)), 200);
    expect(file, "Cancel", because("Cancel", reason_of(fhir_at(found[0], "statusReason"))), 200);
    cancellations++;
    return true;
}

/* ---- dispensing ---- */

/* Its authorising requests are the items; what each MedicationDispense hands out is taken of them. */
static bool notify(const char *file, const json_t *message)
{
    const json_t *found[max_found];
    size_t n = fhir_find(message, "MedicationDispense", found, 0, max_found), count = 0;
    const char *ids[orders_items];
    int64_t units[orders_items] = { 0 };
    json_t *items = json_array();

    for (size_t i = 0; i < n && count < orders_items; i++) {
        const json_t *request[2];
        const char *id;
        size_t k = 0;

        if (fhir_find(fhir_at(found[i], "contained"), "MedicationRequest", request, 0, 2) == 0)
            continue;
        id = fhir_text(request[0], "identifier.0.value");
        while (k < count && strcmp(ids[k], id) != 0)
            k++;
        if (k == count) {
            json_t *item = order_item(request[0], NULL);

            if (!item)
                continue;
            json_object_del(item, "repeats");
            json_array_append_new(items, item);
            ids[count++] = id;
        }
        units[k] += fhir_units(fhir_at(found[i], "quantity.value"));
    }
    if (count == 0) {
        json_decref(items);
        return false;
    }
    expect(file, "Issue", order_issue(items), 200);
    expect(file, "Accept", order_accept(), 200);
    for (size_t k = 0, some = 0; k < count; k++) {
        some += units[k] > 0;
        if (k + 1 == count && some) {
            expect(file, "Dispense", order_dispense(1, units), 200);
            expect(file, "HandOver", invoke_id("HandOver", orders.id, SEQ("1")), 200);
        }
    }
    notifications++;
    return true;
}

static void withdraw(const char *file, const json_t *task)
{
    char in[200];

    expect(file, "Issue", order_any(), 200);
    expect(file, "Accept", order_accept(), 200);
    expect(file, "Dispense", order_dispense(1, orders.auth), 200);
    snprintf(in, sizeof(in), "{\"seq\":1,\"reasonCode\":\"%s\",\"salt\":\"" SALT3 "\"}",
             reason_of(fhir_at(task, "statusReason")));
    expect(file, "ReverseDispense", invoke_id("ReverseDispense", orders.id, in), 200);
    if (!order_status_is("accepted"))
        tally_fail(&t, "%s: what was withdrawn is not as before", file);
    withdrawals++;
}

static void give_back(const char *file, const json_t *task)
{
    expect(file, "Issue", order_any(), 200);
    expect(file, "Accept", order_accept(), 200);
    expect(file, "Return", because("Return", reason_of(fhir_at(task, "statusReason"))), 200);
    if (!order_status_is("active"))
        tally_fail(&t, "%s: what was returned is not free", file);
    returns++;
}

/* With the prescription's number the code is shown; without, the pharmacy asks for what it was nominated for. */
static void release(const char *file, bool by_number)
{
    order_nominate(by_number ? NULL : P1);
    expect(file, "Issue", order_any(), 200);
    as_pharmacist();
    if (!by_number && !strstr(query_id("Queue", P1, NULL).payload, orders.id))
        tally_fail(&t, "%s: it is not in the queue", file);
    as_pharmacist();
    expect(file, "Accept", invoke_id("Accept", orders.id, by_number ? ACCEPT : NO_CODE), 200);
    releases++;
}

static bool has_parameter(const json_t *parameters, const char *name)
{
    const json_t *all = fhir_at(parameters, "parameter"), *one;
    size_t i;

    json_array_foreach(all, i, one) if (strcmp(fhir_text(one, "name"), name) == 0) return true;
    return false;
}

/* Prescriptions that were released: each is issued, and accepted by who asked. */
static bool released(const char *file, const json_t *parameters)
{
    const json_t *found[max_found];
    size_t n = fhir_find(parameters, "Bundle", found, 0, max_found), made = 0;

    for (size_t i = 0; i < n; i++)
        if (strcmp(fhir_text(found[i], "type"), "message") == 0 && make_order(file, found[i], false)) {
            expect(file, "Accept", order_accept(), 200);
            releases++;
            made++;
        }
    return made > 0;
}

/* ---- documents ---- */

/* Whether the answer that lies beside a request ("…Request…" and "…Response…", "-req" and "-res") is an error. */
static bool answered_with_error(const char *path)
{
    char other[900], *at, *text;
    json_t *answer;
    bool error;

    snprintf(other, sizeof(other), "%s", path);
    if ((at = strstr(other, "-Request-")) != NULL) {
        memmove(at + strlen("-Response-"), at + strlen("-Request-"), strlen(at + strlen("-Request-")) + 1);
        memcpy(at, "-Response-", strlen("-Response-"));
    } else if ((at = strstr(other, "-req.json")) != NULL) {
        memcpy(at, "-res", 4);
    } else {
        return false;
    }
    text = shared_read(SET, other, NULL);
    answer = text ? json_loads(text, 0, NULL) : NULL;
    error = fhir_is(answer, "OperationOutcome") && strcmp(fhir_text(answer, "issue.0.severity"), "information") != 0;
    json_decref(answer);
    free(text);
    return error;
}

static void outcome(const char *file, const json_t *answer)
{
    if (strcmp(fhir_text(answer, "issue.0.details.coding.0.code"), "PRESCRIPTION_WITH_ANOTHER_DISPENSER") == 0) {
        order_nominate(NULL);
        expect(file, "Issue", order_any(), 200);
        expect(file, "Accept", order_accept(), 200);
        as_other_pharmacist();
        expect(file, "Accept", invoke_id("Accept", orders.id, ACCEPT), 409);
        refused++;
        tally_pass(&t);
    } else {
        tally_skip(&t, "answers that do not say to what");
    }
}

static void play(const char *file, const char *path, const json_t *document)
{
    const json_t *headers[2];
    const char *event = fhir_find(document, "MessageHeader", headers, 0, 2) ? fhir_text(headers[0], "eventCoding.code")
                                                                            : "";
    size_t failed = t.failed;
    bool done = false;

    documents++;
    fcc_test_set_time(world, NOW);
    if (answered_with_error(path)) {
        tally_skip(&t, "faults in the form of their messages");
        return;
    }
    if (fhir_is(document, "OperationOutcome")) {
        outcome(file, document);
        return;
    }
    if (fhir_is(document, "Claim")) {
        tally_skip(&t, "claims");
        return;
    }
    if (fhir_is(document, "Task")) {
        (strcmp(fhir_text(document, "code.coding.0.code"), "abort") == 0 ? withdraw : give_back)(file, document);
        done = true;
    } else if (fhir_is(document, "Parameters") && has_parameter(document, "owner")) {
        release(file, has_parameter(document, "group-identifier"));
        done = true;
    } else if (fhir_is(document, "Parameters") && has_parameter(document, "passedPrescriptions")) {
        done = released(file, document);
    } else if (strcmp(event, "prescription-order") == 0) {
        done = make_order(file, document, strstr(path, "deceased") != NULL);
    } else if (strcmp(event, "prescription-order-update") == 0) {
        done = cancel(file, document);
    } else if (strcmp(event, "prescription-order-response") == 0) {
        done = cancel_answered(file, document);
    } else if (strcmp(event, "dispense-notification") == 0) {
        done = notify(file, document);
    } else {
        tally_skip(&t, "signing");
        return;
    }
    if (!done)
        tally_skip(&t, "messages without what they are about");
    else if (t.failed == failed)
        tally_pass(&t);
}

static void play_file(void *ctx, const char *file, const char *text)
{
    const char *name = strrchr(file, '/');
    json_t *document = text ? json_loads(text, 0, NULL) : NULL;

    (void)ctx;
    if (document)
        play(name ? name + 1 : file, file, document);
    json_decref(document);
}

static void the_examples_are_orders_releases_returns_withdrawals_and_cancellations(void **state)
{
    shared_need(SET);
    shared_walk(SET, "", true, play_file, NULL);
    fprintf(stderr,
            "# " SET ": %zu documents: %zu orders, %zu releases, %zu dispense notifications, %zu returns, %zu "
            "withdrawals, %zu cancellations; %zu refused as they say\n",
            documents, orders_made, releases, notifications, returns, withdrawals, cancellations, refused);
    assert_true(tally_print(&t));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_examples_are_orders_releases_returns_withdrawals_and_cancellations,
                                        orders_begin, health_stop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

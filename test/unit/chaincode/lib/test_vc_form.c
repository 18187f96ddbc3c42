/* The form of credentials and presentations: W3C's test suite and examples, OCI's credentials, and what they leave out. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "lib/json.h"
#include "lib/vc.h"
#include "test/support/shared_data.h"
#include "test/support/tally.h"

static json_t *load(const char *text)
{
    const char *why = "";
    json_t *value = lib_json_load(fcc_str(text), &why);

    if (!value)
        fail_msg("%s: %s", text, why);
    return value;
}

/* ---- W3C's test suite ---- */

/*
 * Where each input that must fail is at fault. The suite signs its inputs at an issuer that puts itself in where none is
 * named, so an absent issuer is no fault of theirs; a test without a row here is only held to its name.
 */
static const char *const faults[][2] = {
    { "credential-context-combo4-fail.json", "@context" },
    { "credential-id-multi-fail.json", "id" },
    { "credential-id-nonidentifier-fail.json", "id" },
    { "credential-id-not-url-fail.json", "id" },
    { "credential-id-subject-multi-fail.json", "credentialSubject.id" },
    { "credential-issuer-no-url-fail.json", "issuer" },
    { "credential-issuer-null-fail.json", "issuer" },
    { "credential-issuer-object-id-no-url-fail.json", "issuer.id" },
    { "credential-issuer-object-id-null-fail.json", "issuer.id" },
    { "credential-missing-base-context-fail-or-inject.json", "@context" },
    { "credential-missing-required-type-fail.json", "type" },
    { "credential-no-context-fail-or-inject.json", "@context" },
    { "credential-no-type-fail.json", "type" },
    { "credential-redef-type-fail.json", "@context" },
    { "credential-redef-type2-fail.json", "@context" },
    { "credential-schema-no-id-fail.json", "credentialSchema.id" },
    { "credential-status-missing-type-fail.json", "credentialStatus.type" },
    { "credential-status-nonurl-id-fail.json", "credentialStatus.id" },
    { "credential-status-type-nonurl-fail.json", "credentialStatus.type" },
    { "credential-subject-multiple-empty-fail.json", "credentialSubject" },
    { "credential-subject-no-claims-fail.json", "credentialSubject" },
    { "credential-termsofuse-missing-type-fail.json", "termsOfUse.type" },
    { "credential-termsofuse-no-type-fail.json", "termsOfUse.type" },
    { "credential-type-mapped-nonurl-fail.json", "type" },
    { "credential-validfrom-invalid-fail.json", "validFrom" },
    { "credential-validuntil-invalid-fail.json", "validUntil" },
    { "presentation-context-order-fail.json", "@context" },
    { "presentation-holder-fail.json", "holder" },
    { "presentation-holder-name-fail.json", "holder.id" },
    { "presentation-missing-required-type-fail.json", "type" },
    { "presentation-no-type-fail.json", "type" },
    { "presentation-vc-as-string-fail.json", "verifiableCredential" },
    { "presentation-vc-missing-required-type-fail.json", "type" },
    { "credential-name-extra-prop-en-fail.json", "name" },
    { "issuer-description-extra-prop-en-fail.json", "issuer.description" },
    { "issuer-name-extra-prop-en-fail.json", "issuer.name" },
};

static bool right_fault(const char *file, const char *at)
{
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        if (strcmp(faults[i][0], file) == 0)
            return strcmp(faults[i][1], at) == 0;
    }
    return true;
}

/* As the suite does before it asks: an issuer where there is none, and times for its two placeholders. */
static void complete(json_t *credential)
{
    static const char issuer[] = "did:key:z6MkpJySvETLnxhQG9DzEdmKJtysBDjuuTeDfUj1uNNCUqcj";
    json_t *have = json_object_get(credential, "issuer");
    const char *from = json_string_value(json_object_get(credential, "validFrom"));

    if (!have)
        json_object_set_new(credential, "issuer", json_string(issuer));
    else if (json_is_object(have) && !json_object_get(have, "id"))
        json_object_set_new(have, "id", json_string(issuer));
    if (from && strcmp(from, "PAST DATE") == 0) {
        json_object_set_new(credential, "validFrom", json_string("2000-01-01T00:00:00Z"));
        json_object_set_new(credential, "validUntil", json_string("2100-01-01T00:00:00Z"));
    }
}

static void take_input(tally *t, const char *set, const char *file)
{
    bool wanted = strstr(file, "-fail") == NULL, have;
    char *text = shared_read(set, file, NULL);
    json_t *value = load(text);
    lib_vc_fault fault = { "", "" };

    if (strncmp(file, "presentation-", 13) == 0) {
        have = lib_vp_form(value, &fault);
    } else {
        complete(value);
        have = lib_vc_form(value, &fault);
    }
    if (have != wanted)
        tally_fail(t, "%s/%s: %s %s", set, file, have ? "accepted" : fault.at, fault.why);
    else if (!have && !right_fault(file, fault.at))
        tally_fail(t, "%s/%s: fails at %s, which %s", set, file, fault.at, fault.why);
    else
        tally_pass(t);
    json_decref(value);
    free(text);
}

static void inputs_of_the_w3c_suite_come_out_as_their_names_say(void **state)
{
    static const char set[] = "vc2-w3c-testsuite-inputs";
    struct dirent **names, **more;
    int n = shared_list(set, &names);
    tally t = { .set = set };

    for (int i = 0; i < n; i++) {
        char folder[400];
        int m;

        if (strstr(names[i]->d_name, ".json")) {
            take_input(&t, set, names[i]->d_name);
            continue;
        }
        snprintf(folder, sizeof(folder), "%s/%s", set, names[i]->d_name);
        m = shared_list(folder, &more);
        for (int k = 0; k < m; k++)
            take_input(&t, folder, more[k]->d_name);
        shared_list_free(more, m);
    }
    shared_list_free(names, n);
    /* none needs JSON-LD to be expanded: objects among the contexts are read, fetched contexts aren't needed */
    assert_true(tally_print(&t));
}

/* ---- examples ---- */

static void w3c_examples_have_the_form(void **state)
{
    static const char set[] = "vc-w3c-datamodel-examples";
    struct dirent **names;
    int n = shared_list(set, &names);
    tally t = { .set = set };

    for (int i = 0; i < n; i++) {
        char *text = shared_read(set, names[i]->d_name, NULL);
        json_t *value = load(text);
        lib_vc_fault fault = { "", "" };
        bool presentation = strncmp(names[i]->d_name, "verifiable-presentation", 23) == 0;

        if (presentation ? lib_vp_form(value, &fault) : lib_vc_form(value, &fault))
            tally_pass(&t);
        else
            tally_fail(&t, "%s: %s %s", names[i]->d_name, fault.at, fault.why);
        json_decref(value);
        free(text);
    }
    shared_list_free(names, n);
    assert_true(tally_print(&t));
}

static void oci_credentials_have_the_form(void **state)
{
    static const char set[] = "vc-oci-dscsa";
    struct dirent **names;
    int n = shared_list(set, &names);
    tally t = { .set = set };

    for (int i = 0; i < n; i++) {
        const char *file = names[i]->d_name;
        char *text = shared_read(set, file, NULL);
        json_t *value = load(text), *vp = json_object_get(value, "vp");
        lib_vc_fault fault = { "", "" };

        if (strstr(file, ".jsonld") && json_is_object(json_object_get(value, "@context")))
            tally_skip(&t, "JSON-LD contexts, no credentials");
        else if (vp ? lib_vp_form(vp, &fault) : lib_vc_form(value, &fault))
            tally_pass(&t);
        else
            tally_fail(&t, "%s: %s %s", file, fault.at, fault.why);
        json_decref(value);
        free(text);
    }
    shared_list_free(names, n);
    assert_true(tally_print(&t));
}

/* ---- our own ---- */

static const char minimal[] =
    "{\"@context\":[\"https://www.w3.org/ns/credentials/v2\"],\"type\":\"VerifiableCredential\","
    "\"issuer\":\"did:web:example.org\",\"credentialSubject\":{\"id\":\"did:example:a\"}}";
static const char minimal_1[] = "{\"@context\":[\"https://www.w3.org/2018/credentials/v1\"],"
                                "\"type\":\"VerifiableCredential\",\"issuer\":\"did:web:example.org\","
                                "\"issuanceDate\":\"2024-01-01T00:00:00Z\",\"credentialSubject\":{\"a\":1}}";

/* The credential with a member replaced, given as JSON in an array (NULL: removed): where it is at fault, "" if nowhere. */
static const char *with(const char *base, const char *name, const char *member)
{
    json_t *value = load(base);
    lib_vc_fault fault = { "", "" };
    bool ok;

    if (member) {
        json_t *list = load(member);

        json_object_set(value, name, json_array_get(list, 0));
        json_decref(list);
    } else {
        json_object_del(value, name);
    }
    ok = lib_vc_form(value, &fault);
    json_decref(value);
    return ok ? "" : fault.at;
}

static void a_credential_needs_context_type_issuer_and_subject(void **state)
{
    assert_string_equal(with(minimal, "x", "[1]"), "");
    assert_string_equal(with(minimal, "@context", NULL), "@context");
    assert_string_equal(with(minimal, "@context", "[\"https://www.w3.org/ns/credentials/v2\"]"), "@context");
    assert_string_equal(with(minimal, "@context", "[[]]"), "@context");
    assert_string_equal(with(minimal, "@context", "[[\"https://www.w3.org/ns/credentials/v2\",null]]"), "@context");
    assert_string_equal(with(minimal, "type", NULL), "type");
    assert_string_equal(with(minimal, "type", "[[]]"), "type");
    assert_string_equal(with(minimal, "type", "[[\"VerifiableCredential\",\"\"]]"), "type");
    assert_string_equal(with(minimal, "type", "[[\"VerifiableCredential\",\"a b:c\"]]"), "type");
    assert_string_equal(with(minimal, "type", "[[\"VerifiableCredential\",\"Licence\"]]"), "type");
    assert_string_equal(with(minimal, "type", "[[\"VerifiableCredential\",\"urn:x:Licence\"]]"), "");
    assert_string_equal(with(minimal, "issuer", NULL), "issuer");
    assert_string_equal(with(minimal, "issuer", "[[\"did:example:a\"]]"), "issuer");
    assert_string_equal(with(minimal, "credentialSubject", NULL), "credentialSubject");
    assert_string_equal(with(minimal, "credentialSubject", "[[]]"), "credentialSubject");
    assert_string_equal(with(minimal, "credentialSubject", "[\"did:example:a\"]"), "credentialSubject");
}

static void inline_contexts_redefine_nothing_protected(void **state)
{
#define CONTEXTS(more) "[[\"https://www.w3.org/ns/credentials/v2\"," more "]]"
    assert_string_equal(with(minimal, "@context", CONTEXTS("{\"id\":\"@id\",\"type\":\"@type\"}")), "");
    assert_string_equal(with(minimal, "@context", CONTEXTS("{\"id\":\"https://example.org/id\"}")), "@context");
    assert_string_equal(with(minimal, "@context", CONTEXTS("{\"proof\":null}")), "@context");
    assert_string_equal(with(minimal, "@context", CONTEXTS("{\"a\":\"urn:a:1\"},{\"a\":\"urn:a:2\"}")), "");
    assert_string_equal(
        with(minimal, "@context", CONTEXTS("{\"@protected\":true,\"a\":\"urn:a:1\"},{\"a\":\"urn:a:1\"}")), "");
    assert_string_equal(
        with(minimal, "@context", CONTEXTS("{\"@protected\":true,\"a\":\"urn:a:1\"},{\"a\":\"urn:a:2\"}")), "@context");
    assert_string_equal(
        with(minimal, "@context",
             CONTEXTS("{\"@protected\":true,\"a\":{\"@id\":\"urn:a:1\",\"@protected\":false}},{\"a\":\"urn:a:2\"}")),
        "");
    assert_string_equal(with(minimal, "@context",
                             CONTEXTS("{\"a\":{\"@id\":\"urn:a:1\",\"@protected\":true}},\"urn:x:y\",{\"a\":null}")),
                        "@context");
#undef CONTEXTS
}

static void a_type_is_defined_by_a_context(void **state)
{
    static const char *const contexts[][2] = {
        { "{\"Licence\":\"urn:x:Licence\"}", "" },       { "{\"Licence\":{\"@id\":\"urn:x:Licence\"}}", "" },
        { "{\"Licence\":{\"@id\":\"a b:c\"}}", "type" }, { "{\"Licence\":null}", "type" },
        { "{\"Other\":\"urn:x:Other\"}", "type" },       { "{\"@vocab\":\"https://example.org/#\"}", "" },
        { "\"https://example.org/context\"", "" },
    };

    for (size_t i = 0; i < sizeof(contexts) / sizeof(contexts[0]); i++) {
        char base[600];

        snprintf(base, sizeof(base),
                 "{\"@context\":[\"https://www.w3.org/ns/credentials/v2\",%s],\"issuer\":\"did:web:example.org\","
                 "\"credentialSubject\":{\"id\":\"did:example:a\"}}",
                 contexts[i][0]);
        assert_string_equal(with(base, "type", "[[\"VerifiableCredential\",\"Licence\"]]"), contexts[i][1]);
    }
}

static void times_have_an_offset_and_an_order(void **state)
{
    assert_string_equal(with(minimal, "validFrom", "[\"2024-02-29T00:00:00Z\"]"), "");
    assert_string_equal(with(minimal, "validFrom", "[\"2023-02-29T00:00:00Z\"]"), "validFrom");
    assert_string_equal(with(minimal, "validFrom", "[\"2024-01-01T00:00:00\"]"), "validFrom");
    assert_string_equal(with(minimal, "validFrom", "[\"2024-01-01\"]"), "validFrom");
    assert_string_equal(with(minimal, "validFrom", "[1704067200]"), "validFrom");
    assert_string_equal(with(minimal, "validFrom", "[null]"), "validFrom");
    assert_string_equal(with(minimal, "validFrom", "[\"2024-01-01T00:00:00.Z\"]"), "validFrom");
    assert_string_equal(with(minimal, "validFrom", "[\"2024-01-01T00:00:00+14:01\"]"), "validFrom");
    assert_string_equal(with(minimal, "validFrom", "[\"2024-01-01T00:00:00+1:00\"]"), "validFrom");
    assert_string_equal(with(minimal, "validUntil", "[\"2024-01-01T00:00:00-14:00\"]"), "");
    assert_string_equal(with(minimal_1, "expirationDate", "[\"2024-01-01T00:00:00Z\"]"), "");
    assert_string_equal(with(minimal_1, "expirationDate", "[\"2024-01-01T00:59:59+01:00\"]"), "expirationDate");
    assert_string_equal(with(minimal_1, "issuanceDate", NULL), "issuanceDate");
}

static void validity_is_read_with_its_offset(void **state)
{
    json_t *value = load(minimal);
    int64_t from, until;

    lib_vc_validity(value, &from, &until);
    assert_true(from == INT64_MIN && until == INT64_MAX);
    json_object_set_new(value, "validFrom", json_string("2023-02-25T19:10:39-06:00"));
    json_object_set_new(value, "validUntil", json_string("2023-02-26T01:10:39.999Z"));
    lib_vc_validity(value, &from, &until);
    assert_int_equal(from, 1677373839);
    assert_int_equal(until, 1677373839);
    json_decref(value);
    value = load(minimal_1);
    lib_vc_validity(value, &from, &until);
    assert_int_equal(from, 1704067200);
    json_decref(value);
}

static void statuses_schemas_resources_and_proofs_have_their_members(void **state)
{
#define ENTRY(index, url)                                                                                 \
    "[{\"type\":\"BitstringStatusListEntry\",\"statusPurpose\":\"revocation\",\"statusListIndex\":" index \
    ",\"statusListCredential\":" url "}]"
    assert_string_equal(with(minimal, "credentialStatus", ENTRY("\"1\"", "\"https://example.org/1\"")), "");
    assert_string_equal(with(minimal, "credentialStatus", ENTRY("1", "\"https://example.org/1\"")),
                        "credentialStatus.statusListIndex");
    assert_string_equal(with(minimal, "credentialStatus", ENTRY("\"1\"", "\"list\"")),
                        "credentialStatus.statusListCredential");
#undef ENTRY
    assert_string_equal(with(minimal, "credentialStatus", "[[7]]"), "credentialStatus");
    assert_string_equal(with(minimal, "credentialSchema", "[{\"id\":\"urn:a:b\",\"type\":\"A\"}]"), "");
    assert_string_equal(with(minimal, "credentialSchema", "[{\"type\":\"A\"}]"), "credentialSchema.id");
    assert_string_equal(with(minimal, "evidence", "[{\"id\":\"urn:a:b\"}]"), "evidence.type");
    assert_string_equal(with(minimal, "relatedResource", "[{\"id\":\"urn:a:b\",\"digestSRI\":\"sha256-x\"}]"), "");
    assert_string_equal(with(minimal, "relatedResource", "[{\"id\":\"urn:a:b\"}]"), "relatedResource");
    assert_string_equal(with(minimal, "relatedResource",
                             "[[{\"id\":\"urn:a:b\",\"digestSRI\":\"x\"},{\"id\":\"urn:a:b\",\"digestSRI\":\"y\"}]]"),
                        "relatedResource.id");
    assert_string_equal(with(minimal, "proof", "[{}]"), "proof");
    assert_string_equal(with(minimal, "proof", "[\"x\"]"), "proof");
    assert_string_equal(with(minimal, "proof", "[[{\"type\":\"A\"},{\"type\":\"B\"}]]"), "");
    assert_string_equal(with(minimal, "name", "[{\"@value\":\"a\",\"@direction\":\"up\"}]"), "name");
    assert_string_equal(with(minimal, "description", "[7]"), "description");
}

static void what_a_url_parser_takes_is_a_url(void **state)
{
    static const char *const urls[] = { "https://example.org",
                                        "http://[2001:db8::1]:8080/a b",
                                        "urn:uuid:1",
                                        "did:example:a#b",
                                        "ldaps://192.0.2.1:636/o=a,cn=CRL 372",
                                        "data:text/plain,",
                                        "HTTPS:x" };
    static const char *const others[] = {
        "",           "a",           ":",          "a:",
        "://a",       "1a:b",        "https ://a", "https:a",
        "https:/a",   "https://",    "https:///a", "https://a b/",
        "https://?a", "a\xc3\xa9:b", "urn:a\nb",   "z6MkpJySvETLnxhQG9DzEdmKJtysBDjuuTeDfUj1uNNCUqcj"
    };
    char member[200];

    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        snprintf(member, sizeof(member), "[\"%s\"]", urls[i]);
        if (*with(minimal, "id", member))
            fail_msg("%s", urls[i]);
    }
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        json_t *value = load(minimal);
        lib_vc_fault fault = { "", "" };

        json_object_set_new(value, "id", json_string(others[i]));
        if (lib_vc_form(value, &fault))
            fail_msg("%s", others[i]);
        json_decref(value);
    }
}

static void parts_are_found(void **state)
{
    json_t *value = load(minimal);

    assert_null(lib_vc_id(value));
    assert_string_equal(lib_vc_issuer(value), "did:web:example.org");
    assert_string_equal(lib_vc_subject(value), "did:example:a");
    assert_true(lib_vc_has_type(value, "VerifiableCredential"));
    assert_false(lib_vc_has_type(value, "Verifiable"));
    json_object_set_new(value, "issuer", json_pack("{s:s}", "id", "did:web:example.com"));
    assert_string_equal(lib_vc_issuer(value), "did:web:example.com");
    json_object_set_new(value, "credentialSubject",
                        json_pack("[{s:s},{s:s}]", "id", "did:example:a", "id", "did:example:b"));
    assert_null(lib_vc_subject(value));
    json_decref(value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(inputs_of_the_w3c_suite_come_out_as_their_names_say),
        cmocka_unit_test(w3c_examples_have_the_form),
        cmocka_unit_test(oci_credentials_have_the_form),
        cmocka_unit_test(a_credential_needs_context_type_issuer_and_subject),
        cmocka_unit_test(inline_contexts_redefine_nothing_protected),
        cmocka_unit_test(a_type_is_defined_by_a_context),
        cmocka_unit_test(times_have_an_offset_and_an_order),
        cmocka_unit_test(validity_is_read_with_its_offset),
        cmocka_unit_test(statuses_schemas_resources_and_proofs_have_their_members),
        cmocka_unit_test(what_a_url_parser_takes_is_a_url),
        cmocka_unit_test(parts_are_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

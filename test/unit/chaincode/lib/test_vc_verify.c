/* Presentations: one that is believed, and everything that makes it not so. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "lib/json.h"
#include "lib/vc.h"
#include "test/unit/chaincode/lib/keys.h"

static const int64_t now = 1735689600; /* 2025-01-01 */

/* What the ledger says, in a test's hands. */
struct ledger {
    bool accredited;
    bool anchored;
    uint8_t hash[32];
    const char *type, *issuer, *subject;
    int64_t from, until;
    bool revoked, suspended;
    lib_vc_status bit;
    fcc_status status;
    unsigned asked;
};

struct fixture {
    struct test_key issuer, holder;
    struct ledger ledger;
    lib_vp_context context;
    json_t *credential; /* signed */
};

static fcc_status resolve(void *user, const char *did, const json_t **document)
{
    return FCC_OK;
}

static fcc_status accredited(void *user, const char *issuer, const char *type, bool *yes)
{
    struct ledger *ledger = user;

    ledger->asked++;
    *yes = ledger->accredited && strcmp(type, "Licence") == 0;
    return ledger->status;
}

static fcc_status anchor(void *user, const char *id, lib_vc_anchor *out)
{
    struct ledger *ledger = user;

    out->found = ledger->anchored;
    memcpy(out->hash, ledger->hash, 32);
    out->type = ledger->type;
    out->issuer = ledger->issuer;
    out->subject = ledger->subject;
    out->valid_from = ledger->from;
    out->valid_until = ledger->until;
    out->revoked = ledger->revoked;
    out->suspended = ledger->suspended;
    return ledger->status;
}

static fcc_status status(void *user, const char *issuer, const lib_status_entry *entry, lib_vc_status *out)
{
    struct ledger *ledger = user;

    *out = ledger->bit;
    return ledger->status;
}

static json_t *unsigned_credential(const struct fixture *f)
{
    return json_pack("{s:[s,{s:s}],s:s,s:[s,s],s:s,s:s,s:s,s:{s:s,s:f},s:{s:s,s:s,s:s,s:s}}", "@context",
                     "https://www.w3.org/ns/credentials/v2", "Licence", "https://example.org/#Licence", "id",
                     "urn:uuid:2b0c2f16-6a43-4a52-9a0b-5ef02c8e0b52", "type", "VerifiableCredential", "Licence",
                     "issuer", f->issuer.did, "validFrom", "2024-01-01T00:00:00Z", "validUntil", "2026-01-01T00:00:00Z",
                     "credentialSubject", "id", f->holder.did, "score", 0.1, "credentialStatus", "type",
                     "BitstringStatusListEntry", "statusPurpose", "suspension", "statusListIndex", "7",
                     "statusListCredential", "https://example.org/status/1");
}

static void anchor_it(struct fixture *f)
{
    assert_true(lib_vc_hash(f->credential, f->ledger.hash));
}

static void set_up(struct fixture *f)
{
    json_t *credential;

    *f = (struct fixture){ .issuer = test_key_of(LIB_KEY_P256, "issuer"), .holder = test_key_of(LIB_KEY_ED25519, "h") };
    credential = unsigned_credential(f);
    f->credential = test_signed(credential, &f->issuer, "assertionMethod", NULL);
    json_decref(credential);
    f->ledger = (struct ledger){ .accredited = true,
                                 .anchored = true,
                                 .type = "Licence",
                                 .issuer = f->issuer.did,
                                 .subject = f->holder.did,
                                 .from = 1704067200,
                                 .until = 1767225600,
                                 .bit = LIB_VC_STATUS_CLEAR };
    f->context = (lib_vp_context){ .now = now,
                                   .challenge = "c1",
                                   .domain = "d1",
                                   .user = &f->ledger,
                                   .resolve = resolve,
                                   .accredited = accredited,
                                   .anchor = anchor,
                                   .status = status };
    anchor_it(f);
}

static void tear_down(struct fixture *f)
{
    json_decref(f->credential);
    EVP_PKEY_free(f->issuer.key);
    EVP_PKEY_free(f->holder.key);
}

/* The credential with a member replaced (NULL: removed), signed by the issuer again and anchored. */
static void reissue(struct fixture *f, const char *name, json_t *member)
{
    json_t *credential = unsigned_credential(f);

    if (member)
        json_object_set_new(credential, name, member);
    else
        json_object_del(credential, name);
    json_decref(f->credential);
    f->credential = test_signed(credential, &f->issuer, "assertionMethod", NULL);
    json_decref(credential);
    anchor_it(f);
}

static json_t *presentation(const struct fixture *f)
{
    return json_pack("{s:[s],s:[s],s:s,s:[O]}", "@context", "https://www.w3.org/ns/credentials/v2", "type",
                     "VerifiablePresentation", "holder", f->holder.did, "verifiableCredential", f->credential);
}

/* "0 proof BAD_SIGNATURE; - holder NO_HOLDER holder": the findings in their order. */
static const char *findings_of(const json_t *vp, const lib_vp_context *context)
{
    static char text[2048];
    json_t *report = NULL, *findings;
    size_t at = 0;

    assert_int_equal(lib_vp_verify(vp, context, &report), FCC_OK);
    findings = json_object_get(report, "findings");
    text[0] = 0;
    for (size_t i = 0; i < json_array_size(findings); i++) {
        const json_t *finding = json_array_get(findings, i), *credential = json_object_get(finding, "credential");
        const char *member = json_string_value(json_object_get(finding, "at"));
        char who[24] = "-";

        if (credential)
            snprintf(who, sizeof(who), "%d", (int)json_integer_value(credential));
        at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%s %s %s%s%s", i ? "; " : "", who,
                               json_string_value(json_object_get(finding, "check")),
                               json_string_value(json_object_get(finding, "code")), member ? " " : "",
                               member ? member : "");
    }
    assert_int_equal(json_is_true(json_object_get(report, "verified")), json_array_size(findings) == 0);
    json_decref(report);
    return text;
}

static json_t *signed_presentation(const json_t *vp, const struct test_key *key)
{
    return test_signed(vp, key, "authentication", json_pack("{s:s,s:s}", "challenge", "c1", "domain", "d1"));
}

/* The presentation as it is, signed by its holder. */
static const char *verified(const struct fixture *f)
{
    json_t *vp = presentation(f), *whole = signed_presentation(vp, &f->holder);
    const char *text = findings_of(whole, &f->context);

    json_decref(vp);
    json_decref(whole);
    return text;
}

/* ---- believed ---- */

static void a_presentation_in_which_all_is_right_is_believed(void **state)
{
    struct fixture f;

    set_up(&f);
    assert_string_equal(verified(&f), "");
    f.context.challenge = f.context.domain = NULL;
    assert_string_equal(verified(&f), "");
    f.ledger.type = f.ledger.issuer = f.ledger.subject = NULL;
    f.ledger.from = INT64_MIN;
    f.ledger.until = INT64_MAX;
    assert_string_equal(verified(&f), "");
    reissue(&f, "credentialStatus", NULL);
    assert_string_equal(verified(&f), "");
    reissue(&f, "credentialSubject", json_pack("[{s:s},{s:s}]", "id", "did:example:child", "id", f.holder.did));
    assert_string_equal(verified(&f), "");
    tear_down(&f);
}

static void the_report_says_how_many_credentials_there_are(void **state)
{
    struct fixture f;
    json_t *vp, *whole, *report = NULL;
    char *text;

    set_up(&f);
    vp = presentation(&f);
    whole = signed_presentation(vp, &f.holder);
    assert_int_equal(lib_vp_verify(whole, &f.context, &report), FCC_OK);
    text = json_dumps(report, JSON_COMPACT | JSON_SORT_KEYS);
    assert_string_equal(text, "{\"credentials\":1,\"findings\":[],\"verified\":true}");
    free(text);
    json_decref(report);
    json_decref(vp);
    json_decref(whole);
    tear_down(&f);
}

/* ---- the presentation ---- */

static void a_presentation_is_its_holders(void **state)
{
    struct fixture f;
    json_t *vp, *whole, *copy;

    set_up(&f);
    vp = presentation(&f);
    assert_string_equal(findings_of(vp, &f.context), "- proof NO_PROOF");
    whole = signed_presentation(vp, &f.issuer);
    assert_string_equal(findings_of(whole, &f.context), "- proof WRONG_CONTROLLER");
    json_decref(whole);
    whole = test_signed(vp, &f.holder, "authentication", json_pack("{s:s}", "domain", "d1"));
    assert_string_equal(findings_of(whole, &f.context), "- proof WRONG_CHALLENGE");
    json_decref(whole);
    whole = test_signed(vp, &f.holder, "assertionMethod", json_pack("{s:s,s:s}", "challenge", "c1", "domain", "d1"));
    assert_string_equal(findings_of(whole, &f.context), "- proof WRONG_PURPOSE");
    json_decref(whole);
    whole = signed_presentation(vp, &f.holder);
    copy = json_deep_copy(whole);
    json_object_set_new(copy, "holder", json_string(f.issuer.did));
    assert_string_equal(findings_of(copy, &f.context),
                        "- proof WRONG_CONTROLLER; 0 holder NOT_SUBJECT credentialSubject.id");
    json_object_del(copy, "holder");
    assert_string_equal(findings_of(copy, &f.context), "- holder NO_HOLDER holder; - proof BAD_SIGNATURE");
    json_object_set_new(copy, "holder", json_pack("{s:s}", "id", f.holder.did));
    assert_string_equal(findings_of(copy, &f.context), "- proof BAD_SIGNATURE");
    json_decref(copy);
    /* another credential put in after the holder signed */
    json_array_append_new(json_object_get(whole, "verifiableCredential"), json_deep_copy(f.credential));
    assert_string_equal(findings_of(whole, &f.context), "- proof BAD_SIGNATURE");
    json_decref(whole);
    json_decref(vp);
    tear_down(&f);
}

static void a_presentation_without_form_or_credentials_is_said_to_be_so(void **state)
{
    struct fixture f;
    json_t *vp, *whole, *number = json_integer(7);

    set_up(&f);
    assert_string_equal(findings_of(number, &f.context), "- form BAD_FORM ");
    json_decref(number);
    vp = presentation(&f);
    json_object_set_new(vp, "verifiableCredential", json_array());
    whole = signed_presentation(vp, &f.holder);
    assert_string_equal(findings_of(whole, &f.context), "- form NO_CREDENTIALS verifiableCredential");
    json_decref(whole);
    json_object_set_new(vp, "verifiableCredential", json_pack("[s]", "eyJ"));
    assert_string_equal(findings_of(vp, &f.context), "- form BAD_FORM verifiableCredential");
    json_object_set_new(vp, "verifiableCredential", json_array());
    for (int i = 0; i <= LIB_VP_MAX_CREDENTIALS; i++)
        json_array_append(json_object_get(vp, "verifiableCredential"), f.credential);
    assert_string_equal(findings_of(vp, &f.context), "- form TOO_MANY_CREDENTIALS verifiableCredential");
    json_object_set_new(vp, "type", json_string("Presentation"));
    assert_string_equal(findings_of(vp, &f.context), "- form BAD_FORM type");
    json_decref(vp);
    tear_down(&f);
}

static void each_credential_is_looked_at_by_itself(void **state)
{
    struct fixture f;
    json_t *vp, *whole, *list, *broken;

    set_up(&f);
    vp = presentation(&f);
    list = json_object_get(vp, "verifiableCredential");
    broken = json_deep_copy(f.credential);
    json_object_set_new(broken, "issuer", json_string("nobody"));
    json_array_insert_new(list, 0, broken);
    broken = json_deep_copy(f.credential);
    json_object_set_new(json_object_get(broken, "credentialSubject"), "score", json_real(0.2));
    json_array_append_new(list, broken);
    json_array_append_new(list, json_pack("{s:[s],s:s,s:s}", "@context", "https://www.w3.org/ns/credentials/v2", "type",
                                          "EnvelopedVerifiableCredential", "id", "data:application/vc+jwt,eyJ"));
    whole = signed_presentation(vp, &f.holder);
    assert_string_equal(findings_of(whole, &f.context), "0 form BAD_FORM issuer; 2 proof BAD_SIGNATURE; "
                                                        "2 anchor ANCHOR_DIFFERS hash; 3 form ENVELOPED");
    json_decref(whole);
    json_decref(vp);
    tear_down(&f);
}

/* ---- the issuer ---- */

static void a_credential_counts_only_from_an_accredited_issuer(void **state)
{
    struct fixture f;

    set_up(&f);
    f.ledger.accredited = false;
    assert_string_equal(verified(&f), "0 issuer NOT_ACCREDITED type");
    f.ledger.accredited = true;
    f.ledger.type = NULL;
    reissue(&f, "type", json_pack("[s]", "VerifiableCredential"));
    assert_string_equal(verified(&f), "0 issuer NO_TYPE type");
    /* a second type for which it is not accredited */
    reissue(&f, "type", json_pack("[s,s,s]", "VerifiableCredential", "Licence", "urn:x:Minister"));
    assert_string_equal(verified(&f), "0 issuer NOT_ACCREDITED type");
    tear_down(&f);
}

static void somebody_elses_signature_is_not_the_issuers(void **state)
{
    struct fixture f;
    json_t *credential;

    set_up(&f);
    credential = unsigned_credential(&f);
    json_decref(f.credential);
    f.credential = test_signed(credential, &f.holder, "assertionMethod", NULL);
    json_decref(credential);
    anchor_it(&f);
    assert_string_equal(verified(&f), "0 proof WRONG_CONTROLLER");
    json_object_del(f.credential, "proof");
    anchor_it(&f);
    assert_string_equal(verified(&f), "0 proof NO_PROOF");
    tear_down(&f);
}

static void hostile_numbers_of_types_and_statuses_ask_the_ledger_nothing(void **state)
{
    struct fixture f;
    json_t *types = json_array(), *statuses = json_array();

    set_up(&f);
    json_array_append_new(types, json_string("VerifiableCredential"));
    while (json_array_size(types) <= LIB_VP_MAX_TYPES)
        json_array_append_new(types, json_string("Licence"));
    reissue(&f, "type", types);
    f.ledger.asked = 0;
    assert_string_equal(verified(&f), "0 issuer TOO_MANY type");
    assert_int_equal(f.ledger.asked, 0);
    while (json_array_size(statuses) <= LIB_VP_MAX_STATUS)
        json_array_append_new(statuses, json_pack("{s:s}", "type", "urn:x:Status"));
    reissue(&f, "credentialStatus", statuses);
    assert_string_equal(verified(&f), "0 status TOO_MANY credentialStatus");
    tear_down(&f);
}

/* ---- time and status ---- */

static void a_credential_is_valid_from_its_first_second_to_its_last(void **state)
{
    struct fixture f;

    set_up(&f);
    f.context.now = 1704067200 - 1;
    assert_string_equal(verified(&f), "- proof PROOF_FROM_FUTURE; 0 proof PROOF_FROM_FUTURE; 0 validity NOT_YET_VALID");
    f.context.now = 1767225600;
    assert_string_equal(verified(&f), "");
    f.context.now = 1767225601;
    assert_string_equal(verified(&f), "0 validity EXPIRED");
    tear_down(&f);
}

static void revoked_and_suspended_are_said_once(void **state)
{
    struct fixture f;

    set_up(&f);
    f.ledger.bit = LIB_VC_STATUS_SET;
    assert_string_equal(verified(&f), "0 status SUSPENDED");
    f.ledger.suspended = true;
    assert_string_equal(verified(&f), "0 status SUSPENDED");
    f.ledger.revoked = true;
    assert_string_equal(verified(&f), "0 status REVOKED; 0 status SUSPENDED");
    f.ledger.suspended = f.ledger.revoked = false;
    f.ledger.bit = LIB_VC_STATUS_UNKNOWN;
    assert_string_equal(verified(&f), "0 status STATUS_UNKNOWN credentialStatus");
    f.ledger.bit = LIB_VC_STATUS_CLEAR;
    reissue(&f, "credentialStatus", json_pack("{s:s}", "type", "urn:x:Status"));
    assert_string_equal(verified(&f), "0 status STATUS_UNKNOWN credentialStatus");
    reissue(&f, "credentialStatus",
            json_pack("{s:s,s:s,s:s,s:s}", "type", "BitstringStatusListEntry", "statusPurpose", "message",
                      "statusListIndex", "1", "statusListCredential", "https://example.org/status/1"));
    assert_string_equal(verified(&f), "0 status STATUS_UNKNOWN credentialStatus");
    /* what the credential doesn't say, the ledger still knows by the index that it was issued with */
    reissue(&f, "credentialStatus", NULL);
    f.ledger.revoked = true;
    assert_string_equal(verified(&f), "0 status REVOKED");
    tear_down(&f);
}

/* ---- holder and anchor ---- */

static void a_credential_is_about_its_holder(void **state)
{
    struct fixture f;

    set_up(&f);
    f.ledger.subject = NULL;
    reissue(&f, "credentialSubject", json_pack("{s:s}", "id", "did:example:other"));
    assert_string_equal(verified(&f), "0 holder NOT_SUBJECT credentialSubject.id");
    reissue(&f, "credentialSubject", json_pack("{s:s}", "name", "bearer"));
    assert_string_equal(verified(&f), "0 holder NO_SUBJECT credentialSubject.id");
    tear_down(&f);
}

static void an_anchor_is_of_this_credential_and_these_facts(void **state)
{
    struct fixture f;

    set_up(&f);
    f.ledger.anchored = false;
    assert_string_equal(verified(&f), "0 anchor NOT_ANCHORED");
    f.ledger.anchored = true;
    f.ledger.hash[31] ^= 1;
    assert_string_equal(verified(&f), "0 anchor ANCHOR_DIFFERS hash");
    f.ledger.hash[31] ^= 1;
    f.ledger.type = "Other";
    f.ledger.issuer = "did:example:other";
    f.ledger.subject = "did:example:other";
    f.ledger.until++;
    assert_string_equal(verified(&f), "0 anchor ANCHOR_DIFFERS type; 0 anchor ANCHOR_DIFFERS issuer; "
                                      "0 anchor ANCHOR_DIFFERS subject; 0 anchor ANCHOR_DIFFERS validity");
    f.ledger.type = "Licence";
    f.ledger.issuer = f.issuer.did;
    f.ledger.subject = f.holder.did;
    f.ledger.until--;
    reissue(&f, "id", NULL);
    assert_string_equal(verified(&f), "0 anchor NO_ID id");
    tear_down(&f);
}

static void a_ledger_that_cannot_answer_ends_the_verification(void **state)
{
    struct fixture f;
    json_t *vp, *report = NULL;

    set_up(&f);
    f.ledger.status = FCC_ERR_PEER;
    vp = presentation(&f);
    assert_int_equal(lib_vp_verify(vp, &f.context, &report), FCC_ERR_PEER);
    assert_null(report);
    json_decref(vp);
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_presentation_in_which_all_is_right_is_believed),
        cmocka_unit_test(the_report_says_how_many_credentials_there_are),
        cmocka_unit_test(a_presentation_is_its_holders),
        cmocka_unit_test(a_presentation_without_form_or_credentials_is_said_to_be_so),
        cmocka_unit_test(each_credential_is_looked_at_by_itself),
        cmocka_unit_test(a_credential_counts_only_from_an_accredited_issuer),
        cmocka_unit_test(somebody_elses_signature_is_not_the_issuers),
        cmocka_unit_test(hostile_numbers_of_types_and_statuses_ask_the_ledger_nothing),
        cmocka_unit_test(a_credential_is_valid_from_its_first_second_to_its_last),
        cmocka_unit_test(revoked_and_suspended_are_said_once),
        cmocka_unit_test(a_credential_is_about_its_holder),
        cmocka_unit_test(an_anchor_is_of_this_credential_and_these_facts),
        cmocka_unit_test(a_ledger_that_cannot_answer_ends_the_verification),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Signed documents: what holds, what doesn't, and what comes out of them. */
#include "fhir/document.h"

#include "../msp/fixture.h"

#include <string.h>

#include <jansson.h>

static const char when[] = "2026-11-21T15:00:00Z";

typedef struct fixture {
    fcc__arena *arena;
    fix_ca ca, other_ca;
    fix_person doctor, stranger;
    msp_manager *members;
    fcc__buf text;
    fcc_error error;
} fixture;

/* One FHIR resource and one picture, as `medsync record export` writes them. */
static const char document[] =
    "{\"resourceType\":\"Bundle\",\"type\":\"document\",\"entry\":[\n"
    "{\"fullUrl\":\"urn:uuid:0\",\"resource\":{\"resourceType\":\"Composition\",\"identifier\":{\"system\":"
    "\"urn:medsync:export\",\"value\":\"urn:uuid:0\"},\"section\":[{\"entry\":[{\"reference\":\"urn:uuid:1\","
    "\"extension\":[{\"url\":\"urn:medsync:record\",\"valueString\":\"{\\\"mime\\\":\\\"application/fhir+json\\\","
    "\\\"category\\\":\\\"sexual\\\",\\\"sens\\\":\\\"V\\\",\\\"kind\\\":\\\"lab\\\",\\\"class\\\":\\\"general\\\","
    "\\\"date\\\":\\\"2020-01-02T03:04:05Z\\\"}\"}]},{\"reference\":\"urn:uuid:2\",\"extension\":[{\"url\":"
    "\"urn:medsync:record\",\"valueString\":\"{\\\"mime\\\":\\\"image/png\\\",\\\"type\\\":\\\"ImagingStudy\\\","
    "\\\"category\\\":\\\"imaging\\\",\\\"kind\\\":\\\"image\\\"}\"}]}]}]}},\n"
    "{\"fullUrl\":\"urn:uuid:1\",\"resource\":{\"resourceType\": \"Observation\",  "
    "\"valueQuantity\":{\"value\":1.50}}},\n"
    "{\"fullUrl\":\"urn:uuid:2\",\"resource\":{\"resourceType\":\"Binary\",\"contentType\":\"image/png\",\"data\":"
    "\"AAECAw==\"}}\n]}";

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof(*f));
    msp_org *orgs[1];
    msp_signer *signer;

    f->arena = fcc__arena_new(64 << 20);
    f->ca = fix_authority("ca", NULL);
    f->other_ca = fix_authority("other", NULL);
    f->doctor = fix_person_of(&f->ca, "client");
    f->stranger = fix_person_of(&f->other_ca, "client");
    orgs[0] = fix_org(f->arena, "HospitalMSP", &f->ca, NULL, NULL);
    f->members = fix_manager(orgs, 1);
    fcc__buf_init(&f->text, 1 << 20);
    fcc__buf_puts(&f->text, document);
    signer = fix_signer(f->arena, "HospitalMSP", &f->doctor);
    assert_int_equal(fhir_sign(&f->text, signer, when, &f->error), FCC_OK);
    msp_signer_free(signer);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;

    fcc__buf_clear(&f->text);
    msp_manager_free(f->members);
    fix_person_clear(&f->doctor);
    fix_person_clear(&f->stranger);
    fix_ca_clear(&f->ca);
    fix_ca_clear(&f->other_ca);
    fcc__arena_free(f->arena);
    free(f);
    return 0;
}

static fcc_status check(fixture *f, fcc_bytes text, fhir_signature *out)
{
    return fhir_signature_check(text, "file", f->members, f->arena, out, &f->error);
}

static void a_signed_document_is_what_was_signed(void **state)
{
    fixture *f = *state;
    fhir_signature s;
    fhir_bundle *b;

    assert_int_equal(check(f, fcc__buf_bytes(&f->text), &s), FCC_OK);
    assert_string_equal(s.mspid, "HospitalMSP");
    assert_string_equal(s.when, when);
    assert_int_equal(strlen(s.fingerprint), 64);
    assert_true(fcc_bytes_equal(s.content, fcc_str(document)));
    /* it is a bundle with and without its signature, and a line's end behind it is nobody's business */
    assert_int_equal(fhir_parse(fcc__buf_bytes(&f->text), "file", &b, &f->error), FCC_OK);
    fhir_free(b);
    fcc__buf_putc(&f->text, '\n');
    assert_int_equal(check(f, fcc__buf_bytes(&f->text), &s), FCC_OK);
    assert_true(fcc_bytes_equal(s.content, fcc_str(document)));
}

/* Some changes of the signature's spelling say the same; none may give other content. */
static void no_changed_byte_gives_other_content(void **state)
{
    fixture *f = *state;
    fcc__arena *arena = fcc__arena_new(8 << 20);
    fhir_signature s;
    size_t i, held = 0;

    for (i = 0; i < f->text.len; i++) {
        f->text.data[i] ^= 1;
        fcc__arena_reset(arena);
        if (fhir_signature_check(fcc__buf_bytes(&f->text), "file", f->members, arena, &s, &f->error) == FCC_OK) {
            assert_true(fcc_bytes_equal(s.content, fcc_str(document)));
            assert_string_equal(s.when, when);
            held++;
        }
        f->text.data[i] ^= 1;
    }
    assert_true(held < 4);
    fcc__arena_free(arena);
}

static void a_signature_of_somebody_elses_authority_does_not_hold(void **state)
{
    fixture *f = *state;
    msp_signer *stranger = fix_signer(f->arena, "HospitalMSP", &f->stranger);
    msp_signer *abroad = fix_signer(f->arena, "ElsewhereMSP", &f->doctor);
    fhir_signature s;

    f->text.len = 0;
    fcc__buf_puts(&f->text, document);
    assert_int_equal(fhir_sign(&f->text, stranger, when, &f->error), FCC_OK);
    assert_int_equal(check(f, fcc__buf_bytes(&f->text), &s), FCC_ERR_AUTH);
    f->text.len = 0;
    fcc__buf_puts(&f->text, document);
    assert_int_equal(fhir_sign(&f->text, abroad, when, &f->error), FCC_OK);
    assert_int_equal(check(f, fcc__buf_bytes(&f->text), &s), FCC_ERR_AUTH);
    assert_non_null(strstr(f->error.text, "ElsewhereMSP"));
    msp_signer_free(stranger);
    msp_signer_free(abroad);
}

static void a_second_signature_member_does_not_hide_the_first(void **state)
{
    fixture *f = *state;
    fhir_signature s;
    fcc__buf twice;
    const uint8_t *mark = memmem(f->text.data, f->text.len, ",\"signature\"", 12);
    size_t at = (size_t)(mark - f->text.data);

    fcc__buf_init(&twice, 1 << 20);
    fcc__buf_append(&twice, f->text.data, f->text.len - 1);
    fcc__buf_append(&twice, mark, f->text.len - at);
    assert_int_equal(check(f, fcc__buf_bytes(&twice), &s), FCC_ERR_NOT_FOUND); /* no JSON: a name twice */
    fcc__buf_reset(&twice);
    fcc__buf_append(&twice, f->text.data, f->text.len - 1);
    fcc__buf_puts(&twice, ",\"entry2\":[]}");
    assert_int_equal(check(f, fcc__buf_bytes(&twice), &s), FCC_ERR_AUTH); /* not the last member */
    fcc__buf_clear(&twice);
}

static void records_come_out_as_they_went_in(void **state)
{
    fixture *f = *state;
    const fhir_entry *entries;
    fhir_bundle *b;
    size_t n;

    assert_int_equal(fhir_parse(fcc_str(document), "file", &b, &f->error), FCC_OK);
    assert_int_equal(fhir_document_entries(b, true, f->arena, &entries, &n, &f->error), FCC_OK);
    assert_int_equal(n, 2);
    assert_string_equal(entries[0].type, "Observation");
    assert_string_equal(entries[0].category, "sexual");
    assert_string_equal(entries[0].sens, "V");
    assert_string_equal(entries[0].date, "2020-01-02T03:04:05Z");
    assert_true(fcc_bytes_equal(entries[0].content,
                                FCC_LIT("{\"resourceType\": \"Observation\",  \"valueQuantity\":{\"value\":1.50}}")));
    assert_string_equal(entries[1].type, "ImagingStudy");
    assert_string_equal(entries[1].kind, "image");
    assert_string_equal(entries[1].mime, "image/png");
    assert_true(fcc_bytes_equal(entries[1].content, FCC_LIT("\0\1\2\3")));
    /* without its signature it is nothing */
    assert_int_equal(fhir_document_entries(b, false, f->arena, &entries, &n, &f->error), FCC_ERR_AUTH);
    fhir_free(b);
}

static void somebody_elses_document_is_records_like_all_others(void **state)
{
    static const char text[] = "{\"resourceType\":\"Bundle\",\"type\":\"document\",\"entry\":[{\"resource\":"
                               "{\"resourceType\":\"Composition\"}},{\"resource\":{\"resourceType\":\"Patient\"}}]}";
    fixture *f = *state;
    const fhir_entry *entries;
    fhir_signature s;
    fhir_bundle *b;
    size_t n;

    assert_int_equal(check(f, fcc_str(text), &s), FCC_ERR_NOT_FOUND);
    assert_int_equal(fhir_parse(fcc_str(text), "file", &b, &f->error), FCC_OK);
    assert_int_equal(fhir_document_entries(b, false, f->arena, &entries, &n, &f->error), FCC_OK);
    assert_int_equal(n, 2);
    fhir_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_signed_document_is_what_was_signed, setup, teardown),
        cmocka_unit_test_setup_teardown(no_changed_byte_gives_other_content, setup, teardown),
        cmocka_unit_test_setup_teardown(a_signature_of_somebody_elses_authority_does_not_hold, setup, teardown),
        cmocka_unit_test_setup_teardown(a_second_signature_member_does_not_hide_the_first, setup, teardown),
        cmocka_unit_test_setup_teardown(records_come_out_as_they_went_in, setup, teardown),
        cmocka_unit_test_setup_teardown(somebody_elses_document_is_records_like_all_others, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

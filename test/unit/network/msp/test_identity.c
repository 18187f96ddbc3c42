/* Who is accepted, who is refused, and with which words. The certificates are real and made on the spot. */
#include "test/unit/network/msp/fixture.h"

#include "base/buf.h"

#include <openssl/x509v3.h>

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);

typedef struct scene {
    fcc__arena *arena;
    fix_ca a, b;
    msp_manager *manager; /* AMSP of a, BMSP of b */
} scene;

static int set_up(void **state)
{
    scene *s = calloc(1, sizeof *s);
    msp_org *orgs[2];

    s->arena = fcc__arena_new(16 << 20);
    s->a = fix_authority("ca.a", NULL);
    s->b = fix_authority("ca.b", NULL);
    orgs[0] = fix_org(s->arena, "AMSP", &s->a, NULL, NULL);
    orgs[1] = fix_org(s->arena, "BMSP", &s->b, NULL, NULL);
    s->manager = fix_manager(orgs, 2);
    *state = s;
    return 0;
}

static int tear_down(void **state)
{
    scene *s = *state;

    msp_manager_free(s->manager);
    fix_ca_clear(&s->a);
    fix_ca_clear(&s->b);
    fcc__arena_free(s->arena);
    free(s);
    return 0;
}

static void refused_with(fcc_status st, const fcc_error *error, const char *words)
{
    assert_int_equal(st, FCC_ERR_AUTH);
    if (!strstr(error->text, words))
        fail_msg("\"%s\" lacks \"%s\"", error->text, words);
}

/* Deserialize and validate; the first refusal. */
static fcc_status judge(scene *s, const char *mspid, X509 *cert, const msp_identity **out, fcc_error *error)
{
    fcc_status st = msp_deserialize(s->manager, fix_serialized(s->arena, mspid, cert), out, error);

    return st == FCC_OK ? msp_validate(*out, error) : st;
}

static void a_member_is_accepted_with_the_role_of_its_unit(void **state)
{
    scene *s = *state;
    static const struct {
        const char *unit;
        msp_role role;
    } cases[] = { { "client", MSP_CLIENT }, { "peer", MSP_PEER }, { "admin", MSP_ADMIN }, { "orderer", MSP_ORDERER } };
    size_t i;

    for (i = 0; i < 4; i++) {
        fix_person person = fix_person_of(&s->a, cases[i].unit);
        const msp_identity *id = NULL;
        fcc_error error = { 0 };

        if (judge(s, "AMSP", person.cert, &id, &error) != FCC_OK)
            fail_msg("%s", error.text);
        assert_int_equal(msp_identity_role(id), cases[i].role);
        assert_string_equal(msp_identity_mspid(id), "AMSP");
        assert_true(msp_has_role(id, "AMSP", MSP_MEMBER));
        assert_true(msp_has_role(id, "AMSP", cases[i].role));
        assert_false(msp_has_role(id, "AMSP", cases[(i + 1) % 4].role));
        assert_false(msp_has_role(id, "BMSP", MSP_MEMBER));
        fix_person_clear(&person);
    }
}

static void an_identity_is_remembered_by_its_certificate(void **state)
{
    scene *s = *state;
    fix_person person = fix_person_of(&s->a, "client");
    fcc_bytes pem = msp__pem_of_cert(person.cert, s->arena);
    Msp__SerializedIdentity message = MSP__SERIALIZED_IDENTITY__INIT;
    const msp_identity *first, *again, *other_bytes;
    fcc_bytes wire;

    assert_int_equal(judge(s, "AMSP", person.cert, &first, NULL), FCC_OK);
    assert_int_equal(judge(s, "AMSP", person.cert, &again, NULL), FCC_OK);
    assert_ptr_equal(first, again);
    /* text around the PEM block changes the bytes and not the identity */
    message.mspid = fcc__pb(FCC_LIT("AMSP"));
    message.id_bytes = fcc__pb(fcc_str(fcc__arena_printf(s->arena, "somebody's\n" FCC_FMT "\n", FCC_ARG(pem))));
    assert_int_equal(fcc__pack(&message, s->arena, &wire), FCC_OK);
    assert_int_equal(msp_deserialize(s->manager, wire, &other_bytes, NULL), FCC_OK);
    assert_ptr_equal(first, other_bytes);
    assert_true(fcc_bytes_equal(msp_identity_serialized(first), fix_serialized(s->arena, "AMSP", person.cert)));
    fix_person_clear(&person);
}

enum { NAMES = 3, TURNS = 30 };

/* The same identity in other bytes: with a field that nobody knows. */
static fcc_bytes renamed(scene *s, fcc_bytes serialized, unsigned n)
{
    const uint8_t field[] = { 15 << 3, (uint8_t)(0x80 | (n & 0x7f)), (uint8_t)(0x80 | (n >> 7 & 0x7f)),
                              (uint8_t)(n >> 14 & 0x7f) };
    uint8_t *bytes = fcc__arena_alloc(s->arena, serialized.len + sizeof field);

    assert_non_null(bytes);
    memcpy(bytes, serialized.data, serialized.len);
    memcpy(bytes + serialized.len, field, sizeof field);
    return fcc_bytes_of(bytes, serialized.len + sizeof field);
}

/* Memory that our own code has asked for so far: what is decoded anew needs some, what is remembered none. */
static size_t asked;

void *__wrap_calloc(size_t count, size_t size)
{
    asked++;
    return __real_calloc(count, size);
}

static size_t asked_in_turn(scene *s, const fcc_bytes *names, size_t count)
{
    const size_t before = asked;
    const msp_identity *id;
    size_t i;

    for (i = 0; i < TURNS; i++)
        assert_int_equal(msp_deserialize(s->manager, names[i % count], &id, NULL), FCC_OK);
    return asked - before;
}

static void identities_used_in_turn_do_not_take_each_others_place(void **state)
{
    scene *s = *state;
    fix_person person = fix_person_of(&s->a, "client");
    const fcc_bytes serialized = fix_serialized(s->arena, "AMSP", person.cert);
    fcc_bytes names[NAMES] = { serialized };
    const fcc__sha256 first = fcc__sha256_of(serialized);
    size_t count = 1;

    for (unsigned n = 0; count < NAMES; n++) {
        const fcc_bytes name = renamed(s, serialized, n);
        const fcc__sha256 digest = fcc__sha256_of(name);

        if (digest.bytes[1] == first.bytes[1] && digest.bytes[0] % 4 == first.bytes[0] % 4)
            names[count++] = name; /* as close as two in a table of a thousand can be */
    }
    assert_true(asked_in_turn(s, names, NAMES) >= NAMES); /* each is decoded once */
    assert_int_equal(asked_in_turn(s, names, NAMES), 0);
    fix_person_clear(&person);
}

static void an_unknown_organisation_is_refused(void **state)
{
    scene *s = *state;
    fix_person person = fix_person_of(&s->a, "client");
    const msp_identity *id;
    fcc_error error = { 0 };

    refused_with(judge(s, "CMSP", person.cert, &id, &error), &error, "MSP CMSP is not defined on channel");
    fix_person_clear(&person);
}

static void a_certificate_of_another_organisations_authority_is_refused(void **state)
{
    scene *s = *state;
    fix_person person = fix_person_of(&s->b, "client");
    const msp_identity *id;
    fcc_error error = { 0 };

    refused_with(judge(s, "AMSP", person.cert, &id, &error), &error, "certificate signed by unknown authority");
    fix_person_clear(&person);
}

static void a_certificate_of_an_authority_that_only_has_the_right_name_is_refused(void **state)
{
    scene *s = *state;
    fix_ca forged = fix_authority("ca.a", NULL);
    fix_person person = fix_person_of(&forged, "admin");
    const msp_identity *id;
    fcc_error error = { 0 };

    refused_with(judge(s, "AMSP", person.cert, &id, &error), &error, "certificate signed by unknown authority");
    fix_person_clear(&person);
    fix_ca_clear(&forged);
}

static void a_self_made_certificate_is_refused(void **state)
{
    scene *s = *state;
    const msp__request request = { .use = MSP__USE_SIGN,
                                   .organisation = "test",
                                   .unit = "admin",
                                   .name = "me",
                                   .not_before = FIX_NOW,
                                   .not_after = FIX_NOW + FIX_YEAR };
    EVP_PKEY *key = msp__new_key();
    X509 *cert = msp__issue(&request, key, NULL, key);
    const msp_identity *id;
    fcc_error error = { 0 };

    refused_with(judge(s, "AMSP", cert, &id, &error), &error, "unknown authority");
    X509_free(cert);
    EVP_PKEY_free(key);
}

static void what_is_no_certificate_is_malformed_and_not_merely_refused(void **state)
{
    scene *s = *state;
    Msp__SerializedIdentity message = MSP__SERIALIZED_IDENTITY__INIT;
    const msp_identity *id;
    fcc_bytes wire;

    message.mspid = fcc__pb(FCC_LIT("AMSP"));
    message.id_bytes = fcc__pb(FCC_LIT("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"));
    assert_int_equal(fcc__pack(&message, s->arena, &wire), FCC_OK);
    assert_int_equal(msp_deserialize(s->manager, wire, &id, NULL), FCC_ERR_PROTO);
    assert_int_equal(msp_deserialize(s->manager, FCC_LIT("\xff\xff"), &id, NULL), FCC_ERR_PROTO);
    assert_int_equal(msp_deserialize(s->manager, FCC_LIT(""), &id, NULL), FCC_ERR_AUTH);
}

/* What is handed over as a certificate is what its bytes would have been read as, in a manager that never saw it. */
static void an_introduced_certificate_is_the_identity_of_its_bytes(void **state)
{
    scene *s = *state;
    fix_person member = fix_person_of(&s->a, "peer"), stranger = fix_person_of(&s->b, "peer");
    msp_org *org = fix_org(s->arena, "AMSP", &s->a, NULL, NULL);
    msp_manager *other = fix_manager(&org, 1);
    msp_signer *read = fix_signer(s->arena, "AMSP", &member), *made = NULL;
    const msp_identity *introduced, *again, *decoded;
    fcc_bytes signature;
    fcc_error error = { 0 };

    assert_int_equal(msp__signer_of("AMSP", member.cert, member.key, &made, NULL), FCC_OK);
    assert_true(fcc_bytes_equal(msp_signer_identity(made), msp_signer_identity(read)));
    assert_string_equal(msp_signer_fingerprint(made), msp_signer_fingerprint(read));
    assert_int_equal(msp__admit(s->manager, "AMSP", member.cert, NULL), FCC_OK);
    assert_int_equal(msp_deserialize(s->manager, msp_signer_identity(made), &introduced, NULL), FCC_OK);
    assert_int_equal(judge(s, "AMSP", member.cert, &again, NULL), FCC_OK);
    assert_ptr_equal(again, introduced);
    assert_int_equal(msp_deserialize(other, msp_signer_identity(read), &decoded, NULL), FCC_OK);
    assert_true(fcc_bytes_equal(msp_identity_id(introduced), msp_identity_id(decoded)));
    assert_true(fcc_bytes_equal(msp_identity_serialized(introduced), msp_identity_serialized(decoded)));
    assert_string_equal(msp_identity_fingerprint(introduced), msp_identity_fingerprint(decoded));
    assert_int_equal(msp_identity_role(introduced), msp_identity_role(decoded));
    assert_int_equal(msp_sign(made, &(fcc_bytes){ (const uint8_t *)"m", 1 }, 1, s->arena, &signature), FCC_OK);
    assert_int_equal(msp_verify(decoded, &(fcc_bytes){ (const uint8_t *)"m", 1 }, 1, signature, NULL), FCC_OK);
    assert_int_equal(msp_verify(introduced, &(fcc_bytes){ (const uint8_t *)"m", 1 }, 1, signature, NULL), FCC_OK);
    assert_int_equal(msp_verify(introduced, &(fcc_bytes){ (const uint8_t *)"n", 1 }, 1, signature, NULL), FCC_ERR_AUTH);
    refused_with(msp__admit(s->manager, "AMSP", stranger.cert, &error), &error, "signed by unknown authority");
    refused_with(msp__admit(s->manager, "AMSP", s->a.cert, &error), &error, "cannot be used as an identity");
    refused_with(msp__admit(s->manager, "CMSP", member.cert, &error), &error, "MSP CMSP is not defined on channel");
    msp_signer_free(read);
    msp_signer_free(made);
    msp_manager_free(other);
    fix_person_clear(&member);
    fix_person_clear(&stranger);
}

static void an_authority_is_no_identity(void **state)
{
    scene *s = *state;
    const msp_identity *id;
    fcc_error error = { 0 };

    refused_with(judge(s, "AMSP", s->a.cert, &id, &error), &error, "cannot be used as an identity");
}

static void an_identity_has_exactly_one_role(void **state)
{
    scene *s = *state;
    const msp__request two = { .use = MSP__USE_SIGN,
                               .organisation = "test",
                               .unit = "client",
                               .unit2 = "admin",
                               .name = "x",
                               .not_before = FIX_NOW,
                               .not_after = FIX_NOW + FIX_YEAR };
    const msp__request odd = { .use = MSP__USE_SIGN,
                               .organisation = "test",
                               .unit = "visitor",
                               .name = "x",
                               .not_before = FIX_NOW,
                               .not_after = FIX_NOW + FIX_YEAR };
    fix_person both = fix_issue(&s->a, &two), neither = fix_issue(&s->a, &odd), none = fix_person_of(&s->a, NULL);
    const msp_identity *id;
    fcc_error error = { 0 };

    refused_with(judge(s, "AMSP", both.cert, &id, &error), &error, "not a combination of them");
    assert_false(msp_has_role(id, "AMSP", MSP_ADMIN));
    refused_with(judge(s, "AMSP", neither.cert, &id, &error), &error, "does not have an OU that resolves to");
    refused_with(judge(s, "AMSP", none.cert, &id, &error), &error, "does not have an OU that resolves to");
    assert_false(msp_has_role(id, "AMSP", MSP_MEMBER));
    fix_person_clear(&both);
    fix_person_clear(&neither);
    fix_person_clear(&none);
}

static void expiry_is_told_and_does_not_make_an_identity_invalid(void **state)
{
    scene *s = *state;
    const msp__request past = { .use = MSP__USE_SIGN,
                                .organisation = "test",
                                .unit = "client",
                                .name = "x",
                                .not_before = FIX_NOW + 100,
                                .not_after = FIX_NOW + 200 };
    fix_person person = fix_issue(&s->a, &past);
    const msp_identity *id;

    assert_int_equal(judge(s, "AMSP", person.cert, &id, NULL), FCC_OK);
    assert_int_equal(msp_identity_expires(id), FIX_NOW + 200);
    fix_person_clear(&person);
}

static void a_usage_list_without_server_authentication_is_refused_as_go_does(void **state)
{
    scene *s = *state;
    const msp__request tls = { .use = MSP__USE_TLS,
                               .organisation = "test",
                               .unit = "client",
                               .name = "x",
                               .not_before = FIX_NOW,
                               .not_after = FIX_NOW + FIX_YEAR };
    fix_person with = fix_issue(&s->a, &tls), without = fix_person_of(&s->a, "client");
    X509_EXTENSION *only_client = X509V3_EXT_conf_nid(NULL, NULL, NID_ext_key_usage, "clientAuth");
    const msp_identity *id;
    fcc_error error = { 0 };

    assert_int_equal(judge(s, "AMSP", with.cert, &id, NULL), FCC_OK);
    assert_int_equal(X509_add_ext(without.cert, only_client, -1), 1);
    assert_true(X509_sign(without.cert, s->a.key, EVP_sha256()) > 0);
    refused_with(judge(s, "AMSP", without.cert, &id, &error), &error, "incompatible key usage");
    X509_EXTENSION_free(only_client);
    fix_person_clear(&with);
    fix_person_clear(&without);
}

static void an_intermediate_authority_issues_and_its_root_no_longer_does(void **state)
{
    scene *s = *state;
    fix_ca middle = fix_authority("ca.middle", &s->a);
    msp_org *org = fix_org(s->arena, "AMSP", &s->a, &middle, NULL);
    msp_manager *manager = fix_manager(&org, 1), *old = s->manager;
    fix_person below = fix_person_of(&middle, "peer"), above = fix_person_of(&s->a, "peer");
    const msp_identity *id;
    fcc_error error = { 0 };

    s->manager = manager;
    assert_int_equal(judge(s, "AMSP", below.cert, &id, &error), FCC_OK);
    refused_with(judge(s, "AMSP", above.cert, &id, &error), &error,
                 "Parent certificate should be a leaf of the certification tree");
    s->manager = old;
    msp_manager_free(manager);
    fix_person_clear(&below);
    fix_person_clear(&above);
    fix_ca_clear(&middle);
}

static X509_CRL *revocation(X509 *ca, EVP_PKEY *signer, X509 *victim)
{
    X509_CRL *crl = X509_CRL_new();
    X509_REVOKED *entry = X509_REVOKED_new();
    AUTHORITY_KEYID *aki = AUTHORITY_KEYID_new();
    ASN1_TIME *now = ASN1_TIME_set(NULL, FIX_NOW);

    aki->keyid = ASN1_OCTET_STRING_dup(X509_get0_subject_key_id(ca));
    X509_CRL_set_version(crl, 1);
    X509_CRL_set_issuer_name(crl, X509_get_subject_name(ca));
    X509_CRL_set1_lastUpdate(crl, now);
    X509_CRL_add1_ext_i2d(crl, NID_authority_key_identifier, aki, 0, 0);
    X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(victim));
    X509_REVOKED_set_revocationDate(entry, now);
    X509_CRL_add0_revoked(crl, entry);
    assert_true(X509_CRL_sign(crl, signer, EVP_sha256()) > 0);
    AUTHORITY_KEYID_free(aki);
    ASN1_TIME_free(now);
    return crl;
}

static void a_revoked_certificate_is_refused_only_when_its_own_authority_says_so(void **state)
{
    scene *s = *state;
    fix_person victim = fix_person_of(&s->a, "client"), other = fix_person_of(&s->a, "client");
    X509_CRL *honest = revocation(s->a.cert, s->a.key, victim.cert);
    X509_CRL *forged = revocation(s->a.cert, s->b.key, other.cert);
    msp_org *org = fix_org(s->arena, "AMSP", &s->a, NULL, honest);
    msp_manager *strict = fix_manager(&org, 1), *old = s->manager;
    msp_manager *fooled;
    const msp_identity *id;
    fcc_error error = { 0 };

    s->manager = strict;
    refused_with(judge(s, "AMSP", victim.cert, &id, &error), &error, "The certificate has been revoked");
    assert_int_equal(judge(s, "AMSP", other.cert, &id, &error), FCC_OK);
    org = fix_org(s->arena, "AMSP", &s->a, NULL, forged);
    fooled = fix_manager(&org, 1);
    s->manager = fooled;
    assert_int_equal(judge(s, "AMSP", other.cert, &id, &error), FCC_OK);
    s->manager = old;
    msp_manager_free(strict);
    msp_manager_free(fooled);
    X509_CRL_free(honest);
    X509_CRL_free(forged);
    fix_person_clear(&victim);
    fix_person_clear(&other);
}

static void a_signature_holds_for_its_message_only(void **state)
{
    scene *s = *state;
    fix_person person = fix_person_of(&s->a, "client"), stranger = fix_person_of(&s->a, "client");
    msp_signer *signer = fix_signer(s->arena, "AMSP", &person);
    const fcc_bytes parts[] = { FCC_LIT("mes"), FCC_LIT("sage") }, whole = FCC_LIT("message");
    const fcc_bytes other = FCC_LIT("massage");
    const msp_identity *id, *another;
    fcc_bytes signature, torn;
    uint8_t *flipped;
    fcc_error error = { 0 };

    assert_int_equal(msp_deserialize(s->manager, msp_signer_identity(signer), &id, NULL), FCC_OK);
    assert_string_equal(msp_signer_fingerprint(signer), msp_identity_fingerprint(id));
    assert_int_equal(msp_signer_expires(signer), msp_identity_expires(id));
    assert_int_equal(judge(s, "AMSP", stranger.cert, &another, NULL), FCC_OK);
    assert_int_equal(msp_sign(signer, parts, 2, s->arena, &signature), FCC_OK);
    assert_int_equal(msp_verify(id, &whole, 1, signature, NULL), FCC_OK);
    refused_with(msp_verify(id, &other, 1, signature, &error), &error, "The signature is invalid");
    refused_with(msp_verify(another, &whole, 1, signature, &error), &error, "The signature is invalid");
    assert_true(fcc__arena_copy(s->arena, signature, &torn));
    flipped = (uint8_t *)(uintptr_t)torn.data;
    flipped[10] ^= 1;
    assert_int_equal(msp_verify(id, &whole, 1, torn, NULL), FCC_ERR_AUTH);
    assert_int_equal(msp_verify(id, &whole, 1, fcc_bytes_of(signature.data, signature.len - 1), NULL), FCC_ERR_AUTH);
    assert_int_equal(msp_verify(id, &whole, 1, fcc_bytes_of(NULL, 0), NULL), FCC_ERR_AUTH);
    msp_signer_free(signer);
    fix_person_clear(&person);
    fix_person_clear(&stranger);
}

/* As Go reads DER: more may follow in the sequence and behind it, and r and s must be as short as can be. */
static void what_follows_a_signature_does_not_matter(void **state)
{
    scene *s = *state;
    fix_person person = fix_person_of(&s->a, "client");
    msp_signer *signer = fix_signer(s->arena, "AMSP", &person);
    const fcc_bytes message = FCC_LIT("message");
    const msp_identity *id;
    fcc_bytes signature;
    uint8_t der[400];
    size_t len;

    assert_int_equal(msp_deserialize(s->manager, msp_signer_identity(signer), &id, NULL), FCC_OK);
    assert_int_equal(msp_sign(signer, &message, 1, s->arena, &signature), FCC_OK);
    len = signature.len;
    memset(der, 0, sizeof der);
    memcpy(der, signature.data, len);
    assert_int_equal(msp_verify(id, &message, 1, fcc_bytes_of(der, len + 1), NULL), FCC_OK);
    assert_int_equal(msp_verify(id, &message, 1, fcc_bytes_of(der, sizeof der), NULL), FCC_OK);
    der[1] = (uint8_t)(der[1] + 5); /* in the sequence */
    assert_int_equal(msp_verify(id, &message, 1, fcc_bytes_of(der, len + 5), NULL), FCC_OK);
    assert_int_equal(msp_verify(id, &message, 1, fcc_bytes_of(der, len + 4), NULL), FCC_ERR_AUTH);
    memmove(der + 4, der + 2, len - 2); /* so much that its length takes two bytes more */
    der[1] = 0x82;
    der[2] = 0x01;
    der[3] = 0x00;
    assert_int_equal(msp_verify(id, &message, 1, fcc_bytes_of(der, 4 + 256), NULL), FCC_OK);
    der[2] = 0x00; /* a length with a byte too many */
    der[3] = 0xff;
    assert_int_equal(msp_verify(id, &message, 1, fcc_bytes_of(der, 4 + 256), NULL), FCC_ERR_AUTH);
    memcpy(der, signature.data, len);
    memmove(der + 5, der + 4, len - 4); /* r with a zero too many */
    der[1]++;
    der[3]++;
    der[4] = 0;
    if (signature.data[4] & 0x7f)
        assert_int_equal(msp_verify(id, &message, 1, fcc_bytes_of(der, len + 1), NULL), FCC_ERR_AUTH);
    msp_signer_free(signer);
    fix_person_clear(&person);
}

static fcc_bytes replaced(fcc__arena *arena, fcc_bytes text, const char *old, const char *new)
{
    fcc__buf buf;
    fcc_bytes out;

    fcc__buf_init(&buf, 1 << 20);
    for (size_t i = 0; i < text.len;) {
        if (text.len - i >= strlen(old) && memcmp(text.data + i, old, strlen(old)) == 0) {
            fcc__buf_puts(&buf, new);
            i += strlen(old);
        } else {
            fcc__buf_putc(&buf, text.data[i++]);
        }
    }
    assert_true(fcc__arena_copy(arena, fcc__buf_bytes(&buf), &out));
    fcc__buf_clear(&buf);
    return out;
}

/* What Go's encoding/pem takes and what it doesn't: peers of Fabric 3.1.5 came to these verdicts. */
static void a_certificate_is_read_however_go_reads_it(void **state)
{
    static const struct {
        const char *old, *new;
        bool good;
    } cases[] = {
        { "\n", "\r\n", true },
        { "\n", " \t\n", true },
        { "\nMII", "\n\nMII", true },
        { "\nMII", "\n\tMII", true },
        { "\nMII", "\nProc-Type: 4\nDEK: x\n\nMII", true },
        { "\n-----END", "\n\n\n-----END", true },
        { "-----BEGIN", "what stands before\n-----BEGIN", true },
        { "-----BEGIN", "-----BEGIN CERTIFICATE-----\n-----BEGIN", true }, /* the last before an end counts */
        { "CERTIFICATE", "TRUSTED CERTIFICATE", true },
        { "CERTIFICATE", "", true },
        { "-----\n", "-----\nwhat stands behind", false },
        { "-----BEGIN", "------BEGIN", false },
        { "-----BEGIN", " -----BEGIN", false },
        { "BEGIN CERTIFICATE", "BEGIN CERT", false },
        { "END CERTIFICATE-----", "END CERTIFICATE----- x", false },
        { "END CERTIFICATE-----", "END CERTIFICATE----", false },
        { "\nMII", "\nM!II", false },
        { "\nMII", "\n=MII", false },
    };
    scene *s = *state;
    fix_person person = fix_person_of(&s->a, "client");
    fcc_bytes pem = msp__pem_of_cert(person.cert, s->arena), one;
    X509 *cert;
    uint8_t *line;
    size_t i, len = 0;

    for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cert = msp__cert_of_pem(replaced(s->arena, pem, cases[i].old, cases[i].new));
        if ((cert != NULL) != cases[i].good)
            fail_msg("case %zu", i);
        assert_true(!cert || X509_cmp(cert, person.cert) == 0);
        X509_free(cert);
    }
    /* all of it in one line */
    line = fcc__arena_alloc(s->arena, pem.len);
    for (i = 0; i < pem.len; i++)
        if (pem.data[i] != '\n' || pem.data[i - 1] == '-' || pem.data[i + 1] == '-')
            line[len++] = pem.data[i];
    one = fcc_bytes_of(line, len);
    cert = msp__cert_of_pem(one);
    assert_non_null(cert);
    X509_free(cert);
    for (i = 0; i < one.len - 5; i++) /* cut off anywhere, it is none and nothing is read behind it */
        assert_null(msp__cert_of_pem(fcc_bytes_of(memcpy(fcc__arena_alloc(s->arena, i + 1), line, i), i)));
    fix_person_clear(&person);
}

static void a_signature_with_high_s_is_refused_and_none_is_made(void **state)
{
    scene *s = *state;
    fix_person person = fix_person_of(&s->a, "client");
    msp_signer *signer = fix_signer(s->arena, "AMSP", &person);
    const fcc_bytes message = FCC_LIT("message");
    BIGNUM *order = msp__order(person.key);
    const msp_identity *id;
    fcc_bytes signature;
    fcc_error error = { 0 };
    int i;

    assert_int_equal(msp_deserialize(s->manager, msp_signer_identity(signer), &id, NULL), FCC_OK);
    for (i = 0; i < 20; i++) {
        assert_int_equal(msp_sign(signer, &message, 1, s->arena, &signature), FCC_OK);
        assert_int_equal(msp__check_s(order, signature), MSP__S_LOW);
        refused_with(msp_verify(id, &message, 1, fix_other_s(s->arena, person.key, signature), &error), &error,
                     "Invalid S. Must be smaller than half the order");
    }
    BN_free(order);
    msp_signer_free(signer);
    fix_person_clear(&person);
}

static void a_remembered_signature_stands_for_its_own_bytes_and_key_alone(void **state)
{
    scene *s = *state;
    fix_person person = fix_person_of(&s->a, "client");
    msp_signer *signer = fix_signer(s->arena, "AMSP", &person);
    const fcc_bytes message = FCC_LIT("message"), other = FCC_LIT("massage");
    const msp_identity *id;
    fcc_bytes signature, again;
    int i;

    assert_int_equal(msp_deserialize(s->manager, msp_signer_identity(signer), &id, NULL), FCC_OK);
    assert_int_equal(msp_sign(signer, &message, 1, s->arena, &signature), FCC_OK);
    assert_int_equal(msp_sign_known(signer, s->manager, &other, 1, s->arena, &again), FCC_OK);
    for (i = 0; i < 3; i++) {
        assert_int_equal(msp_verify(id, &message, 1, signature, NULL), FCC_OK);
        assert_int_equal(msp_verify(id, &other, 1, signature, NULL), FCC_ERR_AUTH);
        assert_int_equal(msp_verify(id, &message, 1, again, NULL), FCC_ERR_AUTH);
        assert_int_equal(msp_verify(id, &other, 1, again, NULL), FCC_OK);
    }
    msp_signer_free(signer);
    fix_person_clear(&person);
}

static void a_certificate_signed_with_high_s_is_the_same_identity(void **state)
{
    scene *s = *state;
    fix_person person = fix_person_of(&s->a, "client");
    X509 *high = X509_dup(person.cert);
    const ASN1_BIT_STRING *value;
    const msp_identity *low_id, *high_id;
    fcc_bytes other;

    X509_get0_signature(&value, NULL, high);
    other = fix_other_s(s->arena, s->a.key, fcc_bytes_of(value->data, (size_t)value->length));
    assert_int_equal(ASN1_STRING_set((ASN1_STRING *)(uintptr_t)value, other.data, (int)other.len), 1);
    assert_int_equal(judge(s, "AMSP", high, &high_id, NULL), FCC_OK);
    assert_int_equal(judge(s, "AMSP", person.cert, &low_id, NULL), FCC_OK);
    assert_ptr_equal(low_id, high_id);
    X509_free(high);
    fix_person_clear(&person);
}

static void a_key_of_another_certificate_is_refused(void **state)
{
    scene *s = *state;
    fix_person one = fix_person_of(&s->a, "client"), two = fix_person_of(&s->a, "client");
    msp_signer *signer = NULL;
    fcc_error error = { 0 };

    assert_int_equal(msp_signer_new("AMSP", msp__pem_of_cert(one.cert, s->arena), msp__pem_of_key(two.key, s->arena),
                                    &signer, &error),
                     FCC_ERR_CONFIG);
    assert_null(signer);
    assert_non_null(strstr(error.text, "does not belong to the certificate"));
    fix_person_clear(&one);
    fix_person_clear(&two);
}

static void organisations_with_the_same_id_are_refused(void **state)
{
    scene *s = *state;
    msp_org *orgs[] = { fix_org(s->arena, "AMSP", &s->a, NULL, NULL), fix_org(s->arena, "AMSP", &s->b, NULL, NULL) };
    msp_manager *manager = NULL;

    assert_int_equal(msp_manager_new(orgs, 2, &manager, NULL), FCC_ERR_CONFIG);
    assert_null(manager);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_member_is_accepted_with_the_role_of_its_unit),
        TEST(an_identity_is_remembered_by_its_certificate),
        TEST(identities_used_in_turn_do_not_take_each_others_place),
        TEST(an_unknown_organisation_is_refused),
        TEST(a_certificate_of_another_organisations_authority_is_refused),
        TEST(a_certificate_of_an_authority_that_only_has_the_right_name_is_refused),
        TEST(a_self_made_certificate_is_refused),
        TEST(what_is_no_certificate_is_malformed_and_not_merely_refused),
        TEST(an_introduced_certificate_is_the_identity_of_its_bytes),
        TEST(an_authority_is_no_identity),
        TEST(an_identity_has_exactly_one_role),
        TEST(expiry_is_told_and_does_not_make_an_identity_invalid),
        TEST(a_usage_list_without_server_authentication_is_refused_as_go_does),
        TEST(an_intermediate_authority_issues_and_its_root_no_longer_does),
        TEST(a_revoked_certificate_is_refused_only_when_its_own_authority_says_so),
        TEST(a_signature_holds_for_its_message_only),
        TEST(what_follows_a_signature_does_not_matter),
        TEST(a_certificate_is_read_however_go_reads_it),
        TEST(a_signature_with_high_s_is_refused_and_none_is_made),
        TEST(a_remembered_signature_stands_for_its_own_bytes_and_key_alone),
        TEST(a_certificate_signed_with_high_s_is_the_same_identity),
        TEST(a_key_of_another_certificate_is_refused),
        TEST(organisations_with_the_same_id_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The life of certificates on disk: completing, looking, renewing, revoking, taking over; each on a small consortium. */
#include "certs/internal.h"

#include "base/hash.h"
#include "msp/channel.h"
#include "msp/material.h"
#include "protos/unpack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { DAY = 86400 };

typedef struct world {
    char dir[64], crypto[80];
    config_network *net;
    fcc__arena *arena;
    fcc_error error;
    int64_t now;
    size_t findings;
    fcc__code code;
    char text[1500];
} world;

static int begin(void **state)
{
    world *w = calloc(1, sizeof *w);

    strcpy(w->dir, "/tmp/medsync-certs-XXXXXX");
    if (!mkdtemp(w->dir))
        return -1;
    snprintf(w->crypto, sizeof w->crypto, "%s/crypto", w->dir);
    w->arena = fcc__arena_new(64 << 20);
    w->now = (int64_t)time(NULL);
    if (config_load("test/support/networks/two.yaml", &w->net, &w->error) != FCC_OK ||
        msp_generate(w->net, w->crypto, &w->error) != FCC_OK) {
        fprintf(stderr, "# %s\n", w->error.text);
        return -1;
    }
    w->net->chaincode_tls = true; /* so that who serves chaincodes has to have certificates */
    *state = w;
    return 0;
}

static int end(void **state)
{
    world *w = *state;

    msp__remove_tree(w->dir);
    config_free(w->net);
    fcc__arena_free(w->arena);
    free(w);
    return 0;
}

static void note(void *ctx, const msp_finding *finding)
{
    world *w = ctx;

    w->findings++;
    w->code = finding->code;
    snprintf(w->text, sizeof w->text, "%s: %s", finding->what, finding->text);
}

/* How many findings there are in the crypto directory at this time. */
static size_t look(world *w, int64_t at, const config_network *net)
{
    msp_checker checker = { .now_s = at, .warn_days = 30, .report = note, .ctx = w };

    w->findings = 0;
    if (certs_check(w->crypto, net, &checker, &w->error) != FCC_OK)
        fail_msg("%s", w->error.text);
    assert_int_equal(w->findings, checker.errors + checker.warnings);
    return w->findings;
}

static void said(const world *w, fcc__code code, const char *words)
{
    assert_int_equal(w->code, code);
    if (!strstr(w->text, words))
        fail_msg("%s: %s", words, w->text);
}

static fcc_bytes content(world *w, const char *file)
{
    fcc_bytes bytes;

    if (msp__read_file(fcc__arena_printf(w->arena, "%s/%s", w->crypto, file), w->arena, &bytes, &w->error) != FCC_OK)
        fail_msg("%s", w->error.text);
    return bytes;
}

static void run(world *w, const char *format, ...)
{
    char command[2000];
    va_list ap;
    int n = snprintf(command, sizeof command, "cd %s && ", w->dir);

    va_start(ap, format);
    vsnprintf(command + n, sizeof command - (size_t)n, format, ap);
    va_end(ap);
    assert_int_equal(system(command), 0);
}

/* ---- completing ----------------------------------------------------------------------------------------------------- */

static void count(void *ctx, const char *path)
{
    (void)path;
    ++*(size_t *)ctx;
}

static void what_is_missing_is_made_and_nothing_else(void **state)
{
    world *w = *state;
    size_t made = 0;
    const msp_making making = { .made = count, .ctx = &made };
    const fcc_bytes ca = content(w, "peerOrganizations/a.test/ca/ca.a.test-cert.pem"),
                    admin = content(w,
                                    "peerOrganizations/b.test/users/Admin@b.test/msp/signcerts/Admin@b.test-cert.pem");

    assert_int_equal(msp_complete(w->net, w->crypto, &making, &w->error), FCC_OK);
    assert_int_equal(made, 0);
    run(w, "rm -r crypto/peerOrganizations/a.test/users/user1@a.test crypto/peerOrganizations/a.test/chaincodes "
           "crypto/ordererOrganizations");
    assert_int_equal(look(w, w->now, w->net), 3);
    said(w, FCC__E_CRT_LAYOUT, "names user1");
    assert_int_equal(msp_complete(w->net, w->crypto, &making, &w->error), FCC_OK);
    assert_int_equal(made, 3);
    assert_int_equal(look(w, w->now, w->net), 0);
    assert_true(fcc_bytes_equal(ca, content(w, "peerOrganizations/a.test/ca/ca.a.test-cert.pem")));
    assert_true(fcc_bytes_equal(
        admin, content(w, "peerOrganizations/b.test/users/Admin@b.test/msp/signcerts/Admin@b.test-cert.pem")));
}

/* PKCS#8 under the passphrase "sesame". */
static void encrypt(const char *from, const char *to)
{
    BIO *in = BIO_new_file(from, "r"), *out = BIO_new_file(to, "w");
    EVP_PKEY *key = PEM_read_bio_PrivateKey(in, NULL, NULL, NULL);

    assert_int_equal(PEM_write_bio_PKCS8PrivateKey(out, key, EVP_aes_256_cbc(), "sesame", 6, NULL, NULL), 1);
    EVP_PKEY_free(key);
    BIO_free(in);
    BIO_free(out);
}

static void without_the_authoritys_key_nothing_is_half_made(void **state)
{
    world *w = *state;

    run(w,
        "mv crypto/peerOrganizations/a.test/ca/priv_sk . && rm -r crypto/peerOrganizations/a.test/users/user1@a.test");
    assert_int_equal(msp_complete(w->net, w->crypto, NULL, &w->error), FCC_ERR_NOT_FOUND);
    assert_non_null(strstr(w->error.text, "has no private key of its certificate: nothing can be issued for a.test"));
    run(w, "test -z \"$(ls -A crypto/peerOrganizations/a.test/users | grep -v '^Admin@')\"");
    /* under any name, and encrypted */
    encrypt(fcc__arena_printf(w->arena, "%s/priv_sk", w->dir),
            fcc__arena_printf(w->arena, "%s/peerOrganizations/a.test/ca/0123_sk", w->crypto));
    unsetenv(MSP_PASSPHRASE_FILE);
    unsetenv(MSP_PASSPHRASE);
    assert_int_equal(msp_complete(w->net, w->crypto, NULL, &w->error), FCC_ERR_CONFIG);
    assert_non_null(strstr(w->error.text, "0123_sk: the private key is encrypted and no passphrase is given"));
    setenv(MSP_PASSPHRASE, "sesame", 1);
    assert_int_equal(msp_complete(w->net, w->crypto, NULL, &w->error), FCC_OK);
    assert_int_equal(look(w, w->now, w->net), 0);
    unsetenv(MSP_PASSPHRASE);
}

/* ---- looking -------------------------------------------------------------------------------------------------------- */

static void faults_are_found_where_they_are(void **state)
{
    world *w = *state;
    certs_list list;
    config_org orgs[2];
    config_network moved = *w->net;

    assert_int_equal(look(w, w->now, w->net), 0);
    assert_int_equal(certs_find(w->crypto, w->arena, &list, &w->error), FCC_OK);
    assert_int_equal(list.n, 26);
    assert_int_equal(look(w, w->now - 3600, NULL), 26);
    said(w, FCC__E_CRT_NOT_YET, "a clock is wrong");
    assert_int_equal(look(w, w->now + 3650LL * DAY, NULL), 26);
    said(w, FCC__E_CRT_EXPIRED, "expired on");
    assert_int_equal(look(w, w->now + 3640LL * DAY, NULL), 26);
    said(w, FCC__E_CRT_EXPIRES, "expires on");
    /* its address has changed since */
    memcpy(orgs, w->net->orgs, sizeof orgs);
    orgs[0].peer_address = "10.1.2.3:7051";
    moved.orgs = orgs;
    assert_int_equal(look(w, w->now, &moved), 1);
    said(w, FCC__E_CRT_NAME,
         "peer0.a.test/tls/server.crt: is for peer0.a.test, peer0, localhost, 127.0.0.1, and not for "
         "10.1.2.3");
    /* somebody else's identity, and somebody else's key */
    run(w, "cd crypto/peerOrganizations && cp -r a.test/users/user1@a.test/msp/signcerts/. "
           "b.test/users/Admin@b.test/msp/signcerts/ && rm b.test/users/Admin@b.test/msp/signcerts/Admin*");
    assert_int_equal(look(w, w->now, NULL), 2);
    said(w, FCC__E_CRT_CHAIN, "is a certificate of a.test (issued by \"ca.a.test\"), and should be one of b.test");
    run(w, "echo nothing > crypto/peerOrganizations/b.test/users/Admin@b.test/msp/signcerts/user1@a.test-cert.pem");
    assert_int_equal(look(w, w->now, NULL), 1);
    said(w, FCC__E_CRT_FORM, "is no X.509 certificate");
}

static void what_is_no_crypto_directory_is_said(void **state)
{
    world *w = *state;
    msp_checker checker = { .now_s = w->now };
    certs_list list;

    assert_int_equal(certs_find(w->dir, w->arena, &list, &w->error), FCC_ERR_NOT_FOUND);
    assert_non_null(strstr(w->error.text, "it should hold peerOrganizations"));
    assert_int_equal(certs_check("/nowhere", NULL, &checker, &w->error), FCC_ERR_NOT_FOUND);
}

/* ---- renewing ------------------------------------------------------------------------------------------------------- */

static void keep_told(void *ctx, const certs_renewed *what)
{
    world *w = ctx;

    snprintf(w->text, sizeof w->text, "%s", what->todo);
    assert_int_equal(access(what->kept, F_OK), 0);
}

static bool same_key(fcc_bytes one, fcc_bytes two)
{
    X509 *a = msp__cert_of_pem(one), *b = msp__cert_of_pem(two);
    const bool same = EVP_PKEY_eq(X509_get0_pubkey(a), X509_get0_pubkey(b)) == 1;

    assert_int_equal(X509_NAME_cmp(X509_get_subject_name(a), X509_get_subject_name(b)), 0);
    assert_int_not_equal(ASN1_INTEGER_cmp(X509_get0_serialNumber(a), X509_get0_serialNumber(b)), 0);
    X509_free(a);
    X509_free(b);
    return same;
}

static void the_renewed_one_is_the_same_person_with_another_key(void **state)
{
    static const char user[] = "peerOrganizations/a.test/users/user1@a.test/msp/signcerts/user1@a.test-cert.pem";
    static const char tls[] = "ordererOrganizations/orderer.test/orderers/o1.orderer.test/tls/server.crt";
    world *w = *state;
    certs_renewing how = { .network = w->net, .now_s = w->now, .days = 30, .renewed = keep_told, .ctx = w };
    fcc_bytes before = content(w, user), orderer = content(w, tls);
    certs_list list;
    size_t i;

    assert_int_equal(certs_renew(w->crypto, "user1@a.test", &how, &w->error), FCC_OK);
    assert_non_null(strstr(w->text, "credentials RotateKey"));
    assert_false(same_key(before, content(w, user)));
    assert_int_equal(certs_find(w->crypto, w->arena, &list, &w->error), FCC_OK);
    assert_int_equal(list.n, 26);
    for (i = 0; i < list.n && strcmp(list.v[i].name, "user1@a.test") != 0; i++)
        ;
    assert_string_equal(list.v[i].attributes,
                        "{\"attrs\":{\"role\":\"doctor\",\"uid\":\"a1\",\"site\":\"4012345000016\"}}");
    assert_int_equal((list.v[i].not_after - w->now) / DAY, 29);
    /* orderers know each other by key, so that is kept unless it is asked for */
    assert_int_equal(certs_renew(w->crypto, "o1.orderer.test", &how, &w->error), FCC_OK);
    assert_true(same_key(orderer, content(w, tls)));
    assert_non_null(strstr(w->text, "Its TLS key is the old one"));
    how.new_key = true; /* within the same second */
    assert_int_equal(certs_renew(w->crypto, "o1.orderer.test", &how, &w->error), FCC_OK);
    assert_false(same_key(orderer, content(w, tls)));
    assert_non_null(strstr(w->text, "change the channel's configuration first"));
    assert_int_equal(certs_renew(w->crypto, "chaincodes.b.test", &how, &w->error), FCC_OK);
    assert_non_null(strstr(w->text, "SIGHUP"));
    assert_int_equal(look(w, w->now, w->net), 6); /* each certificate of these is a warning: 30 days are up soon */
    assert_int_equal(w->code, FCC__E_CRT_EXPIRES);
}

static void new_addresses_come_into_renewed_servers(void **state)
{
    world *w = *state;
    config_org orgs[2];
    config_network moved = *w->net;
    const certs_renewing how = { .network = &moved, .now_s = w->now };

    memcpy(orgs, w->net->orgs, sizeof orgs);
    orgs[0].peer_address = "10.1.2.3:7051";
    orgs[0].anchor_host = "peer0.elsewhere.test";
    moved.orgs = orgs;
    assert_int_equal(look(w, w->now, &moved), 2);
    assert_int_equal(certs_renew(w->crypto, "peer0.a.test", &how, &w->error), FCC_OK);
    assert_int_equal(look(w, w->now, &moved), 0);
    assert_int_equal(look(w, w->now, w->net), 0);
}

static void an_authority_is_renewed_with_its_key(void **state)
{
    static const char ca[] = "peerOrganizations/a.test/ca/ca.a.test-cert.pem";
    world *w = *state;
    certs_renewing how = { .now_s = w->now + 3000LL * DAY, .renewed = keep_told, .ctx = w };
    const fcc_bytes before = content(w, ca);
    X509 *old, *new;

    assert_int_equal(certs_renew(w->crypto, "ca.a.test", &how, &w->error), FCC_OK);
    assert_non_null(strstr(w->text, "channel update create --msp"));
    assert_int_equal(certs_renew(w->crypto, "tlsca.a.test", &how, &w->error), FCC_OK);
    assert_non_null(strstr(w->text, "ca.crt"));
    assert_true(same_key(before, content(w, ca)));
    old = msp__cert_of_pem(before);
    new = msp__cert_of_pem(content(w, ca));
    assert_int_equal(msp__not_before(old), msp__not_before(new));
    assert_true(msp__not_after(new) - msp__not_after(old) > 2990LL * DAY);
    X509_free(old);
    X509_free(new);
    /* what it has issued is as good as before, in every folder */
    assert_int_equal(look(w, w->now, w->net), 0);
    run(w, "f=$(find crypto/peerOrganizations/a.test -path '*/old/*' -prune -o -type f -name ca.crt -print -o -path "
           "'*cacerts*' "
           "-type f -print | xargs sha256sum | cut -d' ' -f1 | sort -u | wc -l) && test $f = 2");
    /* who is renewed then may be valid longer */
    assert_int_equal(certs_renew(w->crypto, "user1@a.test", &how, &w->error), FCC_OK);
    assert_int_equal(look(w, w->now + 5000LL * DAY, NULL), 26 - 4); /* that user and both authorities are not expired */
}

static void nobody_is_not_renewed(void **state)
{
    world *w = *state;
    const certs_renewing how = { .now_s = w->now };

    assert_int_equal(certs_renew(w->crypto, "nobody@a.test", &how, &w->error), FCC_ERR_NOT_FOUND);
    assert_int_equal(certs_renew(w->crypto, "../a.test", &how, &w->error), FCC_ERR_NOT_FOUND);
    run(w, "rm crypto/peerOrganizations/a.test/ca/priv_sk");
    assert_int_equal(certs_renew(w->crypto, "ca.a.test", &how, &w->error), FCC_ERR_NOT_FOUND);
    assert_int_equal(certs_renew(w->crypto, "user1@a.test", &how, &w->error), FCC_ERR_NOT_FOUND);
    assert_int_equal(look(w, w->now, w->net), 0);
    run(w, "test ! -e crypto/peerOrganizations/a.test/old && test -z \"$(find crypto -name '.*')\"");
}

/* ---- whom chaincode servers take ------------------------------------------------------------------------------------ */

#define CHAINCODES "peerOrganizations/a.test/chaincodes/chaincodes.a.test/tls/"

static bool issued(world *w, const char *ca, const char *file)
{
    X509 *issuer = msp__cert_of_pem(content(w, ca)), *cert = msp__cert_of_pem(content(w, file));
    const bool is = X509_verify(cert, X509_get0_pubkey(issuer)) == 1;

    X509_free(issuer);
    X509_free(cert);
    return is;
}

static const char *open_ones(world *w)
{
    const char *names;

    assert_int_equal(msp_open_chaincodes(w->net, w->crypto, w->arena, &names, &w->error), FCC_OK);
    return names;
}

/* As it was made before: the TLS authority has issued the client's certificate too, and the server trusts it. */
static void make_old(world *w)
{
    run(w, "cd crypto/peerOrganizations/a.test && cp users/user1@a.test/tls/client.* chaincodes/*/tls && "
           "rm -r chaincodeca chaincodes/*/tls/client-ca.crt");
}

static void a_server_takes_its_peers_client_and_nobody_else(void **state)
{
    static const char ca[] = CHAINCODES "client-ca.crt";
    world *w = *state;
    certs_list list;
    size_t i, of_it = 0;

    assert_int_equal(certs_find(w->crypto, w->arena, &list, &w->error), FCC_OK);
    for (i = 0; i < list.n; i++)
        if (list.v[i].use != CERTS_AUTHORITY && issued(w, ca, list.v[i].path + strlen(w->crypto) + 1)) {
            of_it++;
            assert_string_equal(list.v[i].path + strlen(w->crypto) + 1, CHAINCODES "client.crt");
        }
    assert_int_equal(of_it, 1);
    assert_true(issued(w, CHAINCODES "ca.crt", CHAINCODES "server.crt"));
    assert_null(open_ones(w));
    /* what its server would refuse is found before */
    run(w, "cd crypto/peerOrganizations/a.test && cp users/user1@a.test/tls/client.* chaincodes/*/tls");
    assert_int_equal(look(w, w->now, w->net), 1);
    said(w, FCC__E_CRT_CHAIN, "chaincodes.a.test/tls/client.crt: does not come from the authority");
}

static void material_of_before_is_warned_of_and_goes_on(void **state)
{
    world *w = *state;
    size_t made = 0;
    const msp_making making = { .made = count, .ctx = &made };
    const certs_renewing how = { .now_s = w->now, .days = 90, .renewed = keep_told, .ctx = w };

    make_old(w);
    assert_int_equal(look(w, w->now, w->net), 1);
    said(w, FCC__E_CRT_OPEN, "takes whatever the organisation's authorities have issued for the peer's");
    assert_string_equal(open_ones(w), "chaincodes.a.test");
    w->net->chaincode_tls = false;
    assert_null(open_ones(w));
    assert_int_equal(look(w, w->now, w->net), 0);
    w->net->chaincode_tls = true;
    /* the file by which its server is told whom it takes is there from now on; whom, has not changed */
    assert_int_equal(msp_complete(w->net, w->crypto, &making, &w->error), FCC_OK);
    assert_int_equal(made, 1);
    assert_true(fcc_bytes_equal(content(w, CHAINCODES "client-ca.crt"), content(w, CHAINCODES "ca.crt")));
    assert_string_equal(open_ones(w), "chaincodes.a.test");
    assert_int_equal(look(w, w->now, w->net), 1);
    /* mended, for as long as the TLS authority is there */
    assert_int_equal(certs_renew(w->crypto, "chaincodes.a.test", &how, &w->error), FCC_OK);
    assert_non_null(strstr(w->text, "the authority being another one: give the peer the new client certificate first"));
    assert_null(open_ones(w));
    assert_int_equal(look(w, w->now, w->net), 0);
    assert_false(issued(w, CHAINCODES "client-ca.crt", "peerOrganizations/a.test/users/user1@a.test/tls/client.crt"));
    assert_int_equal(look(w, w->now + 100LL * DAY, w->net), 2); /* its server's and its client's are expired */
}

static void a_new_key_is_another_authority(void **state)
{
    world *w = *state;
    certs_renewing how = { .now_s = w->now, .renewed = keep_told, .ctx = w };
    const fcc_bytes before = content(w, CHAINCODES "client-ca.crt");

    assert_int_equal(certs_renew(w->crypto, "chaincodes.a.test", &how, &w->error), FCC_OK);
    assert_non_null(strstr(w->text, "the authority is the same"));
    assert_true(fcc_bytes_equal(before, content(w, CHAINCODES "client-ca.crt")));
    how.now_s++;
    assert_int_equal(certs_renew(w->crypto, "chaincodeca.a.test", &how, &w->error), FCC_OK);
    assert_true(same_key(before, content(w, CHAINCODES "client-ca.crt")));
    how.now_s++;
    how.new_key = true;
    assert_int_equal(certs_renew(w->crypto, "chaincodes.a.test", &how, &w->error), FCC_OK);
    assert_non_null(strstr(w->text, "the authority being another one"));
    assert_false(same_key(before, content(w, CHAINCODES "client-ca.crt")));
    assert_int_equal(look(w, w->now, w->net), 0);
    run(w, "test -f crypto/peerOrganizations/a.test/old/*/chaincodeca/chaincodeca.a.test/priv_sk");
    /* one that is kept elsewhere is not replaced by the way */
    run(w, "mv crypto/peerOrganizations/a.test/chaincodeca .");
    how.now_s++;
    how.new_key = false;
    assert_int_equal(certs_renew(w->crypto, "chaincodes.a.test", &how, &w->error), FCC_ERR_NOT_FOUND);
    assert_non_null(strstr(w->error.text, "trusts an authority of its own already"));
    assert_int_equal(look(w, w->now, w->net), 0);
    assert_int_equal(look(w, w->now + 3640LL * DAY, w->net), 25 + 1); /* the copy is watched in its place */
}

/* ---- revoking ------------------------------------------------------------------------------------------------------- */

static void who_is_revoked_is_refused(void **state)
{
    world *w = *state;
    const char *crl = NULL;
    int64_t number = 0;
    X509_CRL *list;
    X509 *ca = msp__cert_of_pem(content(w, "peerOrganizations/a.test/ca/ca.a.test-cert.pem"));
    fcc_bytes pem;
    BIO *bio;
    AUTHORITY_KEYID *id;

    assert_int_equal(
        certs_revoke(w->crypto, "user1@a.test", "keyCompromise", w->now, w->arena, &crl, &number, &w->error), FCC_OK);
    assert_int_equal(number, 1);
    assert_int_equal(certs_revoke(w->crypto, "peer0.a.test", "superseded", w->now, w->arena, &crl, &number, &w->error),
                     FCC_OK);
    assert_int_equal(number, 2);
    assert_int_equal(certs_revoke(w->crypto, "user1@a.test", "superseded", w->now, w->arena, &crl, &number, &w->error),
                     FCC_ERR_EXISTS);
    assert_int_equal(look(w, w->now, w->net), 2);
    said(w, FCC__E_CRT_REVOKED, "is revoked by AMSP");
    /* the list as others read it */
    assert_int_equal(msp__read_file(crl, w->arena, &pem, &w->error), FCC_OK);
    bio = BIO_new_mem_buf(pem.data, (int)pem.len);
    list = PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL);
    assert_non_null(list);
    assert_int_equal(X509_CRL_get_version(list), X509_CRL_VERSION_2);
    assert_int_equal(X509_CRL_verify(list, X509_get0_pubkey(ca)), 1);
    id = X509_CRL_get_ext_d2i(list, NID_authority_key_identifier, NULL, NULL);
    assert_int_equal(ASN1_OCTET_STRING_cmp(id->keyid, X509_get0_subject_key_id(ca)), 0);
    AUTHORITY_KEYID_free(id);
    assert_int_equal(sk_X509_REVOKED_num(X509_CRL_get_REVOKED(list)), 2);
    /* every member's folder has it, and the channel's configuration of this MSP too */
    assert_true(
        fcc_bytes_equal(pem, content(w, "peerOrganizations/a.test/peers/peer0.a.test/msp/crls/crl.a.test.pem")));
    assert_true(
        fcc_bytes_equal(pem, content(w, "peerOrganizations/a.test/users/Admin@a.test/msp/crls/crl.a.test.pem")));
    X509_CRL_free(list);
    X509_free(ca);
    BIO_free(bio);
}

static size_t revoked_on(world *w, const char *file)
{
    const fcc_bytes pem = content(w, file);
    BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.len);
    X509_CRL *crl = PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL);
    const int n = sk_X509_REVOKED_num(X509_CRL_get_REVOKED(crl));

    X509_CRL_free(crl);
    BIO_free(bio);
    return n > 0 ? (size_t)n : 0;
}

/* The list is read, added to and written back: without a lock the last to write has forgotten the others. */
static void who_is_revoked_at_the_same_time_is_on_one_list(void **state)
{
    static const char *const names[] = { "user1@a.test", "Admin@a.test", "peer0.a.test" };
    world *w = *state;
    const char *crl = NULL;
    int64_t number = 0;
    pid_t pids[3];

    for (size_t i = 0; i < 3; i++) {
        pids[i] = fork();
        if (pids[i] == 0)
            _exit(certs_revoke(w->crypto, names[i], "superseded", w->now, w->arena, &crl, &number, &w->error));
    }
    for (size_t i = 0; i < 3; i++) {
        int status;

        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_int_equal(status, 0);
    }
    assert_int_equal(revoked_on(w, "peerOrganizations/a.test/msp/crls/crl.a.test.pem"), 3);
}

/* Who revokes is ended between the organisation's list and its members' copies; the second time completes it. */
static void a_list_that_not_all_have_is_given_to_the_others(void **state)
{
    static const char copy[] = "peerOrganizations/a.test/peers/peer0.a.test/msp/crls/crl.a.test.pem";
    world *w = *state;
    const char *crl = NULL;
    int64_t number = 0;

    assert_int_equal(certs_revoke(w->crypto, "user1@a.test", "superseded", w->now, w->arena, &crl, &number, &w->error),
                     FCC_OK);
    run(w, "rm crypto/%s", copy);
    assert_int_equal(certs_revoke(w->crypto, "user1@a.test", "superseded", w->now, w->arena, &crl, &number, &w->error),
                     FCC_ERR_EXISTS);
    assert_non_null(strstr(w->error.text, "whose number is 1"));
    assert_int_equal(revoked_on(w, copy), 1);
}

/* Custody keys above all: records are sealed to what the other has just replaced. */
static void two_that_make_a_key_at_the_same_time_make_one(void **state)
{
    world *w = *state;
    config_network net = *w->net;
    config_org org = net.orgs[0];
    int first = -1;
    pid_t pids[4];

    org.custody = true;
    net.orgs = &org;
    net.org_count = 1;
    for (size_t i = 0; i < 4; i++) {
        pids[i] = fork();
        if (pids[i] == 0) /* what each finds there when it has ended */
            _exit(msp_write_custody(&net, w->dir, &w->error) == FCC_OK
                      ? fcc__sha256_of(content(w, "../custody/AMSP.key")).bytes[0] & 0x7f
                      : 0xff);
    }
    for (size_t i = 0; i < 4; i++) {
        int status;

        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) != 0xff);
        assert_true(first < 0 || first == status);
        first = status;
    }
}

static void what_cannot_be_revoked_is_said(void **state)
{
    world *w = *state;
    const char *crl = NULL;
    int64_t number = 0;

    assert_int_equal(certs_revoke(w->crypto, "user1@a.test", "dislike", w->now, w->arena, &crl, &number, &w->error),
                     FCC_ERR_ARG);
    assert_int_equal(certs_revoke(w->crypto, "nobody@a.test", "superseded", w->now, w->arena, &crl, &number, &w->error),
                     FCC_ERR_NOT_FOUND);
    assert_int_equal(
        certs_revoke(w->crypto, "chaincodes.a.test", "superseded", w->now, w->arena, &crl, &number, &w->error),
        FCC_ERR_ARG);
    assert_non_null(strstr(w->error.text, "rotate --new-key chaincodes.a.test` gives them and their peer another"));
    run(w, "mkdir crypto/peerOrganizations/a.test/msp/crls && "
           "echo nothing > crypto/peerOrganizations/a.test/msp/crls/crl.a.test.pem");
    assert_int_equal(certs_revoke(w->crypto, "user1@a.test", "superseded", w->now, w->arena, &crl, &number, &w->error),
                     FCC_ERR_CONFIG);
    assert_non_null(strstr(w->error.text, "is no revocation list of a.test's authority"));
}

/* ---- taking over ---------------------------------------------------------------------------------------------------- */

/* What `fabric-ca-client enroll` writes, once for the identity and once with --enrollment.profile tls. */
static void enrol(world *w, const char *name, const char *kind)
{
    run(w,
        "set -e; M=crypto/peerOrganizations/a.test; rm -rf enrolled; mkdir -p enrolled/msp/user enrolled/tls; cd "
        "enrolled; "
        "M=../$M; mkdir -p msp/cacerts msp/keystore msp/signcerts tls/tlscacerts tls/keystore tls/signcerts "
        "tls/cacerts; "
        "cp $M/msp/cacerts/* msp/cacerts/localhost-7054-ca-a.pem; cp $M/msp/tlscacerts/* "
        "tls/tlscacerts/tls-localhost-7054-ca-a.pem; echo x > msp/IssuerPublicKey; echo x > "
        "msp/IssuerRevocationPublicKey; "
        "cp $M/%1$s/msp/signcerts/* msp/signcerts/cert.pem; cp $M/%1$s/msp/keystore/* "
        "msp/keystore/4f8a_sk; cp $M/%1$s/tls/%2$s.crt tls/signcerts/cert.pem; cp $M/%1$s/tls/%2$s.key "
        "tls/keystore/77_sk",
        name, kind);
}

static fcc_status take(world *w, const char *to, const char *name)
{
    char from[100], tls[100];
    msp_checker checker = { .now_s = w->now, .report = note, .ctx = w };
    const certs_import_options o = {
        .from = from, .tls_from = tls, .domain = "a.test", .name = name, .now_s = w->now, .made = NULL
    };

    snprintf(from, sizeof from, "%s/enrolled/msp", w->dir);
    snprintf(tls, sizeof tls, "%s/enrolled/tls", w->dir);
    w->findings = 0;
    return certs_import(fcc__arena_printf(w->arena, "%s/%s", w->dir, to), &o, &checker, &w->error);
}

static void what_a_fabric_ca_has_issued_is_taken_over(void **state)
{
    world *w = *state;
    fcc_bytes theirs, ours;

    enrol(w, "peers/peer0.a.test", "server");
    if (take(w, "new", "peer0.a.test") != FCC_OK)
        fail_msg("%s (%s)", w->error.text, w->text);
    enrol(w, "users/Admin@a.test", "client");
    if (take(w, "new", "Admin@a.test") != FCC_OK)
        fail_msg("%s (%s)", w->error.text, w->text);
    assert_int_equal(take(w, "new", "Admin@a.test"), FCC_OK); /* it is there already */
    run(w, "test -f new/peerOrganizations/a.test/tlsca/tlsca.a.test-cert.pem -a -z \"$(find new -name 'Issuer*')\" && "
           "grep -q 'cacerts/localhost-7054-ca-a.pem' new/peerOrganizations/a.test/peers/peer0.a.test/msp/config.yaml");
    run(w, "test $(stat -c %%a new/peerOrganizations/a.test/users/Admin@a.test/tls/client.key) = 600");
    ours = content(w, "peerOrganizations/a.test/peers/peer0.a.test/tls/server.crt");
    run(w, "mv crypto made && mv new crypto");
    theirs = content(w, "peerOrganizations/a.test/peers/peer0.a.test/tls/server.crt");
    assert_true(fcc_bytes_equal(ours, theirs));
    assert_int_equal(look(w, w->now, NULL), 0);
}

/* Its certificate is a Fabric CA's; what its peer shows it can only be made here. */
static void a_chaincode_server_is_taken_over_without_its_peers_part(void **state)
{
    world *w = *state;
    fcc_bytes authority;

    enrol(w, "peers/peer0.a.test", "server");
    assert_int_equal(take(w, "new", "peer0.a.test"), FCC_OK);
    run(w, "cp crypto/" CHAINCODES "server.crt enrolled/tls/signcerts/cert.pem && "
           "cp crypto/" CHAINCODES "server.key enrolled/tls/keystore/77_sk");
    if (take(w, "new", "chaincodes.a.test") != FCC_OK)
        fail_msg("%s (%s)", w->error.text, w->text);
    run(w, "mv crypto made && mv new crypto");
    assert_int_equal(look(w, w->now, NULL), 0);
    assert_true(issued(w, CHAINCODES "client-ca.crt", CHAINCODES "client.crt"));
    assert_false(issued(w, "peerOrganizations/a.test/tlsca/tlsca.a.test-cert.pem", CHAINCODES "client.crt"));
    run(w, "cd crypto && test $(stat -c %%a " CHAINCODES
           "client.key) = 600 -a -f peerOrganizations/a.test/chaincodeca/priv_sk");
    assert_int_equal(take(w, "crypto", "chaincodes.a.test"), FCC_ERR_EXISTS);
    /* the next one's peer has a certificate of the same authority */
    authority = content(w, CHAINCODES "client-ca.crt");
    run(w, "rm -r crypto/peerOrganizations/a.test/chaincodes");
    assert_int_equal(take(w, "crypto", "chaincodes.a.test"), FCC_OK);
    assert_true(fcc_bytes_equal(authority, content(w, CHAINCODES "client-ca.crt")));
    assert_int_equal(look(w, w->now, NULL), 0);
}

static void what_does_not_fit_is_not_taken_over(void **state)
{
    world *w = *state;

    enrol(w, "peers/peer0.a.test", "server");
    assert_int_equal(take(w, "new", "peer7.a.test"), FCC_ERR_CONFIG);
    said(w, FCC__E_CRT_NAME, "and not for peer7.a.test");
    run(w, "cp crypto/peerOrganizations/b.test/msp/tlscacerts/* enrolled/tls/tlscacerts/tls-localhost-7054-ca-a.pem");
    assert_int_equal(take(w, "new", "peer0.a.test"), FCC_ERR_CONFIG);
    said(w, FCC__E_CRT_CHAIN, "taken over as peerOrganizations/a.test/peers/peer0.a.test/tls/server.crt");
    enrol(w, "peers/peer0.a.test", "server");
    run(w, "cp enrolled/tls/keystore/77_sk enrolled/msp/keystore/4f8a_sk");
    assert_int_equal(take(w, "new", "peer0.a.test"), FCC_ERR_CONFIG);
    assert_non_null(strstr(w->error.text, "no private key there belongs to the certificate"));
    run(w, "test ! -e new/peerOrganizations && test -z \"$(ls -A new)\"");
    /* another one is there under the name, and an organisation with another authority */
    enrol(w, "users/Admin@a.test", "client");
    assert_int_equal(take(w, "crypto", "user1@a.test"), FCC_ERR_EXISTS);
    run(w, "mv crypto was");
    assert_int_equal(msp_generate(w->net, w->crypto, &w->error), FCC_OK);
    assert_int_equal(take(w, "crypto", "other@a.test"), FCC_ERR_CONFIG);
    said(w, FCC__E_CRT_CHAIN, "does not come from");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_missing_is_made_and_nothing_else, begin, end),
        cmocka_unit_test_setup_teardown(without_the_authoritys_key_nothing_is_half_made, begin, end),
        cmocka_unit_test_setup_teardown(faults_are_found_where_they_are, begin, end),
        cmocka_unit_test_setup_teardown(what_is_no_crypto_directory_is_said, begin, end),
        cmocka_unit_test_setup_teardown(the_renewed_one_is_the_same_person_with_another_key, begin, end),
        cmocka_unit_test_setup_teardown(new_addresses_come_into_renewed_servers, begin, end),
        cmocka_unit_test_setup_teardown(an_authority_is_renewed_with_its_key, begin, end),
        cmocka_unit_test_setup_teardown(nobody_is_not_renewed, begin, end),
        cmocka_unit_test_setup_teardown(a_server_takes_its_peers_client_and_nobody_else, begin, end),
        cmocka_unit_test_setup_teardown(material_of_before_is_warned_of_and_goes_on, begin, end),
        cmocka_unit_test_setup_teardown(a_new_key_is_another_authority, begin, end),
        cmocka_unit_test_setup_teardown(who_is_revoked_is_refused, begin, end),
        cmocka_unit_test_setup_teardown(who_is_revoked_at_the_same_time_is_on_one_list, begin, end),
        cmocka_unit_test_setup_teardown(a_list_that_not_all_have_is_given_to_the_others, begin, end),
        cmocka_unit_test_setup_teardown(two_that_make_a_key_at_the_same_time_make_one, begin, end),
        cmocka_unit_test_setup_teardown(what_cannot_be_revoked_is_said, begin, end),
        cmocka_unit_test_setup_teardown(what_a_fabric_ca_has_issued_is_taken_over, begin, end),
        cmocka_unit_test_setup_teardown(a_chaincode_server_is_taken_over_without_its_peers_part, begin, end),
        cmocka_unit_test_setup_teardown(what_does_not_fit_is_not_taken_over, begin, end),
    };

    return cmocka_run_group_tests_name("certs", tests, NULL, NULL);
}

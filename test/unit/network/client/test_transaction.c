/* What a client signs and sends, without a network: a certificate of its own is enough. */
#include "client/private.h"

#include "base/hash.h"
#include "protos/unpack.h"

#include "common/common.pb-c.h"
#include "msp/identities.pb-c.h"
#include "peer/chaincode.pb-c.h"
#include "peer/proposal.pb-c.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <cmocka.h>

typedef struct fixture {
    client c;
    fcc__arena *arena;
    fcc_error error;
    EVP_PKEY *key;
} fixture;

static fcc_bytes pem_of(BIO *bio)
{
    char *data;
    long len = BIO_get_mem_data(bio, &data);

    return fcc_bytes_of(data, (size_t)len);
}

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof(*f));
    X509 *cert = X509_new();
    BIO *cert_pem = BIO_new(BIO_s_mem()), *key_pem = BIO_new(BIO_s_mem());

    f->key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 7);
    X509_gmtime_adj(X509_getm_notBefore(cert), 0);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC, (const unsigned char *)"t", -1, -1, 0);
    X509_set_issuer_name(cert, X509_get_subject_name(cert));
    X509_set_pubkey(cert, f->key);
    assert_true(X509_sign(cert, f->key, EVP_sha256()) > 0);
    PEM_write_bio_X509(cert_pem, cert);
    PEM_write_bio_PrivateKey(key_pem, f->key, NULL, NULL, 0, NULL, NULL);
    f->arena = fcc__arena_new(64 << 20);
    f->c.channel = "medsync";
    assert_int_equal(msp_signer_new("TestMSP", pem_of(cert_pem), pem_of(key_pem), &f->c.signer, &f->error), FCC_OK);
    f->c.identity = msp_signer_identity(f->c.signer);
    BIO_free(cert_pem);
    BIO_free(key_pem);
    X509_free(cert);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;

    msp_signer_free(f->c.signer);
    EVP_PKEY_free(f->key);
    fcc__arena_free(f->arena);
    free(f);
    return 0;
}

static bool holds(const fixture *f, fcc_bytes bytes, fcc_bytes signature)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    int ok;

    assert_int_equal(EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, f->key), 1);
    ok = EVP_DigestVerify(ctx, signature.data, signature.len, bytes.data, bytes.len);
    EVP_MD_CTX_free(ctx);
    return ok == 1;
}

static bool low_s(fcc_bytes signature)
{
    const unsigned char *p = signature.data;
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &p, (long)signature.len);
    BIGNUM *half = NULL;
    bool low;

    BN_hex2bn(&half, "7FFFFFFF800000007FFFFFFFFFFFFFFFDE737D56D38BCF4279DCE5617E3192A8");
    low = BN_cmp(ECDSA_SIG_get0_s(sig), half) <= 0;
    BN_free(half);
    ECDSA_SIG_free(sig);
    return low;
}

static const fcc_bytes args[] = { { (const uint8_t *)"Put", 3 }, { (const uint8_t *)"\0k", 2 }, { NULL, 0 } };
static const client_transient transient[] = { { "in", { (const uint8_t *)"{}", 2 } } };

static client_call a_call(void)
{
    client_call call = { 0 };

    call.chaincode = "probe";
    call.args = args;
    call.arg_count = 3;
    call.transient = transient;
    call.transient_count = 1;
    return call;
}

static void a_transaction_id_is_the_hash_of_nonce_and_creator(void **state)
{
    char txid[65];

    client_txid(FCC_LIT("a"), FCC_LIT("bc"), txid);
    assert_string_equal(txid, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    client_txid(fcc_bytes_of(NULL, 0), fcc_bytes_of(NULL, 0), txid);
    assert_string_equal(txid, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

typedef struct opened {
    Common__ChannelHeader *channel;
    Common__SignatureHeader *signature;
    Protos__ChaincodeProposalPayload *payload;
    Protos__ChaincodeInvocationSpec *spec;
    Protos__ChaincodeHeaderExtension *extension;
} opened;

static void open_proposal(fixture *f, fcc_bytes bytes, opened *o)
{
    Protos__Proposal *p;
    Common__Header *h;

    assert_int_equal(FCC__UNPACK(protos__proposal, bytes, f->arena, &p), FCC_OK);
    assert_int_equal(FCC__UNPACK(common__header, fcc__of_pb(p->header), f->arena, &h), FCC_OK);
    assert_int_equal(FCC__UNPACK(common__channel_header, fcc__of_pb(h->channel_header), f->arena, &o->channel), FCC_OK);
    assert_int_equal(FCC__UNPACK(common__signature_header, fcc__of_pb(h->signature_header), f->arena, &o->signature),
                     FCC_OK);
    assert_int_equal(FCC__UNPACK(protos__chaincode_proposal_payload, fcc__of_pb(p->payload), f->arena, &o->payload),
                     FCC_OK);
    assert_int_equal(FCC__UNPACK(protos__chaincode_invocation_spec, fcc__of_pb(o->payload->input), f->arena, &o->spec),
                     FCC_OK);
    assert_int_equal(
        FCC__UNPACK(protos__chaincode_header_extension, fcc__of_pb(o->channel->extension), f->arena, &o->extension),
        FCC_OK);
}

static bool is(ProtobufCBinaryData field, fcc_bytes value)
{
    return fcc_bytes_equal(fcc__of_pb(field), value);
}

static void a_proposal_says_what_fabric_wants_to_read(void **state)
{
    fixture *f = *state;
    client_call call = a_call();
    client_proposal p;
    char txid[65];
    int64_t now = (int64_t)time(NULL);
    opened o;

    assert_int_equal(client_propose(&f->c, &call, f->arena, &p, &f->error), FCC_OK);
    open_proposal(f, p.bytes, &o);
    assert_int_equal(o.channel->type, COMMON__HEADER_TYPE__ENDORSER_TRANSACTION);
    assert_int_equal(o.channel->epoch, 0);
    assert_true(o.channel->timestamp->seconds >= now - 5 && o.channel->timestamp->seconds <= now + 60);
    assert_true(is(o.channel->channel_id, FCC_LIT("medsync")));
    assert_true(is(o.extension->chaincode_id->name, FCC_LIT("probe")));
    assert_true(is(o.signature->creator, msp_signer_identity(f->c.signer)));
    assert_int_equal(o.signature->nonce.len, 24);
    client_txid(fcc__of_pb(o.signature->nonce), fcc__of_pb(o.signature->creator), txid);
    assert_string_equal(p.txid, txid);
    assert_true(is(o.channel->tx_id, fcc_str(txid)));
    assert_true(is(o.spec->chaincode_spec->chaincode_id->name, FCC_LIT("probe")));
    assert_int_equal(o.spec->chaincode_spec->input->n_args, 3);
    assert_true(is(o.spec->chaincode_spec->input->args[1], args[1]));
    assert_int_equal(o.spec->chaincode_spec->input->args[2].len, 0);
    assert_int_equal(o.payload->n_transientmap, 1);
    assert_true(is(o.payload->transientmap[0]->key, FCC_LIT("in")));
    assert_true(is(o.payload->transientmap[0]->value, FCC_LIT("{}")));
    assert_true(holds(f, p.bytes, p.signature));
}

static void no_two_proposals_share_an_id(void **state)
{
    fixture *f = *state;
    client_call call = a_call();
    client_proposal a, b;

    assert_int_equal(client_propose(&f->c, &call, f->arena, &a, &f->error), FCC_OK);
    assert_int_equal(client_propose(&f->c, &call, f->arena, &b, &f->error), FCC_OK);
    assert_string_not_equal(a.txid, b.txid);
}

static void every_signature_has_a_low_s(void **state)
{
    fixture *f = *state;
    client_transaction t = { .payload = FCC_LIT("payload") };
    int i;

    for (i = 0; i < 50; i++) {
        assert_int_equal(client_sign(&f->c, &t, f->arena, &f->error), FCC_OK);
        assert_true(holds(f, t.payload, t.signature));
        assert_true(low_s(t.signature));
    }
}

static void tampering_does_what_it_is_called(void **state)
{
    fixture *f = *state;
    client_call call = a_call();
    client_proposal p;
    char txid[65];
    opened o;

    call.tamper = CLIENT_TAMPER_PROPOSAL;
    assert_int_equal(client_propose(&f->c, &call, f->arena, &p, &f->error), FCC_OK);
    assert_false(holds(f, p.bytes, p.signature));
    call.tamper = CLIENT_TAMPER_SIGNATURE;
    assert_int_equal(client_propose(&f->c, &call, f->arena, &p, &f->error), FCC_OK);
    assert_false(holds(f, p.bytes, p.signature));
    call.tamper = CLIENT_TAMPER_TXID;
    assert_int_equal(client_propose(&f->c, &call, f->arena, &p, &f->error), FCC_OK);
    assert_true(holds(f, p.bytes, p.signature));
    open_proposal(f, p.bytes, &o);
    client_txid(fcc__of_pb(o.signature->nonce), fcc__of_pb(o.signature->creator), txid);
    assert_string_not_equal(p.txid, txid);
}

static void the_clock_can_be_set_wrong_on_purpose(void **state)
{
    fixture *f = *state;
    client_call call = a_call();
    client_proposal p;
    opened o;

    f->c.clock_offset_s = -3600;
    assert_int_equal(client_propose(&f->c, &call, f->arena, &p, &f->error), FCC_OK);
    open_proposal(f, p.bytes, &o);
    assert_true(o.channel->timestamp->seconds < (int64_t)time(NULL) - 3000);
}

static void a_proposal_larger_than_memory_allows_is_refused(void **state)
{
    fixture *f = *state;
    fcc__arena *small = fcc__arena_new(16 << 10);
    uint8_t *large = calloc(1, 64 << 10);
    fcc_bytes many[2] = { FCC_LIT("f"), fcc_bytes_of(large, 64 << 10) };
    client_call call = a_call();
    client_proposal p;

    call.args = many;
    call.arg_count = 2;
    assert_int_equal(client_propose(&f->c, &call, small, &p, &f->error), FCC_ERR_LIMIT);
    fcc__arena_free(small);
    free(large);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_transaction_id_is_the_hash_of_nonce_and_creator),
        cmocka_unit_test_setup_teardown(a_proposal_says_what_fabric_wants_to_read, setup, teardown),
        cmocka_unit_test_setup_teardown(no_two_proposals_share_an_id, setup, teardown),
        cmocka_unit_test_setup_teardown(every_signature_has_a_low_s, setup, teardown),
        cmocka_unit_test_setup_teardown(tampering_does_what_it_is_called, setup, teardown),
        cmocka_unit_test_setup_teardown(the_clock_can_be_set_wrong_on_purpose, setup, teardown),
        cmocka_unit_test_setup_teardown(a_proposal_larger_than_memory_allows_is_refused, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

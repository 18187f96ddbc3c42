/* fcc/test.h: what a chaincode author can find out with it, tried with a chaincode of small functions. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fcc/statebased.h>
#include <fcc/test.h>

#define COLLECTIONS "test/unit/network/testing/collections.json"

/* ---- the chaincode ------------------------------------------------------------------------------------------------- */

static fcc_status set(fcc_stub *stub, fcc_args args)
{
    return fcc_put_state(stub, args.v[0], args.v[1]);
}

static fcc_status get(fcc_stub *stub, fcc_args args)
{
    fcc_bytes value;
    fcc_status st = fcc_get_state(stub, args.v[0], &value);

    if (st != FCC_OK)
        return st;
    if (value.len == 0)
        return fcc_fail(stub, FCC_ERR_APP, "no greeting for " FCC_FMT, FCC_ARG(args.v[0]));
    return fcc_reply(stub, value);
}

static fcc_status del(fcc_stub *stub, fcc_args args)
{
    return fcc_del_state(stub, args.v[0]);
}

/* Read, then write: two at once can't both be valid. */
static fcc_status append(fcc_stub *stub, fcc_args args)
{
    fcc_bytes value;
    char text[256];
    fcc_status st = fcc_get_state(stub, args.v[0], &value);

    if (st != FCC_OK)
        return st;
    snprintf(text, sizeof(text), FCC_FMT FCC_FMT, FCC_ARG(value), FCC_ARG(args.v[1]));
    return fcc_put_state(stub, args.v[0], fcc_str(text));
}

static fcc_status count(fcc_stub *stub, fcc_args args)
{
    char text[32];
    fcc_iter *iter;
    fcc_kv kv;
    int n = 0;
    fcc_status st = fcc_get_state_by_range(stub, args.v[0], args.v[1], &iter);

    for (; st == FCC_OK && fcc_iter_has_next(iter); n++)
        st = fcc_iter_next(iter, &kv);
    if (st != FCC_OK)
        return st;
    snprintf(text, sizeof(text), "%d", n);
    st = fcc_put_state(stub, args.v[2], fcc_str(text));
    return st == FCC_OK ? fcc_reply(stub, fcc_str(text)) : st;
}

static fcc_status history(fcc_stub *stub, fcc_args args)
{
    fcc_key_modification m;
    char text[1024] = "";
    size_t at = 0;
    fcc_iter *iter;
    fcc_status st = fcc_get_history_for_key(stub, args.v[0], &iter);

    while (st == FCC_OK && fcc_iter_has_next(iter)) {
        st = fcc_iter_next_modification(iter, &m);
        if (st == FCC_OK)
            at += (size_t)snprintf(text + at, sizeof(text) - at, "%s" FCC_FMT "@%lld;", m.is_delete ? "deleted" : "",
                                   FCC_ARG(m.value), (long long)m.seconds);
    }
    return st == FCC_OK ? fcc_reply(stub, fcc_str(text)) : st;
}

static fcc_status tell(fcc_stub *stub, fcc_args args)
{
    fcc_status st = fcc_set_event(stub, args.v[0], args.v[1]);

    return st == FCC_OK ? fcc_put_state(stub, args.v[0], args.v[1]) : st;
}

static fcc_status hide(fcc_stub *stub, fcc_args args)
{
    return fcc_put_private_data(stub, args.v[0], args.v[1], fcc_transient(stub, FCC_LIT("value")));
}

static fcc_status show(fcc_stub *stub, fcc_args args)
{
    fcc_bytes value;
    fcc_status st = fcc_get_private_data(stub, args.v[0], args.v[1], &value);

    return st == FCC_OK ? fcc_reply(stub, value) : st;
}

static fcc_status purge(fcc_stub *stub, fcc_args args)
{
    return fcc_purge_private_data(stub, args.v[0], args.v[1]);
}

/* From the next transaction on the peer of this organisation has to endorse what is written to the key. */
static fcc_status protect(fcc_stub *stub, fcc_args args)
{
    fcc_state_ep *ep;
    fcc_bytes policy;
    fcc_status st = fcc_state_ep_new(stub, FCC_LIT(""), &ep);

    if (st == FCC_OK)
        st = fcc_state_ep_add_orgs(ep, FCC_ROLE_PEER, &args.v[1], 1);
    if (st == FCC_OK)
        st = fcc_state_ep_policy(ep, &policy);
    return st == FCC_OK ? fcc_set_state_validation_parameter(stub, args.v[0], policy) : st;
}

static fcc_status unprotect(fcc_stub *stub, fcc_args args)
{
    return fcc_set_state_validation_parameter(stub, args.v[0], FCC_LIT(""));
}

/* Each peer another value: what an author shouldn't do. */
static fcc_status hide_a_guess(fcc_stub *stub, fcc_args args)
{
    static int calls;
    char text[32];

    snprintf(text, sizeof(text), "guess %d", calls++);
    return fcc_put_private_data(stub, args.v[0], args.v[1], fcc_str(text));
}

static fcc_status show_hash(fcc_stub *stub, fcc_args args)
{
    fcc_bytes value;
    fcc_status st = fcc_get_private_data_hash(stub, args.v[0], args.v[1], &value);

    return st == FCC_OK ? fcc_reply(stub, value) : st;
}

static fcc_status append_hidden(fcc_stub *stub, fcc_args args)
{
    fcc_bytes value;
    fcc_status st = fcc_get_private_data(stub, args.v[0], args.v[1], &value);

    return st == FCC_OK ? fcc_put_private_data(stub, args.v[0], args.v[1], args.v[2]) : st;
}

static fcc_status forward(fcc_stub *stub, fcc_args args)
{
    fcc_response response;
    fcc_status st = fcc_invoke_chaincode(stub, args.v[0], args.v + 1, args.n - 1, FCC_LIT(""), &response);

    if (st != FCC_OK)
        return st;
    return fcc_reply_status(stub, response.status, response.message, response.payload);
}

static fcc_status who(fcc_stub *stub, fcc_args args)
{
    fcc_bytes msp_id, value = { NULL, 0 }, fingerprint;
    char text[512], hex[65];
    int64_t seconds;
    int32_t nanos;
    bool found, admin;
    fcc_status st = fcc_client_msp_id(stub, &msp_id);

    if (st == FCC_OK)
        st = fcc_client_attribute(stub, FCC_LIT("role"), &value, &found);
    if (st == FCC_OK)
        st = fcc_client_has_ou(stub, FCC_LIT("admin"), &admin);
    if (st == FCC_OK)
        st = fcc_client_key_fingerprint(stub, &fingerprint);
    if (st == FCC_OK)
        st = fcc_tx_timestamp(stub, &seconds, &nanos);
    if (st != FCC_OK)
        return st;
    for (size_t i = 0; i < fingerprint.len; i++)
        snprintf(hex + 2 * i, 3, "%02x", fingerprint.data[i]);
    snprintf(text, sizeof(text), FCC_FMT " " FCC_FMT " %s %lld %s", FCC_ARG(msp_id), FCC_ARG(value),
             admin ? "admin" : "client", (long long)seconds, hex);
    return fcc_reply(stub, fcc_str(text));
}

/* Not the same at every peer, as a clock or a random number would be. */
static fcc_status guess(fcc_stub *stub, fcc_args args)
{
    static int guesses;
    char text[32];

    snprintf(text, sizeof(text), "%d", ++guesses);
    return fcc_put_state(stub, FCC_LIT("guess"), fcc_str(text));
}

static fcc_status echo(fcc_stub *stub, fcc_args args)
{
    return fcc_reply(stub, args.v[0]);
}

/* Does the caller's signature hold, as anybody can find out who has the certificate and OpenSSL? */
static bool holds(fcc_bytes serialized, fcc_bytes text, fcc_bytes signature)
{
    const char *begin = memmem(serialized.data, serialized.len, "-----BEGIN", strlen("-----BEGIN"));
    BIO *pem = begin ? BIO_new_mem_buf(begin, (int)(serialized.len - (size_t)(begin - (const char *)serialized.data)))
                     : NULL;
    X509 *cert = pem ? PEM_read_bio_X509(pem, NULL, NULL, NULL) : NULL;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool good = cert && EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, X509_get0_pubkey(cert)) == 1 &&
                EVP_DigestVerify(ctx, signature.data, signature.len, text.data, text.len) == 1;

    EVP_MD_CTX_free(ctx);
    X509_free(cert);
    BIO_free(pem);
    return good;
}

static fcc_status verify(fcc_stub *stub, fcc_args args)
{
    fcc_bytes proposal, signature;

    fcc_signed_proposal(stub, &proposal, &signature);
    return fcc_reply(stub, !holds(fcc_creator(stub), proposal, signature)   ? FCC_LIT("does not hold")
                           : holds(fcc_creator(stub), args.v[0], signature) ? FCC_LIT("holds for anything")
                                                                            : FCC_LIT("holds"));
}

static const fcc_function functions[] = {
    { "Set", set, 2 },
    { "Get", get, 1 },
    { "Del", del, 1 },
    { "Append", append, 2 },
    { "Count", count, 3 },
    { "History", history, 1 },
    { "Tell", tell, 2 },
    { "Hide", hide, 2 },
    { "Show", show, 2 },
    { "ShowHash", show_hash, 2 },
    { "Purge", purge, 2 },
    { "HideAGuess", hide_a_guess, 2 },
    { "Protect", protect, 2 },
    { "Unprotect", unprotect, 1 },
    { "AppendHidden", append_hidden, 3 },
    { "Forward", forward, FCC_ANY_ARGS },
    { "Who", who, 0 },
    { "Guess", guess, 0 },
    { "Echo", echo, 1 },
    { "Verify", verify, 1 },
};

static const fcc_chaincode chaincode = { functions, sizeof(functions) / sizeof(functions[0]), NULL, NULL, NULL };

static int set_up(void **state)
{
    fcc_test_chaincode cc = { .name = "cc", .chaincode = &chaincode, .collections = COLLECTIONS };
    fcc_test *t = fcc_test_new(NULL);

    fcc_test_install(t, &cc);
    *state = t;
    return 0;
}

static int tear_down(void **state)
{
    fcc_test_free(*state);
    return 0;
}

static void has(const char *text, const char *piece)
{
    if (!strstr(text, piece))
        fail_msg("\"%s\" is not in \"%s\"", piece, text);
}

static void valid(fcc_test_result r)
{
    if (r.status != 200 || r.code != FCC_TEST_VALID)
        fail_msg("%d %s, %s %s", (int)r.status, r.message, r.code_name, r.why);
}

/* ---- calls --------------------------------------------------------------------------------------------------------- */

static void a_greeting_is_kept_and_read(void **state)
{
    fcc_test *t = *state;
    fcc_test_result r = fcc_test_submit(t, "cc", "Set", "bob", "hello", FCC_END);

    valid(r);
    assert_string_equal(r.code_name, "VALID");
    assert_int_equal(strlen(r.tx_id), 64);
    r = fcc_test_evaluate(t, "cc", "Get", "bob", FCC_END);
    assert_int_equal(r.status, 200);
    assert_string_equal(r.payload, "hello");
    assert_int_equal(r.payload_len, 5);
    assert_int_equal(r.code, FCC_TEST_NONE);
    assert_string_equal((const char *)fcc_test_state(t, "cc", FCC_LIT("bob")).data, "hello");
}

static void get_of_unknown_name_is_an_error_naming_it(void **state)
{
    fcc_test_result r = fcc_test_evaluate(*state, "cc", "Get", "bob", FCC_END);

    assert_int_equal(r.status, 500);
    assert_string_equal(r.message, "no greeting for bob");
    r = fcc_test_submit(*state, "cc", "Get", "bob", FCC_END);
    assert_int_equal(r.status, 500);
    assert_string_equal(r.message, "no greeting for bob");
    assert_int_equal(r.code, FCC_TEST_NONE);
}

static void a_query_writes_nothing(void **state)
{
    assert_int_equal(fcc_test_evaluate(*state, "cc", "Set", "bob", "hello", FCC_END).status, 200);
    assert_int_equal(fcc_test_state(*state, "cc", FCC_LIT("bob")).len, 0);
}

static void arguments_may_hold_any_bytes(void **state)
{
    const fcc_bytes args[] = { FCC_LIT("Echo"), FCC_LIT("a\0b\xff") };
    fcc_test_result r = fcc_test_call(*state, FCC_TEST_EVALUATE, "cc", args, 2);

    assert_int_equal(r.payload_len, 4);
    assert_memory_equal(r.payload, "a\0b\xff", 4);
}

static void a_large_value_goes_both_ways(void **state)
{
    size_t len = (size_t)1 << 20;
    char *large = malloc(len + 1);

    memset(large, 'x', len);
    large[len] = 0;
    valid(fcc_test_submit(*state, "cc", "Set", "large", large, FCC_END));
    assert_int_equal(fcc_test_evaluate(*state, "cc", "Get", "large", FCC_END).payload_len, len);
    free(large);
}

static void callers_have_organisation_attributes_role_and_key(void **state)
{
    fcc_test *t = *state;
    const char *const attributes[] = { "role", "chief", NULL };
    fcc_test_identity admin = { .msp_id = "Org2MSP", .role = "admin", .attributes = attributes, .key = "k1" };
    char want[256];

    fcc_test_set_time(t, 1800000000);
    assert_int_equal(fcc_test_time(t), 1800000000);
    has(fcc_test_evaluate(t, "cc", "Who", FCC_END).payload, "Org1MSP  client 1800000000 ");
    fcc_test_as(t, "Org2MSP", "role", "doctor", FCC_END);
    has(fcc_test_evaluate(t, "cc", "Who", FCC_END).payload, "Org2MSP doctor client 1800000000 ");
    fcc_test_as_identity(t, &admin);
    snprintf(want, sizeof(want), "Org2MSP chief admin 1800000000 %s", fcc_test_fingerprint("k1"));
    assert_string_equal(fcc_test_evaluate(t, "cc", "Who", FCC_END).payload, want);
    valid(fcc_test_submit(t, "cc", "Set", "a", "b", FCC_END));
}

/* State with fingerprints in it can be kept for a test of tomorrow. */
static void a_key_follows_from_its_name_in_every_process(void **state)
{
    (void)state;
    assert_string_equal(fcc_test_fingerprint("k1"), "7748d1bbdd8fc4f519dc726ff505a1c86a954331012b3eb142c1517bc543b370");
    assert_string_not_equal(fcc_test_fingerprint("k1"), fcc_test_fingerprint("k2"));
}

static void signatures_are_those_of_the_certificates_key(void **state)
{
    assert_string_equal(fcc_test_evaluate(*state, "cc", "Verify", "other text", FCC_END).payload, "holds");
    fcc_test_as(*state, "Org2MSP", "role", "doctor", FCC_END);
    assert_string_equal(fcc_test_evaluate(*state, "cc", "Verify", "other text", FCC_END).payload, "holds");
}

static void a_peers_certificate_may_not_propose(void **state)
{
    fcc_test_identity peer = { .role = "peer" };
    fcc_test_result r;

    fcc_test_as_identity(*state, &peer);
    r = fcc_test_evaluate(*state, "cc", "Who", FCC_END);
    assert_int_equal(r.status, 500);
    has(r.message, "/Channel/Application/Writers");
}

static void an_event_comes_with_the_result(void **state)
{
    fcc_test_result r = fcc_test_submit(*state, "cc", "Tell", "Greeted", "bob", FCC_END);

    valid(r);
    assert_string_equal(r.event, "Greeted");
    assert_string_equal(r.event_payload, "bob");
    assert_string_equal(fcc_test_submit(*state, "cc", "Set", "a", "b", FCC_END).event, "");
}

static void the_trace_names_what_was_asked(void **state)
{
    fcc_test_result r = fcc_test_submit(*state, "cc", "Append", "bob", "x", FCC_END);

    assert_string_equal(r.trace, "cc get - bob\ncc put - bob\n");
    r = fcc_test_evaluate(*state, "cc", "Count", "a", "b", "n", FCC_END);
    assert_string_equal(r.trace, "cc range - a\ncc put - n\n");
}

/* ---- the ledger ---------------------------------------------------------------------------------------------------- */

static void history_is_newest_first_with_its_times(void **state)
{
    fcc_test *t = *state;

    fcc_test_set_time(t, 100);
    valid(fcc_test_submit(t, "cc", "Set", "bob", "one", FCC_END));
    fcc_test_set_time(t, 200);
    valid(fcc_test_submit(t, "cc", "Set", "bob", "two", FCC_END));
    fcc_test_set_time(t, 300);
    valid(fcc_test_submit(t, "cc", "Del", "bob", FCC_END));
    assert_string_equal(fcc_test_evaluate(t, "cc", "History", "bob", FCC_END).payload, "deleted@300;two@200;one@100;");
    assert_true(fcc_test_public_has(t, "one"));
    assert_false(fcc_test_public_has(t, "three"));
}

static void of_two_writers_in_a_block_the_second_reader_loses(void **state)
{
    fcc_test *t = *state;
    fcc_test_result first, second;
    fcc_test_block block;
    char text[512];

    valid(fcc_test_submit(t, "cc", "Set", "bob", "a", FCC_END));
    first = fcc_test_endorse(t, "cc", "Append", "bob", "b", FCC_END);
    assert_int_equal(first.status, 200);
    assert_int_equal(first.code, FCC_TEST_NONE);
    fcc_test_as(t, "Org2MSP", FCC_END);
    second = fcc_test_endorse(t, "cc", "Append", "bob", "c", FCC_END);
    block = fcc_test_commit(t);
    assert_int_equal(block.count, 2);
    assert_int_equal(block.number, 2);
    valid(block.tx[0]);
    assert_string_equal(block.tx[0].tx_id, first.tx_id);
    assert_string_equal(block.tx[0].why, "");
    assert_int_equal(block.tx[1].code, FCC_TEST_MVCC_READ_CONFLICT);
    assert_string_equal(block.tx[1].code_name, "MVCC_READ_CONFLICT");
    snprintf(text, sizeof(text),
             "Append of Org2MSP (transaction 1 of block 2, %.8s) has read key bob of cc, which was then written by "
             "Append of Org1MSP (transaction 0 of block 2, %.8s)",
             second.tx_id, first.tx_id);
    assert_string_equal(block.tx[1].why, text);
    assert_string_equal(fcc_test_evaluate(t, "cc", "Get", "bob", FCC_END).payload, "ab");
}

static void writers_that_do_not_read_are_all_valid(void **state)
{
    fcc_test *t = *state;
    fcc_test_block block;

    for (int i = 0; i < 10; i++) {
        char value[16];

        snprintf(value, sizeof(value), "%d", i);
        assert_int_equal(fcc_test_endorse(t, "cc", "Set", "bob", value, FCC_END).status, 200);
    }
    assert_int_equal(fcc_test_endorse(t, "cc", "Get", "nobody", FCC_END).status, 500);
    block = fcc_test_commit(t);
    assert_int_equal(block.count, 10);
    for (size_t i = 0; i < block.count; i++)
        valid(block.tx[i]);
    assert_string_equal(fcc_test_evaluate(t, "cc", "Get", "bob", FCC_END).payload, "9");
    assert_int_equal(fcc_test_commit(t).count, 0);
}

static void what_is_endorsed_before_a_write_and_ordered_after_it_is_invalid(void **state)
{
    fcc_test *t = *state;
    fcc_test_block block;

    assert_int_equal(fcc_test_endorse(t, "cc", "Append", "bob", "late", FCC_END).status, 200);
    valid(fcc_test_submit(t, "cc", "Set", "bob", "early", FCC_END));
    valid(fcc_test_submit(t, "cc", "Del", "bob", FCC_END));
    block = fcc_test_commit(t);
    assert_int_equal(block.tx[0].code, FCC_TEST_VALID); /* absent again is the version that was read */
    assert_int_equal(fcc_test_endorse(t, "cc", "Append", "bob", "late", FCC_END).status, 200);
    valid(fcc_test_submit(t, "cc", "Del", "bob", FCC_END));
    block = fcc_test_commit(t);
    assert_int_equal(block.tx[0].code, FCC_TEST_MVCC_READ_CONFLICT);
    has(block.tx[0].why, "has read key bob of cc, which was then written by Del of Org1MSP (transaction 0 of block 4,");
}

static void a_new_key_in_a_range_that_was_read_is_a_phantom(void **state)
{
    fcc_test *t = *state;
    fcc_test_block block;

    valid(fcc_test_submit(t, "cc", "Set", "a1", "x", FCC_END));
    assert_int_equal(fcc_test_endorse(t, "cc", "Set", "a2", "x", FCC_END).status, 200);
    assert_int_equal(fcc_test_endorse(t, "cc", "Set", "b1", "x", FCC_END).status, 200);
    assert_string_equal(fcc_test_endorse(t, "cc", "Count", "a", "b", "n", FCC_END).payload, "1");
    assert_string_equal(fcc_test_endorse(t, "cc", "Count", "c", "d", "m", FCC_END).payload, "0");
    block = fcc_test_commit(t);
    assert_int_equal(block.count, 4);
    assert_int_equal(block.tx[2].code, FCC_TEST_PHANTOM_READ_CONFLICT);
    has(block.tx[2].why, "Count of Org1MSP (transaction 2 of block 2,");
    has(block.tx[2].why,
        "has read a range of cc, in which key a2 was then written by Set of Org1MSP (transaction 0 of");
    valid(block.tx[3]);
    assert_string_equal(fcc_test_submit(t, "cc", "Count", "a", "b", "n", FCC_END).payload, "2");
}

static void blocks_are_validated_alike_however_often_it_is_tried(void **state)
{
    for (int round = 0; round < 3; round++) {
        fcc_test_block block;

        for (int i = 0; i < 5; i++)
            assert_int_equal(fcc_test_endorse(*state, "cc", "Append", "bob", "x", FCC_END).status, 200);
        block = fcc_test_commit(*state);
        assert_int_equal(block.count, 5);
        for (size_t i = 0; i < 5; i++)
            assert_int_equal(block.tx[i].code, i == 0 ? FCC_TEST_VALID : FCC_TEST_MVCC_READ_CONFLICT);
    }
    assert_string_equal(fcc_test_evaluate(*state, "cc", "Get", "bob", FCC_END).payload, "xxx");
}

/* ---- endorsement --------------------------------------------------------------------------------------------------- */

static void peers_that_compute_different_things_are_found_out(void **state)
{
    fcc_test_result r = fcc_test_submit(*state, "cc", "Guess", FCC_END);

    assert_int_equal(r.status, 500);
    has(r.message, "guess");
    assert_int_equal(r.code, FCC_TEST_NONE);
    assert_int_equal(fcc_test_state(*state, "cc", FCC_LIT("guess")).len, 0);
}

static void too_few_endorsements_are_invalid(void **state)
{
    fcc_test_result r;

    fcc_test_at(*state, "Org2MSP", FCC_END);
    r = fcc_test_submit(*state, "cc", "Set", "bob", "hello", FCC_END);
    assert_int_equal(r.status, 200);
    assert_int_equal(r.code, FCC_TEST_ENDORSEMENT_POLICY_FAILURE);
    has(r.why, "Set of Org1MSP (transaction 0 of block 1,");
    has(r.why, "is endorsed by Org2MSP,");
    assert_int_equal(fcc_test_state(*state, "cc", FCC_LIT("bob")).len, 0);
    valid(fcc_test_submit(*state, "cc", "Set", "bob", "hello", FCC_END));
}

static void a_policy_decides_who_is_asked(void **state)
{
    fcc_test_chaincode one = { .name = "one", .chaincode = &chaincode, .policy = "OR('Org2MSP.peer')" };
    const char *const second[] = { "Org2MSP", NULL };
    fcc_test_chaincode impossible = {
        .name = "impossible", .chaincode = &chaincode, .policy = "OR('Org1MSP.peer')", .msp_ids = second
    };
    fcc_test_result r;

    fcc_test_install(*state, &one);
    valid(fcc_test_submit(*state, "one", "Set", "a", "b", FCC_END));
    fcc_test_install(*state, &impossible);
    r = fcc_test_submit(*state, "impossible", "Set", "a", "b", FCC_END);
    assert_int_equal(r.status, 500);
    has(r.message, "no organisations that run chaincode impossible satisfy");
    fcc_test_at(*state, "Org1MSP", FCC_END);
    r = fcc_test_evaluate(*state, "impossible", "Get", "a", FCC_END);
    assert_int_equal(r.status, 500);
    has(r.message, "chaincode is not installed");
}

/* ---- policies of keys and collections ------------------------------------------------------------------------------ */

static fcc_test_result set_at(fcc_test *t, const char *msp_id, const char *chaincode_name)
{
    fcc_test_at(t, msp_id, FCC_END);
    return fcc_test_submit(t, chaincode_name, "Set", "k", "v", FCC_END);
}

static void a_keys_own_policy_decides_from_the_next_transaction_on(void **state)
{
    fcc_test *t = *state;
    fcc_test_chaincode one = { .name = "one", .chaincode = &chaincode, .policy = "OR('Org1MSP.peer')" };
    fcc_test_result r;

    fcc_test_install(t, &one);
    valid(fcc_test_submit(t, "one", "Protect", "k", "Org2MSP", FCC_END)); /* of a key that isn't there: nothing */
    valid(set_at(t, "Org1MSP", "one"));
    valid(fcc_test_submit(t, "one", "Protect", "k", "Org2MSP", FCC_END));
    r = set_at(t, "Org1MSP", "one");
    assert_int_equal(r.code, FCC_TEST_ENDORSEMENT_POLICY_FAILURE);
    has(r.why, "is endorsed by Org1MSP,");
    valid(fcc_test_submit(t, "one", "Set", "k", "v", FCC_END)); /* who is needed is asked */
    valid(set_at(t, "Org2MSP", "one"));                         /* the chaincode's own policy is out of force there */
    valid(fcc_test_submit(t, "one", "Set", "another", "v", FCC_END));
    fcc_test_at(t, "Org1MSP", FCC_END);
    r = fcc_test_submit(t, "one", "Unprotect", "k", FCC_END); /* which is a write as well */
    assert_int_equal(r.code, FCC_TEST_ENDORSEMENT_POLICY_FAILURE);
    valid(fcc_test_submit(t, "one", "Unprotect", "k", FCC_END));
    valid(set_at(t, "Org1MSP", "one"));
}

static void in_one_block_a_new_key_policy_fails_what_follows(void **state)
{
    fcc_test *t = *state;
    fcc_test_chaincode one = { .name = "one", .chaincode = &chaincode, .policy = "OR('Org1MSP.peer')" };
    fcc_test_block block;

    fcc_test_install(t, &one);
    fcc_test_endorse(t, "one", "Protect", "k", "Org2MSP", FCC_END);
    fcc_test_endorse(t, "one", "Set", "k", "v", FCC_END);
    block = fcc_test_commit(t);
    assert_int_equal(block.count, 2);
    assert_int_equal(block.tx[0].code, FCC_TEST_VALID);
    assert_int_equal(block.tx[1].code, FCC_TEST_ENDORSEMENT_POLICY_FAILURE);
}

static fcc_test_result hide_at(fcc_test *t, const char *msp_id, const char *collection)
{
    fcc_test_at(t, msp_id, FCC_END);
    fcc_test_transient(t, "value", FCC_LIT("v"));
    return fcc_test_submit(t, "cc", "Hide", collection, "k", FCC_END);
}

static void a_collections_policy_stands_in_for_the_chaincodes(void **state)
{
    valid(hide_at(*state, "Org1MSP", "ours")); /* the chaincode's own is a majority: both */
    assert_int_equal(hide_at(*state, "Org2MSP", "ours").code, FCC_TEST_ENDORSEMENT_POLICY_FAILURE);
    assert_int_equal(hide_at(*state, "Org1MSP", "both").code, FCC_TEST_ENDORSEMENT_POLICY_FAILURE);
    /* an organisation's implicit collection is endorsed by that organisation */
    valid(hide_at(*state, "Org2MSP", "_implicit_org_Org2MSP"));
    assert_int_equal(hide_at(*state, "Org1MSP", "_implicit_org_Org2MSP").code, FCC_TEST_ENDORSEMENT_POLICY_FAILURE);
}

/* ---- private data -------------------------------------------------------------------------------------------------- */

static fcc_test_result hide_value(fcc_test *t, const char *collection, const char *value)
{
    fcc_test_transient(t, "value", fcc_str(value));
    return fcc_test_submit(t, "cc", "Hide", collection, "k", FCC_END);
}

static void private_data_are_seen_by_members_and_their_hash_by_all(void **state)
{
    fcc_test *t = *state;
    fcc_test_result r = hide_value(t, "ours", "secret");

    valid(r);
    assert_string_equal((const char *)fcc_test_private(t, "Org1MSP", "cc", "ours", FCC_LIT("k")).data, "secret");
    assert_int_equal(fcc_test_private(t, "Org2MSP", "cc", "ours", FCC_LIT("k")).len, 0);
    assert_string_equal(fcc_test_evaluate(t, "cc", "Show", "ours", "k", FCC_END).payload, "secret");
    fcc_test_at(t, "Org2MSP", FCC_END);
    r = fcc_test_evaluate(t, "cc", "Show", "ours", "k", FCC_END);
    assert_int_equal(r.status, 500);
    has(r.message, "GET_STATE failed");
    fcc_test_at(t, "Org2MSP", FCC_END);
    assert_int_equal(fcc_test_evaluate(t, "cc", "ShowHash", "ours", "k", FCC_END).payload_len, 32);
    assert_false(fcc_test_public_has(t, "secret"));
}

static void private_data_end_after_their_blocks_to_live(void **state)
{
    fcc_test *t = *state;

    valid(hide_value(t, "brief", "secret")); /* block 1, lives two more: gone with block 4 */
    valid(fcc_test_submit(t, "cc", "Set", "x", "2", FCC_END));
    valid(fcc_test_submit(t, "cc", "Set", "x", "3", FCC_END));
    assert_string_equal((const char *)fcc_test_private(t, "Org2MSP", "cc", "brief", FCC_LIT("k")).data, "secret");
    valid(fcc_test_submit(t, "cc", "Set", "x", "4", FCC_END));
    assert_int_equal(fcc_test_private(t, "Org1MSP", "cc", "brief", FCC_LIT("k")).len, 0);
    assert_int_equal(fcc_test_private(t, "Org2MSP", "cc", "brief", FCC_LIT("k")).len, 0);
    assert_int_equal(fcc_test_evaluate(t, "cc", "ShowHash", "brief", "k", FCC_END).payload_len, 0);
    assert_string_equal(fcc_test_evaluate(t, "cc", "Show", "brief", "k", FCC_END).payload, "");
}

static void purged_data_are_gone_from_all_members(void **state)
{
    fcc_test *t = *state;

    valid(hide_value(t, "both", "one"));
    valid(hide_value(t, "both", "two"));
    valid(fcc_test_submit(t, "cc", "Purge", "both", "k", FCC_END));
    assert_int_equal(fcc_test_private(t, "Org1MSP", "cc", "both", FCC_LIT("k")).len, 0);
    assert_int_equal(fcc_test_private(t, "Org2MSP", "cc", "both", FCC_LIT("k")).len, 0);
    assert_int_equal(fcc_test_evaluate(t, "cc", "ShowHash", "both", "k", FCC_END).payload_len, 0);
    valid(hide_value(t, "both", "three"));
    assert_string_equal((const char *)fcc_test_private(t, "Org2MSP", "cc", "both", FCC_LIT("k")).data, "three");
}

static void private_values_that_differ_are_named_by_the_keys_hash_and_byte(void **state)
{
    fcc_test_result r = fcc_test_submit(*state, "cc", "HideAGuess", "both", "k", FCC_END);

    assert_int_equal(r.status, 500);
    has(r.message,
        "function HideAGuess is not deterministic between Org1MSP and Org2MSP: the values written to the key "
        "with hash 8254c329a92850f6... of collection both of chaincode cc differ at byte 6");
}

static void only_members_use_a_member_only_collection(void **state)
{
    static const char *const three[] = { "Org1MSP", "Org2MSP", "Org3MSP", NULL };
    fcc_test_chaincode cc = { .name = "cc",
                              .chaincode = &chaincode,
                              .policy = "OR('Org1MSP.peer', 'Org2MSP.peer', 'Org3MSP.peer')",
                              .collections = COLLECTIONS };
    fcc_test *t = fcc_test_new(three);
    fcc_test_result r;

    fcc_test_install(t, &cc);
    valid(hide_value(t, "both", "secret"));
    fcc_test_as(t, "Org2MSP", FCC_END);
    assert_string_equal(fcc_test_evaluate(t, "cc", "Show", "both", "k", FCC_END).payload, "secret");
    fcc_test_as(t, "Org3MSP", FCC_END);
    fcc_test_at(t, "Org1MSP", FCC_END);
    r = fcc_test_evaluate(t, "cc", "Show", "both", "k", FCC_END);
    assert_int_equal(r.status, 500);
    has(r.message, "does not have read access permission on privatedata in chaincodeName:cc collectionName: both");
    fcc_test_at(t, "Org1MSP", FCC_END);
    r = hide_value(t, "both", "other");
    assert_int_equal(r.status, 500);
    has(r.message, "does not have write access permission on privatedata in chaincodeName:cc collectionName: both");
    fcc_test_free(t);
}

static void a_conflict_over_a_private_key_names_it(void **state)
{
    fcc_test *t = *state;
    fcc_test_block block;

    assert_int_equal(fcc_test_endorse(t, "cc", "AppendHidden", "both", "k", "one", FCC_END).status, 200);
    assert_int_equal(fcc_test_endorse(t, "cc", "AppendHidden", "both", "k", "two", FCC_END).status, 200);
    block = fcc_test_commit(t);
    valid(block.tx[0]);
    assert_int_equal(block.tx[1].code, FCC_TEST_MVCC_READ_CONFLICT);
    has(block.tx[1].why, "has read key k of cc, collection both, which was then written by AppendHidden of Org1MSP");
    assert_string_equal((const char *)fcc_test_private(t, "Org2MSP", "cc", "both", FCC_LIT("k")).data, "one");
}

/* ---- other chaincodes ---------------------------------------------------------------------------------------------- */

static void a_called_chaincode_writes_in_the_same_transaction(void **state)
{
    fcc_test_chaincode other = { .name = "other", .chaincode = &chaincode };
    fcc_test *t = *state;
    fcc_test_result r;
    fcc_test_block block;

    fcc_test_install(t, &other);
    r = fcc_test_submit(t, "cc", "Forward", "other", "Set", "bob", "hello", FCC_END);
    valid(r);
    assert_string_equal(r.trace, "cc call - other\nother put - bob\n");
    assert_int_equal(fcc_test_state(t, "cc", FCC_LIT("bob")).len, 0);
    assert_string_equal((const char *)fcc_test_state(t, "other", FCC_LIT("bob")).data, "hello");
    r = fcc_test_evaluate(t, "cc", "Forward", "other", "Get", "eve", FCC_END);
    assert_int_equal(r.status, 500);
    assert_string_equal(r.message, "no greeting for eve");

    assert_int_equal(fcc_test_endorse(t, "other", "Append", "bob", "!", FCC_END).status, 200);
    assert_int_equal(fcc_test_endorse(t, "cc", "Forward", "other", "Append", "bob", "?", FCC_END).status, 200);
    block = fcc_test_commit(t);
    assert_int_equal(block.tx[1].code, FCC_TEST_MVCC_READ_CONFLICT);
    has(block.tx[1].why, "Forward of Org1MSP (transaction 1 of block 2,");
    has(block.tx[1].why, "has read key bob of other, which was then written by Append of Org1MSP");
}

static void composite_keys_are_shown_with_their_parts(void **state)
{
    fcc_bytes key = fcc_test_key(*state, "N", "bob", "1", FCC_END);

    assert_int_equal(key.len, 9);
    assert_memory_equal(key.data,
                        "\0N\0bob\0"
                        "1\0",
                        9);
}

static void two_channels_have_nothing_in_common(void **state)
{
    void *other = NULL;

    set_up(&other);
    valid(fcc_test_submit(*state, "cc", "Set", "bob", "hello", FCC_END));
    assert_int_equal(fcc_test_state(other, "cc", FCC_LIT("bob")).len, 0);
    valid(fcc_test_submit(other, "cc", "Set", "bob", "hi", FCC_END));
    tear_down(&other);
    assert_string_equal(fcc_test_evaluate(*state, "cc", "Get", "bob", FCC_END).payload, "hello");
}

static void what_is_set_for_the_next_call_ends_with_it(void **state)
{
    fcc_test *t = *state;

    valid(hide_value(t, "both", "secret"));
    valid(fcc_test_submit(t, "cc", "Hide", "both", "k", FCC_END)); /* an empty value: a delete */
    assert_int_equal(fcc_test_private(t, "Org1MSP", "cc", "both", FCC_LIT("k")).len, 0);
    fcc_test_at(t, "Org2MSP", FCC_END);
    fcc_test_evaluate(t, "cc", "Who", FCC_END);
    valid(fcc_test_submit(t, "cc", "Set", "a", "b", FCC_END));
}

/* What a mistaken call says before it ends the program. */
static void mistake(fcc_test *t, void (*call)(fcc_test *t), const char *want)
{
    char said[512] = "";
    int pipe_fds[2], status;
    size_t at = 0;
    ssize_t n;
    pid_t child;

    assert_int_equal(pipe(pipe_fds), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        dup2(pipe_fds[1], STDERR_FILENO);
        call(t);
        _exit(0);
    }
    close(pipe_fds[1]);
    while (at < sizeof(said) - 1 && (n = read(pipe_fds[0], said + at, sizeof(said) - 1 - at)) > 0)
        at += (size_t)n;
    close(pipe_fds[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
    has(said, want);
}

static void call_unknown(fcc_test *t)
{
    fcc_test_evaluate(t, "nothing", "Get", FCC_END);
}

static void copy_early(fcc_test *t)
{
    fcc_test_endorse(t, "cc", "Set", "bob", "hello", FCC_END);
    fcc_test_free(fcc_test_copy(t));
}

static void ask_unknown(fcc_test *t)
{
    fcc_test_at(t, "Org9MSP", FCC_END);
}

static void be_unknown(fcc_test *t)
{
    fcc_test_as(t, "Org9MSP", FCC_END);
}

static void misspell_a_policy(fcc_test *t)
{
    fcc_test_chaincode bad = { .name = "bad", .chaincode = &chaincode, .policy = "BOTH('Org1MSP.peer')" };

    fcc_test_install(t, &bad);
}

static void miss_collections(fcc_test *t)
{
    fcc_test_chaincode bad = { .name = "bad", .chaincode = &chaincode, .collections = "no/such/file.json" };

    fcc_test_install(t, &bad);
}

static void a_mistake_of_the_test_is_named(void **state)
{
    mistake(*state, call_unknown, "fcc_test: chaincode nothing is not installed");
    mistake(*state, ask_unknown, "fcc_test: the channel has no organisation Org9MSP");
    mistake(*state, be_unknown, "fcc_test: the channel has no organisation Org9MSP");
    mistake(*state, misspell_a_policy, "fcc_test: bad: ");
    mistake(*state, miss_collections, "no/such/file.json");
    mistake(*state, copy_early, "fcc_test: a channel cannot be copied while transactions wait for fcc_test_commit");
}

static fcc_bytes greeting_of(fcc_test *t, const char *name)
{
    return fcc_test_state(t, "cc", fcc_str(name));
}

static void a_copy_begins_with_the_same_and_goes_its_own_way(void **state)
{
    fcc_test *t = *state, *copy;
    fcc_test_result r;

    fcc_test_set_time(t, 1800000000);
    valid(fcc_test_submit(t, "cc", "Set", "bob", "hello", FCC_END));
    valid(hide_value(t, "ours", "secret"));
    copy = fcc_test_copy(t);
    assert_int_equal(fcc_test_time(copy), 1800000000);
    assert_string_equal((const char *)greeting_of(copy, "bob").data, "hello");
    assert_string_equal((const char *)fcc_test_private(copy, "Org1MSP", "cc", "ours", FCC_LIT("k")).data, "secret");
    assert_true(fcc_test_public_has(copy, "hello"));
    assert_false(fcc_test_public_has(copy, "secret"));
    valid(fcc_test_submit(t, "cc", "Set", "bob", "theirs", FCC_END));
    assert_string_equal((const char *)greeting_of(copy, "bob").data, "hello");
    fcc_test_free(t); /* the copy needs it no more */
    valid(fcc_test_submit(copy, "cc", "Append", "bob", "!", FCC_END));
    r = fcc_test_evaluate(copy, "cc", "History", "bob", FCC_END);
    has(r.payload, "hello");
    has(r.payload, "hello!");
    *state = fcc_test_copy(copy); /* a copy of a copy */
    assert_string_equal((const char *)greeting_of(*state, "bob").data, "hello!");
    fcc_test_free(copy);
}

static void what_was_saved_is_restored_for_the_same_organisations(void **state)
{
    static const char *const orgs[] = { "Org1MSP", "Org2MSP", NULL };
    fcc_test_chaincode cc = { .name = "cc", .chaincode = &chaincode, .collections = COLLECTIONS };
    fcc_test *t = *state, *again;
    fcc_test_result r;
    fcc_bytes saved;

    fcc_test_set_time(t, 1800000000);
    valid(fcc_test_submit(t, "cc", "Set", "bob", "hello", FCC_END));
    valid(hide_value(t, "ours", "secret"));
    saved = fcc_test_save(t);
    again = fcc_test_restore(orgs, saved);
    fcc_test_free(t);
    *state = again;
    assert_int_equal(fcc_test_time(again), 1800000000);
    assert_true(fcc_test_public_has(again, "hello"));
    assert_false(fcc_test_public_has(again, "secret"));
    fcc_test_install(again, &cc);
    assert_string_equal((const char *)greeting_of(again, "bob").data, "hello");
    assert_string_equal((const char *)fcc_test_private(again, "Org1MSP", "cc", "ours", FCC_LIT("k")).data, "secret");
    r = fcc_test_submit(again, "cc", "Append", "bob", "!", FCC_END); /* no transaction id comes twice */
    valid(r);
    r = fcc_test_evaluate(again, "cc", "History", "bob", FCC_END);
    has(r.payload, "hello!");
}

static void restore_half(fcc_test *t)
{
    fcc_bytes saved = fcc_test_save(t);

    fcc_test_free(fcc_test_restore(NULL, fcc_bytes_of(saved.data, saved.len / 2)));
}

static void restore_text(fcc_test *t)
{
    static const char text[512] = "no such thing";

    fcc_test_free(fcc_test_restore(NULL, fcc_bytes_of(text, sizeof(text))));
}

static void restore_for_others(fcc_test *t)
{
    static const char *const orgs[] = { "Org1MSP", "Org3MSP", NULL };

    fcc_test_free(fcc_test_restore(orgs, fcc_test_save(t)));
}

static void save_early(fcc_test *t)
{
    fcc_bytes saved;

    fcc_test_endorse(t, "cc", "Set", "bob", "hello", FCC_END);
    saved = fcc_test_save(t);
    fcc_test_free(fcc_test_restore(NULL, saved));
}

static void what_was_not_saved_is_not_restored(void **state)
{
    mistake(*state, restore_half, "fcc_test: what is restored is not what fcc_test_save gave");
    mistake(*state, restore_text, "fcc_test: what is restored is not what fcc_test_save gave");
    mistake(*state, restore_for_others, "fcc_test: what is restored is of a channel of other organisations");
    mistake(*state, save_early, "fcc_test: a channel cannot be saved while transactions wait for fcc_test_commit");
}

static void a_copys_conflicts_are_told_as_any(void **state)
{
    fcc_test *t = *state, *copy;
    fcc_test_block block;

    valid(fcc_test_submit(t, "cc", "Set", "bob", "hello", FCC_END));
    copy = fcc_test_copy(t);
    fcc_test_endorse(copy, "cc", "Append", "bob", "1", FCC_END);
    fcc_test_endorse(copy, "cc", "Append", "bob", "2", FCC_END);
    block = fcc_test_commit(copy);
    assert_int_equal(block.count, 2);
    valid(block.tx[0]);
    assert_int_equal(block.tx[1].code, FCC_TEST_MVCC_READ_CONFLICT);
    has(block.tx[1].why, "then written by Append of Org1MSP (transaction 0 of block 2,");
    fcc_test_free(copy);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_greeting_is_kept_and_read),
        TEST(get_of_unknown_name_is_an_error_naming_it),
        TEST(a_query_writes_nothing),
        TEST(arguments_may_hold_any_bytes),
        TEST(a_large_value_goes_both_ways),
        TEST(callers_have_organisation_attributes_role_and_key),
        TEST(a_key_follows_from_its_name_in_every_process),
        TEST(signatures_are_those_of_the_certificates_key),
        TEST(a_peers_certificate_may_not_propose),
        TEST(an_event_comes_with_the_result),
        TEST(the_trace_names_what_was_asked),
        TEST(history_is_newest_first_with_its_times),
        TEST(of_two_writers_in_a_block_the_second_reader_loses),
        TEST(writers_that_do_not_read_are_all_valid),
        TEST(what_is_endorsed_before_a_write_and_ordered_after_it_is_invalid),
        TEST(a_new_key_in_a_range_that_was_read_is_a_phantom),
        TEST(blocks_are_validated_alike_however_often_it_is_tried),
        TEST(peers_that_compute_different_things_are_found_out),
        TEST(too_few_endorsements_are_invalid),
        TEST(a_policy_decides_who_is_asked),
        TEST(a_keys_own_policy_decides_from_the_next_transaction_on),
        TEST(in_one_block_a_new_key_policy_fails_what_follows),
        TEST(a_collections_policy_stands_in_for_the_chaincodes),
        TEST(private_data_are_seen_by_members_and_their_hash_by_all),
        TEST(private_data_end_after_their_blocks_to_live),
        TEST(purged_data_are_gone_from_all_members),
        TEST(private_values_that_differ_are_named_by_the_keys_hash_and_byte),
        TEST(only_members_use_a_member_only_collection),
        TEST(a_conflict_over_a_private_key_names_it),
        TEST(a_called_chaincode_writes_in_the_same_transaction),
        TEST(composite_keys_are_shown_with_their_parts),
        TEST(two_channels_have_nothing_in_common),
        TEST(what_is_set_for_the_next_call_ends_with_it),
        TEST(a_copy_begins_with_the_same_and_goes_its_own_way),
        TEST(a_copys_conflicts_are_told_as_any),
        TEST(what_was_saved_is_restored_for_the_same_organisations),
        TEST(what_was_not_saved_is_not_restored),
        TEST(a_mistake_of_the_test_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

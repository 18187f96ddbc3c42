/*
 * consortium.h: two organisations with a ledger in memory, and chaincodes whose side of the stream is played by hand.
 * For the peer's tests: they put messages in and look at what comes out.
 */
#ifndef TEST_CONSORTIUM_H
#define TEST_CONSORTIUM_H

#include "msp/material.h"
#include "msp/policy.h"
#include "peer/assemble.h"
#include "peer/host.h"
#include "protos/unpack.h"

#include "common/common.pb-c.h"
#include "peer/chaincode_shim.pb-c.h"
#include "peer/collection.pb-c.h"
#include "peer/transaction.pb-c.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static const char consortium_yaml[] =
    "channel: trial\n"
    "batch: {timeout_ms: 20, max_message_count: 10, absolute_max_bytes: 1000000, preferred_max_bytes: 500000}\n"
    "orderer: {name: Orderer, mspid: OrdererMSP, domain: orderer.test, node: o1, address: \"127.0.0.1:7050\"}\n"
    "organisations:\n"
    "  - name: A\n"
    "    mspid: AMSP\n"
    "    domain: a.test\n"
    "    peer: {name: peer0, address: \"127.0.0.1:7051\"}\n"
    "    sites: [{gln: \"4012345000016\", type: hospital, region: DE-BE}]\n"
    "    users:\n"
    "      - {name: Admin, kind: admin, role: admin, uid: a0, site: \"4012345000016\"}\n"
    "      - {name: doctor1, role: doctor, uid: a1, site: \"4012345000016\"}\n"
    "  - name: B\n"
    "    mspid: BMSP\n"
    "    domain: b.test\n"
    "    peer: {name: peer0, address: \"127.0.0.1:8051\"}\n"
    "    sites: [{gln: \"4012345001013\", type: practice, region: DE-BE}]\n"
    "    users:\n"
    "      - {name: Admin, kind: admin, role: admin, uid: b0, site: \"4012345001013\"}\n"
    "chaincodes:\n"
    "  - {name: cc, version: \"1\", sequence: 1, policy: \"AND('AMSP.peer','BMSP.peer')\", organisations: [A, B]}\n"
    "  - {name: other, version: \"1\", sequence: 1, policy: \"OR('AMSP.peer','BMSP.peer')\", organisations: [A, B]}\n"
    "  - {name: elsewhere, version: \"1\", sequence: 1, policy: \"OR('BMSP.peer')\", organisations: [B]}\n";

enum { SENT_MAX = 64 };

/* What a peer has sent to one scripted chaincode. */
struct script {
    fcc__arena *arena;
    fcc_bytes sent[SENT_MAX];
    size_t count;
    bool ready;
};

struct consortium {
    char dir[64];
    fcc__arena *arena;
    config_network *config;
    ledger *ledger;
    msp_signer *orderer, *peers[2], *admins[2], *doctor;
    peer_host *hosts[2];
    ledger_definition definitions[3];
    int64_t now_ns, now_ms;
    struct script scripts[40];
    size_t script_count;
};

static inline fcc_status consortium_definition(void *ctx, fcc_bytes name, ledger_definition *out)
{
    struct consortium *c = ctx;

    for (size_t i = 0; i < c->config->chaincode_count; i++)
        if (fcc_bytes_equal(fcc_str(c->config->chaincodes[i].name), name)) {
            *out = c->definitions[i];
            return FCC_OK;
        }
    return FCC_ERR_NOT_FOUND;
}

static inline int64_t consortium_now_ns(void *ctx)
{
    return ((struct consortium *)ctx)->now_ns;
}

static inline int64_t consortium_now_ms(void *ctx)
{
    return ((struct consortium *)ctx)->now_ms;
}

static inline void must(fcc_status st, const fcc_error *error)
{
    if (st != FCC_OK)
        fail_msg("%s: %s", fcc_status_name(st), error ? error->text : "");
}

static bool consortium_builds_all; /* "strange" ones too */

static inline fcc_status consortium_package(void *ctx, fcc_bytes package, fcc__arena *arena, const char **label,
                                            fcc_error *error)
{
    (void)ctx;
    if (fcc_bytes_equal(package, FCC_LIT("torn")))
        return fcc_error_set(error, FCC_ERR_PROTO, "error reading as gzip stream");
    *label = fcc__arena_printf(arena, "a_1");
    if (!consortium_builds_all && fcc_bytes_equal(package, FCC_LIT("strange")))
        return fcc_error_set(error, FCC_ERR_CONFIG, "no builder for it");
    return FCC_OK;
}

/* With definitions as the configuration has them; or, with `own`, only with those that the channel commits. */
static inline int consortium_raise(void **state, bool own)
{
    static const char *const orgs[] = { "AMSP", "BMSP" };
    struct consortium *c = calloc(1, sizeof(*c));
    ledger_options options = { .orgs = orgs, .org_count = 2, .definition = consortium_definition };
    const char *crypto;
    ledger_committed committed;
    fcc_error error = { 0 };
    fcc_bytes genesis, policy;

    assert_non_null(c);
    *state = c;
    c->arena = fcc__arena_new(256 << 20);
    strcpy(c->dir, "/tmp/medsync-peer-XXXXXX");
    assert_non_null(mkdtemp(c->dir));
    c->now_ns = 1800000000LL * 1000000000;
    must(config_parse(fcc_str(consortium_yaml), "trial.yaml", &c->config, &error), &error);
    crypto = fcc__arena_printf(c->arena, "%s/crypto", c->dir);
    must(msp_generate(c->config, crypto, &error), &error);
    for (size_t i = 0; i < c->config->chaincode_count; i++) {
        must(msp_policy_parse(c->config->chaincodes[i].policy, c->arena, &policy, &error), &error);
        must(msp_policy_application(policy, c->arena, &c->definitions[i].policy), NULL);
        c->definitions[i].version = FCC_LIT("1");
    }
    options.definition_ctx = c;
    if (own)
        options.definition = NULL;
    must(ledger_open(&options, &c->ledger, &error), &error);
    must(msp_genesis(c->config, crypto, c->now_ns / 1000000000, c->arena, &genesis, &error), &error);
    must(ledger_commit(c->ledger, genesis, c->arena, &committed, &error), &error);
    must(msp_signer_load(msp_path_orderer_msp(c->arena, crypto, &c->config->orderer, 0), "OrdererMSP", &c->orderer,
                         &error),
         &error);
    must(msp_signer_load(msp_path_user_msp(c->arena, crypto, &c->config->orgs[0], "doctor1"), "AMSP", &c->doctor,
                         &error),
         &error);
    for (size_t i = 0; i < 2; i++) {
        peer_host_options host = { .ledger = c->ledger };

        must(msp_signer_load(msp_path_peer_msp(c->arena, crypto, &c->config->orgs[i]), orgs[i], &c->peers[i], &error),
             &error);
        host.signer = c->peers[i];
        host.clock = (peer_clock){ consortium_now_ns, consortium_now_ms, c };
        host.packages.read = consortium_package;
        must(peer_host_new(&host, &c->hosts[i], &error), &error);
        must(msp_signer_load(msp_path_user_msp(c->arena, crypto, &c->config->orgs[i], "Admin"), orgs[i], &c->admins[i],
                             &error),
             &error);
        must(peer_host_install(c->hosts[i], "cc", "cc_1:aa"), NULL);
        must(peer_host_install(c->hosts[i], "other", "other_1:bb"), NULL);
    }
    return 0;
}

static inline int consortium_up(void **state)
{
    return consortium_raise(state, false);
}

static inline int consortium_up_alone(void **state)
{
    return consortium_raise(state, true);
}

static inline int remove_one(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
    (void)info;
    (void)kind;
    (void)walk;
    return remove(path);
}

static inline int consortium_down(void **state)
{
    struct consortium *c = *state;

    for (size_t i = 0; i < 2; i++) {
        peer_host_free(c->hosts[i]);
        msp_signer_free(c->peers[i]);
        msp_signer_free(c->admins[i]);
    }
    msp_signer_free(c->doctor);
    msp_signer_free(c->orderer);
    ledger_close(c->ledger);
    config_free(c->config);
    for (size_t i = 0; i < c->script_count; i++)
        fcc__arena_free(c->scripts[i].arena);
    fcc__arena_free(c->arena);
    nftw(c->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(c);
    return 0;
}

/* ---- proposals --------------------------------------------------------------------------------------------------- */

/* What is wrong about a proposal, if anything. */
struct flaws {
    const char *channel, *chaincode, *txid;
    bool no_nonce, no_creator, bad_creator, bad_signature, no_signature;
    int32_t type;
    uint64_t epoch;
    fcc_bytes last; /* a last argument of bytes */
    int64_t shift_s;
    const msp_signer *signer;
};

/* A signed proposal of doctor1 with one argument list, its transient data {"in": transient} when that is set. */
static inline Protos__SignedProposal propose(struct consortium *c, const char *const *args, size_t count,
                                             const char *transient, const struct flaws *flaws)
{
    static const struct flaws none = { 0 };
    const struct flaws *f = flaws ? flaws : &none;
    const msp_signer *signer = f->signer ? f->signer : c->doctor;
    Common__ChannelHeader ch = COMMON__CHANNEL_HEADER__INIT;
    Common__SignatureHeader sh = COMMON__SIGNATURE_HEADER__INIT;
    Common__Header header = COMMON__HEADER__INIT;
    Protos__ChaincodeHeaderExtension extension = PROTOS__CHAINCODE_HEADER_EXTENSION__INIT;
    Protos__ChaincodeID id = PROTOS__CHAINCODE_ID__INIT;
    Protos__ChaincodeInput input = PROTOS__CHAINCODE_INPUT__INIT;
    Protos__ChaincodeSpec spec = PROTOS__CHAINCODE_SPEC__INIT;
    Protos__ChaincodeInvocationSpec invocation = PROTOS__CHAINCODE_INVOCATION_SPEC__INIT;
    Protos__ChaincodeProposalPayload payload = PROTOS__CHAINCODE_PROPOSAL_PAYLOAD__INIT;
    Protos__BytesEntry entry = PROTOS__BYTES_ENTRY__INIT, *entries[] = { &entry };
    Protos__Proposal proposal = PROTOS__PROPOSAL__INIT;
    Protos__SignedProposal signed_proposal = PROTOS__SIGNED_PROPOSAL__INIT;
    Google__Protobuf__Timestamp now = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    static unsigned serial;
    ProtobufCBinaryData list[16];
    fcc_bytes nonce, bytes, signature, parts[2];
    fcc__sha256 digest;

    nonce = fcc_str(fcc__arena_printf(c->arena, "nonce-%018u", ++serial));
    parts[0] = f->no_nonce ? fcc_bytes_of(NULL, 0) : nonce;
    parts[1] = f->no_creator ? fcc_bytes_of(NULL, 0) : f->bad_creator ? FCC_LIT("nobody") : msp_signer_identity(signer);
    digest = fcc__sha256_of_many(parts, 2);
    id.name = fcc__pb(fcc_str(f->chaincode ? f->chaincode : "cc"));
    extension.chaincode_id = &id;
    must(fcc__pack(&extension, c->arena, &bytes), NULL);
    now.seconds = c->now_ns / 1000000000 + f->shift_s;
    ch.type = f->type ? f->type : COMMON__HEADER_TYPE__ENDORSER_TRANSACTION;
    ch.timestamp = &now;
    ch.channel_id = fcc__pb(fcc_str(f->channel ? f->channel : "trial"));
    ch.tx_id = fcc__pb(f->txid ? fcc_str(f->txid) : fcc__hex(c->arena, fcc__sha256_bytes(&digest)));
    ch.epoch = f->epoch;
    ch.extension = fcc__pb(bytes);
    must(fcc__pack(&ch, c->arena, &bytes), NULL);
    header.channel_header = fcc__pb(bytes);
    sh.nonce = fcc__pb(parts[0]);
    sh.creator = fcc__pb(parts[1]);
    must(fcc__pack(&sh, c->arena, &bytes), NULL);
    header.signature_header = fcc__pb(bytes);
    must(fcc__pack(&header, c->arena, &bytes), NULL);
    proposal.header = fcc__pb(bytes);
    for (size_t i = 0; i < count; i++)
        list[i] = fcc__pb(fcc_str(args[i]));
    if (f->last.data)
        list[count++] = fcc__pb(f->last);
    input.args = list;
    input.n_args = count;
    spec.type = PROTOS__CHAINCODE_SPEC__TYPE__GOLANG;
    spec.chaincode_id = &id;
    spec.input = &input;
    invocation.chaincode_spec = &spec;
    must(fcc__pack(&invocation, c->arena, &bytes), NULL);
    payload.input = fcc__pb(bytes);
    if (transient) {
        entry.key = fcc__pb(FCC_LIT("in"));
        entry.value = fcc__pb(fcc_str(transient));
        payload.transientmap = entries;
        payload.n_transientmap = 1;
    }
    must(fcc__pack(&payload, c->arena, &bytes), NULL);
    proposal.payload = fcc__pb(bytes);
    must(fcc__pack(&proposal, c->arena, &bytes), NULL);
    signed_proposal.proposal_bytes = fcc__pb(bytes);
    if (f->bad_signature)
        bytes = FCC_LIT("something else");
    must(msp_sign(signer, &bytes, 1, c->arena, &signature), NULL);
    if (!f->no_signature)
        signed_proposal.signature = fcc__pb(signature);
    return signed_proposal;
}

static inline peer_proposal *unpacked(struct consortium *c, const Protos__SignedProposal *signed_proposal)
{
    peer_proposal *p = fcc__arena_zalloc(c->arena, 1, sizeof(*p));
    fcc_error error = { 0 };

    must(peer_proposal_unpack(signed_proposal, c->arena, p, &error), &error);
    return p;
}

static inline peer_proposal *a_proposal(struct consortium *c, const char *function)
{
    Protos__SignedProposal s = propose(c, &function, 1, NULL, NULL);

    return unpacked(c, &s);
}

/* ---- the chaincode's side ---------------------------------------------------------------------------------------- */

static inline void script_send(void *ctx, fcc_bytes message)
{
    struct script *s = ctx;

    assert_true(s->count < SENT_MAX);
    assert_true(fcc__arena_copy(s->arena, message, &s->sent[s->count++]));
}

static inline void script_ready(void *ctx)
{
    ((struct script *)ctx)->ready = true;
}

static inline peer_session *open_session(struct consortium *c, size_t host, const char *name, const char *package_id,
                                         struct script **script)
{
    struct script *s = &c->scripts[c->script_count++];
    const peer_stream stream = { script_send, script_ready, s };
    peer_session *session;

    s->arena = fcc__arena_new(64 << 20);
    session = peer_session_new(c->hosts[host], package_id, &stream);
    assert_non_null(session);
    *script = s;
    return session;
}

/* The n-th message that was sent, from the end with n < 0. */
static inline Protos__ChaincodeMessage *sent(struct script *s, int n)
{
    Protos__ChaincodeMessage *m;
    size_t i = n < 0 ? s->count - (size_t)-n : (size_t)n;

    assert_true(i < s->count);
    must(FCC__UNPACK(protos__chaincode_message, s->sent[i], s->arena, &m), NULL);
    return m;
}

static inline void same_text(ProtobufCBinaryData actual, const char *expected)
{
    if (!fcc_bytes_equal(fcc__of_pb(actual), fcc_str(expected)))
        fail_msg("\"" FCC_FMT "\" is not \"%s\"", FCC_ARG(fcc__of_pb(actual)), expected);
}

static inline fcc_status say(struct consortium *c, peer_session *session, const peer_proposal *p, int type,
                             const void *payload_message, fcc_error *error)
{
    Protos__ChaincodeMessage m = PROTOS__CHAINCODE_MESSAGE__INIT;
    fcc_bytes payload = { NULL, 0 }, wire;

    if (payload_message)
        must(fcc__pack(payload_message, c->arena, &payload), NULL);
    m.type = (Protos__ChaincodeMessage__Type)type;
    m.payload = fcc__pb(payload);
    if (p) {
        m.txid = fcc__pb(p->txid);
        m.channel_id = fcc__pb(p->channel);
    }
    must(fcc__pack(&m, c->arena, &wire), NULL);
    return peer_session_receive(session, wire, error);
}

static inline void says(struct consortium *c, peer_session *session, const peer_proposal *p, int type,
                        const void *payload_message)
{
    fcc_error error = { 0 };

    must(say(c, session, p, type, payload_message, &error), &error);
}

static inline void register_as(struct consortium *c, peer_session *session, const char *package_id)
{
    Protos__ChaincodeID id = PROTOS__CHAINCODE_ID__INIT;

    id.name = fcc__pb(fcc_str(package_id));
    says(c, session, NULL, PROTOS__CHAINCODE_MESSAGE__TYPE__REGISTER, &id);
}

static inline peer_session *running(struct consortium *c, size_t host, const char *name, const char *package_id,
                                    struct script **script)
{
    peer_session *session = open_session(c, host, name, package_id, script);

    register_as(c, session, package_id);
    assert_true((*script)->ready);
    return session;
}

static inline void completes(struct consortium *c, peer_session *session, const peer_proposal *p, int32_t status,
                             const char *message, const char *payload)
{
    Protos__Response r = PROTOS__RESPONSE__INIT;

    r.status = status;
    r.message = fcc__pb(fcc_str(message));
    r.payload = fcc__pb(fcc_str(payload));
    says(c, session, p, PROTOS__CHAINCODE_MESSAGE__TYPE__COMPLETED, &r);
}

static inline void gets(struct consortium *c, peer_session *session, const peer_proposal *p, const char *key)
{
    Protos__GetState m = PROTOS__GET_STATE__INIT;

    m.key = fcc__pb(fcc_str(key));
    says(c, session, p, PROTOS__CHAINCODE_MESSAGE__TYPE__GET_STATE, &m);
}

static inline void puts_state(struct consortium *c, peer_session *session, const peer_proposal *p, const char *key,
                              const char *value)
{
    Protos__PutState m = PROTOS__PUT_STATE__INIT;

    m.key = fcc__pb(fcc_str(key));
    m.value = fcc__pb(fcc_str(value));
    says(c, session, p, PROTOS__CHAINCODE_MESSAGE__TYPE__PUT_STATE, &m);
}

/* ---- outcomes ---------------------------------------------------------------------------------------------------- */

struct heard {
    int times;
    peer_outcome outcome;
};

static inline void hear(void *ctx, const peer_outcome *outcome)
{
    struct heard *h = ctx;

    h->times++;
    h->outcome = *outcome;
}

static inline void is_error(const struct heard *h, const char *text)
{
    assert_int_equal(h->times, 1);
    assert_int_equal(h->outcome.verdict, PEER_ANSWERED);
    assert_int_equal(h->outcome.response.response->status, 500);
    assert_null(h->outcome.response.endorsement);
    assert_int_equal(h->outcome.response.payload.len, 0);
    same_text(h->outcome.response.response->message, text);
}

#endif

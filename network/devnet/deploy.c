/*
 * deploy.c: the chaincodes of the network file come onto the channel as anywhere else: a package for each, installed by
 * the organisations that run it, approved by every organisation of the network file that is on the channel, committed. All of it by transactions of
 * `_lifecycle`, signed by the administrators, so that clients find what they would find on Fabric. Approvals share a
 * block and commits share the next. At later starts only what has changed in the network file is redefined.
 *
 * The devnet runs these chaincodes itself, so the templates in their connection.json are never filled in. The packages
 * are those that `medsync deploy` makes for real peers: one id, wherever a chaincode runs.
 */
#include "devnet/internal.h"

#include "base/hash.h"
#include "base/log.h"
#include "msp/material.h"
#include "package/package.h"
#include "protos/unpack.h"

#include "common/common.pb-c.h"
#include "peer/chaincode.pb-c.h"
#include "peer/lifecycle/lifecycle.pb-c.h"
#include "peer/proposal.pb-c.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { DEPLOY_ARENA = 256 << 20, NONCE_LEN = 24 };

/* ---- packages ---------------------------------------------------------------------------------------------------- */

fcc_status devnet_package_make(struct devnet *net, devnet_chaincode *cc, fcc_error *error)
{
    const package_service service = { .chaincode = cc->config->name,
                                      .label = cc->config->label,
                                      .mutual_tls = cc->config->mutual_tls,
                                      .meta_inf = cc->config->meta_inf,
                                      .slot_b = cc->config->slot_b };
    package_fault fault;
    fcc_status st = package_of_service(net->arena, &service, &cc->package, &cc->package_id, &fault);

    return st == FCC_OK ? FCC_OK
                        : fcc_error_set(error, FCC_ERR_CONFIG, "chaincode %s of %s: %s", cc->config->name,
                                        net->network->path, fault.error.text);
}

fcc_status devnet_package_read(void *ctx, fcc_bytes package, fcc__arena *arena, const char **label, fcc_error *error)
{
    package_content content;
    package_connection connection;
    package_fault fault;
    const char *values;
    fcc_status st = package_read(arena, package, &content, &fault);

    if (st == FCC_OK) {
        *label = content.label;
        if ((st = devnet_builder_values(ctx, arena, &values, error)) != FCC_OK)
            return st;
        st = package_connection_read(arena, content.connection, fcc_str(values), &connection, &fault);
        return st == FCC_OK ? FCC_OK
                            : fcc_error_set(error, FCC_ERR_CONFIG, "external builder failed: %s", fault.error.text);
    }
    switch (fault.code) {
    case FCC__E_PKG_TYPE: /* a package, but not one that this peer has a builder for */
    case FCC__E_PKG_CONNECTION:
        return fcc_error_set(error, FCC_ERR_CONFIG, "external builder failed: %s", fault.error.text);
    default:
        return fcc_error_set(error, FCC_ERR_PROTO, "%s", fault.error.text);
    }
}

/* ---- one transaction of `_lifecycle` ------------------------------------------------------------------------------- */

/* What is being deployed, and with what. */
struct deployment {
    struct devnet *net;
    fcc__arena *arena;   /* of all of it */
    msp_signer **admins; /* in the order of the peers; NULL of an organisation that isn't on the channel */
    size_t first;        /* the first that is */
    fcc_error *error;
};

/* A definition that the network file asks for. */
struct wanted {
    const devnet_chaincode *cc;
    int64_t sequence;
    bool commit; /* it isn't the committed one */
    fcc_bytes txid;
};

static fcc_status failed(const struct deployment *d, fcc_status st)
{
    return fcc_error_set(d->error, st, "the chaincodes cannot be deployed: %s", fcc_status_text(st));
}

/* A signed proposal on the channel, of one organisation's administrator. */
static fcc_status propose(const struct deployment *d, const msp_signer *admin, const char *function, const void *args,
                          peer_proposal *out)
{
    struct devnet *net = d->net;
    const int64_t now_ns = devnet_now_ns(net);
    Common__ChannelHeader channel_header = COMMON__CHANNEL_HEADER__INIT;
    Common__SignatureHeader signature_header = COMMON__SIGNATURE_HEADER__INIT;
    Common__Header header = COMMON__HEADER__INIT;
    Google__Protobuf__Timestamp timestamp = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    Protos__ChaincodeHeaderExtension extension = PROTOS__CHAINCODE_HEADER_EXTENSION__INIT;
    Protos__ChaincodeID id = PROTOS__CHAINCODE_ID__INIT;
    Protos__ChaincodeInput input = PROTOS__CHAINCODE_INPUT__INIT;
    Protos__ChaincodeSpec spec = PROTOS__CHAINCODE_SPEC__INIT;
    Protos__ChaincodeInvocationSpec invocation = PROTOS__CHAINCODE_INVOCATION_SPEC__INIT;
    Protos__ChaincodeProposalPayload payload = PROTOS__CHAINCODE_PROPOSAL_PAYLOAD__INIT;
    Protos__Proposal proposal = PROTOS__PROPOSAL__INIT;
    Protos__SignedProposal signed_proposal = PROTOS__SIGNED_PROPOSAL__INIT;
    ProtobufCBinaryData list[2];
    uint8_t nonce[NONCE_LEN];
    fcc_bytes parts[2], bytes, txid;
    fcc__sha256 digest;
    fcc_error why;
    fcc_status st;

    if (getrandom(nonce, sizeof(nonce), 0) != (ssize_t)sizeof(nonce))
        return failed(d, FCC_ERR_IO);
    parts[0] = fcc_bytes_of(nonce, sizeof(nonce));
    parts[1] = msp_signer_identity(admin);
    digest = fcc__sha256_of_many(parts, 2);
    txid = fcc__hex(d->arena, fcc__sha256_bytes(&digest));
    id.name = fcc__pb(FCC_LIT(SCC_LIFECYCLE));
    extension.chaincode_id = &id;
    list[0] = fcc__pb(fcc_str(function));
    input.args = list;
    input.n_args = 2;
    spec.type = PROTOS__CHAINCODE_SPEC__TYPE__GOLANG;
    spec.chaincode_id = &id;
    spec.input = &input;
    invocation.chaincode_spec = &spec;
    timestamp.seconds = now_ns / 1000000000;
    timestamp.nanos = (int32_t)(now_ns % 1000000000);
    channel_header.type = COMMON__HEADER_TYPE__ENDORSER_TRANSACTION;
    channel_header.timestamp = &timestamp;
    channel_header.channel_id = fcc__pb(fcc_str(net->network->channel));
    channel_header.tx_id = fcc__pb(txid);
    signature_header.nonce = fcc__pb(parts[0]);
    signature_header.creator = fcc__pb(parts[1]);
#define PACK(message, into)                                       \
    if ((st = fcc__pack(&(message), d->arena, &bytes)) != FCC_OK) \
        return failed(d, st);                                     \
    (into) = fcc__pb(bytes)
    if ((st = fcc__pack(args, d->arena, &bytes)) != FCC_OK)
        return failed(d, st);
    list[1] = fcc__pb(bytes);
    PACK(extension, channel_header.extension);
    PACK(channel_header, header.channel_header);
    PACK(signature_header, header.signature_header);
    PACK(header, proposal.header);
    PACK(invocation, payload.input);
    PACK(payload, proposal.payload);
    PACK(proposal, signed_proposal.proposal_bytes);
#undef PACK
    bytes = fcc__of_pb(signed_proposal.proposal_bytes);
    if ((st = msp_sign(admin, &bytes, 1, d->arena, &parts[0])) != FCC_OK)
        return failed(d, st);
    signed_proposal.signature = fcc__pb(parts[0]);
    st = peer_proposal_unpack(&signed_proposal, d->arena, out, &why);
    return st == FCC_OK ? FCC_OK : fcc_error_set(d->error, st, "the chaincodes cannot be deployed: %s", why.text);
}

/* System chaincodes answer at once. */
static void keep(void *ctx, const peer_outcome *outcome)
{
    *(peer_outcome *)ctx = *outcome;
}

/* Ask one organisation's peer. FCC_ERR_PEER: it has refused, with *why. */
static fcc_status endorse(const struct deployment *d, const devnet_peer *peer, const peer_proposal *proposal,
                          peer_endorsed *out, const char **why)
{
    peer_outcome outcome = { .verdict = PEER_REFUSED, .refusal = "no answer" };
    const Protos__Endorsement *endorsement;
    fcc_bytes private;

    peer_endorse(peer->host, proposal, d->arena, keep, &outcome);
    endorsement = outcome.verdict == PEER_ANSWERED ? outcome.response.endorsement : NULL;
    if (!endorsement) {
        *why = outcome.verdict == PEER_REFUSED
                   ? outcome.refusal
                   : fcc__arena_printf(d->arena, FCC_FMT, FCC_ARG(fcc__of_pb(outcome.response.response->message)));
        *why = *why ? *why : "out of memory";
        return FCC_ERR_PEER;
    }
    private = outcome.results.private_rwset;
    *out = (peer_endorsed){ .mspid = peer->org->mspid,
                            .payload = fcc__of_pb(outcome.response.payload),
                            .endorser = fcc__of_pb(endorsement->endorser),
                            .signature = fcc__of_pb(endorsement->signature) };
    return private.len > 0 ? ledger_transient_put(d->net->ledger, proposal->txid, private) : FCC_OK;
}

static fcc_status submit(const struct deployment *d, const msp_signer *admin, const peer_proposal *proposal,
                         const peer_endorsed *endorsed, size_t count)
{
    Common__Envelope envelope = COMMON__ENVELOPE__INIT;
    devnet_broadcast answer;
    fcc_bytes payload, signature;
    fcc_error why;
    fcc_status st = peer_assemble(proposal, endorsed, count, d->arena, &payload, &why);

    if (st != FCC_OK)
        return fcc_error_set(d->error, st, "the chaincodes cannot be deployed: %s", why.text);
    if ((st = msp_sign(admin, &payload, 1, d->arena, &signature)) != FCC_OK)
        return failed(d, st);
    envelope.payload = fcc__pb(payload);
    envelope.signature = fcc__pb(signature);
    answer = devnet_orderer_submit(d->net->orderer, &envelope, d->arena);
    if (answer.status == COMMON__STATUS__SUCCESS)
        return FCC_OK;
    return fcc_error_set(d->error, FCC_ERR_APP, "the chaincodes cannot be deployed: the orderer says: %s", answer.info);
}

/* ---- what is there, and what should be ------------------------------------------------------------------------------ */

static fcc_status unpack_collections(const struct deployment *d, const devnet_chaincode *cc,
                                     Protos__CollectionConfigPackage **out)
{
    fcc_status st;

    *out = NULL;
    if (cc->definition.collections.len == 0)
        return FCC_OK;
    st = FCC__UNPACK(protos__collection_config_package, cc->definition.collections, d->arena, out);
    return st == FCC_OK ? FCC_OK : failed(d, st);
}

static void compare(const struct deployment *d, const devnet_chaincode *cc, struct wanted *out)
{
    const ledger_definition *should = &cc->definition;
    ledger_definition is;

    *out = (struct wanted){ .cc = cc, .sequence = 1, .commit = true };
    if (ledger_find_definition(d->net->ledger, fcc_str(cc->config->name), &is) != FCC_OK)
        return;
    out->commit = !fcc_bytes_equal(is.version, should->version) || is.init_required != should->init_required ||
                  !fcc_bytes_equal(is.policy, should->policy) || !fcc_bytes_equal(is.collections, should->collections);
    out->sequence = is.sequence + out->commit;
}

/* Has the organisation approved this already, with the package that it has or without one? */
static bool has_approved(const struct deployment *d, const devnet_peer *peer, const struct wanted *w)
{
    const bool runs = config_has(w->cc->config->orgs, peer->org->mspid);
    scc_chaincode found;

    return !w->commit &&
           scc_resolve(d->net->ledger, peer->org->mspid, peer->store, fcc_str(w->cc->config->name), d->arena, &found) ==
               FCC_OK &&
           found.approved && (!runs || (found.package_id && strcmp(found.package_id, w->cc->package_id) == 0));
}

static fcc_status approve(const struct deployment *d, size_t i, const struct wanted *w, size_t *sent)
{
    const devnet_peer *peer = &d->net->peers[i];
    const devnet_chaincode *cc = w->cc;
    Lifecycle__ApproveChaincodeDefinitionForMyOrgArgs args =
        LIFECYCLE__APPROVE_CHAINCODE_DEFINITION_FOR_MY_ORG_ARGS__INIT;
    Lifecycle__ChaincodeSource source = LIFECYCLE__CHAINCODE_SOURCE__INIT;
    Lifecycle__ChaincodeSource__Local local = LIFECYCLE__CHAINCODE_SOURCE__LOCAL__INIT;
    Lifecycle__ChaincodeSource__Unavailable unavailable = LIFECYCLE__CHAINCODE_SOURCE__UNAVAILABLE__INIT;
    peer_proposal *proposal = fcc__arena_zalloc(d->arena, 1, sizeof(*proposal));
    peer_endorsed endorsed;
    const char *why;
    fcc_status st;

    if (!proposal)
        return failed(d, FCC_ERR_LIMIT);
    args.sequence = w->sequence;
    args.name = fcc__pb(fcc_str(cc->config->name));
    args.version = fcc__pb(cc->definition.version);
    args.validation_parameter = fcc__pb(cc->definition.policy);
    args.init_required = cc->definition.init_required;
    args.source = &source;
    if (config_has(cc->config->orgs, peer->org->mspid)) {
        source.type_case = LIFECYCLE__CHAINCODE_SOURCE__TYPE_LOCAL_PACKAGE;
        source.local_package = &local;
        local.package_id = fcc__pb(fcc_str(cc->package_id));
    } else {
        source.type_case = LIFECYCLE__CHAINCODE_SOURCE__TYPE_UNAVAILABLE;
        source.unavailable = &unavailable;
    }
    if ((st = unpack_collections(d, cc, &args.collections)) != FCC_OK ||
        (st = propose(d, d->admins[i], "ApproveChaincodeDefinitionForMyOrg", &args, proposal)) != FCC_OK)
        return st;
    st = endorse(d, peer, proposal, &endorsed, &why);
    if (st == FCC_ERR_PEER && strstr(why, "with unchanged content")) /* an earlier start came as far as this */
        return FCC_OK;
    if (st == FCC_ERR_PEER)
        return fcc_error_set(d->error, FCC_ERR_CONFIG, "chaincode %s of %s cannot be approved by %s: %s",
                             cc->config->name, d->net->network->path, peer->org->mspid, why);
    if (st != FCC_OK)
        return failed(d, st);
    (*sent)++;
    return submit(d, d->admins[i], proposal, &endorsed, 1);
}

static fcc_status commit(const struct deployment *d, struct wanted *w)
{
    const devnet_chaincode *cc = w->cc;
    Lifecycle__CommitChaincodeDefinitionArgs args = LIFECYCLE__COMMIT_CHAINCODE_DEFINITION_ARGS__INIT;
    peer_proposal *proposal = fcc__arena_zalloc(d->arena, 1, sizeof(*proposal));
    peer_endorsed *endorsed = fcc__arena_zalloc(d->arena, d->net->peer_count, sizeof(*endorsed));
    size_t count = 0;
    const char *why;
    fcc_status st;

    if (!proposal || !endorsed)
        return failed(d, FCC_ERR_LIMIT);
    args.sequence = w->sequence;
    args.name = fcc__pb(fcc_str(cc->config->name));
    args.version = fcc__pb(cc->definition.version);
    args.validation_parameter = fcc__pb(cc->definition.policy);
    args.init_required = cc->definition.init_required;
    if ((st = unpack_collections(d, cc, &args.collections)) != FCC_OK ||
        (st = propose(d, d->admins[d->first], "CommitChaincodeDefinition", &args, proposal)) != FCC_OK)
        return st;
    for (size_t i = 0; i < d->net->peer_count; i++) {
        if (!d->admins[i])
            continue;
        st = endorse(d, &d->net->peers[i], proposal, &endorsed[count++], &why);
        if (st == FCC_ERR_PEER)
            return fcc_error_set(d->error, FCC_ERR_CONFIG, "chaincode %s of %s cannot be committed: %s says: %s",
                                 cc->config->name, d->net->network->path, d->net->peers[i].org->mspid, why);
        if (st != FCC_OK)
            return failed(d, st);
    }
    w->txid = proposal->txid;
    return submit(d, d->admins[d->first], proposal, endorsed, count);
}

/* ---- all of them ----------------------------------------------------------------------------------------------------- */

static fcc_status install(const struct deployment *d, const devnet_chaincode *cc)
{
    const char *id;

    for (size_t i = 0; i < d->net->peer_count; i++) {
        const devnet_peer *peer = &d->net->peers[i];
        fcc_status st;

        if (!d->admins[i] || !config_has(cc->config->orgs, peer->org->mspid))
            continue;
        st = scc_store_save(peer->store, cc->config->label, cc->package, &id, d->error);
        if (st != FCC_OK && st != FCC_ERR_EXISTS)
            return st;
    }
    return FCC_OK;
}

/* Did the transaction of the last commit come through? */
static fcc_status check(const struct deployment *d, const struct wanted *w)
{
    ledger_place place;

    if (!w->commit)
        return FCC_OK;
    if (d->net->status == FCC_OK && ledger_find_tx(d->net->ledger, w->txid, &place) == FCC_OK && place.code == 0)
        return FCC_OK;
    return fcc_error_set(d->error, FCC_ERR_APP, "chaincode %s of %s is not committed: see the log for its transaction",
                         w->cc->config->name, d->net->network->path);
}

static fcc_status deploy(const struct deployment *d)
{
    struct devnet *net = d->net;
    struct wanted *wanted = fcc__arena_zalloc(d->arena, net->chaincode_count, sizeof(*wanted));
    size_t approvals = 0, commits = 0;
    fcc_status st = wanted ? FCC_OK : failed(d, FCC_ERR_LIMIT);

    for (size_t c = 0; st == FCC_OK && c < net->chaincode_count; c++) {
        st = install(d, &net->chaincodes[c]);
        compare(d, &net->chaincodes[c], &wanted[c]);
        for (size_t i = 0; st == FCC_OK && i < net->peer_count; i++)
            if (d->admins[i] && !has_approved(d, &net->peers[i], &wanted[c]))
                st = approve(d, i, &wanted[c], &approvals);
    }
    if (st == FCC_OK)
        devnet_orderer_flush(net->orderer);
    for (size_t c = 0; st == FCC_OK && c < net->chaincode_count; c++)
        if (wanted[c].commit) {
            st = commit(d, &wanted[c]);
            commits++;
        }
    if (st == FCC_OK)
        devnet_orderer_flush(net->orderer);
    for (size_t c = 0; st == FCC_OK && c < net->chaincode_count; c++)
        st = check(d, &wanted[c]);
    if (st == FCC_OK && approvals + commits > 0)
        fcc__log(FCC__INFO, "chaincodes: %zu approvals and %zu definitions committed", approvals, commits);
    return st;
}

fcc_status devnet_deploy(struct devnet *net, fcc_error *error)
{
    struct deployment d = { .net = net, .error = error };
    fcc_status st = FCC_OK;

    if (net->chaincode_count == 0)
        return FCC_OK;
    d.arena = fcc__arena_new(DEPLOY_ARENA);
    d.admins = calloc(net->peer_count, sizeof(*d.admins));
    if (!d.arena || !d.admins)
        st = fcc_error_set(error, FCC_ERR_NOMEM, "%s", fcc_status_text(FCC_ERR_NOMEM));
    for (size_t i = net->peer_count; st == FCC_OK && i-- > 0;) {
        if (!devnet_on_channel(&net->peers[i]))
            continue;
        d.first = i;
        st = msp_signer_load(msp_path_user_msp(d.arena, net->crypto_dir, net->peers[i].org, "Admin"),
                             net->peers[i].org->mspid, &d.admins[i], error);
    }
    if (st == FCC_OK && d.admins[d.first]) /* else nobody of the file is on the channel */
        st = deploy(&d);
    for (size_t i = 0; d.admins && i < net->peer_count; i++)
        msp_signer_free(d.admins[i]);
    free(d.admins);
    fcc__arena_free(d.arena);
    return st;
}

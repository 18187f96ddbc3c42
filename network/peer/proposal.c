/* See proposal.h. Fabric: core/endorser/msgvalidation.go, core/handlers/auth/filter, core/endorser/endorser.go. */
#include "peer/proposal.h"

#include "msp/acl.h"
#include "msp/msp.h"
#include "protos/unpack.h"

#include "common/common.pb-c.h"
#include "msp/identities.pb-c.h"

#include <inttypes.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <time.h>

enum { TIME_WINDOW_S = 15 * 60 };

/* The name of what could not be read, in the words of the texts that clients know. */
static fcc_status undecodable(fcc_status st, const char *what, fcc_error *error)
{
    if (st == FCC_ERR_PROTO)
        return fcc_error_set(error, st, "error unmarshalling %s: proto: cannot parse invalid wire-format data", what);
    return fcc_error_set(error, st, "%s: %s", what, fcc_status_text(st));
}

fcc_status peer_proposal_unpack(const Protos__SignedProposal *signed_proposal, fcc__arena *arena, peer_proposal *out,
                                fcc_error *error)
{
    peer_proposal p = { 0 };
    Protos__Proposal *proposal;
    Common__Header *header;
    Common__ChannelHeader *channel_header;
    Common__SignatureHeader *signature_header;
    Protos__ChaincodeHeaderExtension *extension;
    Protos__ChaincodeProposalPayload *payload;
    Protos__ChaincodeProposalPayload stripped = PROTOS__CHAINCODE_PROPOSAL_PAYLOAD__INIT;
    Protos__ChaincodeInvocationSpec *spec;
    fcc_bytes wire, signature, hashed[3];
    fcc_status st;

    if (!fcc__arena_copy(arena, fcc__of_pb(signed_proposal->proposal_bytes), &wire) ||
        !fcc__arena_copy(arena, fcc__of_pb(signed_proposal->signature), &signature))
        return fcc_error_set(error, FCC_ERR_LIMIT, "the proposal is too large");
    protos__signed_proposal__init(&p.signed_proposal);
    p.signed_proposal.proposal_bytes = fcc__pb(wire);
    p.signed_proposal.signature = fcc__pb(signature);

    if ((st = FCC__UNPACK(protos__proposal, wire, arena, &proposal)) != FCC_OK)
        return undecodable(st, "Proposal", error);
    if ((st = FCC__UNPACK(common__header, fcc__of_pb(proposal->header), arena, &header)) != FCC_OK)
        return undecodable(st, "Header", error);
    p.channel_header = fcc__of_pb(header->channel_header);
    p.signature_header = fcc__of_pb(header->signature_header);
    if ((st = FCC__UNPACK(common__channel_header, p.channel_header, arena, &channel_header)) != FCC_OK)
        return undecodable(st, "ChannelHeader", error);
    if ((st = FCC__UNPACK(common__signature_header, p.signature_header, arena, &signature_header)) != FCC_OK)
        return undecodable(st, "SignatureHeader", error);
    if ((st = FCC__UNPACK(protos__chaincode_header_extension, fcc__of_pb(channel_header->extension), arena,
                          &extension)) != FCC_OK)
        return undecodable(st, "ChaincodeHeaderExtension", error);
    if (!extension->chaincode_id)
        return fcc_error_set(error, FCC_ERR_PROTO, "ChaincodeHeaderExtension.ChaincodeId is nil");
    if (extension->chaincode_id->name.len == 0)
        return fcc_error_set(error, FCC_ERR_PROTO, "ChaincodeHeaderExtension.ChaincodeId.Name is empty");
    if ((st = FCC__UNPACK(protos__chaincode_proposal_payload, fcc__of_pb(proposal->payload), arena, &payload)) !=
        FCC_OK)
        return undecodable(st, "ChaincodeProposalPayload", error);
    p.invocation = fcc__of_pb(payload->input);
    if ((st = FCC__UNPACK(protos__chaincode_invocation_spec, p.invocation, arena, &spec)) != FCC_OK)
        return undecodable(st, "ChaincodeInvocationSpec", error);
    if (!spec->chaincode_spec)
        return fcc_error_set(error, FCC_ERR_PROTO, "chaincode invocation spec did not contain chaincode spec");
    if (!spec->chaincode_spec->input)
        return fcc_error_set(error, FCC_ERR_PROTO, "chaincode input did not contain any input");

    p.header_type = channel_header->type;
    p.epoch = channel_header->epoch;
    p.channel = fcc__of_pb(channel_header->channel_id);
    p.txid = fcc__of_pb(channel_header->tx_id);
    if (channel_header->timestamp) {
        p.seconds = channel_header->timestamp->seconds;
        p.nanos = channel_header->timestamp->nanos;
    }
    p.creator = fcc__of_pb(signature_header->creator);
    p.nonce = fcc__of_pb(signature_header->nonce);
    p.chaincode = fcc__of_pb(extension->chaincode_id->name);
    if (spec->chaincode_spec->chaincode_id)
        p.named_chaincode = fcc__of_pb(spec->chaincode_spec->chaincode_id->name);
    p.input = spec->chaincode_spec->input;
    p.transient_count = payload->n_transientmap;

    stripped.input = payload->input;
    hashed[0] = p.channel_header;
    hashed[1] = p.signature_header;
    if ((st = fcc__pack(&stripped, arena, &hashed[2])) != FCC_OK)
        return fcc_error_set(error, st, "the proposal is too large");
    p.hash = fcc__sha256_of_many(hashed, 3);
    *out = p;
    return FCC_OK;
}

fcc_bytes peer_proposal_function(const peer_proposal *proposal)
{
    return proposal->input->n_args > 0 ? fcc__of_pb(proposal->input->args[0]) : fcc_bytes_of("", 0);
}

int64_t peer_creator_expires(fcc_bytes creator)
{
    fcc__arena *arena = fcc__arena_new(1 << 20);
    Msp__SerializedIdentity *identity;
    X509 *cert = NULL;
    BIO *bio = NULL;
    struct tm tm;
    int64_t expires = 0;

    if (!arena || FCC__UNPACK(msp__serialized_identity, creator, arena, &identity) != FCC_OK)
        goto out;
    bio = BIO_new_mem_buf(identity->id_bytes.data, (int)identity->id_bytes.len);
    cert = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
    if (cert && ASN1_TIME_to_tm(X509_get0_notAfter(cert), &tm) == 1)
        expires = (int64_t)timegm(&tm);
out:
    X509_free(cert);
    BIO_free(bio);
    fcc__arena_free(arena);
    return expires;
}

/* As peer_creator_expires, which is slow, but without reading the certificate of a member anew. */
static int64_t expires_of(const peer_proposal *p, msp_manager *members)
{
    const msp_identity *creator;

    if (msp_deserialize(members, p->creator, &creator, NULL) == FCC_OK)
        return msp_identity_expires(creator);
    return peer_creator_expires(p->creator);
}

/* Their texts have no prefix. */
fcc_status peer_proposal_filter(const peer_proposal *p, msp_manager *members, int64_t now_ns, bool window,
                                fcc_error *error)
{
    int64_t now_s = now_ns / 1000000000, expires = expires_of(p, members);
    struct tm tm;
    time_t t;
    char theirs[32], ours[32];

    if (expires != 0 && expires < now_s)
        return fcc_error_set(error, FCC_ERR_AUTH, "proposal client identity expired");
    if (!window || (p->seconds >= now_s - TIME_WINDOW_S && p->seconds <= now_s + TIME_WINDOW_S))
        return FCC_OK;
    t = (time_t)p->seconds;
    if (!gmtime_r(&t, &tm) || strftime(theirs, sizeof(theirs), "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
        snprintf(theirs, sizeof(theirs), "%" PRId64, p->seconds);
    t = (time_t)now_s;
    if (!gmtime_r(&t, &tm) || strftime(ours, sizeof(ours), "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
        snprintf(ours, sizeof(ours), "%" PRId64, now_s);
    return fcc_error_set(error, FCC_ERR_AUTH,
                         "request unauthorized due to incorrect timestamp %s, peer time %s, "
                         "peer.authentication.timewindow 15m0s",
                         theirs, ours);
}

static fcc_status check_txid(const peer_proposal *p, fcc_error *error)
{
    const fcc_bytes parts[2] = { p->nonce, p->creator };
    fcc__sha256 digest = fcc__sha256_of_many(parts, 2);
    char expected[2 * FCC__SHA256_LEN + 1];

    for (size_t i = 0; i < FCC__SHA256_LEN; i++)
        snprintf(expected + 2 * i, 3, "%02x", digest.bytes[i]);
    if (fcc_bytes_equal(p->txid, fcc_str(expected)))
        return FCC_OK;
    return fcc_error_set(error, FCC_ERR_AUTH,
                         "error validating proposal: incorrectly computed txid '" FCC_FMT "' -- expected '%s'",
                         FCC_ARG(p->txid), expected);
}

/* The creator's bytes in hex, as far as the error's text has room. */
static void duplicate_text(const peer_proposal *p, fcc_error *error)
{
    size_t used;

    fcc_error_set(error, FCC_ERR_EXISTS, "duplicate transaction found [" FCC_FMT "]. Creator [", FCC_ARG(p->txid));
    if (!error)
        return;
    used = strlen(error->text);
    for (size_t i = 0; i < p->creator.len && used + 4 < sizeof(error->text); i++)
        used += (size_t)snprintf(error->text + used, sizeof(error->text) - used, "%02x", p->creator.data[i]);
    snprintf(error->text + used, sizeof(error->text) - used, "]");
}

fcc_status peer_proposal_check(const peer_proposal *p, msp_manager *members, bool (*seen)(void *ctx, fcc_bytes txid),
                               void *ctx, const msp_identity **out, fcc_error *error)
{
    const fcc_bytes proposal_bytes = fcc__of_pb(p->signed_proposal.proposal_bytes);
    const msp_identity *creator;
    fcc_error why;
    fcc_status st;

    if (p->header_type != COMMON__HEADER_TYPE__ENDORSER_TRANSACTION && p->header_type != COMMON__HEADER_TYPE__CONFIG)
        return fcc_error_set(error, FCC_ERR_AUTH, "error validating proposal: invalid header type %" PRId32,
                             p->header_type);
    if (p->epoch != 0)
        return fcc_error_set(error, FCC_ERR_AUTH, "error validating proposal: epoch is non-zero");
    if (p->nonce.len == 0)
        return fcc_error_set(error, FCC_ERR_AUTH, "error validating proposal: nonce is empty");
    if (p->creator.len == 0)
        return fcc_error_set(error, FCC_ERR_AUTH, "error validating proposal: creator is empty");
    if ((st = check_txid(p, error)) != FCC_OK)
        return st;
    if (p->signed_proposal.signature.len == 0)
        return fcc_error_set(error, FCC_ERR_AUTH, "error validating proposal: empty signature bytes");
    if (msp_deserialize(members, p->creator, &creator, &why) != FCC_OK)
        return fcc_error_set(error, FCC_ERR_AUTH,
                             "error validating proposal: access denied: channel [" FCC_FMT
                             "] creator org unknown, creator is malformed",
                             FCC_ARG(p->channel));
    if (msp_validate(creator, &why) != FCC_OK ||
        msp_verify(creator, &proposal_bytes, 1, fcc__of_pb(p->signed_proposal.signature), &why) != FCC_OK)
        return fcc_error_set(error, FCC_ERR_AUTH,
                             "error validating proposal: access denied: channel [" FCC_FMT "] creator org [%s]",
                             FCC_ARG(p->channel), msp_identity_mspid(creator));
    *out = creator;
    if (p->channel.len > 0 && seen && seen(ctx, p->txid)) {
        duplicate_text(p, error);
        return FCC_ERR_EXISTS;
    }
    return FCC_OK;
}

/* As msp_acl_check says it, without a second look at the signature. */
fcc_status peer_proposal_permit(const peer_proposal *p, const msp_channel *channel, const msp_identity *creator,
                                fcc_error *error)
{
    static const char resource[] = "peer/Propose";
    const char *policy = msp_acl_policy(channel, resource);
    fcc_error why = { FCC_OK, "" };

    if (msp_channel_evaluate(channel, policy, &creator, 1, &why) == FCC_OK)
        return FCC_OK;
    if (msp_channel_acl(channel, resource))
        return fcc_error_set(error, FCC_ERR_AUTH,
                             "failed evaluating policy on signed data during check policy [%s]: [%.800s]", policy,
                             why.text);
    return fcc_error_set(error, FCC_ERR_AUTH,
                         "Failed evaluating policy on signed data during check policy on channel [" FCC_FMT
                         "] with policy [%s]: [%.800s]",
                         FCC_ARG(p->channel), policy, why.text);
}

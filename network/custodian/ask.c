/* A reader and a custodian. */
#include "custodian/custodian.h"

#include "msp/msp.h"
#include "protos/unpack.h"

#include "medsync/custodian.pb-c.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARENA_MAX = 8 << 20, CA_MAX = 1 << 20, TIMEOUT_MS = 60000 };

static const char path[] = "/medsync.Custodian/Release";

struct custodian_reader {
    fcc__arena *arena;  /* of one question */
    fcc__arena *secret; /* the user's key */
    fcc_bytes key;
    char *address;
    char *mspid;
    rpc_loop *loop;
    rpc_channel *channel;
};

fcc_bytes custodian__context(fcc__arena *arena, fcc_bytes audit_id, fcc_bytes rec_id)
{
    char *text = fcc__arena_printf(arena, FCC_FMT "\n" FCC_FMT, FCC_ARG(audit_id), FCC_ARG(rec_id));

    return fcc_str(text);
}

bool custodian__is_id(fcc_bytes id)
{
    size_t i;

    for (i = 0; i < id.len; i++) {
        uint8_t c = id.data[i];

        if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c && strchr("._:-", c))))
            return false;
    }
    return id.len > 0 && id.len <= CUSTODIAN_ID_MAX;
}

static fcc_status read_ca(const char *file, fcc__arena *arena, fcc_bytes *out, fcc_error *error)
{
    FILE *f = fopen(file, "rb");
    uint8_t *data = f ? fcc__arena_alloc(arena, CA_MAX) : NULL;
    size_t n = data ? fread(data, 1, CA_MAX, f) : 0;

    if (f)
        fclose(f);
    if (n == 0)
        return fcc_error_set(error, FCC_ERR_IO, "%s: %s", file, f ? "it is empty" : strerror(errno));
    *out = fcc_bytes_of(data, n);
    return FCC_OK;
}

fcc_status custodian_connect(const custodian_address *a, const client *user, custodian_reader **out, fcc_error *error)
{
    const msp_signer *signer = client_signer(user);
    custodian_reader *r = NULL;
    rpc_tls tls = { 0 };
    fcc_status st = FCC_ERR_NOMEM;

    if (!signer)
        return fcc_error_set(error, FCC_ERR_ARG, "a custodian answers only to who has the key of its certificate");
    r = calloc(1, sizeof(*r));
    if (r) {
        r->arena = fcc__arena_new(ARENA_MAX);
        r->secret = fcc__arena_new(1 << 16);
        r->address = strdup(a->address);
        r->mspid = strdup(a->mspid);
    }
    if (!r || !r->arena || !r->secret || !r->address || !r->mspid ||
        (st = msp_signer_key(signer, r->secret, &r->key)) != FCC_OK) {
        st = fcc_error_set(error, st == FCC_OK ? FCC_ERR_NOMEM : st, "out of memory");
        goto out;
    }
    if ((st = read_ca(a->tls_ca, r->arena, &tls.ca, error)) != FCC_OK)
        goto out;
    tls.cert = msp_signer_certificate(signer);
    tls.key = r->key;
    tls.server_name = a->name;
    if ((st = rpc_loop_new(&r->loop, error)) != FCC_OK ||
        (st = rpc_channel_new(r->loop, r->address, &tls, &r->channel, error)) != FCC_OK)
        goto out;
    *out = r;
    r = NULL;
out:
    custodian_disconnect(r);
    return st;
}

void custodian_disconnect(custodian_reader *r)
{
    if (!r)
        return;
    rpc_channel_free(r->channel);
    rpc_loop_free(r->loop);
    if (r->key.len)
        blob_wipe((void *)(uintptr_t)r->key.data, r->key.len);
    fcc__arena_free(r->secret);
    fcc__arena_free(r->arena);
    free(r->address);
    free(r->mspid);
    free(r);
}

static fcc_status refused(const custodian_reader *r, const rpc_reply *reply, fcc_error *error)
{
    fcc_status st = reply->code == RPC_DEADLINE_EXCEEDED                                         ? FCC_ERR_TIMEOUT
                    : reply->code == RPC_UNAUTHENTICATED || reply->code == RPC_PERMISSION_DENIED ? FCC_ERR_AUTH
                    : reply->code == RPC_INVALID_ARGUMENT                                        ? FCC_ERR_ARG
                                                                                                 : FCC_ERR_IO;

    return fcc_error_set(error, st, "the custodian of %s at %s: %s: " FCC_FMT, r->mspid, r->address,
                         rpc_code_name(reply->code), FCC_ARG(reply->message));
}

fcc_status custodian_ask(custodian_reader *r, const char *audit_id, const char *const *rec_ids, size_t count,
                         custodian_key *out, fcc_error *error)
{
    Medsync__ReleaseRequest request = MEDSYNC__RELEASE_REQUEST__INIT;
    Medsync__ReleaseReply *answer;
    ProtobufCBinaryData ids[CUSTODIAN_BATCH];
    rpc_reply reply = { 0 };
    fcc_bytes wire;
    fcc_status st;
    size_t i;

    if (count == 0 || count > CUSTODIAN_BATCH || !custodian__is_id(fcc_str(audit_id)))
        return fcc_error_set(error, FCC_ERR_ARG, "a custodian is asked by one audit id for 1 to %d records",
                             CUSTODIAN_BATCH);
    for (i = 0; i < count; i++) {
        if (!custodian__is_id(fcc_str(rec_ids[i])))
            return fcc_error_set(error, FCC_ERR_ARG, "%.80s is no id of a record", rec_ids[i]);
        ids[i] = fcc__pb(fcc_str(rec_ids[i]));
    }
    request.audit_id = fcc__pb(fcc_str(audit_id));
    request.rec_ids = ids;
    request.n_rec_ids = count;
    fcc__arena_reset(r->arena);
    if ((st = fcc__pack(&request, r->arena, &wire)) != FCC_OK)
        return fcc_error_set(error, st, "out of memory");
    st = rpc_unary(r->channel, path, wire, TIMEOUT_MS, &reply);
    if (st != FCC_OK) {
        fcc_error_set(error, st, "the custodian of %s at %s: %s", r->mspid, r->address, fcc_status_text(st));
        goto out;
    }
    if (reply.code != RPC_OK) {
        st = refused(r, &reply, error);
        goto out;
    }
    st = FCC__UNPACK(medsync__release_reply, reply.body, r->arena, &answer);
    if (st != FCC_OK || answer->n_released != count) {
        st = fcc_error_set(error, FCC_ERR_PROTO, "the custodian of %s at %s answers something else", r->mspid,
                           r->address);
        goto out;
    }
    for (i = 0; st == FCC_OK && i < count; i++) {
        fcc_bytes sealed = fcc__of_pb(answer->released[i]->sealed);
        fcc_bytes context = custodian__context(r->arena, fcc_str(audit_id), fcc_str(rec_ids[i]));

        out[i].released = sealed.len > 0;
        if (out[i].released)
            st = blob_accept(r->key, context, sealed, out[i].key, error);
    }
    if (st != FCC_OK)
        blob_wipe(out, count * sizeof(*out));
out:
    rpc_reply_clear(&reply);
    return st;
}

/* A question without a record is refused by whoever serves. */
fcc_status custodian_probe(custodian_reader *r, int64_t timeout_ms, fcc_error *error)
{
    rpc_reply reply = { 0 };
    fcc_status st = rpc_unary(r->channel, path, fcc_bytes_of(NULL, 0), timeout_ms, &reply);

    if (st != FCC_OK)
        fcc_error_set(error, st, "the custodian of %s at %s: %s", r->mspid, r->address, fcc_status_text(st));
    else if (reply.code != RPC_INVALID_ARGUMENT)
        st = reply.code == RPC_OK ? fcc_error_set(error, FCC_ERR_PROTO, "at %s is no custodian", r->address)
                                  : refused(r, &reply, error);
    rpc_reply_clear(&reply);
    return st;
}

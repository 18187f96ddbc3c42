/*
 * What the gateway says when something failed: gRPC's status, one ErrorDetail for each endorser's words, and inside
 * them the chaincode's own refusal ("chaincode response 403, ...").
 */
#include "client/private.h"

#include "protos/unpack.h"

#include "gateway/gateway.pb-c.h"
#include "google/rpc/status.pb-c.h"
#include "peer/transaction.pb-c.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *text_of(fcc__arena *arena, fcc_bytes b)
{
    fcc_bytes copy;

    if (!fcc__arena_copy(arena, b, &copy))
        return "";
    return (const char *)copy.data;
}

/* The words behind "chaincode response N, ", and N. NULL when the chaincode has not spoken. */
static const char *chaincode_said(const char *message, int32_t *status)
{
    static const char mark[] = "chaincode response ";
    const char *at = strstr(message, mark);
    char *end;
    long n;

    if (!at)
        return NULL;
    n = strtol(at + sizeof(mark) - 1, &end, 10);
    if (n < 1 || n > 65535 || strncmp(end, ", ", 2) != 0)
        return NULL;
    *status = (int32_t)n;
    return end + 2;
}

static void unpack_details(fcc_bytes wire, fcc__arena *arena, client_answer *answer)
{
    Google__Rpc__Status *status;
    client_detail *list;
    size_t i, n = 0;

    if (wire.len == 0 || FCC__UNPACK(google__rpc__status, wire, arena, &status) != FCC_OK || status->n_details == 0)
        return;
    list = fcc__arena_zalloc(arena, status->n_details, sizeof(*list));
    for (i = 0; list && i < status->n_details; i++) {
        fcc_bytes type = fcc__of_pb(status->details[i]->type_url);
        Gateway__ErrorDetail *d;

        if (!fcc_bytes_equal(type, FCC_LIT("type.googleapis.com/gateway.ErrorDetail")) ||
            FCC__UNPACK(gateway__error_detail, fcc__of_pb(status->details[i]->value), arena, &d) != FCC_OK)
            continue;
        list[n].address = text_of(arena, fcc__of_pb(d->address));
        list[n].mspid = text_of(arena, fcc__of_pb(d->msp_id));
        list[n].message = text_of(arena, fcc__of_pb(d->message));
        n++;
    }
    answer->details = list;
    answer->detail_count = n;
}

static fcc_status kind_of(rpc_code code)
{
    switch (code) {
    case RPC_UNAUTHENTICATED:
    case RPC_PERMISSION_DENIED:
        return FCC_ERR_AUTH;
    case RPC_DEADLINE_EXCEEDED:
        return FCC_ERR_TIMEOUT;
    case RPC_UNAVAILABLE:
        return FCC_ERR_IO;
    default:
        return FCC_ERR_PEER;
    }
}

fcc_status client__ended(rpc_code code, fcc_bytes message, fcc_bytes details, fcc__arena *arena, client_answer *answer,
                         fcc_error *error)
{
    fcc_status st = kind_of(code);
    const char *words = NULL, *first;
    size_t i;

    answer->rpc_code = (int)code;
    answer->message = text_of(arena, message);
    answer->status = 0;
    unpack_details(details, arena, answer);
    for (i = 0; i < answer->detail_count && !words; i++)
        words = chaincode_said(answer->details[i].message, &answer->status);
    if (!words)
        words = chaincode_said(answer->message, &answer->status);
    if (words) {
        answer->payload = fcc_str(words);
        return fcc_error_set(error, FCC_ERR_APP, "the chaincode refused with %d: %s", (int)answer->status, words);
    }
    first = answer->detail_count > 0 ? answer->details[0].message : NULL;
    /* the gateway names the step, the detail what happened there */
    if (st == FCC_ERR_PEER && first && (strstr(first, "access denied") || strstr(first, "identity expired")))
        st = FCC_ERR_AUTH;
    if (first)
        return fcc_error_set(error, st, "%s: %s: %s (%s)", rpc_code_name(code), answer->message, first,
                             answer->details[0].mspid);
    return fcc_error_set(error, st, "%s: %s", rpc_code_name(code), answer->message);
}

fcc_status client__refused(const rpc_reply *reply, fcc__arena *arena, client_answer *answer, fcc_error *error)
{
    return client__ended(reply->code, reply->message, reply->details, arena, answer, error);
}

const char *client_validation_name(int code)
{
    static char other[32];
    const ProtobufCEnumValue *v = protobuf_c_enum_descriptor_get_value(&protos__tx_validation_code__descriptor, code);

    if (v)
        return v->name;
    snprintf(other, sizeof(other), "code %d", code);
    return other;
}

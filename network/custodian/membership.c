/*
 * Whether the channel takes a reader's certificate now. TLS asks who has issued it alone, by authorities that were read at the
 * start; who was revoked since, or whose organisation has left, is known by the channel's configuration.
 */
#include "custodian/custodian.h"

#include "client/direct.h"
#include "msp/check.h"
#include "protos/unpack.h"

#include "common/configtx.pb-c.h"

#include <string.h>
#include <time.h>

enum { ORGS_MOST = 256 };

typedef struct members {
    msp_org *orgs[ORGS_MOST];
    size_t count;
} members;

static const Common__ConfigGroup *application_of(const Common__ConfigGroup *channel)
{
    for (size_t i = 0; channel && i < channel->n_groups; i++)
        if (fcc_bytes_equal(fcc__of_pb(channel->groups[i]->key), FCC_LIT("Application")))
            return channel->groups[i]->value;
    return NULL;
}

static fcc_status read_members(const Common__ConfigGroup *application, members *out, fcc_error *error)
{
    fcc_status st = FCC_OK;

    for (size_t k = 0; application && k < application->n_groups; k++) {
        const Common__ConfigGroup *org = application->groups[k]->value;

        for (size_t i = 0; st == FCC_OK && org && i < org->n_values && out->count < ORGS_MOST; i++)
            if (org->values[i]->value && fcc_bytes_equal(fcc__of_pb(org->values[i]->key), FCC_LIT("MSP"))) {
                st = msp_org_parse(fcc__of_pb(org->values[i]->value->value), &out->orgs[out->count], error);
                out->count += st == FCC_OK;
            }
    }
    return st;
}

/* The reason of the last organisation that knows the certificate: whoever does not know it says nothing of interest. */
static void note(void *ctx, const msp_finding *finding)
{
    fcc__code *code = ctx;

    if (*code != FCC__E_CRT_REVOKED)
        *code = finding->code;
}

fcc_status custodian__judge_reader(client *peer, fcc_bytes cert, fcc__arena *arena, const char **why, fcc_error *error)
{
    fcc__code code = FCC__E_CRT_CHAIN;
    msp_checker checker = { .now_s = (int64_t)time(NULL), .report = note, .ctx = &code };
    members m = { .count = 0 };
    Common__Config *config;
    fcc_bytes bytes;
    bool taken = false;
    fcc_status st = client_channel_config(peer, NULL, arena, &bytes, error);

    *why = NULL;
    if (st != FCC_OK)
        return st;
    if (FCC__UNPACK(common__config, bytes, arena, &config) != FCC_OK)
        return fcc_error_set(error, FCC_ERR_PROTO, "the channel's configuration cannot be read");
    st = read_members(application_of(config->channel_group), &m, error);
    for (size_t i = 0; st == FCC_OK && !taken && i < m.count; i++)
        taken = msp_check_member(&checker, "the reader's certificate", cert, m.orgs[i], MSP_MEMBER, NULL, 0);
    taken = taken && msp_check_times(&checker, "the reader's certificate", cert);
    if (!taken)
        *why = code == FCC__E_CRT_REVOKED   ? "the certificate is revoked"
               : code == FCC__E_CRT_EXPIRED ? "the certificate has expired"
                                            : "the certificate is no member's of the channel";
    for (size_t i = 0; i < m.count; i++)
        msp_org_free(m.orgs[i]);
    return st;
}

/* channel_internal.h: what the files about a channel's configuration share. Not for anybody outside network/msp. */
#ifndef NETWORK_MSP_CHANNEL_INTERNAL_H
#define NETWORK_MSP_CHANNEL_INTERNAL_H

#include "msp/channel.h"
#include "msp/internal.h"
#include "msp/policy.h"
#include "msp/tree.h"

#include "common/configuration.pb-c.h"
#include "orderer/configuration.pb-c.h"

enum { MSP__MAX_ORGS = 256 };

/* ---- compiled policies (channel_policy.c) -------------------------------------------------------------------------- */

typedef struct msp__policies msp__policies;

/* All policies of the tree below a group. FCC_ERR_CONFIG with Fabric's text. */
fcc_status msp__policies_compile(const Common__ConfigGroup *group, const char *path, fcc__arena *arena,
                                 msp__policies **out, fcc_error *error) FCC_MUST_CHECK;
/* The policies of a group below; NULL. */
const msp__policies *msp__policies_below(const msp__policies *policies, fcc_bytes group);

typedef struct msp__rule msp__rule;

/* By a path relative to this group ("Admins", "Org1/Admins") or an absolute one that begins with the group's; NULL. */
const msp__rule *msp__policies_find(const msp__policies *policies, fcc_bytes path);
fcc_status msp__rule_evaluate(const msp__rule *rule, const msp_identity *const *identities, size_t count,
                              fcc_error *error) FCC_MUST_CHECK;

/* ---- the channel (channel.c) --------------------------------------------------------------------------------------- */

/* Capabilities that decide about something here. */
typedef struct msp__capabilities {
    bool org_endpoints;     /* channel: V1_4_2 and later */
    bool migration;         /* channel: V1_4_2 and later */
    bool bft;               /* channel: V3_0 */
    bool acls;              /* application: V1_2 and later */
    bool expiration;        /* orderer: V1_1 and later */
    bool orderer_migration; /* orderer: V1_4_2 and later */
    msp__version msp;
    const char *unsupported; /* `Channel capability X is required but not supported`; NULL */
    const char *unsupported_orderer;
    const char *unsupported_application;
} msp__capabilities;

typedef struct msp__acl {
    fcc_bytes resource;
    const char *policy; /* an absolute path */
} msp__acl;

struct msp_channel {
    fcc__arena *arena;
    const char *id;
    fcc_bytes config_bytes;
    Common__Config *config; /* tidy */
    msp_manager *manager;
    msp_channel_org *orgs;
    size_t org_count;
    msp__policies *policies;
    msp__capabilities capabilities;
    Common__Capabilities *application; /* NULL: none */
    Orderer__ConsensusType *consensus;
    Orderer__BatchSize *batch;
    Common__Orderers *orderers;
    uint32_t timeout_ms;
    msp__acl *acls; /* which the configuration states */
    size_t acl_count;
};

static const char msp__application_group[] = "Application", msp__orderer_group[] = "Orderer";

/*
 * The organisations' services and the values of all groups, as channelconfig.NewBundle judges them.
 * FCC_ERR_CONFIG with Fabric's text.
 */
fcc_status msp__channel_read(msp_channel *channel, fcc_error *error) FCC_MUST_CHECK;
/* May `next` follow `channel`? FCC_ERR_CONFIG with the text of ValidateNew. */
fcc_status msp__channel_follows(const msp_channel *channel, const msp_channel *next, fcc_error *error) FCC_MUST_CHECK;
/* The channel from a config that is read already and lives in `arena`, which goes over to the channel. */
fcc_status msp__channel_from_tree(const char *channel_id, Common__Config *config, fcc__arena *arena, msp_channel **out,
                                  fcc_error *error) FCC_MUST_CHECK;

/*
 * Go's notation of a time: numbers, each with its unit, as `1h2m0.5s`. In nanoseconds.
 * FCC_ERR_CONFIG with the text of Go's time.ParseDuration.
 */
fcc_status msp__duration(fcc_bytes text, int64_t *ns, fcc_error *error) FCC_MUST_CHECK;

#endif

/*
 * lifecycle.h: `_lifecycle` as its callers see it: packages on peers, approvals, definitions on the channel.
 *
 * Queries and installing go to one organisation's peer (NULL: the client's gateway). Answers are Fabric's own messages, in
 * the caller's arena. Errors are those of client_query_at and client_invoke_at, with Fabric's words.
 */
#ifndef NETWORK_CLIENT_LIFECYCLE_H
#define NETWORK_CLIENT_LIFECYCLE_H

#include "client/direct.h"

#include "peer/lifecycle/lifecycle.pb-c.h"

typedef struct client_definition {
    const char *name;
    const char *version;
    int64_t sequence;
    fcc_bytes policy;      /* peer.ApplicationPolicy; empty: the channel's own, /Channel/Application/Endorsement */
    fcc_bytes collections; /* peer.CollectionConfigPackage; empty: none */
    const char *endorsement_plugin; /* NULL: Fabric's own */
    const char *validation_plugin;
    bool init_required;
} client_definition;

/* A package (tar.gz) onto a peer; `*package_id` is Fabric's. FCC_ERR_PEER also when it is there already. */
fcc_status client_install(client *c, const char *org, fcc_bytes package, fcc__arena *arena, const char **package_id,
                          fcc_error *error) FCC_MUST_CHECK;
fcc_status client_installed(client *c, const char *org, fcc__arena *arena,
                            Lifecycle__QueryInstalledChaincodesResult **out, fcc_error *error) FCC_MUST_CHECK;
fcc_status client_installed_package(client *c, const char *org, const char *package_id, fcc__arena *arena,
                                    fcc_bytes *package, fcc_error *error) FCC_MUST_CHECK;

/*
 * The user's organisation agrees to a definition, and runs this package for it (NULL: none). The proposal goes to its own
 * peer alone; committed on return.
 */
fcc_status client_approve(client *c, const client_definition *d, const char *package_id, fcc__arena *arena,
                          client_answer *answer, fcc_error *error) FCC_MUST_CHECK;
/* What the user's organisation has approved; sequence 0: the newest. */
fcc_status client_approved(client *c, const char *name, int64_t sequence, fcc__arena *arena,
                           Lifecycle__QueryApprovedChaincodeDefinitionResult **out, fcc_error *error) FCC_MUST_CHECK;
/* Who has approved exactly this. */
fcc_status client_commit_readiness(client *c, const char *org, const client_definition *d, fcc__arena *arena,
                                   Lifecycle__CheckCommitReadinessResult **out, fcc_error *error) FCC_MUST_CHECK;
/* The channel agrees, endorsed by the peers of `orgs`, each of which must have approved. */
fcc_status client_commit(client *c, const client_definition *d, const char *const *orgs, size_t org_count,
                         fcc__arena *arena, client_answer *answer, fcc_error *error) FCC_MUST_CHECK;
fcc_status client_committed(client *c, const char *org, const char *name, fcc__arena *arena,
                            Lifecycle__QueryChaincodeDefinitionResult **out, fcc_error *error) FCC_MUST_CHECK;
fcc_status client_committed_all(client *c, const char *org, fcc__arena *arena,
                                Lifecycle__QueryChaincodeDefinitionsResult **out, fcc_error *error) FCC_MUST_CHECK;

/* How many organisations the network has, and their MSP ids: whom a commit asks when nobody is named. */
size_t client_org_count(const client *c);
const char *client_org(const client *c, size_t i);

#endif

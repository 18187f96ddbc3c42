/* What the files of network/deploy share: one run, its organisations and what is wanted of them. */
#ifndef MEDSYNC_DEPLOY_INTERNAL_H
#define MEDSYNC_DEPLOY_INTERNAL_H

#include "deploy/deploy.h"

#include "client/lifecycle.h"

#include <pthread.h>

enum { DEPLOY__MOST_ORGS = 64, DEPLOY__ARENA = 512 << 20 };

struct deploy__run;

/* One chaincode on its way. The same for every organisation, and not changed while they are at work. */
typedef struct deploy__wanted {
    const config_chaincode *chaincode;
    client_definition definition;
    fcc_bytes package;
    const char *package_id;
    bool committed; /* exactly this definition is, already */
    bool slot_b;
    int64_t past; /* not 0: the packages are those that organisations had approved for this sequence */
} deploy__wanted;

/* One organisation: its administrator, and what its own thread needs. */
typedef struct deploy__org {
    struct deploy__run *run;
    const config_org *config;
    fcc__arena *arena;
    client *admin;
    bool reached;                                          /* its peer answers */
    size_t place;                                          /* among those that were reached */
    bool *approved;                                        /* by wanted: it has, now */
    bool *served;                                          /* ... its server runs, or is not known of here */
    bool *answered;                                        /* ... the chaincode answers through its peer */
    const char **past_packages;                            /* ... of a rollback; NULL: none */
    Lifecycle__QueryChaincodeDefinitionsResult *committed; /* as its peer has it */
    pthread_t thread;
    void (*work)(struct deploy__org *org);
} deploy__org;

typedef struct deploy__run {
    const deploy_options *options;
    deploy_counts *counts;
    fcc__arena *arena; /* of the thread that began */
    pthread_mutex_t telling;
    deploy__org orgs[DEPLOY__MOST_ORGS]; /* those that act */
    size_t org_count, reached;
    deploy__wanted *wanted;
    size_t wanted_count;
    bool changed; /* something was approved or committed */
} deploy__run;

fcc_status deploy__begin(deploy__run *run, const deploy_options *options, deploy_counts *counts,
                         fcc_error *error) FCC_MUST_CHECK;
void deploy__end(deploy__run *run);
/* Install, approve, serve, commit, ask, drain: what is wanted and not there. */
fcc_status deploy__carry_out(deploy__run *run, fcc_error *error) FCC_MUST_CHECK;
fcc_status deploy__none_reached(const deploy__run *run, fcc_error *error);
/* Tell of a step, and count it. `w` NULL: about the organisation; `org` NULL: the channel's. */
void deploy__tell(deploy__run *run, const deploy__wanted *w, const deploy__org *org, deploy_step step,
                  deploy_result result, const char *digest, fcc_status status, const char *why);
/* What this organisation runs for it; NULL: nothing. */
const char *deploy__package_of(const deploy__org *org, const deploy__wanted *w);
/* Let `work` be done for every organisation that was reached (`all`: for each), side by side; until all have ended. */
void deploy__together(deploy__run *run, bool all, void (*work)(deploy__org *org));
void deploy__nap_ms(int ms);

/* ---- plan.c ---- */

/* Who acts, and their clients. */
fcc_status deploy__open(deploy__run *run, fcc_error *error) FCC_MUST_CHECK;
void deploy__close(deploy__run *run);
/* Ask each organisation's peer what the channel has; who does not answer is told of. */
void deploy__reach(deploy__run *run);
/* What the network file wants, and the sequence that it has on the channel or is to get. */
fcc_status deploy__plan(deploy__run *run, fcc_error *error) FCC_MUST_CHECK;

/* Whether it is committed, and the sequence that it has or is to get. */
void deploy__find_sequence(deploy__run *run, deploy__wanted *w);
/* For what the organisation finds out about each of so many definitions; false without memory. */
bool deploy__make_room(deploy__org *org, size_t wanted);

/* A definition that a peer told of, approved or committed: Fabric has several messages with these fields. */
#define DEPLOY__SAME_DEFINITION(have, d, arena)                                    \
    (fcc_bytes_equal(fcc__of_pb((have)->version), fcc_str((d)->version)) &&        \
     deploy__same_policy(fcc__of_pb((have)->validation_parameter), (d)->policy) && \
     (have)->init_required == (d)->init_required &&                                \
     deploy__same_collections((have)->collections, (d)->collections, arena))
/* No policy is the channel's own, by the reference that the peer writes for it. */
bool deploy__same_policy(fcc_bytes have, fcc_bytes want);
bool deploy__same_collections(const Protos__CollectionConfigPackage *have, fcc_bytes want, fcc__arena *arena);

/* ---- directory.c ---- */

/* The organisations, peers and channel of DIR/endpoints.json; all in the arena. */
fcc_status deploy__directory(const char *dir, fcc__arena *arena, config_network **out, fcc_error *error) FCC_MUST_CHECK;

/* ---- history.c ---- */

typedef struct deploy__past {
    client_definition definition;
    uint64_t block;
} deploy__past;

/* Every definition that the chaincode has had, oldest first, by its own peer's blocks; in the arena. */
fcc_status deploy__history(client *admin, const char *name, fcc__arena *arena, deploy__past **out, size_t *count,
                           fcc_error *error) FCC_MUST_CHECK;

/* ---- hosts.c ---- */

void deploy__start_servers(deploy__org *org);
void deploy__end_servers(deploy__org *org);

/* ---- steps.c: what one organisation does ---- */

/* Install and approve what is missing. */
void deploy__prepare_org(deploy__org *org);
/* Commit this organisation's share of the definitions. */
void deploy__commit_share(deploy__org *org);

/* ---- policy.c ---- */

/* How many organisations' endorsements the channel wants for a commit; 1 where that cannot be told beforehand. */
size_t deploy__needed(client *admin, fcc__arena *arena);

/* ---- answer.c ---- */

/*
 * Ask a chaincode through an organisation's own peer, until it answers or `patience_s` are over. *digest: what the process
 * says its executable's SHA-256 is, in the arena; NULL for one that has no such function.
 */
fcc_status deploy__ask(client *admin, const char *chaincode, int patience_s, fcc__arena *arena, const char **digest,
                       fcc_error *error) FCC_MUST_CHECK;
void deploy__ask_org(deploy__org *org);

#endif

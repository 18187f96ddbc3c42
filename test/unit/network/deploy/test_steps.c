/*
 * One organisation's steps when somebody else takes the same ones at the same time: what another run has installed or approved
 * a moment before, the peer refuses, and yet it is there. The peer is played here.
 */
#include "deploy/internal.h"
#include "protos/unpack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PACKAGE "probe_1:0011"

/* What becomes of a request that changes something. */
typedef enum fate { DONE, BEATEN, REFUSED } fate;

static struct peer {
    fate fate; /* BEATEN: somebody else does it first, and the peer refuses what it has */
    bool installed, approved;
} peer;

fcc_status client_installed(client *c, const char *org, fcc__arena *arena,
                            Lifecycle__QueryInstalledChaincodesResult **out, fcc_error *error)
{
    Lifecycle__QueryInstalledChaincodesResult *all = fcc__arena_zalloc(arena, 1, sizeof(*all));
    Lifecycle__QueryInstalledChaincodeResult *one = fcc__arena_zalloc(arena, 1, sizeof(*one));

    (void)c;
    (void)org;
    (void)error;
    lifecycle__query_installed_chaincodes_result__init(all);
    lifecycle__query_installed_chaincode_result__init(one);
    one->package_id = fcc__pb(FCC_LIT(PACKAGE));
    all->installed_chaincodes = fcc__arena_zalloc(arena, 1, sizeof(one));
    all->installed_chaincodes[0] = one;
    all->n_installed_chaincodes = peer.installed;
    *out = all;
    return FCC_OK;
}

fcc_status client_install(client *c, const char *org, fcc_bytes package, fcc__arena *arena, const char **package_id,
                          fcc_error *error)
{
    (void)c;
    (void)org;
    (void)package;
    (void)arena;
    peer.installed = peer.fate != REFUSED;
    *package_id = PACKAGE;
    return peer.fate == DONE ? FCC_OK : fcc_error_set(error, FCC_ERR_PEER, "install: refused with 500");
}

fcc_status client_approved(client *c, const char *name, int64_t sequence, fcc__arena *arena,
                           Lifecycle__QueryApprovedChaincodeDefinitionResult **out, fcc_error *error)
{
    Lifecycle__QueryApprovedChaincodeDefinitionResult *is = fcc__arena_zalloc(arena, 1, sizeof(*is));
    Lifecycle__ChaincodeSource *source = fcc__arena_zalloc(arena, 1, sizeof(*source));
    Lifecycle__ChaincodeSource__Local *local = fcc__arena_zalloc(arena, 1, sizeof(*local));

    (void)c;
    (void)name;
    if (!peer.approved)
        return fcc_error_set(error, FCC_ERR_PEER, "no approval");
    lifecycle__query_approved_chaincode_definition_result__init(is);
    lifecycle__chaincode_source__init(source);
    lifecycle__chaincode_source__local__init(local);
    local->package_id = fcc__pb(FCC_LIT(PACKAGE));
    source->type_case = LIFECYCLE__CHAINCODE_SOURCE__TYPE_LOCAL_PACKAGE;
    source->local_package = local;
    is->sequence = sequence;
    is->version = fcc__pb(FCC_LIT("1"));
    is->validation_parameter = fcc__pb(FCC_LIT("policy"));
    is->source = source;
    *out = is;
    return FCC_OK;
}

fcc_status client_approve(client *c, const client_definition *d, const char *package_id, fcc__arena *arena,
                          client_answer *answer, fcc_error *error)
{
    (void)c;
    (void)d;
    (void)arena;
    (void)answer;
    assert_string_equal(package_id, PACKAGE);
    peer.approved = peer.fate != REFUSED;
    return peer.fate == DONE ? FCC_OK : fcc_error_set(error, FCC_ERR_PEER, "approve: refused with 500");
}

/* ---- what these tests don't come to; from the same file as what they do ---- */

#define NOT_ASKED(function, ...)                                      \
    fcc_status function(client *c, __VA_ARGS__, fcc_error *error)     \
    {                                                                 \
        (void)c;                                                      \
        return fcc_error_set(error, FCC_ERR_PEER, "it is not asked"); \
    }

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
NOT_ASKED(client_installed_package, const char *org, const char *id, fcc__arena *arena, fcc_bytes *package)
NOT_ASKED(client_commit_readiness, const char *org, const client_definition *d, fcc__arena *arena,
          Lifecycle__CheckCommitReadinessResult **out)
NOT_ASKED(client_commit, const client_definition *d, const char *const *orgs, size_t count, fcc__arena *arena,
          client_answer *answer)
NOT_ASKED(client_committed, const char *org, const char *name, fcc__arena *arena,
          Lifecycle__QueryChaincodeDefinitionResult **out)
NOT_ASKED(client_committed_all, const char *org, fcc__arena *arena, Lifecycle__QueryChaincodeDefinitionsResult **out)
#pragma GCC diagnostic pop

/* ---- one organisation, one chaincode ---- */

static char told[256];

static void tell(void *ctx, const deploy_event *event)
{
    static const char *const steps[] = { [DEPLOY_INSTALL] = "install", [DEPLOY_APPROVE] = "approve" };
    static const char *const results[] = { "done", "kept", "would", "failed" };
    const size_t len = strlen(told);

    (void)ctx;
    snprintf(told + len, sizeof(told) - len, "%s %s%s%s; ", steps[event->step], results[event->result],
             event->why ? ": " : "", event->why ? event->why : "");
}

/* What is told of the steps where the peer does this. */
static const char *prepare(fate what, bool *approved)
{
    const deploy_options options = { .tell = tell };
    static const char *const runs_it[] = { "AMSP" };
    config_org org = { .mspid = "AMSP" };
    config_chaincode chaincode = { .name = "probe", .orgs = { runs_it, 1 } };
    deploy__wanted wanted = {
        .chaincode = &chaincode,
        .definition = { .name = "probe", .version = "1", .sequence = 1, .policy = FCC_LIT("policy") },
        .package_id = PACKAGE
    };
    deploy__run *run = calloc(1, sizeof(*run));
    deploy_counts counts;
    fcc_error error;

    peer = (struct peer){ .fate = what };
    told[0] = '\0';
    assert_int_equal(deploy__begin(run, &options, &counts, &error), FCC_OK);
    run->wanted = &wanted;
    run->wanted_count = 1;
    run->org_count = 1;
    run->orgs[0] = (deploy__org){ .run = run, .config = &org, .arena = run->arena, .approved = approved };
    deploy__prepare_org(&run->orgs[0]);
    assert_int_equal(counts.done, what == DONE ? 2 : 0);
    assert_int_equal(counts.kept, what == BEATEN ? 2 : 0);
    assert_int_equal(counts.failed, what == REFUSED ? 1 : 0);
    run->org_count = 0; /* they are this function's */
    deploy__end(run);
    free(run);
    return told;
}

static void what_is_missing_is_done(void **state)
{
    bool approved = false;

    (void)state;
    assert_string_equal(prepare(DONE, &approved), "install done; approve done; ");
    assert_true(approved);
}

static void what_somebody_else_did_meanwhile_is_there(void **state)
{
    bool approved = false;

    (void)state;
    assert_string_equal(prepare(BEATEN, &approved), "install kept; approve kept; ");
    assert_true(approved);
}

static void what_the_peer_refuses_and_has_not_has_failed(void **state)
{
    bool approved = false;

    (void)state;
    assert_string_equal(prepare(REFUSED, &approved), "install failed: install: refused with 500; ");
    assert_false(approved);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_missing_is_done),
        cmocka_unit_test(what_somebody_else_did_meanwhile_is_there),
        cmocka_unit_test(what_the_peer_refuses_and_has_not_has_failed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

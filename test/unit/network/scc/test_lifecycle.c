/*
 * What `_lifecycle`, qscc and cscc say to clients of a channel of two organisations: each call goes through a peer, as a
 * signed proposal, and what is endorsed is committed.
 */
#include "../peer/consortium.h"

#include "common/ledger.pb-c.h"
#include "ledger/rwset/kvrwset/kv_rwset.pb-c.h"
#include "ledger/rwset/rwset.pb-c.h"
#include "peer/lifecycle/lifecycle.pb-c.h"
#include "peer/query.pb-c.h"

/* One call at one organisation's peer, by default of its administrator. */
static struct heard call(struct consortium *c, size_t org, const char *chaincode, const char *const *args, size_t count,
                         const void *last, struct flaws flaws)
{
    struct heard h = { 0 };
    Protos__SignedProposal s;

    flaws.chaincode = chaincode;
    if (!flaws.signer)
        flaws.signer = c->admins[org];
    if (last) {
        must(fcc__pack(last, c->arena, &flaws.last), NULL);
        if (!flaws.last.data)
            flaws.last = fcc_str("");
    }
    s = propose(c, args, count, NULL, &flaws);
    peer_endorse(c->hosts[org], unpacked(c, &s), c->arena, hear, &h);
    assert_int_equal(h.times, 1);
    return h;
}

static struct heard lifecycle(struct consortium *c, size_t org, const char *function, const void *args)
{
    return call(c, org, "_lifecycle", &function, 1, args, (struct flaws){ 0 });
}

static void tells(const struct heard *h, int status, const char *text)
{
    assert_int_equal(h->outcome.verdict, PEER_ANSWERED);
    assert_int_equal(h->outcome.response.response->status, status);
    same_text(h->outcome.response.response->message, text);
}

static fcc_bytes answer(const struct heard *h)
{
    if (h->outcome.verdict != PEER_ANSWERED)
        fail_msg("refused: %s", h->outcome.refusal);
    if (h->outcome.response.response->status != 200)
        fail_msg(FCC_FMT, FCC_ARG(fcc__of_pb(h->outcome.response.response->message)));
    return fcc__of_pb(h->outcome.response.response->payload);
}

static void refusal(struct consortium *c, const char *function, const void *args, const char *cause)
{
    struct heard h = lifecycle(c, 0, function, args);

    tells(&h, 500, fcc__arena_printf(c->arena, "failed to invoke backing implementation of '%s': %s", function, cause));
}

/* ---- transactions ---------------------------------------------------------------------------------------------------- */

static peer_endorsed endorsed_by(const struct heard *h, const char *mspid)
{
    answer(h);
    assert_non_null(h->outcome.response.endorsement);
    return (peer_endorsed){ .mspid = mspid,
                            .payload = fcc__of_pb(h->outcome.response.payload),
                            .endorser = fcc__of_pb(h->outcome.response.endorsement->endorser),
                            .signature = fcc__of_pb(h->outcome.response.endorsement->signature) };
}

/* Both organisations endorse, or the one; the code that it is committed with, and the read-write set. */
static int transact(struct consortium *c, size_t org, bool both, const char *function, const void *args,
                    fcc_bytes *rwset)
{
    struct flaws flaws = { .chaincode = "_lifecycle", .signer = c->admins[org] };
    Common__Envelope envelope = COMMON__ENVELOPE__INIT;
    ledger_committed committed;
    peer_endorsed endorsed[2];
    struct heard h = { 0 };
    Protos__SignedProposal s;
    peer_proposal *p;
    fcc_bytes payload, signature, bytes, block;
    fcc_error error = { 0 };
    size_t count = 0;

    must(fcc__pack(args, c->arena, &flaws.last), NULL);
    s = propose(c, &function, 1, NULL, &flaws);
    p = unpacked(c, &s);
    for (size_t i = 0; i < 2; i++) {
        if (i != org && !both)
            continue;
        memset(&h, 0, sizeof(h));
        peer_endorse(c->hosts[i], p, c->arena, hear, &h);
        endorsed[count++] = endorsed_by(&h, i == 0 ? "AMSP" : "BMSP");
        if (h.outcome.results.private_rwset.len > 0)
            must(ledger_transient_put(c->ledger, p->txid, h.outcome.results.private_rwset), NULL);
    }
    if (rwset)
        *rwset = h.outcome.results.rwset;
    must(peer_assemble(p, endorsed, count, c->arena, &payload, &error), &error);
    must(msp_sign(c->admins[org], &payload, 1, c->arena, &signature), NULL);
    envelope.payload = fcc__pb(payload);
    envelope.signature = fcc__pb(signature);
    must(fcc__pack(&envelope, c->arena, &bytes), NULL);
    must(ledger_next_block(c->ledger, &bytes, 1, c->orderer, c->arena, &block), NULL);
    must(ledger_commit(c->ledger, block, c->arena, &committed, &error), &error);
    return committed.codes[0];
}

static Lifecycle__ApproveChaincodeDefinitionForMyOrgArgs approval(const char *version, int64_t sequence)
{
    Lifecycle__ApproveChaincodeDefinitionForMyOrgArgs a = LIFECYCLE__APPROVE_CHAINCODE_DEFINITION_FOR_MY_ORG_ARGS__INIT;

    a.name = fcc__pb(fcc_str("a"));
    a.version = fcc__pb(fcc_str(version));
    a.sequence = sequence;
    return a;
}

static Lifecycle__CommitChaincodeDefinitionArgs definition(const char *version, int64_t sequence)
{
    Lifecycle__CommitChaincodeDefinitionArgs a = LIFECYCLE__COMMIT_CHAINCODE_DEFINITION_ARGS__INIT;

    a.name = fcc__pb(fcc_str("a"));
    a.version = fcc__pb(fcc_str(version));
    a.sequence = sequence;
    return a;
}

static const char *install(struct consortium *c, size_t org, const char *bytes)
{
    static const char install_function[] = "InstallChaincode";
    const char *function = install_function;
    Lifecycle__InstallChaincodeArgs args = LIFECYCLE__INSTALL_CHAINCODE_ARGS__INIT;
    Lifecycle__InstallChaincodeResult *result;
    struct heard h;

    args.chaincode_install_package = fcc__pb(fcc_str(bytes));
    h = call(c, org, "_lifecycle", &function, 1, &args, (struct flaws){ .channel = "" });
    must(FCC__UNPACK(lifecycle__install_chaincode_result, answer(&h), c->arena, &result), NULL);
    assert_null(h.outcome.response.endorsement); /* nothing of a channel */
    same_text(result->label, "a_1");
    return fcc__arena_printf(c->arena, FCC_FMT, FCC_ARG(fcc__of_pb(result->package_id)));
}

/* Approved by both and committed. */
static void define(struct consortium *c, const char *version, int64_t sequence, const char *package_id)
{
    Lifecycle__ApproveChaincodeDefinitionForMyOrgArgs a = approval(version, sequence);
    Lifecycle__CommitChaincodeDefinitionArgs d = definition(version, sequence);
    Lifecycle__ChaincodeSource source = LIFECYCLE__CHAINCODE_SOURCE__INIT;
    Lifecycle__ChaincodeSource__Local local = LIFECYCLE__CHAINCODE_SOURCE__LOCAL__INIT;

    if (package_id) {
        local.package_id = fcc__pb(fcc_str(package_id));
        source.type_case = LIFECYCLE__CHAINCODE_SOURCE__TYPE_LOCAL_PACKAGE;
        source.local_package = &local;
        a.source = &source;
    }
    assert_int_equal(transact(c, 0, false, "ApproveChaincodeDefinitionForMyOrg", &a, NULL), 0);
    a.source = NULL;
    assert_int_equal(transact(c, 1, false, "ApproveChaincodeDefinitionForMyOrg", &a, NULL), 0);
    assert_int_equal(transact(c, 0, true, "CommitChaincodeDefinition", &d, NULL), 0);
}

/* ---- `_lifecycle` ------------------------------------------------------------------------------------------------------ */

static void packages_are_installed_once_and_come_back_whole(void **state)
{
    static const char *const get[] = { "GetInstalledChaincodePackage" }, *const list[] = { "QueryInstalledChaincodes" },
                             *const one[] = { "QueryInstalledChaincode" }, *const in[] = { "InstallChaincode" };
    const struct flaws peer_only = { .channel = "" };
    struct consortium *c = *state;
    Lifecycle__InstallChaincodeArgs again = LIFECYCLE__INSTALL_CHAINCODE_ARGS__INIT;
    Lifecycle__GetInstalledChaincodePackageArgs which = LIFECYCLE__GET_INSTALLED_CHAINCODE_PACKAGE_ARGS__INIT;
    Lifecycle__GetInstalledChaincodePackageResult *package;
    Lifecycle__QueryInstalledChaincodesArgs all = LIFECYCLE__QUERY_INSTALLED_CHAINCODES_ARGS__INIT;
    Lifecycle__QueryInstalledChaincodesResult *installed;
    const char *id = install(c, 0, "a package");
    struct heard h;

    again.chaincode_install_package = fcc__pb(FCC_LIT("a package"));
    h = call(c, 0, "_lifecycle", in, 1, &again, peer_only);
    tells(&h, 500,
          fcc__arena_printf(c->arena,
                            "failed to invoke backing implementation of 'InstallChaincode': chaincode already "
                            "successfully installed (package ID '%s')",
                            id));
    again.chaincode_install_package = fcc__pb(FCC_LIT("torn"));
    h = call(c, 0, "_lifecycle", in, 1, &again, peer_only);
    tells(&h, 500,
          "failed to invoke backing implementation of 'InstallChaincode': could not parse as a chaincode install "
          "package: error reading as gzip stream");
    again.chaincode_install_package = fcc__pb(FCC_LIT("strange"));
    h = call(c, 0, "_lifecycle", in, 1, &again, peer_only);
    tells(&h, 500,
          "failed to invoke backing implementation of 'InstallChaincode': could not build chaincode: no builder "
          "for it");
    which.package_id = fcc__pb(fcc_str(id));
    h = call(c, 0, "_lifecycle", get, 1, &which, peer_only);
    must(FCC__UNPACK(lifecycle__get_installed_chaincode_package_result, answer(&h), c->arena, &package), NULL);
    same_text(package->chaincode_install_package, "a package");
    h = call(c, 0, "_lifecycle", list, 1, &all, peer_only);
    must(FCC__UNPACK(lifecycle__query_installed_chaincodes_result, answer(&h), c->arena, &installed), NULL);
    assert_int_equal(installed->n_installed_chaincodes, 1);
    same_text(installed->installed_chaincodes[0]->package_id, id);
    assert_int_equal(installed->installed_chaincodes[0]->n_references, 0);
    which.package_id = fcc__pb(FCC_LIT("a_1:00"));
    h = call(c, 0, "_lifecycle", one, 1, &which, peer_only);
    tells(&h, 500,
          "failed to invoke backing implementation of 'QueryInstalledChaincode': could not find chaincode with "
          "package id 'a_1:00'");
    h = call(c, 1, "_lifecycle", list, 1, &all, peer_only); /* the other organisation's peer has none */
    assert_int_equal(answer(&h).len, 0);
}

/* As when the address that its connection.json asks for is no longer among the peer's values. */
static void what_could_no_longer_be_built_is_installed_all_the_same(void **state)
{
    static const char *const in[] = { "InstallChaincode" };
    const struct flaws peer_only = { .channel = "" };
    struct consortium *c = *state;
    Lifecycle__InstallChaincodeArgs again = LIFECYCLE__INSTALL_CHAINCODE_ARGS__INIT;
    const char *id;
    struct heard h;

    consortium_builds_all = true;
    id = install(c, 0, "strange");
    consortium_builds_all = false;
    again.chaincode_install_package = fcc__pb(FCC_LIT("strange"));
    h = call(c, 0, "_lifecycle", in, 1, &again, peer_only);
    tells(&h, 500,
          fcc__arena_printf(c->arena,
                            "failed to invoke backing implementation of 'InstallChaincode': chaincode already "
                            "successfully installed (package ID '%s')",
                            id));
}

static void a_chaincode_is_defined_and_run(void **state)
{
    static const char *const list[] = { "QueryInstalledChaincodes" };
    struct consortium *c = *state;
    const char *id = install(c, 0, "a package");
    Lifecycle__CommitChaincodeDefinitionArgs d = definition("1", 1);
    Lifecycle__QueryChaincodeDefinitionArgs which = LIFECYCLE__QUERY_CHAINCODE_DEFINITION_ARGS__INIT;
    Lifecycle__QueryChaincodeDefinitionResult *is;
    Lifecycle__QueryInstalledChaincodesArgs all = LIFECYCLE__QUERY_INSTALLED_CHAINCODES_ARGS__INIT;
    Lifecycle__QueryInstalledChaincodesResult *installed;
    struct script *script;
    peer_session *session;
    Protos__SignedProposal s;
    peer_proposal *p;
    struct heard h;

    which.name = fcc__pb(FCC_LIT("a"));
    h = lifecycle(c, 0, "QueryChaincodeDefinition", &which);
    tells(&h, 404, "namespace a is not defined");
    refusal(c, "CommitChaincodeDefinition", &d, "chaincode definition not agreed to by this org (AMSP)");
    define(c, "1", 1, id);
    h = lifecycle(c, 0, "QueryChaincodeDefinition", &which);
    must(FCC__UNPACK(lifecycle__query_chaincode_definition_result, answer(&h), c->arena, &is), NULL);
    assert_int_equal(is->sequence, 1);
    same_text(is->endorsement_plugin, "escc");
    assert_int_equal(is->n_approvals, 2);
    assert_true(is->approvals[0]->value && is->approvals[1]->value);
    h = call(c, 0, "_lifecycle", list, 1, &all, (struct flaws){ .channel = "" });
    must(FCC__UNPACK(lifecycle__query_installed_chaincodes_result, answer(&h), c->arena, &installed), NULL);
    assert_int_equal(installed->installed_chaincodes[0]->n_references, 1);
    same_text(installed->installed_chaincodes[0]->references[0]->key, "trial");
    same_text(installed->installed_chaincodes[0]->references[0]->value->chaincodes[0]->name, "a");

    assert_true(peer_host_installed(c->hosts[0], FCC_LIT("a")));
    assert_false(peer_host_installed(c->hosts[1], FCC_LIT("a")));
    session = running(c, 0, "a", id, &script);
    s = propose(c, (const char *const[]){ "Do" }, 1, NULL, &(struct flaws){ .chaincode = "a" });
    p = unpacked(c, &s);
    memset(&h, 0, sizeof(h));
    peer_endorse(c->hosts[0], p, c->arena, hear, &h);
    completes(c, session, p, 200, "", "done");
    assert_int_equal(h.times, 1);
    same_text(h.outcome.response.response->payload, "done");
    peer_session_free(session);
    h = call(c, 1, "a", (const char *const[]){ "Do" }, 1, NULL, (struct flaws){ 0 });
    tells(&h, 500,
          "make sure the chaincode a has been successfully defined on channel trial and try again: chaincode "
          "definition for 'a' exists, but chaincode is not installed");
}

/* The only namespace that a lifecycle transaction writes. */
static Kvrwset__KVRWSet *public_set(struct consortium *c, fcc_bytes rwset)
{
    Rwset__TxReadWriteSet *set;
    Kvrwset__KVRWSet *kv;

    must(FCC__UNPACK(rwset__tx_read_write_set, rwset, c->arena, &set), NULL);
    same_text(set->ns_rwset[0]->namespace_, "_lifecycle");
    must(FCC__UNPACK(kvrwset__kvrwset, fcc__of_pb(set->ns_rwset[0]->rwset), c->arena, &kv), NULL);
    return kv;
}

static void a_new_definition_writes_what_has_changed(void **state)
{
    struct consortium *c = *state;
    Lifecycle__ApproveChaincodeDefinitionForMyOrgArgs a = approval("2", 2);
    Lifecycle__CommitChaincodeDefinitionArgs d = definition("2", 2);
    Kvrwset__KVRWSet *set;
    ledger_definition now;
    fcc_bytes rwset;
    struct heard h;

    define(c, "1", 1, NULL);
    assert_int_equal(transact(c, 0, false, "ApproveChaincodeDefinitionForMyOrg", &a, NULL), 0);
    assert_int_equal(transact(c, 1, false, "ApproveChaincodeDefinitionForMyOrg", &a, NULL), 0);
    assert_int_equal(transact(c, 1, true, "CommitChaincodeDefinition", &d, &rwset), 0);
    set = public_set(c, rwset);
    assert_int_equal(set->n_reads, 5); /* the whole definition of before, and no lscc any more */
    assert_int_equal(set->n_writes, 2);
    same_text(set->writes[0]->key, "namespaces/fields/a/EndorsementInfo");
    same_text(set->writes[1]->key, "namespaces/fields/a/Sequence");
    must(ledger_find_definition(c->ledger, FCC_LIT("a"), &now), NULL);
    assert_int_equal(now.sequence, 2);
    assert_true(fcc_bytes_equal(now.version, FCC_LIT("2")));

    /* an organisation that hasn't agreed yet runs nothing */
    a.sequence = d.sequence = 3;
    a.init_required = d.init_required = true;
    assert_int_equal(transact(c, 0, false, "ApproveChaincodeDefinitionForMyOrg", &a, NULL), 0);
    refusal(c, "ApproveChaincodeDefinitionForMyOrg", &a,
            "attempted to redefine uncommitted sequence (3) for namespace a with unchanged content");
    assert_int_equal(transact(c, 0, false, "CommitChaincodeDefinition", &d, NULL), 10); /* a majority has to endorse */
    h = call(c, 1, "_lifecycle", (const char *const[]){ "CommitChaincodeDefinition" }, 1, &d, (struct flaws){ 0 });
    tells(&h, 500,
          "failed to invoke backing implementation of 'CommitChaincodeDefinition': chaincode definition not agreed "
          "to by this org (BMSP)");
}

static void readiness_tells_who_has_approved_and_what_differs(void **state)
{
    struct consortium *c = *state;
    Lifecycle__ApproveChaincodeDefinitionForMyOrgArgs a = approval("1", 1);
    Lifecycle__CheckCommitReadinessArgs args = LIFECYCLE__CHECK_COMMIT_READINESS_ARGS__INIT;
    Lifecycle__CheckCommitReadinessResult *result;
    struct heard h;

    assert_int_equal(transact(c, 0, false, "ApproveChaincodeDefinitionForMyOrg", &a, NULL), 0);
    args.name = a.name;
    args.version = a.version;
    args.sequence = 1;
    args.init_required = true;
    h = lifecycle(c, 1, "CheckCommitReadiness", &args);
    must(FCC__UNPACK(lifecycle__check_commit_readiness_result, answer(&h), c->arena, &result), NULL);
    assert_int_equal(result->n_approvals, 2);
    assert_false(result->approvals[0]->value || result->approvals[1]->value);
    /* `false` is written, as Go writes it: field 1, the entry, 1: "AMSP", 2: 0 */
    assert_non_null(memmem(answer(&h).data, answer(&h).len,
                           "\x0a\x08\x0a\x04"
                           "AMSP\x10\x00",
                           10));
    assert_int_equal(result->n_mismatches, 2);
    same_text(result->mismatches[0]->key, "AMSP");
    same_text(result->mismatches[0]->value->items[0], "EndorsementInfo");
    same_text(result->mismatches[1]->value->items[0], "ChaincodeParameters"); /* nothing of the kind */
    args.sequence = 2;
    refusal(c, "CheckCommitReadiness", &args, "requested sequence is 2, but new definition must be sequence 1");
}

static void sequences_are_taken_in_order(void **state)
{
    struct consortium *c = *state;
    Lifecycle__ApproveChaincodeDefinitionForMyOrgArgs a = approval("1", 0);
    const char *const approve = "ApproveChaincodeDefinitionForMyOrg";

    refusal(c, approve, &a, "requested sequence is 0, but first definable sequence number is 1");
    a.sequence = 2;
    refusal(c, approve, &a, "requested sequence 2 is larger than the next available sequence number 1");
    define(c, "1", 1, NULL);
    define(c, "1.1", 2, NULL);
    a.sequence = 1;
    refusal(c, approve, &a, "currently defined sequence 2 is larger than requested sequence 1");
    a.sequence = 2;
    refusal(
        c, approve, &a,
        "attempted to redefine the current committed sequence (2) for namespace a with different parameters: expected "
        "Version '1.1' does not match passed Version '1'");
    a.version = fcc__pb(FCC_LIT("1.1"));
    refusal(c, approve, &a, "attempted to redefine the current committed sequence (2) for namespace a");
}

static void names_and_versions_have_a_form(void **state)
{
    static const struct {
        const char *name, *version, *cause;
    } bad[] = {
        { "-a", "1",
          "invalid chaincode name '-a'. Names can only consist of alphanumerics, '_', and '-' and can only begin "
          "with alphanumerics" },
        { "a__b", "1",
          "invalid chaincode name 'a__b'. Names can only consist of alphanumerics, '_', and '-' and can only "
          "begin with alphanumerics" },
        { "", "1",
          "invalid chaincode name ''. Names can only consist of alphanumerics, '_', and '-' and can only begin "
          "with alphanumerics" },
        { "qscc", "1", "chaincode name 'qscc' is the name of a system chaincode" },
        { "a", "", "invalid chaincode version ''. Versions can only consist of alphanumerics, '_', '-', '+', and '.'" },
        { "a", "1 2",
          "invalid chaincode version '1 2'. Versions can only consist of alphanumerics, '_', '-', '+', and "
          "'.'" },
    };
    struct consortium *c = *state;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        Lifecycle__CommitChaincodeDefinitionArgs d = definition(bad[i].version, 1);

        d.name = fcc__pb(fcc_str(bad[i].name));
        refusal(c, "CommitChaincodeDefinition", &d,
                fcc__arena_printf(c->arena, "error validating chaincode definition: %s", bad[i].cause));
    }
}

static void collections_have_rules(void **state)
{
    struct consortium *c = *state;
    const char *const within = "error validating chaincode definition: ";
    config_collection one = { .name = "_x", .policy = "OR('AMSP.member')", .max_peer_count = 1 };
    const struct {
        config_collection collection;
        const char *cause;
    } bad[] = {
        { one,
          "invalid collection name '_x'. Names can only consist of alphanumerics, '_', and '-' and cannot begin with "
          "'_'" },
        { { .name = "x", .policy = "OR('AMSP.member')", .required_peer_count = 2, .max_peer_count = 1 },
          "collection-name: x -- maximum peer count (1) cannot be less than the required peer count (2)" },
        { { .name = "x", .policy = "AND('AMSP.member','BMSP.member')" },
          "collection-name: x -- error in member org policy: signature policy is not an OR concatenation, NOutOf 2" },
        { { .name = "x", .policy = "OR('CMSP.member')" },
          "collection-name: x -- collection member 'CMSP' is not part of the channel" },
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        Lifecycle__ApproveChaincodeDefinitionForMyOrgArgs a = approval("1", 1);
        fcc_bytes bytes;

        must(msp_collections_pack((config_collections){ &bad[i].collection, 1 }, c->arena, &bytes, NULL), NULL);
        must(FCC__UNPACK(protos__collection_config_package, bytes, c->arena, &a.collections), NULL);
        refusal(c, "ApproveChaincodeDefinitionForMyOrg", &a, fcc__arena_printf(c->arena, "%s%s", within, bad[i].cause));
    }
}

static void a_collection_stays_and_lives_as_long_as_it_was_said(void **state)
{
    struct consortium *c = *state;
    config_collection x = { .name = "x", .policy = "OR('AMSP.member')", .max_peer_count = 1, .block_to_live = 3 };
    Lifecycle__ApproveChaincodeDefinitionForMyOrgArgs a = approval("1", 1);
    Lifecycle__CommitChaincodeDefinitionArgs d = definition("1", 1);
    const char *const within = "error validating chaincode definition: ";
    fcc_bytes bytes;

    must(msp_collections_pack((config_collections){ &x, 1 }, c->arena, &bytes, NULL), NULL);
    must(FCC__UNPACK(protos__collection_config_package, bytes, c->arena, &a.collections), NULL);
    d.collections = a.collections;
    assert_int_equal(transact(c, 0, false, "ApproveChaincodeDefinitionForMyOrg", &a, NULL), 0);
    assert_int_equal(transact(c, 1, false, "ApproveChaincodeDefinitionForMyOrg", &a, NULL), 0);
    assert_int_equal(transact(c, 0, true, "CommitChaincodeDefinition", &d, NULL), 0);
    a.sequence = 2;
    a.collections = NULL;
    refusal(c, "ApproveChaincodeDefinitionForMyOrg", &a,
            fcc__arena_printf(
                c->arena, "%sthe proposed collection config does not contain previously defined collections", within));
    x.block_to_live = 4;
    must(msp_collections_pack((config_collections){ &x, 1 }, c->arena, &bytes, NULL), NULL);
    must(FCC__UNPACK(protos__collection_config_package, bytes, c->arena, &a.collections), NULL);
    refusal(c, "ApproveChaincodeDefinitionForMyOrg", &a,
            fcc__arena_printf(c->arena, "%sthe BlockToLive in an existing collection [x] modified. Existing value [3]",
                              within));
    x.name = "y";
    must(msp_collections_pack((config_collections){ &x, 1 }, c->arena, &bytes, NULL), NULL);
    must(FCC__UNPACK(protos__collection_config_package, bytes, c->arena, &a.collections), NULL);
    refusal(c, "ApproveChaincodeDefinitionForMyOrg", &a,
            fcc__arena_printf(c->arena, "%sexisting collection [x] missing in the proposed collection configuration",
                              within));
}

static void who_may_not_is_told_so(void **state)
{
    static const char *const none[] = { "x" };
    struct consortium *c = *state;
    Lifecycle__ApproveChaincodeDefinitionForMyOrgArgs a = approval("1", 1);
    const char *approve = "ApproveChaincodeDefinitionForMyOrg", *unknown = "Uninstall";
    struct heard h = call(c, 0, "_lifecycle", &approve, 1, &a, (struct flaws){ .signer = c->doctor });

    assert_int_equal(h.outcome.response.response->status, 500);
    assert_true(
        fcc_bytes_starts_with(fcc__of_pb(h.outcome.response.response->message),
                              FCC_LIT("Failed to authorize invocation due to failed ACL check: Failed verifying "
                                      "that proposal's creator satisfies local MSP principal")));
    h = call(c, 0, "_lifecycle", &unknown, 1, &a, (struct flaws){ 0 });
    tells(&h, 500, "Failed to authorize invocation due to failed ACL check: Unmapped policy for _lifecycle/Uninstall");
    h = call(c, 0, "_lifecycle", none, 0, NULL, (struct flaws){ 0 });
    tells(&h, 500, "lifecycle scc must be invoked with arguments");
    h = call(c, 0, "_lifecycle", none, 1, NULL, (struct flaws){ 0 });
    tells(&h, 500, "lifecycle scc operations require exactly two arguments but received 1");
}

/* ---- qscc and cscc ------------------------------------------------------------------------------------------------------- */

static struct heard ask(struct consortium *c, const char *chaincode, const char *a, const char *b, const char *third)
{
    const char *const args[] = { a, b, third };

    return call(c, 0, chaincode, args, third ? 3 : b ? 2 : 1, NULL, (struct flaws){ .signer = c->doctor });
}

static void blocks_and_transactions_are_told(void **state)
{
    struct consortium *c = *state;
    Common__BlockchainInfo *info;
    fcc__sha256 hash;
    fcc_bytes block;
    struct heard h;

    define(c, "1", 1, NULL);
    h = ask(c, "qscc", "GetChainInfo", "trial", NULL);
    must(FCC__UNPACK(common__blockchain_info, answer(&h), c->arena, &info), NULL);
    assert_non_null(h.outcome.response.endorsement);
    hash = ledger_hash(c->ledger);
    assert_int_equal(info->height, 4);
    assert_true(fcc_bytes_equal(fcc__of_pb(info->currentblockhash), fcc__sha256_bytes(&hash)));
    assert_int_equal(info->previousblockhash.len, FCC__SHA256_LEN);
    must(ledger_block(c->ledger, 3, c->arena, &block), NULL);
    h = ask(c, "qscc", "GetBlockByNumber", "trial", "3");
    assert_true(fcc_bytes_equal(answer(&h), block));
    h = ask(c, "qscc", "GetBlockByNumber", "trial", "18446744073709551615");
    assert_true(fcc_bytes_equal(answer(&h), block));
    h = ask(c, "qscc", "GetBlockByNumber", "trial", "4");
    tells(&h, 500, "Failed to get block number 4, error no such block number [4] in index");
    h = ask(c, "qscc", "GetBlockByNumber", "trial", "4x");
    tells(&h, 500, "Failed to parse block number with error strconv.ParseUint: parsing \"4x\": invalid syntax");
    h = ask(c, "qscc", "GetBlockByNumber", "trial", "18446744073709551616");
    tells(&h, 500,
          "Failed to parse block number with error strconv.ParseUint: parsing \"18446744073709551616\": value out "
          "of range");
    h = ask(c, "qscc", "GetBlockByHash", "trial", "ab");
    tells(&h, 500, "Failed to get block hash ab, error no such block hash [6162] in index");
    h = ask(c, "qscc", "GetTransactionByID", "trial", "ab");
    tells(&h, 500, "Failed to get transaction with id ab, error no such transaction ID [ab] in index");
    h = ask(c, "qscc", "GetBlockByTxID", "trial", "ab");
    tells(&h, 500, "Failed to get block for txID ab, error no such transaction ID [ab] in index");
    h = ask(c, "qscc", "GetBlockByTxID", "trial", NULL);
    tells(&h, 500, "missing 3rd argument for GetBlockByTxID");
    h = ask(c, "qscc", "GetChainInfo", "other", NULL);
    tells(&h, 500, "Invalid chain ID, other");
    h = ask(c, "qscc", "GetChainInfo", NULL, NULL);
    tells(&h, 500, "Incorrect number of arguments, 1");
    h = ask(c, "qscc", "GetNothing", "trial", "x");
    tells(&h, 500, "access denied for [GetNothing][trial]: [Unmapped policy for qscc/GetNothing]");
}

/* A block with the header of a transaction. */
static fcc_bytes ordinary_block(const struct consortium *c)
{
    Common__ChannelHeader channel = COMMON__CHANNEL_HEADER__INIT;
    Common__Header header = COMMON__HEADER__INIT;
    Common__Payload payload = COMMON__PAYLOAD__INIT;
    Common__Envelope envelope = COMMON__ENVELOPE__INIT;
    Common__BlockData data = COMMON__BLOCK_DATA__INIT;
    Common__Block block = COMMON__BLOCK__INIT;
    ProtobufCBinaryData only;
    fcc_bytes bytes;

    channel.type = COMMON__HEADER_TYPE__ENDORSER_TRANSACTION;
    channel.channel_id = fcc__pb(FCC_LIT("trial"));
    must(fcc__pack(&channel, c->arena, &bytes), NULL);
    header.channel_header = fcc__pb(bytes);
    payload.header = &header;
    must(fcc__pack(&payload, c->arena, &bytes), NULL);
    envelope.payload = fcc__pb(bytes);
    must(fcc__pack(&envelope, c->arena, &bytes), NULL);
    only = fcc__pb(bytes);
    data.data = &only;
    data.n_data = 1;
    block.data = &data;
    must(fcc__pack(&block, c->arena, &bytes), NULL);
    return bytes;
}

static void channels_and_their_configuration_are_told(void **state)
{
    static const char *const join[] = { "JoinChain" }, *const list[] = { "GetChannels" };
    struct consortium *c = *state;
    Protos__ChannelQueryResponse *channels;
    struct flaws flaws = { .channel = "", .type = COMMON__HEADER_TYPE__CONFIG };
    fcc_bytes genesis;
    struct heard h = call(c, 0, "cscc", list, 1, NULL, flaws);

    must(FCC__UNPACK(protos__channel_query_response, answer(&h), c->arena, &channels), NULL);
    assert_int_equal(channels->n_channels, 1);
    same_text(channels->channels[0]->channel_id, "trial");
    assert_null(h.outcome.response.endorsement);
    h = ask(c, "cscc", "GetChannelConfig", "trial", NULL);
    assert_true(fcc_bytes_equal(answer(&h), msp_channel_config(ledger_channel(c->ledger))));
    must(ledger_block(c->ledger, 0, c->arena, &genesis), NULL);
    h = ask(c, "cscc", "GetConfigBlock", "trial", NULL);
    assert_true(fcc_bytes_equal(answer(&h), genesis));
    h = ask(c, "cscc", "GetConfigBlock", "other", NULL);
    tells(&h, 500, "access denied for [GetConfigBlock][other]: Failed to get policy manager for channel [other]");
    h = ask(c, "cscc", "GetNothing", "trial", NULL);
    tells(&h, 500, "Requested function GetNothing not found.");
    flaws.last = genesis;
    h = call(c, 0, "cscc", join, 1, NULL, flaws);
    tells(&h, 500, "cannot create ledger from genesis block: ledger [trial] already exists with state [ACTIVE]");
    flaws.last = FCC_LIT("\xff");
    h = call(c, 0, "cscc", join, 1, NULL, flaws);
    tells(&h, 500,
          "Failed to reconstruct the genesis block, error unmarshalling Block: proto: cannot parse invalid wire-format "
          "data");
    flaws.last = ordinary_block(c);
    h = call(c, 0, "cscc", join, 1, NULL, flaws);
    tells(&h, 500,
          "\"JoinChain\" for channelID = trial failed because of validation of configuration block, because of Bad "
          "configuration envelope: invalid type ENDORSER_TRANSACTION, expected CONFIG");
}

static void chaincodes_get_nothing_from_qscc_and_cscc(void **state)
{
    struct consortium *c = *state;
    ProtobufCBinaryData args[] = { fcc__pb(FCC_LIT("GetChainInfo")), fcc__pb(FCC_LIT("trial")) };
    const scc_call from_chaincode = { .ledger = c->ledger,
                                      .mspid = "AMSP",
                                      .channel = FCC_LIT("trial"),
                                      .invoked = FCC_LIT("cc"),
                                      .args = args,
                                      .arg_count = 2,
                                      .arena = c->arena };
    Protos__Response response;

    scc_invoke(FCC_LIT("qscc"), &from_chaincode, &response);
    assert_int_equal(response.status, 500);
    same_text(response.message, "Rejecting invoke of QSCC from another chaincode because of potential for deadlocks, "
                                "original invocation for 'cc'");
    scc_invoke(FCC_LIT("cscc"), &from_chaincode, &response);
    same_text(response.message, "Rejecting invoke of CSCC from another chaincode, original invocation for 'cc'");
}

int main(void)
{
#define IN_CONSORTIUM(test) cmocka_unit_test_setup_teardown(test, consortium_up_alone, consortium_down)
    const struct CMUnitTest tests[] = {
        IN_CONSORTIUM(packages_are_installed_once_and_come_back_whole),
        IN_CONSORTIUM(what_could_no_longer_be_built_is_installed_all_the_same),
        IN_CONSORTIUM(a_chaincode_is_defined_and_run),
        IN_CONSORTIUM(a_new_definition_writes_what_has_changed),
        IN_CONSORTIUM(readiness_tells_who_has_approved_and_what_differs),
        IN_CONSORTIUM(sequences_are_taken_in_order),
        IN_CONSORTIUM(names_and_versions_have_a_form),
        IN_CONSORTIUM(collections_have_rules),
        IN_CONSORTIUM(a_collection_stays_and_lives_as_long_as_it_was_said),
        IN_CONSORTIUM(who_may_not_is_told_so),
        IN_CONSORTIUM(blocks_and_transactions_are_told),
        IN_CONSORTIUM(channels_and_their_configuration_are_told),
        IN_CONSORTIUM(chaincodes_get_nothing_from_qscc_and_cscc),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

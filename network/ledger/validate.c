/*
 * validate.c: is each transaction of a block well-formed, signed, new, and endorsed? The checks and their order are those
 * of Fabric's committer (core/common/validation, txvalidator/v20, handlers/validation/builtin/v20), because the first
 * failed one gives the code, and the codes go into the commit hash.
 */
#include "ledger/internal.h"

#include "msp/configtx.h"
#include "msp/policy.h"
#include "peer/chaincode_event.pb-c.h"
#include "protos/unpack.h"

#define CODE(name) ((uint8_t)PROTOS__TX_VALIDATION_CODE__##name)

/* What the checks of one block share. */
struct checker {
    ledger *l;
    MDB_txn *txn;
    fcc__arena *arena;
    ledger__map changed; /* state keys whose metadata an endorsed transaction of this block changes */
    msp_channel **next;  /* after a configuration of this block */
    fcc_error *error;
};

/* One transaction's endorsements against the policies of one namespace. */
struct endorsed {
    struct checker *checker;
    fcc_bytes ns;
    ledger_definition definition;
    const msp_identity **signers;
    size_t signer_count;
    ledger__map checked; /* collections whose own policy holds */
    bool own_checked;    /* the chaincode's policy holds */
    bool any_checked;
};

/* ---- form and creator ------------------------------------------------------------------------------------------------ */

static bool good_header(const ledger__transaction *tx)
{
    const Common__ChannelHeader *header = tx->channel_header;

    return header && tx->signature_header && header->epoch == 0 && tx->signature_header->nonce.len &&
           tx->signature_header->creator.len &&
           (header->type == COMMON__HEADER_TYPE__ENDORSER_TRANSACTION || header->type == COMMON__HEADER_TYPE__CONFIG ||
            header->type == COMMON__HEADER_TYPE__CONFIG_UPDATE);
}

/* Nobody is a member of a channel that isn't here; without a channel a peer asks its own organisation. */
static bool signed_by_creator(const ledger *l, const ledger__transaction *tx)
{
    fcc_bytes payload = fcc__of_pb(tx->envelope->payload), channel = fcc__of_pb(tx->channel_header->channel_id);
    const msp_identity *creator;

    if (channel.len && !fcc_bytes_equal(channel, fcc_str(msp_channel_id(l->channel))))
        return false;
    return msp_deserialize(msp_channel_manager(l->channel), fcc__of_pb(tx->signature_header->creator), &creator,
                           NULL) == FCC_OK &&
           msp_validate(creator, NULL) == FCC_OK &&
           msp_verify(creator, &payload, 1, fcc__of_pb(tx->envelope->signature), NULL) == FCC_OK;
}

/* One action, with headers of its own, over the proposal that was endorsed. */
static fcc_status check_action(const ledger__transaction *tx, fcc__arena *arena, bool *good)
{
    Common__SignatureHeader *header;
    fcc_bytes parts[3];
    fcc__sha256 hash;
    fcc_status st;

    *good = false;
    if (!tx->transaction || tx->transaction->n_actions != 1 || !tx->action_payload || !tx->response_payload)
        return FCC_OK;
    st = FCC__UNPACK_ANY(common__signature_header, fcc__of_pb(tx->transaction->actions[0]->header), arena, &header);
    if (st != FCC_OK)
        return st == FCC_ERR_PROTO ? FCC_OK : st;
    if (!header->nonce.len || !header->creator.len || !tx->action_payload->chaincode_proposal_payload.len)
        return FCC_OK;
    parts[0] = fcc__of_pb(tx->payload->header->channel_header);
    parts[1] = fcc__of_pb(tx->transaction->actions[0]->header);
    parts[2] = fcc__of_pb(tx->action_payload->chaincode_proposal_payload);
    hash = fcc__sha256_of_many(parts, 3);
    *good = fcc_bytes_equal(fcc__sha256_bytes(&hash), fcc__of_pb(tx->response_payload->proposal_hash));
    return FCC_OK;
}

static fcc_status check_form(const ledger *l, const ledger__transaction *tx, fcc__arena *arena, uint8_t *code)
{
    fcc_bytes expected;
    fcc_status st;
    bool good;

    if (!tx->envelope)
        *code = CODE(INVALID_OTHER_REASON);
    else if (!tx->payload)
        *code = CODE(BAD_PAYLOAD);
    else if (!good_header(tx))
        *code = CODE(BAD_COMMON_HEADER);
    else if (!signed_by_creator(l, tx))
        *code = CODE(BAD_CREATOR_SIGNATURE);
    else if (tx->channel_header->type == COMMON__HEADER_TYPE__CONFIG_UPDATE)
        *code = CODE(UNSUPPORTED_TX_PAYLOAD);
    else if (tx->channel_header->type == COMMON__HEADER_TYPE__CONFIG && !tx->payload->data.len)
        *code = CODE(INVALID_CONFIG_TRANSACTION);
    if (*code != CODE(VALID))
        return FCC_OK;
    if (tx->channel_header->type == COMMON__HEADER_TYPE__ENDORSER_TRANSACTION) {
        expected = ledger__txid(fcc__of_pb(tx->signature_header->nonce), fcc__of_pb(tx->signature_header->creator),
                                arena);
        if (!expected.len)
            return FCC_ERR_LIMIT;
        if (!fcc_bytes_equal(expected, fcc__of_pb(tx->channel_header->tx_id))) {
            *code = CODE(BAD_PROPOSAL_TXID);
            return FCC_OK;
        }
        st = check_action(tx, arena, &good);
        if (st != FCC_OK)
            return st;
        if (!good) {
            *code = CODE(INVALID_ENDORSER_TRANSACTION);
            return FCC_OK;
        }
    }
    if (!fcc_bytes_equal(fcc__of_pb(tx->channel_header->channel_id), fcc_str(msp_channel_id(l->channel))))
        *code = CODE(TARGET_CHAIN_NOT_FOUND);
    return FCC_OK;
}

/* ---- endorsement ----------------------------------------------------------------------------------------------------- */

/* A policy that fails for whatever reason, be it too large to be read, must not keep a block from being committed. */
static fcc_status verdict(fcc_status st)
{
    return st == FCC_OK || st == FCC_ERR_NOMEM ? st : FCC_ERR_AUTH;
}

/* FCC_OK, FCC_ERR_AUTH, or FCC_ERR_NOMEM. */
static fcc_status evaluate(struct endorsed *e, fcc_bytes policy)
{
    return verdict(msp_channel_evaluate_application(e->checker->l->channel, policy, e->signers, e->signer_count, NULL));
}

static fcc_status check_own(struct endorsed *e)
{
    fcc_status st = e->own_checked ? FCC_OK : evaluate(e, e->definition.policy);

    if (st == FCC_OK)
        e->own_checked = e->any_checked = true;
    return st;
}

/* The collection's policy where it has one, else the chaincode's. */
static fcc_status check_collection(struct endorsed *e, fcc_bytes name)
{
    ledger__collection collection;
    fcc_status st;

    if (ledger__map_find(&e->checked, name))
        return FCC_OK;
    st = ledger__find_collection(e->checker->l, NULL, e->ns, name, e->checker->arena, &collection);
    if (st != FCC_OK)
        return st == FCC_ERR_LIMIT || st == FCC_ERR_NOMEM ? st : FCC_ERR_AUTH;
    if (!collection.endorsement_policy.len)
        return check_own(e);
    st = evaluate(e, collection.endorsement_policy);
    if (st != FCC_OK)
        return st;
    e->any_checked = true;
    return ledger__map_at(&e->checked, name) ? FCC_OK : FCC_ERR_LIMIT;
}

/* A key's own policy replaces the others; one that this block has changed lets nobody write the key. */
static fcc_status check_key(struct endorsed *e, fcc_bytes collection, fcc_bytes key)
{
    struct checker *c = e->checker;
    fcc_bytes state_key = ledger__state_key(c->l, e->ns, collection, key), policy;
    ledger__entry entry;
    fcc_status st;

    if (ledger__map_find(&c->changed, state_key))
        return FCC_ERR_AUTH;
    st = ledger__entry_get(c->l, c->txn, LEDGER__STATE, state_key, &entry);
    if (st == FCC_OK)
        st = ledger__metadata_find(entry.metadata, FCC_LIT("VALIDATION_PARAMETER"), c->arena, &policy);
    if (st != FCC_OK)
        return st;
    if (!policy.len)
        return collection.len ? check_collection(e, collection) : check_own(e);
    st = verdict(msp_policy_evaluate(policy, e->signers, e->signer_count, NULL));
    if (st == FCC_OK)
        e->any_checked = true;
    return st;
}

static fcc_status check_namespace(struct endorsed *e, const ledger__ns_rwset *ns)
{
    fcc_bytes none = { NULL, 0 };
    fcc_status st = FCC_OK;
    size_t i, j;

    for (i = 0; st == FCC_OK && ns && i < ns->set->n_writes; i++)
        st = check_key(e, none, fcc__of_pb(ns->set->writes[i]->key));
    for (i = 0; st == FCC_OK && ns && i < ns->set->n_metadata_writes; i++)
        st = check_key(e, none, fcc__of_pb(ns->set->metadata_writes[i]->key));
    for (j = 0; st == FCC_OK && ns && j < ns->count; j++) {
        const ledger__collection_rwset *c = &ns->collections[j];

        /* Fabric takes no name for the public keys here, and its peers stop when they come to write the hashes */
        if (!c->name.len && (c->set->n_hashed_writes || c->set->n_metadata_writes))
            return FCC_ERR_AUTH;
        for (i = 0; st == FCC_OK && i < c->set->n_hashed_writes; i++)
            st = check_key(e, c->name, fcc__of_pb(c->set->hashed_writes[i]->key_hash));
        for (i = 0; st == FCC_OK && i < c->set->n_metadata_writes; i++)
            st = check_key(e, c->name, fcc__of_pb(c->set->metadata_writes[i]->key_hash));
    }
    return st == FCC_OK && !e->any_checked ? check_own(e) : st;
}

/* The keys whose metadata an endorsed transaction changes: later transactions of the block may not write them. */
static fcc_status note_changed(struct checker *c, const ledger__ns_rwset *ns)
{
    fcc_bytes none = { NULL, 0 };
    size_t i, j;

    for (i = 0; ns && i < ns->set->n_metadata_writes; i++) {
        if (!ledger__map_at(&c->changed,
                            ledger__state_key(c->l, ns->name, none, fcc__of_pb(ns->set->metadata_writes[i]->key))))
            return FCC_ERR_LIMIT;
    }
    for (j = 0; ns && j < ns->count; j++) {
        const ledger__collection_rwset *one = &ns->collections[j];

        for (i = 0; i < one->set->n_metadata_writes; i++) {
            if (!ledger__map_at(&c->changed, ledger__state_key(c->l, ns->name, one->name,
                                                               fcc__of_pb(one->set->metadata_writes[i]->key_hash))))
                return FCC_ERR_LIMIT;
        }
    }
    return FCC_OK;
}

static fcc_status signers_of(const struct checker *c, const ledger__transaction *tx, const msp_identity ***signers,
                             size_t *count)
{
    const Protos__ChaincodeEndorsedAction *action = tx->action_payload->action;
    msp_signed *set = fcc__arena_zalloc(c->arena, action->n_endorsements, sizeof *set);
    size_t i;

    *signers = fcc__arena_zalloc(c->arena, action->n_endorsements, sizeof **signers);
    if (!set || !*signers)
        return FCC_ERR_LIMIT;
    for (i = 0; i < action->n_endorsements; i++) {
        set[i].data[0] = fcc__of_pb(action->proposal_response_payload);
        set[i].data[1] = set[i].identity = fcc__of_pb(action->endorsements[i]->endorser);
        set[i].signature = fcc__of_pb(action->endorsements[i]->signature);
    }
    msp_signers_of(msp_channel_manager(c->l->channel), set, action->n_endorsements, *signers, count);
    return FCC_OK;
}

/* Names of the invoked chaincode, in the header, in the action and in the event, and its version. */
static fcc_status check_names(struct checker *c, const ledger__candidate *candidate, fcc_bytes *name, uint8_t *code)
{
    const Protos__ChaincodeAction *action = candidate->tx.action;
    Protos__ChaincodeHeaderExtension *extension;
    Protos__ChaincodeEvent *event;
    fcc_status st = FCC__UNPACK_ANY(protos__chaincode_header_extension,
                                    fcc__of_pb(candidate->tx.channel_header->extension), c->arena, &extension);

    if (st == FCC_ERR_PROTO)
        *code = CODE(BAD_HEADER_EXTENSION);
    else if (st != FCC_OK)
        return st;
    else if (!action)
        *code = CODE(BAD_RESPONSE_PAYLOAD);
    else if (!candidate->has_rwset)
        *code = CODE(BAD_RWSET);
    else if (!extension->chaincode_id || !action->chaincode_id)
        *code = CODE(INVALID_OTHER_REASON);
    else if (!extension->chaincode_id->name.len ||
             !fcc_bytes_equal(fcc__of_pb(extension->chaincode_id->name), fcc__of_pb(action->chaincode_id->name)) ||
             !action->chaincode_id->version.len)
        *code = CODE(INVALID_CHAINCODE);
    if (*code != CODE(VALID))
        return FCC_OK;
    *name = fcc__of_pb(extension->chaincode_id->name);
    if (!action->events.len)
        return FCC_OK;
    st = FCC__UNPACK_ANY(protos__chaincode_event, fcc__of_pb(action->events), c->arena, &event);
    if (st != FCC_OK && st != FCC_ERR_PROTO)
        return st;
    if (st != FCC_OK || !fcc_bytes_equal(fcc__of_pb(event->chaincode_id), *name))
        *code = CODE(INVALID_OTHER_REASON);
    return FCC_OK;
}

/* The invoked chaincode's namespace, and every other that is written. */
static fcc_status check_endorsement(struct checker *c, ledger__candidate *candidate)
{
    const ledger__rwset *rwset = &candidate->rwset;
    const msp_identity **signers;
    fcc_bytes name;
    size_t signer_count, i, j;
    fcc_status st = check_names(c, candidate, &name, &candidate->code);
    bool seen = false;

    if (st != FCC_OK || candidate->code != CODE(VALID))
        return st;
    for (i = 0; i < rwset->count; i++) {
        for (j = 0; j < i; j++) {
            if (fcc_bytes_equal(rwset->namespaces[i].name, rwset->namespaces[j].name)) {
                candidate->code = CODE(ILLEGAL_WRITESET);
                return FCC_OK;
            }
        }
    }
    st = signers_of(c, &candidate->tx, &signers, &signer_count);
    for (i = 0; st == FCC_OK && i <= rwset->count; i++) {
        const ledger__ns_rwset *ns = i < rwset->count ? &rwset->namespaces[i] : NULL;
        struct endorsed e;
        fcc_status found;

        if (ns ? !ledger__ns_writes(ns) && !fcc_bytes_equal(ns->name, name) : seen)
            continue;
        memset(&e, 0, sizeof e);
        e.checker = c;
        e.ns = ns ? ns->name : name;
        seen = seen || fcc_bytes_equal(e.ns, name);
        found = ledger__definition(c->l, NULL, e.ns, &e.definition);
        if (found == FCC_ERR_NOMEM || found == FCC_ERR_LIMIT || found == FCC_ERR_IO)
            return found;
        if (found != FCC_OK || !e.definition.policy.len) {
            candidate->code = CODE(INVALID_CHAINCODE);
            return FCC_OK;
        }
        e.signers = signers;
        e.signer_count = signer_count;
        ledger__map_init(&e.checked, c->arena, sizeof(bool));
        st = check_namespace(&e, ns);
        if (st == FCC_ERR_AUTH) {
            candidate->code = CODE(ENDORSEMENT_POLICY_FAILURE);
            return FCC_OK;
        }
        if (st == FCC_OK)
            st = note_changed(c, ns);
    }
    return st;
}

/* ---- a block ---------------------------------------------------------------------------------------------------------- */

/* A peer stops at a configuration that its channel can't follow; so the block is refused as a whole. */
static fcc_status check_config(const struct checker *c, const ledger__transaction *tx)
{
    const msp_channel *channel = *c->next ? *c->next : c->l->channel;
    msp_channel *made;
    fcc_error why = { 0 };
    fcc_status st = msp_configtx_validate(channel, fcc__of_pb(tx->payload->data), &made, &why);

    if (st != FCC_OK)
        return fcc_error_set(c->error, st == FCC_ERR_CONFIG || st == FCC_ERR_PROTO ? FCC_ERR_CORRUPT : st,
                             "error validating config which passed initial validity checks: %.900s", why.text);
    msp_channel_free(*c->next);
    *c->next = made;
    return FCC_OK;
}

static fcc_status check_one(struct checker *c, ledger__candidate *candidate)
{
    const ledger__transaction *tx = &candidate->tx;
    fcc_status st = check_form(c->l, tx, c->arena, &candidate->code);
    fcc_bytes stored;

    if (st != FCC_OK || candidate->code != CODE(VALID))
        return st;
    if (tx->channel_header->type == COMMON__HEADER_TYPE__CONFIG)
        return check_config(c, tx);
    st = ledger__get(&c->l->store, c->txn, LEDGER__TXS, tx->txid, &stored);
    if (st == FCC_OK)
        candidate->code = CODE(DUPLICATE_TXID);
    return st == FCC_ERR_NOT_FOUND ? check_endorsement(c, candidate) : st;
}

fcc_status ledger__validate(ledger *l, MDB_txn *txn, const ledger__block *block, ledger__candidate *candidates,
                            fcc__arena *arena, msp_channel **next, fcc_error *error)
{
    struct checker c = { .l = l, .txn = txn, .arena = arena, .next = next, .error = error };
    ledger__map seen;
    fcc_status st = FCC_OK;
    size_t i;

    ledger__map_init(&c.changed, arena, sizeof(bool));
    ledger__map_init(&seen, arena, sizeof(bool));
    for (i = 0; st == FCC_OK && i < block->count; i++)
        st = check_one(&c, &candidates[i]);
    for (i = 0; st == FCC_OK && i < block->count; i++) {
        bool *before;

        if (candidates[i].code != CODE(VALID) ||
            candidates[i].tx.channel_header->type != COMMON__HEADER_TYPE__ENDORSER_TRANSACTION)
            continue;
        before = ledger__map_at(&seen, candidates[i].tx.txid);
        if (!before)
            return FCC_ERR_LIMIT;
        if (*before)
            candidates[i].code = CODE(DUPLICATE_TXID);
        *before = true;
    }
    return st;
}

/* One record from five chairs: what each of five people has of it on the same ledger. */
#include "cli/demo.h"

#include "base/hash.h"
#include "client/direct.h"
#include "protos/unpack.h"

#include "common/common.pb-c.h"
#include "ledger/rwset/kvrwset/kv_rwset.pb-c.h"
#include "ledger/rwset/rwset.pb-c.h"
#include "peer/proposal.pb-c.h"
#include "peer/proposal_response.pb-c.h"
#include "peer/transaction.pb-c.h"

#include <stdio.h>
#include <string.h>

enum { MAX_SHOWN = 1 };

static const char *text(const json_t *o, const char *name)
{
    const char *s = json_string_value(json_object_get(o, name));

    return s ? s : "";
}

/* ---- the patient, and a doctor elsewhere ---- */

static bool patient_sees(demo *d)
{
    json_t *answer = NULL, *records;
    size_t n;

    if (!demo_ask(d, &d->patient, "ehr", "ListRecords", NULL, 0, json_pack("{s:s}", "pid", d->pid), &answer))
        return false;
    records = json_object_get(answer, "records");
    n = json_array_size(records);
    demo_ok("the patient: the own list, %s%zu records on its first page, newest first",
            n < d->record_count ? "with " : "", n);
    json_decref(answer);
    return n > 0 || demo_wrong("the patient's list is empty");
}

static bool stranger_sees(demo *d)
{
    const char *request = d->elsewhere, *args[1] = { request };
    char code[64];
    json_t *answer = NULL;
    bool ok;

    demo_salt(d->elsewhere);
    if (!demo_submit(d, &d->stranger, "ehr", "RequestAccess", NULL,
                     json_pack("{s:s, s:s, s:s, s:{s:[s]}}", "reqId", request, "pid", d->pid, "purpose", "TREAT",
                               "scope", "recIds", d->records[0].id),
                     NULL) ||
        !demo_ask(d, &d->stranger, "ehr", "Decision", args, 1, NULL, &answer))
        return false;
    ok = strcmp(text(answer, "decision"), "deny") == 0 || demo_wrong("a stranger's request must be denied");
    if (ok && demo_refused(d, &d->stranger, "ehr", "ReadIndex", request, NULL, 403, code))
        demo_ok("a doctor of the clinic, whom nobody has granted anything: deny (%s), 403 %s; and a line in the trail",
                text(answer, "reason"), code);
    else
        ok = false;
    json_decref(answer);
    return ok;
}

/* ---- the insurer's peer: the transaction that made the record, as it lies there ---- */

/* ChaincodeAction.results of a transaction; empty for one that has none. */
static fcc_bytes results_of(fcc_bytes envelope, const char *txid, fcc__arena *arena)
{
    Common__Envelope *e;
    Common__Payload *p;
    Common__ChannelHeader *h;
    Protos__Transaction *tx;
    Protos__ChaincodeActionPayload *cap;
    Protos__ProposalResponsePayload *prp;
    Protos__ChaincodeAction *action;

    if (FCC__UNPACK(common__envelope, envelope, arena, &e) != FCC_OK ||
        FCC__UNPACK(common__payload, fcc__of_pb(e->payload), arena, &p) != FCC_OK || !p->header ||
        FCC__UNPACK(common__channel_header, fcc__of_pb(p->header->channel_header), arena, &h) != FCC_OK ||
        !fcc_bytes_equal(fcc__of_pb(h->tx_id), fcc_str(txid)) ||
        FCC__UNPACK(protos__transaction, fcc__of_pb(p->data), arena, &tx) != FCC_OK || tx->n_actions != 1 ||
        FCC__UNPACK(protos__chaincode_action_payload, fcc__of_pb(tx->actions[0]->payload), arena, &cap) != FCC_OK ||
        !cap->action ||
        FCC__UNPACK(protos__proposal_response_payload, fcc__of_pb(cap->action->proposal_response_payload), arena,
                    &prp) != FCC_OK ||
        FCC__UNPACK(protos__chaincode_action, fcc__of_pb(prp->extension), arena, &action) != FCC_OK)
        return fcc_bytes_of(NULL, 0);
    return fcc__of_pb(action->results);
}

/* A composite key with its parts set off, and a value, one line. */
static void show_public(const Kvrwset__KVWrite *write)
{
    char key[128];
    size_t n = 0, i;

    for (i = 0; i < write->key.len && n < sizeof(key) - 1; i++) {
        const uint8_t c = write->key.data[i];

        if (c >= 0x20 && c < 0x7f)
            key[n++] = (char)c;
        else if (c == 0 && n > 0 && i + 1 < write->key.len)
            key[n++] = '~';
    }
    key[n] = '\0';
    demo_say("     public    %s = %.*s", key, write->value.len < 200 ? (int)write->value.len : 200,
             (const char *)write->value.data);
}

static bool show_collections(const Rwset__NsReadWriteSet *ns, fcc__arena *arena, size_t *hashed)
{
    for (size_t i = 0; i < ns->n_collection_hashed_rwset; i++) {
        const Rwset__CollectionHashedReadWriteSet *c = ns->collection_hashed_rwset[i];
        Kvrwset__HashedRWSet *set;
        fcc_bytes key, value;

        if (FCC__UNPACK(kvrwset__hashed_rwset, fcc__of_pb(c->hashed_rwset), arena, &set) != FCC_OK)
            return false;
        if (set->n_hashed_writes == 0)
            continue;
        *hashed += set->n_hashed_writes;
        key = fcc__hex(arena, fcc__of_pb(set->hashed_writes[0]->key_hash));
        value = fcc__hex(arena, fcc__of_pb(set->hashed_writes[0]->value_hash));
        demo_say("     private   %.*s: %zu writes, such as %.16s... = %.16s...: hashes", (int)c->collection_name.len,
                 (const char *)c->collection_name.data, set->n_hashed_writes, key.len ? (const char *)key.data : "",
                 value.len ? (const char *)value.data : "");
    }
    return true;
}

static bool show_results(fcc_bytes results, fcc__arena *arena, size_t *hashed)
{
    Rwset__TxReadWriteSet *set;

    if (FCC__UNPACK(rwset__tx_read_write_set, results, arena, &set) != FCC_OK)
        return false;
    for (size_t i = 0; i < set->n_ns_rwset; i++) {
        const Rwset__NsReadWriteSet *ns = set->ns_rwset[i];
        Kvrwset__KVRWSet *kv;

        if (!fcc_bytes_equal(fcc__of_pb(ns->namespace_), FCC_LIT("ehr")))
            continue;
        if (FCC__UNPACK(kvrwset__kvrwset, fcc__of_pb(ns->rwset), arena, &kv) != FCC_OK)
            return false;
        for (size_t k = 0; k < kv->n_writes && k < MAX_SHOWN; k++)
            show_public(kv->writes[k]);
        if (kv->n_writes > MAX_SHOWN)
            demo_say("     public    ... and %zu more like these", kv->n_writes - MAX_SHOWN);
        if (!show_collections(ns, arena, hashed))
            return false;
    }
    return true;
}

/* The transaction that last wrote the record's public act. */
static bool find_transaction(demo *d, char txid[65])
{
    const char *args[1] = { d->records[0].id };
    json_t *answer = NULL;
    bool ok;

    if (!demo_ask(d, &d->auditor, "ehr", "ActHistory", args, 1, NULL, &answer))
        return false;
    snprintf(txid, 65, "%s", text(json_array_get(json_object_get(answer, "history"), 0), "txId"));
    ok = strlen(txid) == 64;
    json_decref(answer);
    return ok || demo_wrong("the record's history names no transaction");
}

static bool insurer_sees(demo *d)
{
    char txid[65];
    fcc__arena *arena = fcc__arena_new(CLI_ARENA_MAX);
    Common__Block *block;
    fcc_bytes bytes, results = { 0 };
    fcc_error error;
    size_t hashed = 0;
    bool ok = arena && find_transaction(d, txid);

    if (ok && client_block_by_txid(d->insurer.who, "InsurerMSP", txid, arena, &bytes, &error) != FCC_OK)
        ok = demo_wrong("%s", error.text);
    ok = ok && FCC__UNPACK(common__block, bytes, arena, &block) == FCC_OK && block->data;
    for (size_t i = 0; ok && results.len == 0 && i < block->data->n_data; i++)
        results = results_of(fcc__of_pb(block->data->data[i]), txid, arena);
    if (ok) {
        demo_ok("the insurer, at its own peer: the transaction that recorded it, and all that is there of it:");
        ok = show_results(results, arena, &hashed) && hashed > 0;
        if (!ok)
            demo_wrong("the transaction can't be read");
    }
    for (size_t i = 0; ok && i < d->bundle->word_count; i++)
        if (memmem(bytes.data, bytes.len, d->bundle->words[i], strlen(d->bundle->words[i])))
            ok = demo_wrong("\"%s\" is in the insurer's block", d->bundle->words[i]);
    fcc__arena_free(arena);
    return ok;
}

/* ---- the inspector, who may read and not write ---- */

static bool inspector_sees(demo *d)
{
    fcc_bytes args[2] = { FCC_LIT("ListOrgs"), FCC_LIT("") };
    const client_call call = { .chaincode = "credentials", .args = args, .arg_count = 2 };
    json_t *answer = NULL;
    client_answer result;
    fcc_error error;
    size_t n;

    if (!demo_ask(d, &d->inspector, "ehr", "AuditTrail", NULL, 0, json_pack("{s:s}", "pid", d->pid), &answer))
        return false;
    n = json_array_size(json_object_get(answer, "entries"));
    json_decref(answer);
    if (n != 3)
        return demo_wrong("the inspector's trail must have 3 entries, and has %zu", n);
    demo_ok("the inspector, on the inspectorate's own peer: the trail, %zu requests so far with decision and reason",
            n);
    fcc__arena_reset(d->arena);
    if (client_invoke(d->inspector.who, &call, d->arena, &result, &error) == FCC_OK)
        return demo_wrong("the inspector could submit a transaction");
    if (!strstr(error.text, "FORBIDDEN"))
        return demo_wrong("the orderer must refuse what the inspector submits, not: %s", error.text);
    demo_ok("and writing: what the inspector submits, the orderer refuses: FORBIDDEN");
    return true;
}

bool demo_chairs(demo *d)
{
    demo_step(d, "The same record from five chairs");
    if (!patient_sees(d))
        return false;
    demo_ok("the doctor with the grant: has just read all of them, byte for byte");
    return stranger_sees(d) && insurer_sees(d) && inspector_sees(d);
}

/* A block's events: those of its valid transactions, with the names that are known. */
#include "notify/notify.h"

#include "protos/unpack.h"

#include "common/common.pb-c.h"
#include "peer/chaincode_event.pb-c.h"
#include "peer/proposal.pb-c.h"
#include "peer/proposal_response.pb-c.h"
#include "peer/transaction.pb-c.h"

#include <string.h>

/* What domain.md's chaincodes emit. */
static const notify_kind known[] = {
    { "consent", "BreakGlassOpened", "break-glass", "Emergency access to a patient's records was opened" },
    { "supply", "Recalled", "recall", "A lot of a medicine was recalled" },
    { "appointments", "SlotHeld", "appointment", "An appointment is being held" },
    { "appointments", "Booked", "appointment", "An appointment was booked" },
    { "appointments", "Rescheduled", "appointment", "An appointment was moved" },
    { "appointments", "Cancelled", "appointment", "An appointment was cancelled" },
    { "appointments", "WaitlistOffer", "appointment", "An appointment became free and is offered" },
    { "prescriptions", "RxIssued", "medicine", "A prescription was issued" },
    { "prescriptions", "RxAccepted", "medicine", "A pharmacy accepted a prescription" },
    { "prescriptions", "RxDispensed", "medicine", "A medicine was dispensed" },
    { "prescriptions", "RxReturned", "medicine", "A pharmacy gave a prescription back" },
    { "prescriptions", "RxRejected", "medicine", "A pharmacy rejected a prescription" },
    { "prescriptions", "RxReversed", "medicine", "A dispense was taken back" },
    { "prescriptions", "RxMarked", "medicine", "A prescription will be cancelled once it is given back" },
    { "prescriptions", "RxCancelled", "medicine", "A prescription was cancelled" },
    { "prescriptions", "RxExpired", "medicine", "A prescription has expired" },
    { "ehr", "RecordsAdded", "records", "Records were added" },
    { "ehr", "LabResultReady", "records", "A laboratory result is ready" },
    { "ehr", "AccessRequested", "records", "Access to records was asked for" },
    { "ehr", "ErasureDecided", "records", "An erasure was decided" },
    { "consent", "ConsentChanged", "consent", "A consent was changed" },
    { "supply", "PackShipped", "supply", "Packs were shipped" },
    { "supply", "PackReceived", "supply", "Packs were received" },
    { "credentials", "OrgApproved", "registry", "An organisation's site was approved" },
    { "credentials", "PractitionerApproved", "registry", "A practitioner was approved" },
    { "credentials", "CredentialIssued", "registry", "A credential was issued" },
    { "credentials", "CredentialStatus", "registry", "A credential's status has changed" },
};

static const char *const kinds[] = { "break-glass", "recall", "appointment", "medicine", "records",
                                     "consent",     "supply", "registry",    "other" };

const char *notify_kind_name(size_t i)
{
    return i < sizeof(kinds) / sizeof(kinds[0]) ? kinds[i] : NULL;
}

const notify_kind *notify_kind_of(fcc_bytes chaincode, fcc_bytes event)
{
    size_t i;

    for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (fcc_bytes_equal(chaincode, fcc_str(known[i].chaincode)) && fcc_bytes_equal(event, fcc_str(known[i].event)))
            return &known[i];
    return NULL;
}

/* The event in a transaction's payload; NULL for one without, or that is no endorsed transaction. */
static const Protos__ChaincodeEvent *event_of(fcc_bytes data, fcc__arena *arena)
{
    Protos__Transaction *tx;
    Protos__ChaincodeActionPayload *cap;
    Protos__ProposalResponsePayload *prp;
    Protos__ChaincodeAction *action;
    Protos__ChaincodeEvent *event;

    if (FCC__UNPACK(protos__transaction, data, arena, &tx) != FCC_OK || tx->n_actions != 1 ||
        FCC__UNPACK(protos__chaincode_action_payload, fcc__of_pb(tx->actions[0]->payload), arena, &cap) != FCC_OK ||
        !cap->action ||
        FCC__UNPACK(protos__proposal_response_payload, fcc__of_pb(cap->action->proposal_response_payload), arena,
                    &prp) != FCC_OK ||
        FCC__UNPACK(protos__chaincode_action, fcc__of_pb(prp->extension), arena, &action) != FCC_OK ||
        action->events.len == 0 ||
        FCC__UNPACK(protos__chaincode_event, fcc__of_pb(action->events), arena, &event) != FCC_OK)
        return NULL;
    return event->event_name.len > 0 ? event : NULL;
}

fcc_status notify_block_events(fcc_bytes bytes, fcc__arena *arena, notify_on_event on_event, void *ctx,
                               fcc_error *error)
{
    const Protos__ChaincodeEvent *found;
    Common__Block *b;
    Common__Envelope *e;
    Common__Payload *p;
    Common__ChannelHeader *ch;
    fcc_bytes codes = { NULL, 0 };
    size_t i;

    if (FCC__UNPACK(common__block, bytes, arena, &b) != FCC_OK || !b->header || !b->data)
        return fcc_error_set(error, FCC_ERR_PROTO, "what the peer sent is no block");
    if (b->metadata && b->metadata->n_metadata > COMMON__BLOCK_METADATA_INDEX__TRANSACTIONS_FILTER)
        codes = fcc__of_pb(b->metadata->metadata[COMMON__BLOCK_METADATA_INDEX__TRANSACTIONS_FILTER]);
    if (codes.len != b->data->n_data)
        return fcc_error_set(error, FCC_ERR_PROTO, "block %llu has %zu transactions and %zu validation codes",
                             (unsigned long long)b->header->number, b->data->n_data, codes.len);
    for (i = 0; i < b->data->n_data; i++) {
        notify_event event = { .block = b->header->number, .index = i };

        if (codes.data[i] != PROTOS__TX_VALIDATION_CODE__VALID)
            continue;
        if (FCC__UNPACK(common__envelope, fcc__of_pb(b->data->data[i]), arena, &e) != FCC_OK ||
            FCC__UNPACK(common__payload, fcc__of_pb(e->payload), arena, &p) != FCC_OK || !p->header ||
            FCC__UNPACK(common__channel_header, fcc__of_pb(p->header->channel_header), arena, &ch) != FCC_OK ||
            ch->type != COMMON__HEADER_TYPE__ENDORSER_TRANSACTION || !(found = event_of(fcc__of_pb(p->data), arena)))
            continue;
        event.at = ch->timestamp ? ch->timestamp->seconds : 0;
        event.txid = fcc__of_pb(ch->tx_id);
        event.chaincode = fcc__of_pb(found->chaincode_id);
        event.name = fcc__of_pb(found->event_name);
        event.payload = fcc__of_pb(found->payload);
        if (!on_event(ctx, &event))
            break;
    }
    return FCC_OK;
}

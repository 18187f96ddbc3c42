/*
 * lifecycle.c: chaincode definitions as the namespace `_lifecycle` holds them. What is in force for a block is the state
 * before it, and for a simulation that of its snapshot: so definitions are read once for each such state, and kept as
 * long as somebody looks at it. Fabric: core/chaincode/lifecycle/{serializer,deployedcc_infoprovider}.go.
 */
#include "ledger/internal.h"

#include "msp/policy.h"
#include "peer/lifecycle/chaincode_definition.pb-c.h"
#include "peer/lifecycle/db.pb-c.h"
#include "protos/unpack.h"

#include <stdlib.h>

enum { DEFINITIONS_CAP = 1 << 28 };

struct ledger__definitions {
    fcc__arena *arena;
    ledger__map map; /* name to ledger_definition */
    size_t users;
};

ledger__definitions *ledger__definitions_new(void)
{
    ledger__definitions *d = calloc(1, sizeof *d);

    if (!d)
        return NULL;
    d->users = 1;
    d->arena = fcc__arena_new(DEFINITIONS_CAP);
    if (!d->arena) {
        free(d);
        return NULL;
    }
    ledger__map_init(&d->map, d->arena, sizeof(ledger_definition));
    return d;
}

ledger__definitions *ledger__definitions_use(ledger__definitions *d)
{
    d->users++;
    return d;
}

void ledger__definitions_drop(ledger__definitions *d)
{
    if (!d || --d->users > 0)
        return;
    fcc__arena_free(d->arena);
    free(d);
}

/* ---- out of the state ---------------------------------------------------------------------------------------------- */

/* What reads one definition. */
struct reader {
    const ledger *l;
    MDB_txn *txn;
    fcc_bytes name;
    fcc__arena *scratch;
};

static fcc_status read_key(const struct reader *r, const char *what, const char *field, fcc_bytes *out)
{
    char *key = fcc__arena_printf(r->scratch, "namespaces/%s/" FCC_FMT "%s", what, FCC_ARG(r->name), field);
    ledger *l = (ledger *)(uintptr_t)r->l; /* its scratch key is no state that a caller could see */
    fcc_bytes none = { NULL, 0 };
    ledger__entry entry;
    fcc_status st;

    if (!key)
        return FCC_ERR_LIMIT;
    st = ledger__entry_get(l, r->txn, LEDGER__STATE,
                           ledger__state_key(l, FCC_LIT(LEDGER__LIFECYCLE), none, fcc_str(key)), &entry);
    if (st == FCC_OK)
        *out = entry.value;
    return st;
}

static fcc_status read_field(const struct reader *r, const char *field, Lifecycle__StateData **out)
{
    fcc_bytes value;
    fcc_status st = read_key(r, "fields", field, &value);

    return st == FCC_OK ? FCC__UNPACK(lifecycle__state_data, value, r->scratch, out) : st;
}

/* The bytes of a field; empty when there are none. */
static fcc_status read_bytes(const struct reader *r, const char *field, fcc_bytes *out)
{
    Lifecycle__StateData *data;
    fcc_status st = read_field(r, field, &data);

    *out = fcc_bytes_of(NULL, 0);
    if (st == FCC_OK && data->type_case == LIFECYCLE__STATE_DATA__TYPE_BYTES)
        *out = fcc__of_pb(data->bytes);
    return st;
}

static fcc_status read_definition(const struct reader *r, fcc__arena *arena, ledger_definition *out)
{
    Lifecycle__ChaincodeEndorsementInfo *endorsement;
    Lifecycle__ChaincodeValidationInfo *validation;
    Lifecycle__StateMetadata *metadata;
    Lifecycle__StateData *sequence;
    fcc_bytes bytes, collections;
    ledger_definition d = { .sequence = 0 };
    fcc_status st = read_key(r, "metadata", "", &bytes);

    if (st != FCC_OK)
        return st;
    if (!bytes.len)
        return FCC_ERR_NOT_FOUND;
    if ((st = FCC__UNPACK(lifecycle__state_metadata, bytes, r->scratch, &metadata)) != FCC_OK)
        return st;
    if (!fcc_bytes_equal(fcc__of_pb(metadata->datatype), FCC_LIT("ChaincodeDefinition")))
        return FCC_ERR_NOT_FOUND;
    if ((st = read_field(r, "/Sequence", &sequence)) != FCC_OK ||
        (st = read_bytes(r, "/EndorsementInfo", &bytes)) != FCC_OK ||
        (st = FCC__UNPACK(lifecycle__chaincode_endorsement_info, bytes, arena, &endorsement)) != FCC_OK ||
        (st = read_bytes(r, "/ValidationInfo", &bytes)) != FCC_OK ||
        (st = FCC__UNPACK(lifecycle__chaincode_validation_info, bytes, arena, &validation)) != FCC_OK ||
        (st = read_bytes(r, "/Collections", &collections)) != FCC_OK)
        return st;
    if (!fcc__arena_copy(arena, collections, &d.collections))
        return FCC_ERR_LIMIT;
    if (sequence->type_case == LIFECYCLE__STATE_DATA__TYPE_INT64)
        d.sequence = sequence->int64;
    d.version = fcc__of_pb(endorsement->version);
    d.init_required = endorsement->init_required;
    d.endorsement_plugin = fcc__of_pb(endorsement->endorsement_plugin);
    d.validation_plugin = fcc__of_pb(validation->validation_plugin);
    d.policy = fcc__of_pb(validation->validation_parameter);
    *out = d;
    return FCC_OK;
}

/* Without a LifecycleEndorsement policy a majority of the organisations has to endorse, by any member of each. */
static fcc_status majority(const ledger *l, fcc__arena *arena, fcc_bytes *out)
{
    size_t i, orgs = 0;
    fcc_bytes envelope;
    fcc__buf names;
    char *text = NULL;
    fcc_status st;

    fcc__buf_init(&names, LEDGER__KEY_MAX);
    for (i = 0; i < msp_channel_org_count(l->channel); i++) {
        const msp_channel_org *org = msp_channel_org_at(l->channel, i);

        if (org->application) {
            fcc__buf_printf(&names, ", '%s.member'", org->mspid);
            orgs++;
        }
    }
    if (orgs > 0 && fcc__buf_ok(&names))
        text = fcc__arena_printf(arena, "OutOf(%zu%s)", orgs / 2 + 1, fcc__buf_cstr(&names));
    fcc__buf_clear(&names);
    if (!text)
        return orgs ? FCC_ERR_LIMIT : FCC_ERR_NOT_FOUND;
    st = msp_policy_parse(text, arena, &envelope, NULL);
    return st == FCC_OK ? msp_policy_application(envelope, arena, out) : st;
}

static fcc_status define_lifecycle(const ledger *l, fcc__arena *arena, ledger_definition *out)
{
    /* ApplicationPolicy{channel_config_policy_reference} */
    static const char reference[] = "\x12\x29/Channel/Application/LifecycleEndorsement";

    if (!l->channel)
        return FCC_ERR_NOT_FOUND;
    memset(out, 0, sizeof *out);
    out->sequence = 1;
    out->version = FCC_LIT("syscc");
    out->endorsement_plugin = FCC_LIT("escc");
    out->validation_plugin = FCC_LIT("vscc");
    if (!msp_channel_has_policy(l->channel, reference + 2))
        return majority(l, arena, &out->policy);
    out->policy = fcc_bytes_of(reference, sizeof reference - 1);
    return FCC_OK;
}

/* ---- asking --------------------------------------------------------------------------------------------------------- */

static fcc_status load(const ledger *l, ledger__definitions *d, MDB_txn *txn, fcc_bytes name, ledger_definition *out)
{
    struct reader r = { .l = l, .txn = txn, .name = name, .scratch = fcc__arena_new(DEFINITIONS_CAP) };
    MDB_txn *own = NULL;
    fcc_status st = r.scratch ? FCC_OK : FCC_ERR_NOMEM;

    if (st == FCC_OK && !txn) {
        /* a transaction of our own: a block that is being committed must not see what it writes itself */
        st = ledger__begin(&l->store, false, &own);
        r.txn = own;
    }
    if (st == FCC_OK)
        st = read_definition(&r, d->arena, out);
    if (own)
        mdb_txn_abort(own);
    fcc__arena_free(r.scratch);
    return st;
}

fcc_status ledger__definition(const ledger *l, const ledger__view *view, fcc_bytes name, ledger_definition *out)
{
    ledger__definitions *d = view ? view->definitions : l->definitions;
    ledger_definition fresh, *known;
    fcc_status st;

    if (l->definition && !fcc_bytes_equal(name, FCC_LIT(LEDGER__LIFECYCLE)))
        return l->definition(l->definition_ctx, name, out);
    known = ledger__map_find(&d->map, name);
    if (known) {
        *out = *known;
        return FCC_OK;
    }
    st = fcc_bytes_equal(name, FCC_LIT(LEDGER__LIFECYCLE)) ? define_lifecycle(l, d->arena, &fresh)
                                                           : load(l, d, view ? view->txn : NULL, name, &fresh);
    if (st != FCC_OK)
        return st;
    known = ledger__map_at(&d->map, name);
    if (!known)
        return FCC_ERR_LIMIT;
    *known = *out = fresh;
    return FCC_OK;
}

fcc_status ledger_find_definition(const ledger *l, fcc_bytes name, ledger_definition *out)
{
    return ledger__definition(l, NULL, name, out);
}

uint64_t ledger_definitions_changed(const ledger *l)
{
    return l->definitions_changed;
}

bool ledger_defined_outside(const ledger *l)
{
    return l->definition != NULL;
}

fcc_status ledger__definitions_renew(ledger *l)
{
    ledger__definitions *fresh = ledger__definitions_new();

    if (!fresh)
        return FCC_ERR_NOMEM;
    ledger__definitions_drop(l->definitions);
    l->definitions = fresh;
    l->definitions_changed++;
    return FCC_OK;
}

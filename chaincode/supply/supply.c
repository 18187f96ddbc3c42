/* supply.c: the table of functions, and what all acts have in common: their id, their record, who may do them. */
#include "supply/supply.h"

#include <stdarg.h>
#include <stdio.h>

#include "supply/parts.h"

/* clang-format off */
#define SUPPLY_FUNCTIONS(X) \
    X(Setup, supply_setup) \
    X(RegisterProduct, supply_register_product) \
    X(GetProduct, supply_get_product) \
    X(Commission, supply_commission) \
    X(Pack, supply_pack) \
    X(Unpack, supply_unpack) \
    X(Ship, supply_ship) \
    X(Receive, supply_receive) \
    X(Restock, supply_restock) \
    X(Quarantine, supply_quarantine) \
    X(Illegitimate, supply_illegitimate) \
    X(Destroy, supply_destroy) \
    X(SellOTC, supply_sell_otc) \
    X(MarkDispensed, supply_mark_dispensed) \
    X(UnmarkDispensed, supply_unmark_dispensed) \
    X(Recall, supply_recall) \
    X(LiftRecall, supply_lift_recall) \
    X(PlaceOrder, supply_place_order) \
    X(AcceptOrder, supply_accept_order) \
    X(DeliverOrder, supply_deliver_order) \
    X(ConfirmPayment, supply_confirm_payment) \
    X(Dispute, supply_dispute) \
    X(CancelOrder, supply_cancel_order) \
    X(CaptureEPCIS, supply_capture_epcis) \
    X(VerifyPack, supply_verify_pack) \
    X(GetPack, supply_get_pack) \
    X(ListStock, supply_list_stock) \
    X(GetOrder, supply_get_order) \
    X(Trace, supply_trace) \
    X(GetDeed, supply_get_deed) \
    X(ActHistory, supply_act_history) \
    X(VerifyCommit, supply_verify_commit)
/* clang-format on */

LIB_CHAINCODE(supply, SUPPLY_FUNCTIONS)

static const lib_field setup_fields[] = { { .name = "salt", .type = LIB_HEX, .max = 64 } };
static const lib_field id_args[] = { SUPPLY_ID };

LIB_DEFINE(supply_setup, .flags = LIB_WRITES, .roles = LIB_ADMIN, .in = LIB_IN_REQUIRED, LIB_FIELDS(setup_fields),
           .callers = "admin of M, D, P, H, C", .reads = "packs SALT", .writes = "packs SALT; **no public write**",
           .endorsers = "SU")
LIB_DEFINE(supply_act_history, .roles = SUPPLY_STAFF | LIB_AUDITOR | LIB_ADMIN, LIB_ARGS(id_args),
           .callers = "auditor; staff of M, D, P, H, C; admin of R", .reads = "history of ACT",
           .answer = "`{\"history\":[{\"at\",\"deleted\",\"txId\",\"value\"}],\"id\"}`, oldest first")
LIB_DEFINE(supply_verify_commit, .roles = LIB_EVERY_ROLE, .in = LIB_IN_REQUIRED, LIB_FIELDS(lib_verify_fields),
           LIB_ARGS(id_args), .reads = "ACT", .answer = "`true` or `false`")

/* ---- refusing ---- */

static fcc_status noted(supply_act *act)
{
    act->refused = true;
    return FCC_ERR_APP;
}

fcc_status supply_stop(supply_act *act, lib_code code, const char *format, ...)
{
    char detail[400];
    va_list ap;

    if (act->trying)
        return noted(act);
    va_start(ap, format);
    vsnprintf(detail, sizeof(detail), format, ap);
    va_end(ap);
    return lib_refuse(act->call, code, "%s", detail);
}

fcc_status supply_forbid(supply_act *act, const char *reason, const char *format, ...)
{
    char detail[400];
    va_list ap;

    if (act->trying)
        return noted(act);
    va_start(ap, format);
    vsnprintf(detail, sizeof(detail), format, ap);
    va_end(ap);
    return lib_deny(act->call, reason, "%s", detail);
}

/* ---- an act ---- */

supply_act supply_act_of(lib_call *call, const char *what)
{
    return (supply_act){ .call = call,
                         .what = what,
                         .id = lib_in_text(call, "id"),
                         .salt = lib_in_text(call, "salt"),
                         .site = call->caller.site,
                         .uid = call->caller.uid };
}

fcc_status supply_require_new(supply_act *act)
{
    const json_t *old = NULL;
    fcc_status st = lib_read(act->call, NULL, lib_key(act->call, "ACT", act->id, NULL, NULL), &old);

    if (st != FCC_OK)
        return st;
    return old ? supply_stop(act, LIB_ALREADY, "id was used before") : FCC_OK;
}

fcc_status supply_write_deed(supply_act *act, json_t *deed)
{
    lib_call *call = act->call;
    char commit[2 * LIB_SHA256_LEN + 1];
    json_t *head = json_pack("{s:i,s:i,s:s,s:s,s:s,s:s*,s:s,s:s}", "fmt", 1, "v", 1, "id", act->id, "what", act->what,
                             "site", act->site, "uid", act->uid, "at", lib_time(call, call->now), "salt", act->salt);
    fcc_status st = FCC_ERR_NOMEM;

    if (deed && head && json_object_update(deed, head) == 0)
        st = lib_commit_of(deed, commit) ? FCC_OK : fcc_fail(call->stub, FCC_ERR_INTERNAL, "a deed without salt");
    json_decref(head);
    if (st != FCC_OK) {
        json_decref(deed);
        return st;
    }
    if ((st = lib_write(call, SUPPLY_PACKS, lib_key(call, "DEED", act->id, NULL, NULL), deed)) != FCC_OK)
        return st;
    return lib_write(call, NULL, lib_key(call, "ACT", act->id, NULL, NULL),
                     json_pack("{s:s,s:s,s:s,s:s,s:i}", "docType", act->what, "id", act->id, "status", "done", "commit",
                               commit, "v", 1));
}

/* ---- who ---- */

fcc_status supply_regulates(lib_call *call, bool *is)
{
    struct registry_site site = { 0 };
    bool found = false;
    fcc_status st = FCC_OK;

    *is = call->caller.role == LIB_ADMIN && strcmp(call->caller.msp, "RegulatorMSP") == 0;
    if (*is && (st = registry_site(call, call->caller.site, &site, &found)) == FCC_OK)
        *is = found && site.type && strcmp(site.type, "authority") == 0; /* not one of a council */
    return st;
}

static bool may_trade(const char *msp)
{
    static const char *const msps[] = { "ManufacturerMSP", "DistributorMSP", "PharmacyMSP", "HospitalMSP",
                                        "ClinicMSP" };

    for (size_t i = 0; i < sizeof(msps) / sizeof(msps[0]); i++)
        if (msp && strcmp(msp, msps[i]) == 0)
            return true;
    return false;
}

fcc_status supply_require_partner(supply_act *act, const char *gln, const char *whose)
{
    struct registry_site site = { 0 };
    bool found = false, valid = false;
    fcc_status st = registry_site(act->call, gln, &site, &found);

    if (st != FCC_OK)
        return st;
    if (!found)
        return supply_stop(act, LIB_NOT_FOUND, "%s: there is no such site", whose);
    if (site.approved && may_trade(site.msp) && site.region)
        st = lib_check(act->call, gln, "TradingPartner", site.region, &valid);
    if (st != FCC_OK)
        return st;
    return valid ? FCC_OK : supply_forbid(act, "partner", "%s is no trading partner with a valid credential", whose);
}

/* ---- values ---- */

int64_t supply_int(const json_t *record, const char *name)
{
    return json_integer_value(json_object_get(record, name));
}

fcc_status supply_set_int(json_t *record, const char *name, int64_t value)
{
    return json_object_set_new(record, name, json_integer(value)) == 0 ? FCC_OK : FCC_ERR_NOMEM;
}

/* ---- Setup ---- */

fcc_status supply_salt(lib_call *call, const char **salt)
{
    return lib_kept_salt(call, SUPPLY_PACKS, salt);
}

static fcc_status supply_setup(lib_call *call)
{
    return may_trade(call->caller.msp)
               ? lib_keep_salt(call, SUPPLY_PACKS)
               : lib_deny(call, "role", "only for Manufacturer, Distributor, Pharmacy, Hospital and Clinic");
}

/* ---- acts ---- */

static fcc_status supply_act_history(lib_call *call)
{
    fcc_status st = supply_refuse_other_admins(call);

    return st == FCC_OK ? lib_act_history(call, lib_arg_text(call, "id")) : st;
}

static fcc_status supply_verify_commit(lib_call *call)
{
    return lib_verify_commit(call);
}

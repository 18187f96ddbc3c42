/* lists.c: what holders and those who watch over them ask: one pack, a site's stock, the record of an act. */
#include <stdio.h>

#include "supply/parts.h"

#include "lib/json.h"

enum { WATCHERS = LIB_AUDITOR | LIB_ADMIN };

static const lib_field pack_fields[] = { SUPPLY_GTIN, SUPPLY_SERIAL };
static const lib_field stock_args[] = { { .name = "gln", .type = LIB_GLN } };
static const lib_field stock_fields[] = { SUPPLY_PAGE_TOKEN };
static const lib_field deed_fields[] = { SUPPLY_ID };

LIB_DEFINE(supply_get_pack, .roles = SUPPLY_STAFF | WATCHERS, .in = LIB_IN_REQUIRED, LIB_FIELDS(pack_fields),
           .callers = "holder, addressee, maker; auditor; admin of R", .reads = "PROD, RECALL; packs PACK, SSCC",
           .answer = "the record, with `recalled` and, of what lies in a container, its `holder` and `to`")
LIB_DEFINE(supply_list_stock, .roles = SUPPLY_STAFF, .in = LIB_IN_OPTIONAL, LIB_FIELDS(stock_fields),
           LIB_ARGS(stock_args), .callers = "staff of the site", .reads = "packs HAVE",
           .answer = "`{\"next\"?,\"stock\":[{\"gtin\",\"serial\"} or {\"sscc\"}, with \"incoming\"?]}`")
LIB_DEFINE(supply_get_deed, .roles = SUPPLY_STAFF | WATCHERS, .in = LIB_IN_REQUIRED, LIB_FIELDS(deed_fields),
           .callers = "the site that did it; auditor; admin of R", .reads = "packs DEED",
           .answer = "the act's private record, for `VerifyCommit`")

/* ---- walking ---- */

fcc_status supply_list(lib_call *call, const char *type, const char *a, const char *b, json_t *out)
{
    const fcc_bytes prefix[] = { fcc_str(a), fcc_str(b ? b : "") };
    fcc_iter *iter = NULL;
    fcc_status st = fcc_get_private_data_by_partial_composite_key(call->stub, FCC_LIT(SUPPLY_PACKS), fcc_str(type),
                                                                  prefix, b ? 2 : 1, &iter);

    while (st == FCC_OK && fcc_iter_has_next(iter)) {
        fcc_kv kv;

        if ((st = fcc_iter_next(iter, &kv)) == FCC_OK && json_array_append_new(out, lib_json_load_own(kv.value)) != 0)
            st = fcc_fail(call->stub, FCC_ERR_CORRUPT, "a value on the ledger is not JSON");
    }
    fcc_iter_close(iter);
    return st;
}

/* ---- who may know ---- */

static fcc_status is_watcher(lib_call *call, bool *is)
{
    *is = call->caller.role == LIB_AUDITOR;
    return *is ? FCC_OK : supply_regulates(call, is);
}

/* Of administrators only the regulator's: refused before anything is read, which their peers may not hold. */
fcc_status supply_refuse_other_admins(lib_call *call)
{
    bool regulator = false;
    fcc_status st = call->caller.role == LIB_ADMIN ? supply_regulates(call, &regulator) : FCC_OK;

    if (st != FCC_OK || call->caller.role != LIB_ADMIN || regulator)
        return st;
    return lib_deny(call, "role", "only an administrator of the regulator");
}

fcc_status supply_require_concerned(lib_call *call, const json_t *pack)
{
    const json_t *product = NULL, *top = NULL;
    const char *site = call->caller.site;
    bool is = false;
    fcc_status st = is_watcher(call, &is);

    if (st != FCC_OK || is)
        return st;
    if ((st = supply_outermost(call, pack, &top, NULL, NULL)) != FCC_OK ||
        (st = supply_read_product(call, lib_text(pack, "gtin"), &product)) != FCC_OK)
        return st;
    is = lib_text_is(product, "maker", site) || lib_text_is(top, "holder", site) || lib_text_is(top, "to", site);
    return is ? FCC_OK : lib_deny(call, "not_holder", "the pack is at another site");
}

/* ---- GetPack, GetDeed ---- */

static fcc_status supply_get_pack(lib_call *call)
{
    const fcc_bytes key = lib_key(call, "PACK", lib_in_text(call, "gtin"), lib_in_text(call, "serial"), NULL);
    const json_t *pack = NULL, *top = NULL;
    json_t *answer;
    bool recalled = false;
    fcc_status st = supply_refuse_other_admins(call);

    if (st != FCC_OK || (st = lib_read(call, SUPPLY_PACKS, key, &pack)) != FCC_OK)
        return st;
    if (!pack)
        return lib_refuse(call, LIB_NOT_FOUND, "No_match_GTIN_Serial: the pack is not known");
    if ((st = supply_require_concerned(call, pack)) != FCC_OK ||
        (st = supply_outermost(call, pack, &top, NULL, NULL)) != FCC_OK ||
        (st = supply_is_recalled(call, lib_text(pack, "gtin"), lib_text(pack, "lot"), &recalled)) != FCC_OK)
        return st;
    answer = lib_own(call, json_copy((json_t *)pack));
    if (!answer || json_object_set_new(answer, "recalled", json_boolean(recalled)) != 0)
        return FCC_ERR_NOMEM;
    if ((st = lib_set(answer, "salt", NULL)) != FCC_OK ||
        (st = lib_set(answer, "holder", lib_text(top, "holder"))) != FCC_OK ||
        (st = lib_set(answer, "to", lib_text(top, "to"))) != FCC_OK)
        return st;
    return lib_answer(call, json_incref(answer));
}

static fcc_status supply_get_deed(lib_call *call)
{
    const json_t *deed = NULL;
    bool is = false;
    fcc_status st = supply_refuse_other_admins(call);

    if (st != FCC_OK || (st = is_watcher(call, &is)) != FCC_OK)
        return st;
    if ((st = lib_read(call, SUPPLY_PACKS, lib_key(call, "DEED", lib_in_text(call, "id"), NULL, NULL), &deed)) !=
        FCC_OK)
        return st;
    if (!deed)
        return lib_refuse(call, LIB_NOT_FOUND, "there is no such act");
    if (!is && !lib_text_is(deed, "site", call->caller.site))
        return lib_deny(call, "not_holder", "another site did it");
    return lib_answer(call, json_incref((json_t *)deed));
}

/* ---- ListStock ---- */

/* "GTIN~SERIAL" or "sscc~SSCC": sorts as the keys do, since no part has a '~' and those before it are of one length. */
static const char *token_of(lib_call *call, const fcc_bytes *parts)
{
    char token[64];

    snprintf(token, sizeof(token), FCC_FMT "~" FCC_FMT, FCC_ARG(parts[1]), FCC_ARG(parts[2]));
    return lib_string(call, fcc_str(token));
}

static json_t *entry_of(lib_call *call, const fcc_bytes *parts, const json_t *value)
{
    const char *last = lib_string(call, parts[2]);
    json_t *entry = fcc_bytes_equal(parts[1], FCC_LIT("sscc"))
                        ? json_pack("{s:s}", "sscc", last)
                        : json_pack("{s:s,s:s}", "gtin", lib_string(call, parts[1]), "serial", last);

    if (entry && json_is_true(json_object_get(value, "incoming")))
        json_object_set_new(entry, "incoming", json_true());
    return entry;
}

static fcc_status supply_list_stock(lib_call *call)
{
    const char *gln = lib_arg_text(call, "gln"), *after = lib_in_text(call, "page"), *last = NULL, *next = NULL;
    const fcc_bytes prefix = fcc_str(gln);
    json_t *stock = lib_own(call, json_array());
    fcc_iter *iter = NULL;
    fcc_status st;

    if (strcmp(gln, call->caller.site) != 0)
        return lib_deny(call, "not_holder", "the stock of another site");
    st = fcc_get_private_data_by_partial_composite_key(call->stub, FCC_LIT(SUPPLY_PACKS), FCC_LIT("HAVE"), &prefix, 1,
                                                       &iter);
    while (st == FCC_OK && !next && fcc_iter_has_next(iter)) {
        const fcc_bytes *parts = NULL;
        const char *token;
        size_t count = 0;
        fcc_bytes type;
        fcc_kv kv;

        if ((st = fcc_iter_next(iter, &kv)) != FCC_OK ||
            (st = fcc_split_composite_key(call->stub, kv.key, &type, &parts, &count)) != FCC_OK)
            break;
        if (count != 3) {
            st = fcc_fail(call->stub, FCC_ERR_CORRUPT, "an index key with another number of parts");
            break;
        }
        token = token_of(call, parts);
        if (after && strcmp(token, after) <= 0)
            continue;
        if (json_array_size(stock) == SUPPLY_PAGE) {
            next = last;
            break;
        }
        last = token;
        if (json_array_append_new(stock, entry_of(call, parts, lib_own(call, lib_json_load_own(kv.value)))) != 0)
            st = FCC_ERR_NOMEM;
    }
    fcc_iter_close(iter);
    return st == FCC_OK ? lib_answer(call, json_pack("{s:O,s:s*}", "stock", stock, "next", next)) : st;
}

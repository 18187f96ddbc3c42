/* Attempts to break it, and what becomes of them. */
#include "cli/demo.h"

#include "audit/audit.h"
#include "audit/source.h"
#include "client/direct.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- a byte of a block ---- */

typedef struct findings {
    size_t count;
    uint64_t block;
    char part[64];
} findings;

static void on_finding(void *ctx, const audit_finding *f)
{
    findings *all = ctx;

    if (all->count++ == 0) {
        all->block = f->block;
        snprintf(all->part, sizeof(all->part), "%s", f->part);
    }
}

/* Audit the channel's blocks, the one of that number with a bit flipped in its middle; -1: as they are. */
static bool audit_blocks(demo *d, int64_t damaged, findings *found, uint64_t *height)
{
    const audit_options options = { .found = on_finding, .ctx = found };
    audit_source *source = NULL;
    audit *a = NULL;
    char path[4096];
    fcc_bytes block;
    fcc_error error;
    size_t ignored;
    fcc_status st;

    snprintf(path, sizeof(path), "%s/ledger/blocks", d->dir);
    *found = (findings){ 0 };
    st = audit_source_open(path, &source, &error);
    if (st == FCC_OK)
        st = audit_open(&options, &a, &error);
    while (st == FCC_OK) {
        fcc__arena_reset(d->arena);
        st = audit_source_next(source, d->arena, &block, &error);
        if (st == FCC_OK && damaged >= 0 && audit_height(a) == (uint64_t)damaged) {
            uint8_t *copy = fcc__arena_alloc(d->arena, block.len);

            if (!copy)
                break;
            memcpy(copy, block.data, block.len);
            copy[block.len / 2] ^= 1;
            block.data = copy;
        }
        if (st == FCC_OK)
            st = audit_take(a, block, &ignored, &error);
    }
    *height = a ? audit_height(a) : 0;
    audit_close(a);
    audit_source_close(source);
    /* an auditor stops at a block after which nothing can be said */
    return st == FCC_ERR_NOT_FOUND || (st == FCC_ERR_CORRUPT && found->count > 0) || demo_wrong("%s", error.text);
}

static bool flipped_byte(demo *d)
{
    findings found;
    uint64_t height, ignored;

    if (!audit_blocks(d, -1, &found, &height))
        return false;
    if (found.count > 0)
        return demo_wrong("the audit of untouched blocks has %zu findings, first in block %" PRIu64, found.count,
                          found.block);
    demo_ok("audited offline: %" PRIu64 " blocks, every byte is accounted for", height);
    if (!audit_blocks(d, (int64_t)height / 2, &found, &ignored))
        return false;
    if (found.count == 0 || found.block != height / 2)
        return demo_wrong("a flipped bit of block %" PRIu64 " was not found", height / 2);
    demo_ok("one bit of a copy of block %" PRIu64 " flipped: the audit names block %" PRIu64 " and the part (%s)",
            height / 2, found.block, found.part);
    return true;
}

/* ---- the network's process ---- */

static bool height_of(demo *d, uint64_t *height)
{
    Common__BlockchainInfo *info;
    fcc_error error;

    fcc__arena_reset(d->arena);
    if (client_chain_info(d->auditor.who, NULL, d->arena, &info, &error) != FCC_OK)
        return demo_wrong("%s", error.text);
    *height = info->height;
    return true;
}

static bool killed(demo *d)
{
    uint64_t before, after;
    json_t *first = NULL, *second = NULL;
    bool ok;

    if (!height_of(d, &before) ||
        !demo_ask(d, &d->patient, "ehr", "ListRecords", NULL, 0, json_pack("{s:s}", "pid", d->pid), &first))
        return false;
    ok = demo_kill(d) && demo_restart(d) && height_of(d, &after) &&
         demo_ask(d, &d->patient, "ehr", "ListRecords", NULL, 0, json_pack("{s:s}", "pid", d->pid), &second);
    if (ok && (before != after || !json_equal(first, second)))
        ok = demo_wrong("after kill -9 the channel has %" PRIu64 " blocks and not %" PRIu64 ", or another list", after,
                        before);
    if (ok)
        demo_ok("the network killed (kill -9) and started again: the same %" PRIu64 " blocks, the same records", after);
    json_decref(first);
    json_decref(second);
    return ok;
}

/* ---- the glass ---- */

/* BreakGlass is endorsed by one organisation: it works with the other one down. */
static json_t *open_request(const demo *d, const char *id, const char *reason)
{
    char salt[33];

    return json_pack("{s:s, s:s, s:s, s:s*, s:s}", "id", id, "pid", d->pid, "reasonCode", "unable", "reason", reason,
                     "salt", demo_salt(salt));
}

static bool submit_alone(demo *d, const demo_person *p, const char *function, const char *arg, json_t *in)
{
    static const char *const hospital[] = { "HospitalMSP" };
    char *text = in ? json_dumps(in, JSON_COMPACT) : NULL;
    const fcc_bytes args[2] = { fcc_str(function), fcc_str(arg ? arg : "") };
    const client_transient transient = { "in", fcc_str(text ? text : "") };
    const client_call call = { .chaincode = "consent",
                               .args = args,
                               .arg_count = arg ? 2 : 1,
                               .transient = &transient,
                               .transient_count = text != NULL,
                               .orgs = hospital,
                               .org_count = 1 };
    client_answer answer;
    fcc_error error;
    bool ok;

    fcc__arena_reset(d->arena);
    ok = (text || !in) && client_invoke(p->who, &call, d->arena, &answer, &error) == FCC_OK;
    json_decref(in);
    free(text);
    if (!ok)
        return demo_wrong("consent %s, as %s: %s", function, p->name, error.text);
    d->sent++;
    return true;
}

static bool glass(demo *d)
{
    char id[33], code[64];
    json_t *answer = NULL, *one;
    bool ok;

    demo_salt(id);
    if (!demo_refused(d, &d->doctor, "consent", "BreakGlass", NULL, open_request(d, id, "unconscious"), 403, code))
        return false;
    demo_ok("an emergency; a doctor without that capability tries to break the glass: 403 %s", code);
    if (!demo_refused(d, &d->emergency, "consent", "BreakGlass", NULL, open_request(d, id, NULL), 400, code))
        return false;
    demo_ok("the emergency doctor, without saying why: 400 %s", code);
    if (!submit_alone(d, &d->emergency, "BreakGlass", NULL, open_request(d, id, "unconscious, no relative known")))
        return false;
    demo_ok("with a reason: open for three hours; one organisation's word suffices, as the other may be down");
    if (!demo_refused(d, &d->emergency, "consent", "ReviewBreakGlass", id,
                      json_pack("{s:s, s:s}", "finding", "justified", "note", "of my own"), 403, code))
        return false;
    demo_ok("the same doctor reviews it: 403 %s", code);
    if (!submit_alone(d, &d->emergency, "CloseBreakGlass", id, NULL))
        return false;
    if (!submit_alone(d, &d->privacy, "ReviewBreakGlass", id,
                      json_pack("{s:s, s:s}", "finding", "justified", "note", "unconscious on arrival")))
        return false;
    if (!demo_ask(d, &d->inspector, "consent", "BreakGlassCases", NULL, 0, NULL, &answer))
        return false;
    one = json_array_get(json_object_get(answer, "cases"), 0);
    ok = one && json_is_object(json_object_get(one, "review"));
    json_decref(answer);
    if (!ok)
        return demo_wrong("the inspector must see the case with its review");
    demo_ok("the case is closed, the privacy officer reviews it, the inspector sees case and review");
    return true;
}

bool demo_break(demo *d)
{
    demo_step(d, "Try to break it");
    return flipped_byte(d) && killed(d) && glass(d);
}

/*
 * doctor_clock.c: how far a node's clock is from this machine's, without a service that tells the time. A peer of Fabric 3
 * refuses a proposal whose timestamp is far off, and says what time it has. Where nobody says so (Fabric 2.5, orderers), the
 * edges of what is taken are looked for: a request for a block is refused when its timestamp is more than the node's window
 * apart from its clock, on either side alike, so that its clock is in the middle between the first and the last one that it
 * takes.
 *
 * Source: fabric v3.1.5 core/handlers/auth/filter/timewindow.go, common/deliver/deliver.go (validateChannelHeader)
 */
#include "cli/doctor_network.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { FAR_S = 400 * 86400, WINDOW_MOST_S = 2 * 3600, NOTED_S = 5 };

static bool asked_peer(doctor_network *n, const doctor_node *node, int64_t *offset)
{
    Common__BlockchainInfo *info;
    fcc_error error = { 0 };
    int64_t theirs;

    client_set_clock(node->admin, -FAR_S);
    (void)!client_chain_info(node->admin, NULL, n->arena, &info, &error);
    client_set_clock(node->admin, 0);
    if (!msp_clock_of_refusal(error.text, &theirs))
        return false;
    *offset = theirs - (int64_t)time(NULL);
    return true;
}

/* Does it take a request for a block that was made at this time? -1: no answer. */
static int takes(const doctor_node *node, int64_t offset_s)
{
    const bool is_peer = strcmp(node->kind, "peer") == 0;
    fcc__arena *arena = fcc__arena_new(64 << 20);
    fcc_bytes block;
    fcc_error error = { 0 };
    fcc_status st = FCC_ERR_NOMEM;

    client_set_clock(node->admin, offset_s);
    if (!is_peer)
        client_use_orderer(node->admin, node->place);
    if (arena)
        st = client_block(node->admin, is_peer ? CLIENT_FILTERED : CLIENT_ORDERED, is_peer ? node->mspid : NULL,
                          CLIENT_OLDEST, arena, &block, &error);
    client_set_clock(node->admin, 0);
    fcc__arena_free(arena);
    return st == FCC_OK ? 1 : st == FCC_ERR_PEER ? 0 : -1;
}

/* The last offset that is taken in a direction, between one that is and one that isn't. */
static bool find_edge(const doctor_node *node, int64_t taken, int64_t refused, int64_t *edge)
{
    while (llabs(refused - taken) > 1) {
        const int64_t middle = taken + (refused - taken) / 2;
        const int it = takes(node, middle);

        if (it < 0)
            return false;
        if (it)
            taken = middle;
        else
            refused = middle;
    }
    *edge = taken;
    return true;
}

static bool found_middle(const doctor_node *node, int64_t *offset)
{
    int64_t later, earlier, start = 0;

    /* what is an hour or a day off takes none of now; a time zone's mistake is a whole number of half hours */
    for (int64_t tried = 0; takes(node, start) != 1; tried++) {
        if (tried == 2 * 52)
            return false;
        start = (tried % 2 ? -1 : 1) * 900 * (tried / 2 + 1);
    }
    if (takes(node, start + WINDOW_MOST_S) != 0 || takes(node, start - WINDOW_MOST_S) != 0)
        return false;
    if (!find_edge(node, start, start + WINDOW_MOST_S, &later) ||
        !find_edge(node, start, start - WINDOW_MOST_S, &earlier))
        return false;
    *offset = (later + earlier) / 2;
    return true;
}

void doctor_node_clock(doctor_network *n, const doctor_node *node)
{
    doctor_findings to = { n, node->name, "clock" };
    msp_checker checker = doctor_checker(&to);
    int64_t offset = 0;
    const bool is_peer = strcmp(node->kind, "peer") == 0;

    if (!(is_peer && asked_peer(n, node, &offset)) && !found_middle(node, &offset)) {
        doctor_tell(n, DOCTOR_WARN, node->name, "clock", FCC__E_CRT_CLOCK,
                    "how far its clock is off could not be told");
        return;
    }
    if (!msp_check_clock(&checker, node->kind, checker.now_s + offset, MSP_CHECK_CLOCK_S))
        return;
    if (llabs(offset) <= NOTED_S)
        doctor_tell(n, DOCTOR_OK, node->name, "clock", FCC__E_CRT_CLOCK, "within %d s of this machine's", NOTED_S);
    else
        doctor_tell(n, DOCTOR_WARN, node->name, "clock", FCC__E_CRT_CLOCK, "%" PRId64 " s %s this machine's",
                    (int64_t)llabs(offset), offset > 0 ? "ahead of" : "behind");
}

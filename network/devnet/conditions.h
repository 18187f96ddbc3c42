/*
 * conditions.h: other circumstances that a chaincode's process may find itself in, as on another organisation's machine:
 * none of them may change what it answers.
 */
#ifndef MEDSYNC_DEVNET_CONDITIONS_H
#define MEDSYNC_DEVNET_CONDITIONS_H

#include <fcc/status.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct devnet_conditions {
    int64_t clock_s; /* the machine's clock is so many seconds ahead; 0: as it is */
    bool only_clock; /* it is the only condition */
    const char *clock_library;
    char time_zone[24];     /* TZ; "" in all of these: as it is */
    char locale[32];        /* LC_ALL */
    unsigned heap;          /* MALLOC_PERTURB_: what memory holds before and after its use */
    uint64_t stack;         /* soft limit in bytes: stack and libraries lie elsewhere */
    bool other_environment; /* other variables, in another order */
    char text[200];         /* "with TZ=<+14>-14, LC_ALL=tr_TR.UTF-8"; "once more" when all is as it is */
} devnet_conditions;

enum { DEVNET_KINDS = 6 }; /* of conditions that can be told apart */

/*
 * Those of process `index` of `count`. With DEVNET_KINDS or more each of the first has one condition, and the next one
 * none; those that are left, and fewer processes, have several.
 *
 * @param clock_library  path of the library that moves the clock; NULL: none, the clock isn't moved
 */
void devnet_conditions_choose(size_t index, size_t count, const char *clock_library, devnet_conditions *out);

/*
 * Change an environment, whose strings and list are from malloc and end with NULL. false when out of memory; it stays
 * the caller's.
 */
bool devnet_conditions_environment(const devnet_conditions *conditions, char ***environment) FCC_MUST_CHECK;
/* Between fork and exec: the rest. */
void devnet_conditions_enter(const devnet_conditions *conditions);

#endif

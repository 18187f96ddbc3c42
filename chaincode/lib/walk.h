/* walk.h: indexes of private data by page, which only queries have. */
#ifndef LIB_WALK_H
#define LIB_WALK_H

#include "lib/call.h"

enum { LIB_PAGE = 100 /* entries in an answer */ };

/*
 * A page of an index TYPE~first~[second~]rest...: the last part of each key, the token of its place, and the pid that
 * its value names (NULL for a plain mark).
 */
struct lib_page {
    const char *ids[LIB_PAGE], *tokens[LIB_PAGE], *pids[LIB_PAGE];
    size_t count;
    bool more;
};
/*
 * Go through an index from behind the token `after` (NULL: from the start). Queries only: ranges over private data are
 * refused in a transaction that writes.
 */
fcc_status lib_walk(lib_call *call, const char *collection, const char *type, const char *first, const char *second,
                    const char *after, struct lib_page *page) FCC_MUST_CHECK;
/* The token of the next page, NULL at the end. */
const char *lib_next_page(const struct lib_page *page);

#endif

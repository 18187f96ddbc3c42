/* sim.h: a simulation, as its files share it. */
#ifndef NETWORK_LEDGER_SIM_H
#define NETWORK_LEDGER_SIM_H

#include "ledger/internal.h"

struct ledger_sim {
    ledger *l;
    fcc__arena *arena;
    MDB_txn *txn; /* the snapshot */
    ledger__view view;
    char *mspid;
    fcc_bytes txid;
    fcc_bytes creator;
    ledger__builder builder;
    ledger__map collections; /* ns 0x00 collection to struct known_collection */
    ledger__map noted;       /* namespaces whose whole definition has been recorded as read */
    ledger__map policies;    /* protos.ApplicationPolicy that the writes so far have to satisfy */
    ledger__map written;     /* namespaces with writes */
    ledger__map touched;     /* interest.c: namespaces and collections */
    ledger__map ruled;       /* interest.c: written keys with policies of their own */
    fcc_bytes invoked;       /* the first chaincode that was entered */
    ledger_iter *iters;      /* in the order of their making */
    ledger_iter **iters_end;
    bool wrote;
    bool queried_private;
    bool paginated;
    bool finished;
    fcc__buf error;
};

/* Which kind of query an iterator walks. */
typedef enum ledger__query { LEDGER__PUBLIC_RANGE, LEDGER__PRIVATE_RANGE, LEDGER__KEY_HISTORY } ledger__query;

struct ledger_iter {
    ledger_sim *sim;
    ledger_iter *next;
    ledger__query query;
    fcc_bytes ns;
    fcc_bytes key;      /* of a history */
    ledger__version at; /* its next result; behind the last one `ended` */
    bool ended;
    fcc_bytes prefix; /* database keys of this query begin so */
    fcc_bytes end;    /* plain end key; empty: open */
    int32_t page_size;
    bool paginated;
    int32_t limit;
    int32_t total; /* results handed out or pending */
    bool open;
    ledger__cursor cursor;
    fcc__arena *hold; /* the pending result, which was pulled beyond the last batch */
    fcc_bytes pending;
    bool has_pending;
    /* what a public range query records */
    fcc_bytes start;
    fcc_bytes last;
    bool exhausted;
    ledger__range seen;
};

/* Keep a refusal's text; returns FCC_ERR_PEER. */
fcc_status ledger__refuse(ledger_sim *sim, const char *format, ...) FCC_PRINTF(2, 3);
/* Is there such a collection, and may the proposal's creator read from it or write to it? */
fcc_status ledger__permit(ledger_sim *sim, fcc_bytes ns, fcc_bytes collection, bool write) FCC_MUST_CHECK;
/* The definition's keys count as read once a chaincode touches private data. */
fcc_status ledger__note_definition(ledger_sim *sim, fcc_bytes ns) FCC_MUST_CHECK;
/* Put the range queries into the read-write set. */
fcc_status ledger__record_ranges(ledger_sim *sim) FCC_MUST_CHECK;

/* ---- interest.c: who has to endorse what was simulated -------------------------------------------------------------- */

void ledger__interest_init(ledger_sim *sim);
/* Private data were read. */
fcc_status ledger__interest_read(ledger_sim *sim, fcc_bytes ns, fcc_bytes collection) FCC_MUST_CHECK;
/* A key was written that has this policy of its own, common.SignaturePolicyEnvelope; empty: none. */
fcc_status ledger__interest_write(ledger_sim *sim, fcc_bytes ns, fcc_bytes collection, fcc_bytes key,
                                  fcc_bytes policy) FCC_MUST_CHECK;
fcc_status ledger__interest_build(ledger_sim *sim, fcc__arena *arena, fcc_bytes *out) FCC_MUST_CHECK;

#endif

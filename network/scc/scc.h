/*
 * scc.h: the system chaincodes `_lifecycle`, `qscc` and `cscc`, and what they keep: the packages that an organisation's
 * peer has installed.
 *
 * Plain functions over the ledger and a simulator: messages in, messages out. No streams, no gRPC, no clock. Texts and
 * statuses are Fabric's (core/chaincode/lifecycle, core/scc/qscc, core/scc/cscc).
 */
#ifndef MEDSYNC_SCC_SCC_H
#define MEDSYNC_SCC_SCC_H

#include "base/arena.h"
#include "ledger/ledger.h"

#include "peer/proposal_response.pb-c.h"

#define SCC_LIFECYCLE "_lifecycle"
#define SCC_VERSION "syscc" /* of all system chaincodes, in ChaincodeAction */

/* ---- the packages of one organisation's peer ------------------------------------------------------------------------ */

typedef struct scc_store scc_store;

/*
 * Packages lie in `dir` as <label>.<hex>.tar.gz, as a Fabric peer keeps them. Made when missing; files that are no
 * packages are passed over. NULL: in memory only. FCC_ERR_IO.
 */
fcc_status scc_store_open(const char *dir, scc_store **out, fcc_error *error) FCC_MUST_CHECK;
void scc_store_close(scc_store *store); /* takes NULL */

/* Ids, `label:hex`, in byte order. Borrowed until the store is closed. */
size_t scc_store_count(const scc_store *store);
const char *scc_store_id(const scc_store *store, size_t i);
bool scc_store_has(const scc_store *store, fcc_bytes package_id);
/* The id of a package that is kept, borrowed; NULL when it isn't. */
const char *scc_store_find(const scc_store *store, const char *label, fcc_bytes package);
/* Keep a package. *id is borrowed. FCC_ERR_EXISTS when it was there (*id is set), FCC_ERR_IO. */
fcc_status scc_store_save(scc_store *store, const char *label, fcc_bytes package, const char **id,
                          fcc_error *error) FCC_MUST_CHECK;
/* Its bytes, in the arena. FCC_ERR_NOT_FOUND, FCC_ERR_IO. */
fcc_status scc_store_load(const scc_store *store, fcc_bytes package_id, fcc__arena *arena,
                          fcc_bytes *out) FCC_MUST_CHECK;

/* ---- one call ------------------------------------------------------------------------------------------------------- */

/* Who calls what, and what it may use. Everything is borrowed for the call. */
typedef struct scc_call {
    ledger *ledger;
    scc_store *store;
    const char *mspid; /* the peer's organisation */
    bool fabric_2_5;   /* answer as Fabric 2.5 does */
    fcc_bytes channel; /* of the proposal; empty without one */
    fcc_bytes txid;
    fcc_bytes invoked; /* the chaincode that the client's proposal names: qscc and cscc are for clients alone */
    const ProtobufCBinaryData *args;
    size_t arg_count;
    ledger_sim *sim; /* for `_lifecycle` on a channel; else NULL */
    /*
     * May the proposal's creator use this resource ("qscc/GetChainInfo") of this channel (empty: of the peer)? NULL: yes,
     * otherwise why not, in the arena.
     */
    const char *(*deny)(void *ctx, const char *resource, fcc_bytes channel, fcc__arena *arena);
    /*
     * Read a chaincode package: its label, in the arena. FCC_ERR_PROTO when it is none, FCC_ERR_CONFIG when it is one
     * that cannot be run here (*label may be set). NULL: nothing can be installed.
     */
    fcc_status (*read_package)(void *ctx, fcc_bytes package, fcc__arena *arena, const char **label, fcc_error *error);
    void *ctx;
    fcc__arena *arena; /* of the answer */
} scc_call;

/* Is this the name of a system chaincode? `lscc` is one without functions. */
bool scc_known(fcc_bytes name);
/* Does it read and write state through a simulator? qscc and cscc don't. */
bool scc_simulates(fcc_bytes name);
/* Run it. Whatever happens is a Response: 200 with the answer, or 404 or 500 with a text. */
void scc_invoke(fcc_bytes name, const scc_call *call, Protos__Response *out);

/* ---- what runs under a chaincode's name ------------------------------------------------------------------------------ */

typedef struct scc_chaincode {
    ledger_definition definition;
    bool approved;          /* the organisation has approved this very definition */
    const char *package_id; /* it has approved this package for it, and the package is installed; NULL: not so */
} scc_chaincode;

/*
 * The committed definition of a chaincode and what an organisation's peer has for it, from the committed state. In the
 * arena. FCC_ERR_NOT_FOUND: no such definition.
 */
fcc_status scc_resolve(ledger *l, const char *mspid, scc_store *store, fcc_bytes name, fcc__arena *arena,
                       scc_chaincode *out) FCC_MUST_CHECK;
/*
 * The names of the chaincodes that the channel has a definition of, in byte order, in the arena; none while the ledger has
 * no channel. `mspid` is that of any peer.
 */
fcc_status scc_defined(ledger *l, const char *mspid, fcc__arena *arena, const char *const **names,
                       size_t *count) FCC_MUST_CHECK;

#endif

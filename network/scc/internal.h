/* internal.h: what the files of the system chaincodes share. */
#ifndef MEDSYNC_SCC_INTERNAL_H
#define MEDSYNC_SCC_INTERNAL_H

#include "scc/scc.h"

#include "protos/unpack.h"

#include "peer/collection.pb-c.h"
#include "peer/lifecycle/chaincode_definition.pb-c.h"
#include "peer/lifecycle/db.pb-c.h"
#include "peer/lifecycle/lifecycle.pb-c.h"

enum { SCC__OK = 200, SCC__NOT_FOUND = 404, SCC__ERROR = 500 };

/*
 * A call on its way. What goes wrong is FCC_ERR_PEER with its text here; other failures are our own, and get the text of
 * their status.
 */
typedef struct scc__run {
    const scc_call *call;
    fcc__arena *arena;
    const char *text;
    bool absent; /* the text is a whole answer, with 404 */
} scc__run;

/* Both return FCC_ERR_PEER. _within puts words and ": " in front of the text of a failure, if that is one with a text. */
fcc_status scc__refuse(scc__run *run, const char *format, ...) FCC_PRINTF(2, 3);
fcc_status scc__within(scc__run *run, fcc_status status, const char *format, ...) FCC_PRINTF(3, 4);

/* Fill the response: with 200 and the packed message, or with a text. */
void scc__answer(const scc_call *call, const void *message, Protos__Response *out);
void scc__answer_bytes(fcc_bytes payload, Protos__Response *out);
void scc__error(const scc_call *call, Protos__Response *out, const char *format, ...) FCC_PRINTF(3, 4);

static inline fcc_bytes scc__arg(const scc_call *call, size_t i)
{
    return fcc__of_pb(call->args[i]);
}

/* ---- fields.c: structures as keys of the state (serializer.go) ------------------------------------------------------ */

/* Where they lie: the public state of `_lifecycle`, or one organisation's implicit collection in it. */
typedef struct scc__state {
    scc__run *run;
    fcc_bytes collection; /* empty: public */
} scc__state;

#define SCC__NAMESPACES "namespaces"
#define SCC__SOURCES "chaincode-sources"

/* One field: what a StateData holds. */
typedef struct scc__field {
    const char *name;
    Lifecycle__StateData data;
} scc__field;

enum { SCC__FIELDS = 4 };

typedef struct scc__structure {
    const char *type;
    scc__field fields[SCC__FIELDS];
    size_t count;
} scc__structure;

/* *found: is there one? `metadata` is in the arena. */
fcc_status scc__read_metadata(const scc__state *state, const char *ns, const char *name,
                              Lifecycle__StateMetadata **metadata, bool *found) FCC_MUST_CHECK;
/* 0 when it is not there. */
fcc_status scc__read_int64(const scc__state *state, const char *ns, const char *name, const char *field,
                           int64_t *out) FCC_MUST_CHECK;
fcc_status scc__read_bytes(const scc__state *state, const char *ns, const char *name, const char *field,
                           fcc_bytes *out) FCC_MUST_CHECK;
fcc_status scc__read_string(const scc__state *state, const char *ns, const char *name, const char *field,
                            fcc_bytes *out) FCC_MUST_CHECK;
/* Write what differs from what is there. */
fcc_status scc__write(const scc__state *state, const char *ns, const char *name,
                      const scc__structure *structure) FCC_MUST_CHECK;
/*
 * Does an organisation's collection hold just this, by its hashes? `mismatches` has room for SCC__FIELDS names; when
 * there is nothing of the kind it gets the structure's type.
 */
fcc_status scc__compare(const scc__state *state, const char *ns, const char *name, const scc__structure *structure,
                        const char **mismatches, size_t *count) FCC_MUST_CHECK;
/* The same for the metadata alone. */
fcc_status scc__compare_metadata(const scc__state *state, const char *ns, const char *name,
                                 const scc__structure *structure, bool *same) FCC_MUST_CHECK;
/* The names of which there are metadata, in byte order, in the arena. */
fcc_status scc__names(const scc__state *state, const char *ns, const char *const **names, size_t *count) FCC_MUST_CHECK;
/* SHA-256 of a key's value; empty when absent. */
fcc_status scc__hash(const scc__state *state, const char *key, fcc_bytes *hash) FCC_MUST_CHECK;

/* ---- definition.c: definitions and approvals ------------------------------------------------------------------------- */

typedef struct scc__definition {
    int64_t sequence;
    Lifecycle__ChaincodeEndorsementInfo endorsement;
    Lifecycle__ChaincodeValidationInfo validation;
    Protos__CollectionConfigPackage *collections; /* never NULL once read */
} scc__definition;

/* A structure without sequence is what an organisation approves. */
fcc_status scc__definition_pack(scc__run *run, const scc__definition *definition, bool with_sequence,
                                scc__structure *out) FCC_MUST_CHECK;
/* Committed: public, or approved as `name#sequence`. `metadata` comes from scc__read_metadata. */
fcc_status scc__definition_read(const scc__state *state, const char *name, const Lifecycle__StateMetadata *metadata,
                                bool with_sequence, scc__definition *out) FCC_MUST_CHECK;
/* FCC_ERR_PEER with what differs. */
fcc_status scc__definition_equal(scc__run *run, const scc__definition *expected,
                                 const scc__definition *passed) FCC_MUST_CHECK;
/* Fills in what was left empty. */
fcc_status scc__definition_defaults(scc__run *run, scc__definition *definition) FCC_MUST_CHECK;
/* In the arena. */
fcc_status scc__collection_of(scc__run *run, const char *mspid, scc__state *out) FCC_MUST_CHECK;

/* ---- check.c: what a definition may say ------------------------------------------------------------------------------- */

fcc_status scc__check_definition(scc__run *run, fcc_bytes name, fcc_bytes version,
                                 const Protos__CollectionConfigPackage *collections) FCC_MUST_CHECK;

/* ---- the functions ------------------------------------------------------------------------------------------------------ */

/* `input` are the function's arguments, the output is a message to be packed. */
typedef fcc_status scc__function(scc__run *run, fcc_bytes input, const void **output);

/* approve.c */
scc__function scc__approve, scc__query_approved, scc__query_all_approved;
/* commit.c */
scc__function scc__check_readiness, scc__commit, scc__query_committed, scc__query_all_committed;
/* installed.c */
scc__function scc__install, scc__query_installed, scc__query_all_installed, scc__get_package;

void scc__lifecycle(const scc_call *call, Protos__Response *out);
void scc__qscc(const scc_call *call, Protos__Response *out);
void scc__cscc(const scc_call *call, Protos__Response *out);

#endif

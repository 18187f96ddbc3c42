/*
 * custodian.h: who holds an organisation's custody key, and who asks for the keys of records.
 *
 * A record's data key lies on the ledger, sealed to the custody key of the organisation that has the record in custody.
 * That organisation's custodian opens it for a reader: it evaluates ehr's GetKey on its own peer, which answers only
 * for a committed, live grant of access, compares the key that the grant names with the certificate that the reader has
 * proved to own in the TLS handshake, and seals the data key to that certificate. A refusal says nothing more than no;
 * why it was refused is in the custodian's log, as are all releases, by ids alone.
 */
#ifndef NETWORK_CUSTODIAN_CUSTODIAN_H
#define NETWORK_CUSTODIAN_CUSTODIAN_H

#include "blob/blob.h"
#include "client/client.h"
#include "rpc/rpc.h"

enum { CUSTODIAN_BATCH = 100, CUSTODIAN_ID_MAX = 64 };

/* ---- the custodian -------------------------------------------------------------------------------------------------- */

typedef struct custodian custodian;

typedef struct custodian_options {
    client *peer;                       /* the custodian's identity on its own organisation's peer; borrowed */
    const blob_custody *const *custody; /* the custody key, and those of before; borrowed */
    size_t custody_count;
    const char *listen; /* HOST:PORT, port 0: any */
    rpc_tls tls;        /* own certificate and key; ca: who may issue readers' certificates */
} custodian_options;

/* Listening, but not serving before the loop runs. FCC_ERR_IO the address; FCC_ERR_CONFIG the TLS material. */
fcc_status custodian_start(rpc_loop *loop, const custodian_options *options, custodian **out, int *port,
                           fcc_error *error) FCC_MUST_CHECK;
/* Serve until custodian_stop. */
void custodian_run(custodian *c);
/* From the loop: finish what was asked, take nothing new. */
void custodian_stop(custodian *c);
void custodian_free(custodian *c); /* takes NULL */

/* ---- where custodians are -------------------------------------------------------------------------------------------- */

/* What DIR/custodians/MSPID.json says: {"address","mspId","name","tlsCa"}. In the arena. */
typedef struct custodian_address {
    const char *address; /* host:port */
    const char *mspid;
    const char *name;   /* for which its certificate must be */
    const char *tls_ca; /* PEM file: who issued that */
} custodian_address;

/* For which name a certificate (PEM) must be checked: its first DNS name, else its common name. false: it has none. */
bool custodian_certificate_name(fcc_bytes pem, char *out, size_t size);
/*
 * Only one process at a time announces an organisation's custodian in a directory: it holds DIR/custodians/MSPID.lock, which
 * the kernel gives up with it, however it ends. FCC_ERR_EXISTS names the one that runs, and what to do. *lock: for
 * custodian_withdraw.
 */
fcc_status custodian_claim(const char *dir, const char *mspid, int *lock, fcc_error *error) FCC_MUST_CHECK;
/* Whole or not at all. FCC_ERR_IO. */
fcc_status custodian_publish(const char *dir, const custodian_address *address, fcc_error *error) FCC_MUST_CHECK;
/* When it is this address that is published; NULL: none was yet. `lock` below 0: none. */
void custodian_withdraw(const char *dir, const custodian_address *address, int lock);
/*
 * FCC_ERR_NOT_FOUND: no custodian of that organisation runs here; FCC_ERR_CONFIG: the file is damaged. `tlsCa` is found in a
 * copy of the directory as well (client_path).
 */
fcc_status custodian_find(const char *dir, const char *mspid, fcc__arena *arena, custodian_address *out,
                          fcc_error *error) FCC_MUST_CHECK;

/* ---- who asks -------------------------------------------------------------------------------------------------------- */

typedef struct custodian_reader custodian_reader;

/* Connect as this client's user. Nothing is asked yet. FCC_ERR_IO the CA file; FCC_ERR_ARG a client without a key. */
fcc_status custodian_connect(const custodian_address *address, const client *user, custodian_reader **out,
                             fcc_error *error) FCC_MUST_CHECK;
void custodian_disconnect(custodian_reader *reader); /* takes NULL */

typedef struct custodian_key {
    bool released;
    uint8_t key[BLOB_KEY_LEN]; /* wipe it */
} custodian_key;

/*
 * Ask for the keys of 1 to CUSTODIAN_BATCH records under one committed request; `out` has as many places.
 *
 * @return FCC_OK           out[i].released tells for each
 *         FCC_ERR_ARG      ids that are none, too many
 *         FCC_ERR_IO, FCC_ERR_TIMEOUT  the custodian is not reachable, or does not reach its own peer
 *         FCC_ERR_AUTH     it does not take the user's certificate, or seals to another
 *         FCC_ERR_PROTO    it answers something else
 */
fcc_status custodian_ask(custodian_reader *reader, const char *audit_id, const char *const *rec_ids, size_t count,
                         custodian_key *out, fcc_error *error) FCC_MUST_CHECK;

/* Does it serve? As custodian_ask, and FCC_ERR_TIMEOUT after so long; nothing is asked of its peer. */
fcc_status custodian_probe(custodian_reader *reader, int64_t timeout_ms, fcc_error *error) FCC_MUST_CHECK;

/* What a data key is sealed for, besides a certificate: one request and one record. In the arena; empty past its cap. */
fcc_bytes custodian__context(fcc__arena *arena, fcc_bytes audit_id, fcc_bytes rec_id);
/*
 * Does the channel take this certificate (PEM) for a member's, by its configuration as the peer has it now? *why, static, is
 * NULL, or why not. Everything else: the peer does not answer.
 */
fcc_status custodian__judge_reader(client *peer, fcc_bytes cert, fcc__arena *arena, const char **why,
                                   fcc_error *error) FCC_MUST_CHECK;
/* 1 to 64 of [A-Za-z0-9._:-], as all of the ledger's ids. */
bool custodian__is_id(fcc_bytes id);

#endif

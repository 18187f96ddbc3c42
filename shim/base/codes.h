/*
 * codes.h: every failure that a person may meet, by a code that stays the same while its words may change.
 *
 * Who prints a failure puts its code in front: "E-REG-03 ...". `medsync explain CODE` tells the rest from this table.
 * A code is never given to something else and never removed. The letters behind E- group them: CFG configuration, PKG
 * package, DIAL connection, TLS, REG registration, TX transaction, NET the embedded network, STAT statuses of calls.
 */
#ifndef FCC_BASE_CODES_H
#define FCC_BASE_CODES_H

#include <fcc/status.h>

#include <stddef.h>

/* clang-format off */
/* X(name, code, what happened, usual cause, remedy) */
#define FCC__CODES(X) \
    X(CFG_START, "E-CFG-01", "the chaincode process was started with an incomplete or wrong environment", \
      "a variable or argument is missing, has a value that cannot be read, or names a file that cannot be read", \
      "the message names the variable and what it expects; the program's --help lists all of them") \
    X(CFG_LISTEN, "E-CFG-02", "the chaincode process cannot serve at its address", \
      "another process listens there, or the address in CHAINCODE_SERVER_ADDRESS is not one of this machine", \
      "end the other process (ss -ltnp shows it) or choose another port; 0.0.0.0:PORT serves every address") \
    X(CFG_VALUE, "E-CFG-03", "connection.json uses a template value that is not given", \
      "a {{.name}} in it has no value of that name in CHAINCODE_AS_A_SERVICE_BUILDER_CONFIG", \
      "give --values '{\"name\":\"...\"}' as the peer's environment has it, and set the same in the peer's environment") \
    X(CFG_CONNECTION, "E-CFG-04", "connection.json cannot be read", \
      "it is no JSON object, or a member has another type than the peer's builder expects", \
      "address, dial_timeout, root_cert, client_key and client_cert are strings, tls_required and client_auth_required " \
      "are true or false") \
    X(CFG_ADDRESS, "E-CFG-05", "the chaincode's address is missing or not host:port", \
      "address is empty, has no port, or its port is 0 or beyond 65535", \
      "give the host and port at which the peer reaches the chaincode, an IPv6 address in brackets") \
    X(CFG_TIMEOUT, "E-CFG-06", "dial_timeout is missing or no duration", \
      "the ccaas builder passes a missing dial_timeout on as \"\", which the peer refuses as malformed chaincode info", \
      "write it: \"dial_timeout\": \"10s\"") \
    X(CFG_TLS, "E-CFG-07", "the TLS members of connection.json do not fit together", \
      "tls_required without root_cert, client_auth_required without client_key and client_cert, a text that is not " \
      "PEM, or a key that does not belong to its certificate", \
      "put the PEM texts themselves, with \\n for line ends, not file names") \
    X(PKG_READ, "E-PKG-01", "the package cannot be read", \
      "no such file, no permission, or it is larger than a peer takes", \
      "check the path; a package holds metadata.json and a small code.tar.gz") \
    X(PKG_FORMAT, "E-PKG-02", "the package is no gzip-compressed tar archive", \
      "the file is cut off, is compressed by another program, or is the inner code.tar.gz", \
      "make it with `medsync package`") \
    X(PKG_ENTRY, "E-PKG-03", "the package holds something that is not a regular file", \
      "tar was given a folder: the peer refuses an archive with a folder or a link in it", \
      "name the two files to tar, not the folder, or make the package with `medsync package`") \
    X(PKG_PARTS, "E-PKG-04", "metadata.json or code.tar.gz is missing from the package", \
      "the names must be exactly these, without ./ in front", \
      "make the package with `medsync package`, or tar from inside the folder by the plain names") \
    X(PKG_METADATA, "E-PKG-05", "metadata.json is not accepted", \
      "it is no JSON object, or its label is empty, starts with a sign or has others than letters, digits and _.+-", \
      "write {\"type\":\"ccaas\",\"label\":\"name_1.0\"}") \
    X(PKG_TYPE, "E-PKG-06", "the package's type is not ccaas", \
      "no external builder claims it, and the peer tries to build it with Docker", \
      "set \"type\":\"ccaas\" in metadata.json") \
    X(PKG_CODE, "E-PKG-07", "code.tar.gz is not accepted", \
      "it is no gzip-compressed tar archive, holds a link or device, or a path that is absolute or leads out of it", \
      "make the package with `medsync package`") \
    X(PKG_CONNECTION, "E-PKG-08", "code.tar.gz has no connection.json", \
      "the file has another name or lies in a folder", \
      "put connection.json at the top of code.tar.gz, or make the package with `medsync package`") \
    X(DIAL_NAME, "E-DIAL-01", "the chaincode's host name is not known", \
      "the name is misspelt, or is known only inside another network (Docker, Kubernetes) than the peer's", \
      "use a name that the peer's machine resolves, fully qualified in Kubernetes (name.namespace.svc.cluster.local)") \
    X(DIAL_REFUSED, "E-DIAL-02", "nothing listens at the chaincode's address", \
      "the chaincode process does not run, listens on another port, or only on its own loopback address", \
      "start it first: the peer dials once and does not retry; CHAINCODE_SERVER_ADDRESS must be reachable from the peer") \
    X(DIAL_TIMEOUT, "E-DIAL-03", "no answer from the chaincode's address in time", \
      "a firewall or network policy drops the packets, or the host is down", \
      "open the port between peer and chaincode; a longer dial_timeout only helps when the host is slow") \
    X(DIAL_FAILED, "E-DIAL-04", "the chaincode's address cannot be reached", \
      "there is no route to it from here", \
      "check the address and the network between peer and chaincode") \
    X(DIAL_PROTOCOL, "E-DIAL-05", "what listens there does not speak HTTP/2", \
      "another service has this port", \
      "check the port; a proxy in between must pass HTTP/2 through") \
    X(TLS_PLAIN_SERVER, "E-TLS-01", "the chaincode does not speak TLS, connection.json requires it", \
      "the process was started with CHAINCODE_TLS_DISABLED=true, which is the default", \
      "start it with CHAINCODE_TLS_DISABLED=false, CHAINCODE_TLS_KEY and CHAINCODE_TLS_CERT, or set tls_required to false") \
    X(TLS_PLAIN_CLIENT, "E-TLS-02", "the chaincode speaks TLS, connection.json does not", \
      "tls_required is false or missing", \
      "set tls_required to true and root_cert to the CA of the chaincode's certificate") \
    X(TLS_CHAIN, "E-TLS-03", "the chaincode's certificate does not come from root_cert", \
      "root_cert is another CA's, or the chain sent by the chaincode lacks an intermediate certificate", \
      "put the CA certificate that issued the chaincode's into root_cert") \
    X(TLS_CLIENT_REFUSED, "E-TLS-04", "the chaincode does not accept the peer's client certificate", \
      "the certificate in client_cert is not signed by a CA in the file CHAINCODE_CLIENT_CA_CERT", \
      "issue client_cert from that CA, or give the chaincode the CA that issued it") \
    X(TLS_CLIENT_MISSING, "E-TLS-05", "the chaincode asks for a client certificate and connection.json gives none", \
      "CHAINCODE_CLIENT_CA_CERT is set, client_auth_required is not", \
      "set client_auth_required to true with client_cert and client_key, or unset CHAINCODE_CLIENT_CA_CERT") \
    X(TLS_NAME, "E-TLS-06", "the chaincode's certificate is not for this address", \
      "the host of address is not among the certificate's subject alternative names; the common name does not count", \
      "issue a certificate with the host (DNS or IP) as subject alternative name, or use the name that it has") \
    X(TLS_EXPIRED, "E-TLS-07", "a certificate is expired or not valid yet", \
      "the certificate's time is over, or a clock is wrong", \
      "renew the certificate; check the clocks of both machines") \
    X(TLS_FAILED, "E-TLS-08", "the TLS handshake failed", \
      "no common version or cipher: at least TLS 1.2 with AES-GCM is needed, or the server ended the connection", \
      "the message has the library's words; look in the chaincode's log") \
    X(REG_SERVICE, "E-REG-01", "no chaincode answers at this address", \
      "another gRPC service has this port", \
      "check the address; a chaincode serves protos.Chaincode/Connect") \
    X(REG_SILENT, "E-REG-02", "the chaincode did not register", \
      "the stream opened, but it ended or nothing came; the chaincode may be draining or hang", \
      "look in the chaincode's log; restart it") \
    X(REG_CCID, "E-REG-03", "the chaincode registers as another package", \
      "CHAINCODE_ID is not the id of the package that is installed: every byte of the archive counts for it", \
      "start the chaincode with CHAINCODE_ID set to what `medsync pkgid PACKAGE` prints; the peer's log calls this " \
      "\"peer will not accept external chaincode connection\"") \
    X(REG_MESSAGE, "E-REG-04", "the chaincode's first message is not REGISTER", \
      "what answers is no Fabric chaincode, or its shim is damaged", \
      "check what serves the address") \
    X(REG_ENDED, "E-REG-05", "the chaincode ended the stream after it was registered", \
      "the process crashed or refused the peer's messages", \
      "look in the chaincode's log") \
    X(TX_MVCC, "E-TX-01", "the transaction was not valid: a key that it read was changed meanwhile", \
      "another transaction that wrote the key was committed between this one's endorsement and its commit " \
      "(MVCC_READ_CONFLICT)", \
      "send it again: `medsync invoke --retries N` does; if it happens often, let transactions not share a key " \
      "such as a counter") \
    X(TX_PHANTOM, "E-TX-02", "the transaction was not valid: a range that it read has changed meanwhile", \
      "another transaction added or removed a key inside the range (PHANTOM_READ_CONFLICT)", \
      "send it again; read narrower ranges in transactions that write") \
    X(TX_POLICY, "E-TX-03", "the transaction was not valid: its endorsements do not satisfy the policy", \
      "too few organisations endorsed it, or one that a key's or collection's own policy names is missing " \
      "(ENDORSEMENT_POLICY_FAILURE)", \
      "name the organisations with --endorse; consent and ehr need hospital,clinic") \
    X(TX_INVALID, "E-TX-04", "the transaction was ordered and found invalid", \
      "the message has Fabric's validation code", \
      "nothing was written; Fabric's documentation and the code's name tell why") \
    X(TX_REFUSED, "E-TX-05", "the chaincode refused the call", \
      "the chaincode's function answered with a status of 400 or more; its words are in the message", \
      "the words say what to change; each chaincode's README lists its refusals") \
    X(TX_UNKNOWN, "E-TX-06", "whether the transaction was committed is not known", \
      "the connection ended or the time was over after it was submitted", \
      "ask for its transaction id before it is sent again: `medsync history`, or the key that it writes") \
    X(NET_NONE, "E-NET-01", "no embedded network is in this directory", \
      "it was not started, or --dir names another directory", \
      "start it: medsync devnet up --detach --dir DIR") \
    X(NET_DOWN, "E-NET-02", "the network's gateway cannot be reached", \
      "the devnet is stopped or still starting, or listens at other ports than its endpoints.json says", \
      "`medsync devnet status` tells; `medsync devnet up` starts it again on the same channel") \
    X(NET_TIMEOUT, "E-NET-03", "no answer from the network in time", \
      "a chaincode function runs for too long, or the machine is overloaded", \
      "look in DIR/log; --timeout SECONDS waits longer") \
    X(NET_DENIED, "E-NET-04", "the caller's identity or signature was not accepted", \
      "the certificate is expired, revoked, of an organisation outside of the channel, or the proposal was changed", \
      "call as another --user; after `devnet reset` certificates of before are worth nothing") \
    X(STAT_USAGE, "E-STAT-01", "a call or its configuration is wrong", \
      "an argument is outside of its documented range, or names what does not exist or exists already", \
      "mend the caller: the message names the argument (ERR_ARG, ERR_CONFIG, ERR_NOT_FOUND, ERR_EXISTS)") \
    X(STAT_PEER, "E-STAT-02", "the other side refused the request", \
      "the peer's words are in the message (ERR_PEER, ERR_AUTH)", \
      "follow the peer's words; its log has more") \
    X(STAT_CONN, "E-STAT-03", "the conversation is over", \
      "the connection broke, nothing came in time, or what came was no message (ERR_PROTO, ERR_IO, ERR_TIMEOUT)", \
      "connect again; when it comes back, look in the other side's log") \
    X(STAT_RES, "E-STAT-04", "a resource is used up", \
      "memory or a size limit (ERR_LIMIT, ERR_NOMEM), or a library call failed (ERR_INTERNAL)", \
      "ask for less at once, for example a page instead of a whole range, or try later") \
    X(STAT_DATA, "E-STAT-05", "data are damaged", \
      "a stored or received file is not what its checksum or format says (ERR_CORRUPT)", \
      "restore it from another copy; an embedded network is made anew by `medsync devnet reset`")
/* clang-format on */

typedef enum fcc__code {
#define FCC__CODE_ENUM(name, code, text, cause, remedy) FCC__E_##name,
    FCC__CODES(FCC__CODE_ENUM)
#undef FCC__CODE_ENUM
        FCC__CODE_COUNT
} fcc__code;

typedef struct fcc__code_info {
    const char *code;   /* "E-REG-03" */
    const char *text;   /* what happened, one line without a full stop */
    const char *cause;  /* what it usually comes from */
    const char *remedy; /* what to do */
} fcc__code_info;

/* Static. `code` below FCC__CODE_COUNT. */
const fcc__code_info *fcc__code_info_of(fcc__code code);
/* "E-REG-03" or "e-reg-03". NULL when there is none. */
const fcc__code_info *fcc__code_find(const char *code);
/* The code for all failures of a status' kind; NULL for FCC_OK and for what a chaincode itself refused. */
const fcc__code_info *fcc__code_of_status(fcc_status status);

#endif

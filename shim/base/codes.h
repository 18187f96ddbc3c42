/*
 * codes.h: every failure that a person may meet, by a code that stays the same while its words may change.
 *
 * Who prints a failure puts its code in front: "E-REG-03 ...". `medsync explain CODE` tells the rest from this table.
 * A code is never given to something else and never removed. The letters behind E- group them: CFG configuration, PKG
 * package, DEP deploying, DIAL connection, TLS, REG registration, TX transaction, TIME budgets, CRASH a chaincode process that ends,
 * DRAIN an orderly end, STREAM streams of peers, HOST fcc-host, NET the embedded network, BLOB the store,
 * REC records, CUST custodians, CRT certificates and keys, CHAN changes of the channel, CLI what medsync is told, STAT
 * statuses of calls.
 *
 * A line of the log at level error always has one (log.h); test/check/codes.sh holds that.
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
    X(PKG_META_INF, "E-PKG-09", "a file below META-INF is not one that a peer makes use of", \
      "it lies elsewhere than META-INF/statedb/couchdb/indexes or .../collections/NAME/indexes, is not called *.json, or " \
      "is no index definition of CouchDB", \
      "move, mend or remove the file that the message names; hidden files are passed over") \
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
      "the certificate in client_cert is not signed by a CA in the file CHAINCODE_CLIENT_CA_CERT, or the peer still has " \
      "that of before a renewal", \
      "issue client_cert from that CA; `medsync renew` on the peer's machine has the peer take it. A CA that is added to " \
      "the file lets in all that it has issued") \
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
    X(TLS_EXPIRES, "E-TLS-10", "a certificate of the chaincode expires within 60 days", \
      "nobody has renewed it yet; fcc_certificate_expiry_timestamp_seconds tells when the time is over", \
      "put the new files in the place of the old ones and send SIGHUP to the chaincode or fcc-host: no stream is lost") \
    X(TLS_RELOAD, "E-TLS-09", "the TLS files were read again after SIGHUP and not taken over", \
      "a file is missing, half written, or its key and certificate do not belong together", \
      "the message names file and variable; put it right and send SIGHUP again: until then the old certificates serve") \
    X(TLS_PLAIN_PEER, "E-TLS-11", "somebody spoke plaintext at the chaincode's TLS port", \
      "tls_required is false in the package's connection.json, or a health check or port scan does not speak TLS", \
      "set tls_required to true with root_cert, or have the check use TLS") \
    X(TLS_PEER_MISTRUSTS, "E-TLS-12", "a peer does not accept the chaincode's certificate", \
      "root_cert in connection.json is not the CA of CHAINCODE_TLS_CERT, the certificate's names lack the address, or " \
      "it is expired", \
      "`medsync doctor PACKAGE` on the peer's machine names which; make the package anew with the right root_cert") \
    X(TLS_PEER_STRANGER, "E-TLS-13", "a peer's client certificate was not accepted", \
      "client_cert in connection.json is not signed by a CA in the file CHAINCODE_CLIENT_CA_CERT, is expired, or is that " \
      "of before a renewal; or it is not the peer that connects", \
      "issue client_cert from that CA; `medsync renew` on the peer's machine has the peer take it. A CA that is added to " \
      "the file lets in all that it has issued") \
    X(TLS_PEER_BARE, "E-TLS-14", "a peer showed no client certificate", \
      "client_auth_required is false or missing in the package's connection.json", \
      "set client_auth_required to true with client_cert and client_key, or unset CHAINCODE_CLIENT_CA_CERT") \
    X(TLS_PEER_FAILED, "E-TLS-15", "a TLS handshake with who connected failed", \
      "no common version or cipher, a connection that broke off, or a port scan", \
      "the message has the library's words; `medsync doctor PACKAGE` rehearses a peer's handshake") \
    X(TLS_SPOKEN, "E-TLS-16", "somebody spoke TLS at the chaincode's plaintext port", \
      "tls_required is true in the connection.json of a peer's package, and CHAINCODE_TLS_DISABLED is not false here", \
      "give the chaincode a key and certificate (tls of fcc-host), or package it again without TLS") \
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
      "name the organisations with --endorse: consent, ehr and appointments need hospital,clinic; the column end. of a " \
      "chaincode's README has it for each function") \
    X(TX_INVALID, "E-TX-04", "the transaction was ordered and found invalid", \
      "the message has Fabric's validation code", \
      "nothing was written; Fabric's documentation and the code's name tell why") \
    X(TX_REFUSED, "E-TX-05", "the chaincode refused the call", \
      "the chaincode's function answered with a status of 400 or more; its words are in the message", \
      "the words say what to change; each chaincode's README lists its refusals") \
    X(TX_UNKNOWN, "E-TX-06", "whether the transaction was committed is not known", \
      "the connection ended or the time was over after it was submitted", \
      "ask for its transaction id before it is sent again: `medsync history`, or the key that it writes") \
    X(TX_DIVERGES, "E-TX-07", "a transaction was endorsed with different results", \
      "the function depends on something other than the ledger and its arguments: clock, time zone, locale, environment, " \
      "random numbers, addresses, memory that was never written, the order of a hash table", \
      "the message names function, key and byte; what differs between organisations must come in as an argument") \
    X(TIME_TX, "E-TIME-01", "a transaction exceeded its budget and was answered with an error", \
      "its function computes for too long, scans a long range in one go, or the peer did not answer; the line names " \
      "channel, transaction and function", \
      "page through long ranges; CHAINCODE_HANDLER_BUDGET_MS (budget_ms of fcc-host) sets the budget: stay below the " \
      "peer's chaincode.executetimeout of 30 s") \
    X(TIME_HELD, "E-TIME-02", "a handler does not end, and its process is replaced", \
      "an endless loop in the function that the line names", \
      "mend the function; the process lets its other transactions end, exits with status 75 and is started anew, which " \
      "fcc_replacements_total counts") \
    X(TIME_THREADS, "E-TIME-03", "handlers hold all threads, and the process ends at once", \
      "more than 30 transactions are in endless loops at the same time", \
      "mend the function that the line names; transactions that ran have failed at the peer") \
    X(TIME_NONE, "E-TIME-04", "transactions have no budget any more", \
      "there was no memory for the timer that watches them", \
      "restart the process; raise memory_mb") \
    X(CRASH_SIGNAL, "E-CRASH-01", "a chaincode's function crashed, and its process with it", \
      "a wild pointer, a failed assertion or abort in the function that the line names; or memory that malloc did not " \
      "give was used all the same", \
      "run the function's test under the address sanitizer; fcc-host has started the process anew") \
    X(CRASH_STACK, "E-CRASH-02", "a chaincode's function ran over its stack, and its process ended", \
      "a recursion without end, or large arrays on the stack: a handler has 256 KiB", \
      "take large memory from fcc_alloc or malloc; mend the recursion in the function that the line names") \
    X(CRASH_OUTSIDE, "E-CRASH-03", "a chaincode process crashed outside of its functions", \
      "memory was used up (memory_mb, or the machine's), a function damaged memory before, or an error of this library", \
      "lines after it name the transactions that ran: look at them first; report it with the log if none explains it") \
    X(CRASH_RAN, "E-CRASH-04", "this transaction ran when the process crashed", \
      "it was waiting for its peer; it may be the one that used up the memory, or only stood by", \
      "nothing was written: the peer answers it with an error, and its client may send it again") \
    X(CRASH_MEMORY, "E-CRASH-05", "a chaincode process has no memory left for a transaction, and ends", \
      "a function keeps what it allocates, or memory_mb is too small for as many transactions as run at once: each takes " \
      "256 KiB of stack and its values", \
      "lines after it name the transactions that ran; look at fcc_resident_memory_bytes over time, and mend the function " \
      "or raise memory_mb") \
    X(DRAIN_REFUSED, "E-DRAIN-01", "the chaincode takes no new transactions because it is about to end", \
      "SIGTERM, an upgrade, or fcc-host replaces the process", \
      "send the transaction to another endorser, or again in a moment") \
    X(DRAIN_LATE, "E-DRAIN-02", "transactions did not end in the time to drain and were given up", \
      "they wait for a peer that does not answer, or compute; clients get an error from the peer", \
      "CHAINCODE_DRAIN_SECONDS (drain_seconds of fcc-host) is the time; look at fcc_transaction_seconds for functions " \
      "that are this slow") \
    X(STREAM_LOST, "E-STREAM-01", "the stream to the peer was lost while a transaction waited for it", \
      "the peer ended or restarted, or the network between broke", \
      "nothing was written; the client may send the transaction again. The next stream comes by itself") \
    X(STREAM_BROKEN, "E-STREAM-02", "a stream was ended because of what came on it", \
      "what is connected is no Fabric peer, another version of the protocol, or a damaged message", \
      "the message has the reason; other streams go on. If it comes back, capture the peer's log at debug") \
    X(STREAM_NONE, "E-STREAM-03", "the chaincode has no stream to its peer and tries again", \
      "the peer is down, refuses the registration (its log tells why) or its certificate is not accepted", \
      "the message has the cause; nothing else needs to be done once that is mended") \
    X(STREAM_PINGS, "E-STREAM-04", "the peer sent the chaincode away because it pinged too often", \
      "CHAINCODE_KEEPALIVE_SECONDS is shorter than the peer tolerates, or a proxy in between counts differently", \
      "the interval was raised to 120 s by itself; set it so") \
    X(STREAM_FULL, "E-STREAM-05", "a peer has more transactions under way than a chaincode takes from one peer", \
      "the peer does not answer the requests of those that run, or its peer.limits.concurrency are far above Fabric's", \
      "the client may send the transaction again; look at fcc_turned_away_total, fcc_transactions_running and the peer. 8,192 of one peer run " \
      "at once") \
    X(HOST_FILE, "E-HOST-01", "fcc-host's YAML file is wrong", \
      "a key is misspelt or missing, a value is not what was expected, or a file that it names is not there", \
      "the message has file, line, key, value and what was expected; `fcc-host --check FILE` tries it. At SIGHUP the " \
      "old file stays in force") \
    X(HOST_ADMIN, "E-HOST-02", "fcc-host cannot serve at its admin address", \
      "another process, perhaps another fcc-host, listens there, or the address is not one of this machine", \
      "set another `admin` address, or end the other process (ss -ltnp shows it)") \
    X(HOST_START, "E-HOST-03", "fcc-host cannot start a chaincode's process", \
      "the program cannot be executed by the chaincode's user, or a limit of processes or memory is reached", \
      "the message has the system's words; it is tried again, less and less often") \
    X(HOST_CRASH, "E-HOST-04", "a chaincode's process ended unasked and is started again", \
      "it crashed (a line with E-CRASH before it names the transaction), or could not start (E-CFG)", \
      "look at the lines of that ccid just before; fcc_restarts_total counts these") \
    X(HOST_SELF, "E-HOST-05", "fcc-host itself cannot go on", \
      "a system call failed that does not fail as a rule: file descriptors or memory are used up", \
      "restart it; all chaincodes end with it") \
    X(HOST_KILLED, "E-HOST-06", "a chaincode's process was ended by a SIGKILL that fcc-host did not send", \
      "as a rule the kernel's, when the memory of the machine or of the container is used up; else somebody's", \
      "lines after it name the transactions that ran: look at what their functions keep in memory, and set memory_mb, " \
      "so that the function fails and the process lives; the kernel's log (dmesg) tells of each process it ends") \
    X(HOST_PROBE, "E-HOST-07", "no fcc-host answers at the address that --probe asks", \
      "it doesn't run (yet), or the `admin` of its file is another address", \
      "its log has the reason if it has ended; give --probe the address of `admin`") \
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
    X(NET_START, "E-NET-05", "the embedded network cannot start or go on", \
      "a port is taken, the directory cannot be written, or the ledger in it is another network's", \
      "the message has the cause, DIR/log/devnet.log all of it; --ports auto takes free ports, `medsync devnet reset` " \
      "begins anew") \
    X(NET_CONFIG, "E-NET-06", "network.yaml, or a file that it names, is wrong", \
      "a key is misspelt, a value is not what was expected, or a chaincode's program or collections are not there", \
      "the message has file, line and what was expected") \
    X(NET_CHAINCODE, "E-NET-07", "a chaincode's process of the embedded network failed", \
      "it crashed, ended at its start, or spoke no chaincode protocol; the message names its log", \
      "look in that log; the network starts it again by itself as long as it had been ready once") \
    X(NET_RUNS, "E-NET-08", "an embedded network runs in this directory", \
      "it was started before and not stopped", \
      "`medsync devnet down --dir DIR` stops it, or take another directory") \
    X(NET_LEDGER, "E-NET-09", "this directory has a ledger already", \
      "the demo tells its story from an empty ledger", \
      "`medsync devnet reset --dir DIR` empties it, or leave --dir out") \
    X(DEP_UNREACHABLE, "E-DEP-01", "an organisation's peer, or the orderer, cannot be reached", \
      "it is stopped, listens elsewhere than endpoints.json says, or a firewall is in between", \
      "start it, or mend its address in DIR/endpoints.json; the other organisations have gone on: run the same command " \
      "again for the rest. `medsync doctor --dir DIR` looks at every one") \
    X(DEP_CERTIFICATE, "E-DEP-02", "a TLS certificate was not accepted", \
      "the peer's certificate does not come from the CA that endpoints.json names, is for another name, is expired, or " \
      "another service has the port; with mutual TLS, ours may be the one", \
      "`medsync doctor --dir DIR` names the certificate and what is wrong with it; put the right CA into \"tlsCa\" or " \
      "issue the certificate anew (`medsync certs`)") \
    X(DEP_IDENTITY, "E-DEP-03", "a peer or the orderer does not take this identity for one of the channel", \
      "the MSP id is not the one in the channel's configuration, the certificate comes from another CA, is revoked, or " \
      "is not an administrator's", \
      "compare with `medsync channel config --dir DIR`; use the key material that the organisation's MSP on the channel " \
      "was made with") \
    X(DEP_EXPIRED, "E-DEP-04", "the certificate of the administrator is expired", \
      "nobody has renewed it, or a clock is wrong", \
      "issue it anew from the same CA (`medsync certs`); the channel's configuration stays as it is") \
    X(DEP_CLOCK, "E-DEP-05", "the clocks of this machine and of the peer differ by more than the peer takes", \
      "one of them is not kept by NTP, or has the wrong date; a peer takes what is within its " \
      "peer.authentication.timewindow (15 minutes unless it says otherwise)", \
      "the message has both times: set the wrong clock, on all machines by NTP, and run the command again") \
    X(DEP_PACKAGE, "E-DEP-06", "what an organisation has approved is not the package that its peer has", \
      "another package id was approved than was installed, the peer's package store was lost, or another tool made the " \
      "package", \
      "`medsync status --dir DIR` shows both ids; `medsync deploy` installs the package of the network file and approves " \
      "that") \
    X(DEP_SERVER, "E-DEP-07", "a peer does not reach the chaincode's server", \
      "the server is not running, listens elsewhere than the peer's CHAINCODE_AS_A_SERVICE_BUILDER_CONFIG said when the " \
      "package was installed, or their certificates do not fit", \
      "start it (fcc-host); `medsync doctor PACKAGE` on the peer's machine names the step that fails. A peer keeps what it " \
      "filled in at installation: `medsync renew` on its machine brings that up to date") \
    X(DEP_SILENT, "E-DEP-08", "the chaincode's server answers and does not register as this package", \
      "its CHAINCODE_ID (ccid of fcc-host) is another package's, it hangs, or another service has its port", \
      "start it with the package id that `medsync status --dir DIR` shows; its log has the other side's words") \
    X(DEP_SPACE, "E-DEP-09", "there is no space left on a disk", \
      "a peer's, an orderer's or this machine's file system is full", \
      "make room there, then run the command again: nothing is left half-done. A peer stops when its ledger cannot be " \
      "written, so look whether it still runs") \
    X(DEP_APPROVALS, "E-DEP-10", "too few organisations have approved the definition", \
      "the channel wants a majority, as a rule, and those that the message names have not approved exactly this", \
      "have them approve (`medsync deploy --org NAME` by their administrators), then run the command again") \
    X(DEP_BUILDER, "E-DEP-11", "a peer cannot build the package", \
      "its CHAINCODE_AS_A_SERVICE_BUILDER_CONFIG lacks a value that connection.json asks for, or core.yaml has no builder " \
      "for chaincodes as a service", \
      "the peer's log names the value; set it in the peer's environment, restart the peer and run the command again") \
    X(DEP_CHANNEL, "E-DEP-12", "a peer does not know the channel, or what was asked for on it", \
      "it has not joined, or is still behind", \
      "join it (`medsync fabric join`), or wait until it has caught up: `medsync doctor --dir DIR` shows its height") \
    X(DEP_REFUSED, "E-DEP-13", "a peer or the orderer refused a step of the deployment", \
      "its words are in the message", \
      "follow them; its log has more. Run the command again to go on") \
    X(DEP_BEHIND, "E-DEP-14", "a peer has fewer blocks than the others", \
      "it was stopped, or gets no blocks: no connection to an orderer, or a full disk", \
      "look again in a moment; if it does not catch up, its log says why") \
    X(DEP_DIFFERS, "E-DEP-15", "organisations run different executables of a chaincode", \
      "one was built at another time, or an upgrade is on its way", \
      "compare with the executable that was agreed on (sha256sum), and restart the server with it") \
    X(DEP_MSPID, "E-DEP-17", "an MSP id is not the one of the channel's configuration", \
      "it is misspelt in the network file or endpoints.json, or the peer was started with another CORE_PEER_LOCALMSPID", \
      "`medsync channel config --dir DIR` shows the organisations of the channel; put the name right where it is wrong") \
    X(DEP_IMAGE, "E-DEP-18", "servers in containers are not swapped from here", \
      "the chaincodes' programs and the network file are in the image, and fcc-host's file is read-only", \
      "with a new image: MEDSYNC_VERSION=TAG docker-compose up -d --build; the way back: the same with the TAG of before, " \
      "without --build (docs/containers.md, \"A new version, and the way back\"). --started: the servers run by other means") \
    X(CLI_FILE, "E-CLI-01", "a file or folder cannot be read or written", \
      "it is not there, may not be touched by this user, or is no regular file; the message has the system's words", \
      "check the path, and the rights of the folder that it is in") \
    X(CLI_EXISTS, "E-CLI-02", "what was to be made exists already", \
      "a folder of that name is there from before", \
      "choose another name or place, or remove it first: nothing is overwritten") \
    X(CLI_USAGE, "E-CLI-03", "the command line is not understood", \
      "an option or argument is unknown, missing or of another form", \
      "`medsync COMMAND --help` tells what it takes") \
    X(CLI_ANSWER, "E-CLI-04", "the chaincode's answer is not of the form that this command shows", \
      "the command is made for another chaincode, or for another version of it", \
      "`medsync query` shows the answer as it is") \
    X(CLI_BUNDLE, "E-CLI-05", "the FHIR bundle cannot be used", \
      "it is no JSON, no Bundle, or lacks what a record needs; the message names the place", \
      "mend the bundle, or leave --bundle out for the example") \
    X(CLI_CODE, "E-CLI-06", "there is no such code", \
      "it is misspelt, or of a later version", \
      "`medsync explain` lists all") \
    X(AUDIT_READ, "E-AUD-01", "the blocks cannot be read", \
      "the folder has neither a peer's block files nor serialized blocks, or may not be read by this user", \
      "give the folder with blockfile_000000 (a peer's ledgersData/chains/chains/CHANNEL, a devnet's DIR/ledger/blocks) or with " \
      "000.pb, 001.pb and so on") \
    X(AUDIT_DAMAGED, "E-AUD-02", "a block is damaged so that nothing can be said about those behind it", \
      "its bytes were changed, a block is missing or another channel's lies in its place; the findings name the part", \
      "audit another peer's copy of the channel and compare; a peer gets a damaged ledger back by rejoining the channel") \
    X(REC_KEY, "E-REC-01", "a record's content cannot be opened", \
      "the custodian of the organisation that has it in custody is not to be reached, or does not release its key", \
      "start `medsync custodian` for that organisation; its log says why it refuses: the access may have ended, or is " \
      "another certificate's") \
    X(REC_PROOF, "E-REC-02", "a record is not what the ledger has committed to", \
      "its metadata or its blob were changed somewhere between the ledger and here", \
      "`medsync record verify` names the part; ask another organisation's peer, and take the blob from another copy") \
    X(BLOB_DAMAGED, "E-BLOB-01", "a blob is damaged", \
      "bytes of it were changed on the disk or by the node, or the disk failed: they do not hash to the blob's CID", \
      "take the blob from another copy of the store, by its CID; a directory's damaged file may simply be replaced") \
    X(BLOB_MISSING, "E-BLOB-02", "a blob is not in the store", \
      "it was stored elsewhere, or was erased", \
      "name the store that has it with --store DIR or --store http://HOST:PORT of an IPFS node") \
    X(BLOB_STORE, "E-BLOB-03", "the store does not take or give blobs", \
      "the directory cannot be written, the disk is full, or no IPFS node answers at the URL", \
      "the message names the path or the URL and what it said; nothing half-written is left") \
    X(BLOB_KEY, "E-BLOB-04", "a data key does not open its blob", \
      "it is another blob's key, or was changed", \
      "keys belong to one blob each: for a record ask its custodian (`medsync record show`)") \
    X(CUST_PEER, "E-CUST-01", "a custodian gets no answer from its own peer", \
      "the peer is down or does not take the custodian's certificate, or the clocks are more than two minutes apart", \
      "the message has the peer's words; no key is released until it answers, and readers are told to try again") \
    X(CUST_KEY, "E-CUST-02", "a custodian cannot open a data key that is in its custody", \
      "--key is not the private key of the custody key that the ledger has (SetCustodyKey), or it was changed since", \
      "give the custodian every custody key that records were sealed to: --key NEW --key OLD") \
    X(CUST_START, "E-CUST-03", "a custodian cannot be started", \
      "its address is taken, or the custody key, its certificate or a CA file is missing or damaged", \
      "the message names the file or the address; `medsync custodian --help` tells what each option expects") \
    X(CUST_TWICE, "E-CUST-04", "a custodian of this organisation runs already, by this directory", \
      "it was started twice: both would tell readers their address in the same file", \
      "stop the one that the message names, or start the other one with --announced: readers go on with the first, and " \
      "whom else it is for is told its address by you") \
    X(CRT_FORM, "E-CRT-01", "a certificate or an identity cannot be read", \
      "the file is empty, damaged, DER instead of PEM, or something else", \
      "put the certificate there in PEM (-----BEGIN CERTIFICATE-----)") \
    X(CRT_KEY, "E-CRT-02", "a private key cannot be opened", \
      "it is encrypted and the passphrase is missing or wrong, is encrypted in an unsupported way, or is no key in PEM", \
      "MEDSYNC_KEY_PASSPHRASE_FILE names a file with passphrases, one a line; or MEDSYNC_KEY_PASSPHRASE holds it") \
    X(CRT_PAIR, "E-CRT-03", "a private key does not belong to the certificate beside it", \
      "one of the two was renewed or copied without the other", \
      "put back the pair that was made together, or make a new one with `medsync certs rotate`") \
    X(CRT_CHAIN, "E-CRT-04", "a certificate does not come from the authority that is to vouch for it", \
      "it is another organisation's, or the CA was made anew since", \
      "the message names who issued it: take the certificate of the right organisation, or that authority's CA file") \
    X(CRT_NAME, "E-CRT-05", "a certificate is not for the address where its node is dialled", \
      "the address in network.yaml has changed since, or the node is reached by a name that only others know", \
      "`medsync certs rotate NAME` makes one with the names of network.yaml") \
    X(CRT_EXPIRED, "E-CRT-06", "a certificate is expired", \
      "nobody has renewed it, or this machine's clock is wrong", \
      "`medsync certs rotate NAME` makes a new one from the same authority; an expired CA: docs/certificates.md") \
    X(CRT_NOT_YET, "E-CRT-07", "a certificate is not valid yet", \
      "the clock of this machine, or of the one that made the certificate, is wrong", \
      "set both clocks by NTP; certificates are made five minutes back, so that small differences do no harm") \
    X(CRT_EXPIRES, "E-CRT-08", "a certificate expires soon", \
      "nobody has renewed it yet", \
      "`medsync certs rotate --expiring DAYS` renews all that end within so many days") \
    X(CRT_REVOKED, "E-CRT-09", "a certificate is revoked", \
      "its serial number is on the CRL of its organisation", \
      "issue another one: `medsync certs rotate NAME`; a CRL cannot be taken back for a key that leaked") \
    X(CRT_MSPID, "E-CRT-10", "an identity has another MSP id than expected", \
      "a node was started with a wrong localMspId, or network.yaml and the channel disagree", \
      "set the id that its certificate belongs to (CORE_PEER_LOCALMSPID, ORDERER_GENERAL_LOCALMSPID)") \
    X(CRT_ROLE, "E-CRT-11", "a certificate has not the role that is needed", \
      "its organisational unit is none of client, peer, admin and orderer, or another one of them than needed", \
      "issue it with the right unit: OU=peer for a peer, OU=admin for an administrator") \
    X(CRT_CLOCK, "E-CRT-12", "two machines' clocks differ", \
      "one of them is not set by NTP, or has another idea of its time zone", \
      "set both by NTP; Fabric refuses what is more than 15 minutes off") \
    X(CRT_LAYOUT, "E-CRT-13", "a folder of key material is not as it should be", \
      "something is missing in it, or it was made by another tool in another layout", \
      "`medsync certs make` makes what network.yaml names and is missing; `medsync certs import` takes over others' material") \
    X(CRT_ISSUE, "E-CRT-14", "a certificate or revocation list cannot be made or taken over here", \
      "the authority's private key is kept elsewhere, there is no such member, or another one is there already", \
      "run it where the authority's key is, or have the authority issue it and take that over with `medsync certs import`") \
    X(CRT_OPEN, "E-CRT-15", "a chaincode server takes whatever its organisation's TLS authority has issued for the peer's", \
      "the certificates were made before chaincodes' clients had an authority of their own, or client-ca.crt has another " \
      "authority of the organisation: any of its users and orderers can drive the chaincodes as the peer does", \
      "`medsync certs rotate chaincodes.DOMAIN` makes that authority and a certificate of it for the peer, and tells what " \
      "has to follow (docs/certificates.md)") \
    X(NOTE_REFUSED, "E-NOTE-01", "a notice was not taken by where it should go", \
      "the web server, the program or the disk behind it failed, as the message says; it is tried again with growing " \
      "pauses, and the notices behind it wait", \
      "mend what is named; --give-up N lets the others pass after N tries") \
    X(NOTE_GIVEN_UP, "E-NOTE-02", "a notice was given up and kept", \
      "nobody took it in as many tries as --give-up allows", \
      "undelivered.jsonl in the state's directory has it and the reason; deliver it by hand and remove it there") \
    X(NOTE_PEER, "E-NOTE-03", "the peer that is followed for notices does not answer", \
      "it is down, restarting or not reachable; it is asked again with growing pauses, and nothing is missed", \
      "look after the peer; no action is needed here") \
    X(CHAN_FILE, "E-CHAN-01", "a file is no update of a channel's configuration", \
      "it is another file, damaged, or a bare ConfigUpdate without its envelope", \
      "`medsync channel update create` and `peer channel signconfigtx` write such files") \
    X(CHAN_REFUSED, "E-CHAN-02", "an update of the channel's configuration is refused", \
      "signatures of administrators are missing, or the configuration has changed since the update was made", \
      "have more of them sign (medsync channel update sign); make the update anew when it names another version") \
    X(CHAN_CHANGE, "E-CHAN-03", "a change of the channel's configuration does not fit", \
      "an organisation, orderer or signature is there already, or is not there", \
      "the message names it; `medsync channel update show` tells what an update changes and who has signed it") \
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
/* Of what fcc__code_find returned. */
fcc__code fcc__code_of(const fcc__code_info *info);
/* The code for all failures of a status' kind. Not for FCC_OK. */
fcc__code fcc__code_of_status(fcc_status status);

#endif

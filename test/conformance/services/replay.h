/* replay.h: a devnet, asked what a recorded network was asked. */
#ifndef TEST_CONFORMANCE_SERVICES_REPLAY_H
#define TEST_CONFORMANCE_SERVICES_REPLAY_H

#include "calls.h"
#include "compare.h"

#include "rpc/rpc.h"

enum { MAX_SERVERS = 16 };

/* One server of the devnet, under the name that the recording has for it. */
typedef struct replay_server {
    char name[32]; /* "orderer", "peer1": the peers in the order of their domains */
    const char *mspid, *domain;
    rpc_channel *channel;
} replay_server;

typedef struct replay_net {
    fcc__arena *arena;
    rpc_loop *loop;
    const char *crypto_dir;
    const char *channel;
    fcc_bytes tls_cert, tls_key;
    replay_server servers[MAX_SERVERS];
    size_t server_count;
} replay_net;

/* Reads endpoints.json in `dir`. `tls_dir`, unless NULL, has the client.crt and client.key that servers may ask for. */
fcc_status replay_open(const char *dir, const char *tls_dir, replay_net *out, fcc_error *error);
void replay_close(replay_net *net);
const replay_server *replay_find(const replay_net *net, const char *name);

/* How long to wait for what was recorded; $SERVICES_PATIENCE_MS. */
extern int replay_patience_ms;

/* When the first request was made, seconds since 1970; 0 when none says it. */
int64_t replay_time(const call_recording *recording);

/*
 * All calls, one TAP line each. *seconds: the newest time in a request.
 *
 * @return number of calls that were not answered as recorded
 */
size_t replay_calls(replay_net *net, const call_recording *recording, const known_list *known, const char *version,
                    int *tests, int64_t *seconds);
/* The devnet's blocks beside those in `folder`, one TAP line. `seconds`: the time to be told in the request. */
bool replay_blocks(replay_net *net, const char *folder, const char *version, int64_t seconds, int *tests);

#endif

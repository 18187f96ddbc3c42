/*
 * process.h: one chaincode of one organisation as a process of its own: started, connected to as a Fabric peer connects
 * to a chaincode server, started again when it ends.
 */
#ifndef MEDSYNC_DEVNET_PROCESS_H
#define MEDSYNC_DEVNET_PROCESS_H

#include "devnet/conditions.h"
#include "peer/host.h"
#include "rpc/rpc.h"

#include <sys/types.h>

typedef struct devnet_process devnet_process;

typedef struct devnet_process_options {
    rpc_loop *loop;
    peer_host *host;
    const char *name;                             /* of the chaincode */
    const char *executable;                       /* path */
    const char *package_id;                       /* label:hex */
    const char *log;                              /* path of its log; appended to */
    const devnet_conditions *conditions;          /* borrowed while it lives; NULL: as they are */
    bool on_demand;                               /* not started before devnet_process_want */
    void (*ready)(void *ctx);                     /* at its first registration */
    void (*hopeless)(void *ctx, const char *why); /* it ended several times without ever having registered */
    void *ctx;
} devnet_process_options;

/*
 * Start it, unless it is on demand. All strings are copied. FCC_ERR_CONFIG names an executable that is missing, and the
 * remedy.
 */
fcc_status devnet_process_start(const devnet_process_options *options, devnet_process **out,
                                fcc_error *error) FCC_MUST_CHECK;
/* To be called at each SIGCHLD: restarts it when it has ended. */
void devnet_process_reap(devnet_process *process);
/*
 * One that is on demand is needed now: it is started, unless it has been. One that became hopeless is tried again.
 * true: it has never registered, and `hopeless` tells if that comes to nothing.
 */
bool devnet_process_want(devnet_process *process);
/* On demand, and not wanted yet? */
bool devnet_process_idle(const devnet_process *process);
bool devnet_process_ready(const devnet_process *process);
pid_t devnet_process_pid(const devnet_process *process); /* 0 when it isn't running */
/* Ask it to end, and don't start it again. */
void devnet_process_stop(devnet_process *process);
/* Polls the loop until its stream is down, kills what hasn't ended by then. Takes NULL. */
void devnet_process_free(devnet_process *process);

#endif

/* target.h: a chaincode server that is measured: started here, or found at an address; its CPU time and its memory. */
#ifndef BENCH_TARGET_H
#define BENCH_TARGET_H

#include "rpc/rpc.h"

#include <sys/types.h>

typedef struct bench_target {
    const char *name;
    char address[128];
    pid_t pid;    /* 0: runs elsewhere, its CPU time and memory are unknown */
    bool started; /* by us */
} bench_target;

/* A folder with throwaway certificates; NULL for plaintext. Freed and removed by bench_certs_free. */
typedef struct bench_certs bench_certs;
bench_certs *bench_certs_new(void);
void bench_certs_free(bench_certs *certs);
rpc_tls bench_certs_client(const bench_certs *certs);

/* Start an executable as a chaincode server on a free port, told by Fabric's environment variables. Exits on failure. */
bench_target bench_target_start(const char *name, const char *executable, const bench_certs *certs);
/* One that runs: host:port. When it runs on this machine, its process is looked up. */
bench_target bench_target_at(const char *name, const char *address);
void bench_target_stop(bench_target *target);

/* CPU time of all threads so far, in microseconds. */
double bench_target_cpu_us(const bench_target *target);
/* "Rss" or "Pss", in kB. */
unsigned bench_target_memory_kb(const bench_target *target, const char *which);

#endif

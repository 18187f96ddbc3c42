/*
 * health.h: grpc.health.v1.Health on the chaincode's port, for those who watch over a chaincode: Check and Watch.
 *
 * The services it knows are "" (the process), "protos.Chaincode" and the package id. All of them serve from the start
 * of the server until the process drains. Everything is called on the loop's thread.
 *
 * Source: grpc/grpc, doc/health-checking.md
 * Test: test/unit/shim/io/test_health.c
 */
#ifndef FCC_IO_HEALTH_H
#define FCC_IO_HEALTH_H

#include "rpc/rpc.h"

typedef struct fcc__health fcc__health;

/* `ccid` is borrowed until fcc__health_free. NULL when out of memory. */
fcc__health *fcc__health_new(const char *ccid);
/* Answer on this server, which is not started yet. */
fcc_status fcc__health_serve(fcc__health *health, rpc_server *server) FCC_MUST_CHECK;
/* NOT_SERVING from now on; who watches is told. */
void fcc__health_drain(fcc__health *health);
/* End the calls of those who watch, which would keep a server from going down. New ones end at once. */
void fcc__health_end(fcc__health *health);
/* Behind rpc_server_free. Takes NULL. */
void fcc__health_free(fcc__health *health);

#endif

/* programs.h: the processes of a native network: started, waited for, started again, ended. */
#ifndef MEDSYNC_NATIVE_PROGRAMS_H
#define MEDSYNC_NATIVE_PROGRAMS_H

#include "base/arena.h"

#include <sys/types.h>

typedef struct native_program {
    const char *name; /* of its log: DIR/log/<name>.log */
    const char *log;  /* path */
    const char *argv[8];
    const char *const *env; /* "NAME=value", NULL-terminated; nothing is inherited */
    const char *address;    /* it serves once this takes connections; NULL: it isn't waited for */
    bool last;              /* ends after the others: peers and orderers outlive chaincodes */
    pid_t pid;              /* 0: doesn't run */
    unsigned failures;      /* ends in a row */
    int64_t start_at_ms;    /* when it is started again */
    int64_t started_ms;
} native_program;

fcc_status native_program_start(native_program *p, fcc_error *error) FCC_MUST_CHECK;
/* Until it takes connections. FCC_ERR_IO names its log when it ended or `seconds` are over. */
fcc_status native_program_await(native_program *p, int seconds, fcc_error *error) FCC_MUST_CHECK;
/*
 * Watch all of them until SIGTERM or SIGINT, which the caller has blocked together with SIGCHLD; who ends is started
 * again after 1 s, 2 s and so on up to 30 s. `list` is the file that tells who they are: {"NAME":{"pid","address"?}}.
 */
void native_programs_watch(native_program *v, size_t count, const char *list);
/* SIGTERM, and SIGKILL after some seconds: chaincodes first. */
void native_programs_stop(native_program *v, size_t count);

/* A free port of 127.0.0.1, another one each time; 0: none. */
int native_free_port(void);
int64_t native_now_ms(void);

#endif

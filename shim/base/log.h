/*
 * log.h: one JSON object a line on standard error. What is logged is what happened, where and for which transaction,
 * never a key, a value or an argument.
 */
#ifndef FCC_BASE_LOG_H
#define FCC_BASE_LOG_H

#include <fcc/bytes.h>
#include <fcc/status.h>

#include "base/codes.h"

typedef enum fcc__level { FCC__DEBUG, FCC__INFO, FCC__WARN, FCC__ERROR } fcc__level;

/* Lines below `level` are dropped; INFO at the start. Not to be changed while other threads log. */
void fcc__log_level(fcc__level level);
/* "debug", "info", "warn" or "error"; false for anything else. */
bool fcc__log_level_named(const char *name);
/* Whether a line of this level would be written: to spare the work of making it. */
bool fcc__log_wants(fcc__level level);
/* Set once at the start: written into each line as "who". Copied, some 200 bytes at most. */
void fcc__log_who(const char *who);
/* The same for a chaincode process: its package id, written as "ccid". */
void fcc__log_ccid(const char *ccid);
/* Thread-safe; one write a line. Not for errors, which have a code. */
void fcc__log(fcc__level level, const char *format, ...) FCC_PRINTF(2, 3);
/* The same with "code" before the message: what `medsync explain` takes. All errors, and warnings that have one. */
void fcc__log_code(fcc__level level, fcc__code code, const char *format, ...) FCC_PRINTF(3, 4);

typedef struct fcc__log_field {
    const char *name; /* a literal: not escaped */
    fcc_bytes text;
    bool is_number; /* `text` is one, and is written without quotes */
} fcc__log_field;

/* Lines with fields of their own behind the message. */
void fcc__log_with(fcc__level level, const char *message, const fcc__log_field *fields, size_t count);
void fcc__log_code_with(fcc__level level, fcc__code code, const char *message, const fcc__log_field *fields,
                        size_t count);
/* The same at level error as the last words of a process: may be called by a handler of any signal. */
void fcc__log_dying(fcc__code code, const char *message, const fcc__log_field *fields, size_t count);

#endif

/*
 * log.h: one JSON object a line on standard error. What is logged is what happened, where and for which transaction,
 * never a key, a value or an argument.
 */
#ifndef FCC_BASE_LOG_H
#define FCC_BASE_LOG_H

#include <fcc/status.h>

#include <stdbool.h>

typedef enum fcc__level { FCC__DEBUG, FCC__INFO, FCC__WARN, FCC__ERROR } fcc__level;

/* Lines below `level` are dropped; INFO at the start. Not to be changed while other threads log. */
void fcc__log_level(fcc__level level);
/* "debug", "info", "warn" or "error"; false for anything else. */
bool fcc__log_level_named(const char *name);
/* Set once at the start: written into each line as "who". Copied, 63 bytes at most. */
void fcc__log_who(const char *who);
/* Thread-safe; one write a line. */
void fcc__log(fcc__level level, const char *format, ...) FCC_PRINTF(2, 3);

#endif

/*
 * fcc/status.h: the one set of results that every fallible call of this project returns.
 *
 * Callers branch on the kind, people read the text. A call that fails leaves its outputs untouched.
 */
#ifndef FCC_STATUS_H
#define FCC_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define FCC_API __attribute__((visibility("default")))
#define FCC_MUST_CHECK __attribute__((warn_unused_result))
#define FCC_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define FCC_API
#define FCC_MUST_CHECK
#define FCC_PRINTF(fmt, args)
#endif

/* What the caller can do about a failure. */
typedef enum fcc_kind {
    FCC_KIND_NONE,  /* nothing failed */
    FCC_KIND_USAGE, /* the call or its configuration is wrong: mend the caller */
    FCC_KIND_APP,   /* the chaincode said no */
    FCC_KIND_PEER,  /* the other side said no */
    FCC_KIND_CONN,  /* the conversation is over: connect again */
    FCC_KIND_RES,   /* out of a resource: less at once, or later */
    FCC_KIND_DATA   /* stored or received data is not what it should be */
} fcc_kind;

/*    name           kind   default text */
/* clang-format off */
#define FCC_STATUS_TABLE(X)                                             \
    X(OK,            NONE,  "success")                                  \
    X(ERR_ARG,       USAGE, "argument outside its documented range")    \
    X(ERR_CONFIG,    USAGE, "the configuration is incomplete or wrong") \
    X(ERR_APP,       APP,   "rejected by the chaincode")                \
    X(ERR_PEER,      PEER,  "the peer refused the request")             \
    X(ERR_AUTH,      PEER,  "identity or signature not accepted")       \
    X(ERR_NOT_FOUND, USAGE, "no such thing")                            \
    X(ERR_EXISTS,    USAGE, "it exists already")                        \
    X(ERR_PROTO,     CONN,  "unexpected message from the other side")   \
    X(ERR_IO,        CONN,  "input or output failed")                   \
    X(ERR_TIMEOUT,   CONN,  "no answer in time")                        \
    X(ERR_LIMIT,     RES,   "a configured size limit was reached")      \
    X(ERR_NOMEM,     RES,   "out of memory")                            \
    X(ERR_CORRUPT,   DATA,  "data is damaged")                          \
    X(ERR_INTERNAL,  RES,   "a library call failed unexpectedly")
/* clang-format on */

typedef enum fcc_status {
#define FCC_STATUS_ENUM(name, kind, text) FCC_##name,
    FCC_STATUS_TABLE(FCC_STATUS_ENUM)
#undef FCC_STATUS_ENUM
} fcc_status;

/* Static strings; "ERR_ARG" and its default text. Never NULL. */
FCC_API const char *fcc_status_name(fcc_status status);
FCC_API const char *fcc_status_text(fcc_status status);
FCC_API fcc_kind fcc_status_kind(fcc_status status);

/*
 * The reason for a failure, for constructors and other calls without a handle that could keep it.
 * Filled only on failure; `text` names the input at fault and the remedy, cut off after 1,023 bytes.
 */
typedef struct fcc_error {
    fcc_status status;
    char text[1024];
} fcc_error;

/* Fill `error` (which may be NULL) and return `status`, so that `return fcc_error_set(...)` reads well. */
FCC_API fcc_status fcc_error_set(fcc_error *error, fcc_status status, const char *format, ...) FCC_PRINTF(3, 4);

#ifdef __cplusplus
}
#endif
#endif

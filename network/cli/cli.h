/* cli.h: what medsync's commands share. One file a command; the table of them is in medsync.c. */
#ifndef NETWORK_CLI_CLI_H
#define NETWORK_CLI_CLI_H

#include "base/codes.h"
#include "client/client.h"

#include <jansson.h>
#include <stddef.h>

#define CLI_DEFAULT_DIR "build/devnet"

enum { CLI_ARENA_MAX = 256 << 20 };

/* Exit statuses, one a kind of failure; status.c says what each means. `medsync doctor` has more of its own. */
enum {
    CLI_OK = 0,
    CLI_FAILED = 1,
    CLI_USAGE = 2,
    CLI_REFUSED = 3,
    CLI_INVALID = 4,
    CLI_UNKNOWN = 5,
    CLI_UNREACHED = 6,
    CLI_IDENTITY = 7,
    CLI_INPUT = 8,
    CLI_FINDING = 9,
    CLI_EXIT_STATUSES
};

typedef struct cli_command {
    const char *name;
    int (*run)(int argc, char **argv); /* argv[0] is the command's name; returns the exit status */
    const char *help;                  /* one line */
} cli_command;

int cli_devnet(int argc, char **argv);
int cli_devnet_services(int argc, char **argv); /* argv[0] is "services" */
int cli_invoke(int argc, char **argv);
int cli_query(int argc, char **argv);
int cli_history(int argc, char **argv);
int cli_events(int argc, char **argv);
int cli_fabric(int argc, char **argv);
int cli_deploy(int argc, char **argv);
int cli_upgrade(int argc, char **argv);
int cli_rollback(int argc, char **argv);
int cli_status(int argc, char **argv);
int cli_renew(int argc, char **argv);
int cli_demo(int argc, char **argv);
int cli_setup(int argc, char **argv);
int cli_notify(int argc, char **argv);
int cli_new(int argc, char **argv);
int cli_package(int argc, char **argv);
int cli_pkgid(int argc, char **argv);
int cli_doctor(int argc, char **argv);
int cli_health(int argc, char **argv);
int cli_explain(int argc, char **argv);
int cli_audit(int argc, char **argv);
int cli_certs(int argc, char **argv);
int cli_channel(int argc, char **argv);
int cli_lifecycle(int argc, char **argv);
int cli_block(int argc, char **argv);
int cli_custodian(int argc, char **argv);
int cli_blob(int argc, char **argv);
int cli_record(int argc, char **argv);
int cli_appointments(int argc, char **argv);

/* "medsync COMMAND: E-NET-01 text" on standard error; returns the code's exit status. */
int cli_failed(const char *command, fcc__code code, const char *format, ...) FCC_PRINTF(3, 4);
/* ---- status.c ---- */

/* That of the first failure that cli_failed told; CLI_OK before any. */
int cli_first_status(void);
/* With what a command ends that failed with this code. Never 0. */
int cli_exit_status(fcc__code code);
/* What an exit status means, one line; NULL for none of medsync's. */
const char *cli_exit_text(int status);

/* The code of a failed call: what `medsync explain` takes. `answer` may be NULL. Not for FCC_OK. */
fcc__code cli_code(fcc_status st, const client_answer *answer, const fcc_error *error, bool invoked);
/* The same of what blob.h returned. */
fcc__code cli_blob_code(fcc_status st);
/* For an option that getopt_long refused (or a missing argument), with a pointer to --help. Returns CLI_USAGE. */
int cli_usage(const char *command, const char *format, ...) FCC_PRINTF(2, 3);
/* Print one JSON value and a newline; frees it. */
void cli_print_json(json_t *value);
/* A whole number; false for anything else or outside of the range. */
bool cli_number(const char *text, int64_t least, int64_t most, int64_t *out);

/* A moment such as 2026-11-21T11:45:00Z or with +01:00, seconds with a fraction or not: nanoseconds since 1970. */
bool cli_time(const char *text, int64_t *ns);

/* ---- paths.c ---- */

/*
 * A file of the repository, such as "network/network.yaml": below the working directory, else below a folder above this
 * executable, else in share/medsync beside its bin. false when it is in none of them.
 */
bool cli_find_file(const char *relative, char *out, size_t size);
/* The path of this executable. */
bool cli_own_path(char *out, size_t size);
/* Read a whole file; malloc'ed. NULL with errno. */
char *cli_read_file(const char *path, size_t *len);

/* ---- call.c: what invoke, query and history take ---- */

typedef struct cli_call {
    const char *command;
    client_options open;
    client_call call;
    bool json;
    fcc__arena *arena; /* holds the arguments */
} cli_call;

/* What the options are, for --help. */
extern const char cli_call_help[];
/*
 * Parse options and arguments (CHAINCODE FUNCTION ARG...). Returns -1 to go on, else the exit status to end with.
 * cli_call_clear in either case.
 */
int cli_call_parse(cli_call *c, const char *command, const char *usage, int argc, char **argv);
void cli_call_clear(cli_call *c);
/* Show how a call went, as text or JSON. Returns the exit status. */
int cli_call_show(const cli_call *c, fcc_status st, const client_answer *answer, const fcc_error *error, bool invoked);

#endif

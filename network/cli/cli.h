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
/* For a command line that is not understood, with a pointer to --help. Returns CLI_USAGE. */
int cli_usage(const char *command, const char *format, ...) FCC_PRINTF(2, 3);
/* Print one JSON value and a newline; frees it. */
void cli_print_json(json_t *value);
/* A whole number; false for anything else or outside of the range. */
bool cli_number(const char *text, int64_t least, int64_t most, int64_t *out);
/* FIRST-LAST, such as 7050-7059. */
bool cli_port_range(const char *text, int64_t *first, int64_t *last);

/* A moment such as 2026-11-21T11:45:00Z or with +01:00, seconds with a fraction or not: nanoseconds since 1970. */
bool cli_time(const char *text, int64_t *ns);

/* ---- options.c ---- */

/* One option of a command: what it is called, and where its value goes (exactly one of the pointers). */
typedef struct cli_option {
    const char *name;  /* without the dashes */
    bool *flag;        /* takes no value */
    const char **text; /* its value, as in argv */
    int64_t *number;   /* a whole number from `least` to `most` (INT64_MAX: no end), times `times` where that isn't 0 */
    int64_t *moment;   /* as cli_time takes it: nanoseconds since 1970 */
    const char **list; /* may be given several times, `most` at the most; with `commas` several values at once */
    int (*each)(void *to, char *value); /* told of each; -1 to go on, else the exit status to end with */
    void *to;
    int64_t least, most, times;
    const char *unit; /* of a number, for errors */
    size_t *count;    /* of a list */
    bool commas;
    unsigned parts; /* bits of the command's parts that it belongs to; 0: all of them */
    bool given;     /* set by cli_options */
} cli_option;

/* Rows that many tables have, of a client_options. */
#define CLI_WHO(open)                                                 \
    { "dir", .text = &(open).dir }, { "user", .text = &(open).user }, \
    {                                                                 \
        "org", .text = &(open).org                                    \
    }
#define CLI_SECONDS(into) .number = &(into), .least = 1, .most = 3600, .unit = "seconds"
#define CLI_CLOCK_OFFSET(open)                                                                                        \
    {                                                                                                                 \
        "clock-offset", .number = &(open).clock_offset_s, .least = -1000000000, .most = 1000000000, .unit = "seconds" \
    }
#define CLI_TIMEOUT(open)                                        \
    {                                                            \
        "timeout", CLI_SECONDS((open).timeout_ms), .times = 1000 \
    }

/*
 * Read the options of the command line (anywhere before "--") into where the table says, which ends with { 0 }; --help
 * prints `help`. A mistake is told by cli_usage(command, ...).
 *
 * Returns -1 to go on with the arguments from argv[optind], else the exit status to end with.
 */
int cli_options(const char *command, const char *help, cli_option *options, int argc, char **argv);
/* Whether every option that was given belongs to this part; -1, or the exit status to end with. */
int cli_options_of(const char *command, const cli_option *options, unsigned part, const char *name);

/* ---- paths.c ---- */

/*
 * A file of the repository, such as "network/network.yaml": below the working directory, else below a folder above this
 * executable, else in share/medsync beside its bin. false when it is in none of them.
 */
bool cli_find_file(const char *relative, char *out, size_t size);
/* What MEDSYNC_PORT_<name> in the environment says: for config_ports, of a network whose ports docker-compose publishes. */
const char *cli_published_port(const char *name);
/* The path of this executable. */
bool cli_own_path(char *out, size_t size);
/* The folder of this executable, where other programs are beside it; NULL when it has none. Valid until the end. */
const char *cli_own_dir(void);
/*
 * The consortium's network file: the one that was given, or else network/network.yaml where cli_find_file finds it (valid
 * until the end). Returns -1, or the exit status to end with after telling that there is none.
 */
int cli_network_file(const char *command, const char **file);
/* Read a whole file; malloc'ed. NULL with errno. */
char *cli_read_file(const char *path, size_t *len);
/*
 * What a command was asked to write to a file: whole, or the file stays as it was. CLI_PRIVATE is for nobody else. A device
 * or a pipe is written to.
 */
typedef enum cli_privacy { CLI_SHARED, CLI_PRIVATE } cli_privacy;
fcc_status cli_write_file(const char *path, fcc_bytes content, cli_privacy privacy, fcc_error *error) FCC_MUST_CHECK;

/* ---- call.c: what invoke, query and history take ---- */

typedef struct cli_call {
    const char *command;
    client_options open;
    client_call call;
    bool json;
    fcc__arena *arena; /* holds the arguments */
} cli_call;

/*
 * Parse options and arguments (CHAINCODE FUNCTION ARG...). Returns -1 to go on, else the exit status to end with.
 * cli_call_clear in either case.
 */
int cli_call_parse(cli_call *c, const char *command, const char *usage, int argc, char **argv);
void cli_call_clear(cli_call *c);
/* Show how a call went, as text or JSON. Returns the exit status. */
int cli_call_show(const cli_call *c, fcc_status st, const client_answer *answer, const fcc_error *error, bool invoked);

#endif

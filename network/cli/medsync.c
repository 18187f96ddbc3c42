/* medsync: the network's command line. One dispatch table, one file a command. */
#include "cli/cli.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const cli_command commands[] = {
    { "devnet", cli_devnet, "start, stop and look at the embedded network" },
    { "certs", cli_certs, "the consortium's keys and certificates: make, list, check, rotate, revoke, import" },
    { "setup", cli_setup, "register the consortium's sites, people and patients on its channel" },
    { "fabric", cli_fabric, "run real Fabric on this machine, from the same network file" },
    { "deploy", cli_deploy, "bring the chaincodes onto the channel, in every organisation" },
    { "upgrade", cli_upgrade, "a chaincode's new version in place of the old one, without a gap" },
    { "rollback", cli_rollback, "a chaincode's definition of before, as the next one" },
    { "status", cli_status, "what each organisation has of each chaincode, and what runs" },
    { "renew", cli_renew, "on a peer's machine: what it keeps of packages, after certificates have changed" },
    { "invoke", cli_invoke, "run a chaincode's function and commit what it writes" },
    { "query", cli_query, "run a chaincode's function on one peer, writing nothing" },
    { "history", cli_history, "what happened to a key or an act, oldest first" },
    { "events", cli_events, "follow a chaincode's events" },
    { "notify", cli_notify, "alerts and reminders to a webhook, a mailbox file or a program" },
    { "block", cli_block, "a block of the channel, decoded or into a file" },
    { "lifecycle", cli_lifecycle, "the single steps that bring a chaincode onto the channel" },
    { "channel", cli_channel, "what a peer says of its channel, and changes of its configuration" },
    { "audit", cli_audit, "prove offline that nothing in a channel's blocks was changed" },
    { "record", cli_record, "patients' records: add, import, show, verify, export" },
    { "appointments", cli_appointments, "a practice's calendar, from FHIR files" },
    { "blob", cli_blob, "the encrypted store: put, get, stat, verify" },
    { "custodian", cli_custodian,
      "hold an organisation's custody key and release data keys to who was granted access" },
    { "demo", cli_demo, "the whole way of a medical record, narrated" },
    { "new", cli_new, "a chaincode to begin with, which builds, is tested and runs" },
    { "package", cli_package, "make a chaincode package for a Fabric peer" },
    { "pkgid", cli_pkgid, "the package id of a package" },
    { "doctor", cli_doctor, "look at a running network, or rehearse what a peer does with a package" },
    { "health", cli_health, "does the whole network answer?" },
    { "explain", cli_explain, "what an error code means" },
};

static void usage(FILE *to)
{
    size_t i;

    fprintf(to, "usage: medsync COMMAND [OPTION]... [ARGUMENT]...\n\n");
    for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        fprintf(to, "  %-12s %s\n", commands[i].name, commands[i].help);
    fprintf(to, "\nexit status:\n");
    for (i = 0; i < CLI_EXIT_STATUSES; i++)
        fprintf(to, "  %zu  %s\n", i, cli_exit_text((int)i));
    fprintf(to, "\n`medsync COMMAND --help` tells more. The network's directory is %s unless --dir says otherwise.\n",
            CLI_DEFAULT_DIR);
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "";
    int status;
    size_t i;

    if (argc < 2 || !strcmp(name, "--help") || !strcmp(name, "-h") || !strcmp(name, "help")) {
        usage(argc < 2 ? stderr : stdout);
        return argc < 2 ? CLI_USAGE : CLI_OK;
    }
    for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(commands[i].name, name) != 0)
            continue;
        status = commands[i].run(argc - 1, argv + 1);
        /* a command that only says that it failed has told why: the first reason decides */
        if (status == CLI_FAILED && cli_first_status() != CLI_OK)
            status = cli_first_status();
        /* an answer that could not be written is no success */
        errno = 0;
        if ((fflush(stdout) != 0 || ferror(stdout)) && status == CLI_OK) {
            if (errno != EPIPE) /* who reads it has seen enough */
                cli_failed(name, FCC__E_CLI_FILE, "standard output: %s", errno ? strerror(errno) : "not all was taken");
            status = CLI_FAILED;
        }
        return status;
    }
    fprintf(stderr, "medsync: %s no command %s\n\n", fcc__code_info_of(FCC__E_CLI_USAGE)->code, name);
    usage(stderr);
    return CLI_USAGE;
}

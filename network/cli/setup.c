/* medsync setup: the network file's consortium, registered on its channel. */
#include "cli/cli.h"
#include "cli/setup.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char usage[] = "usage: medsync setup [OPTION]...\n\n"
                            "Registers the consortium of the network file on its channel, by transactions of the "
                            "people whose business that is:\n"
                            "sites, staff, custody keys, how long records are kept. What is there already stays as it "
                            "is, so it can be run again\n"
                            "at any time; a run that was interrupted is taken up where it was.\n\n"
                            "  --dir DIR        the network's directory (" CLI_DEFAULT_DIR ")\n"
                            "  --network FILE   the consortium (network/network.yaml)\n"
                            "  --json           as JSON\n";

typedef struct telling {
    bool terminal, json;
    json_t *refused;
} telling;

static void tell(void *ctx, const setup_act *act, const setup_report *r)
{
    telling *t = ctx;
    const size_t done = r->made + r->there + r->refused;

    if (t->terminal && !t->json) {
        printf("\r%zu of %zu: %.*s %.40s\033[K", done, r->all, (int)act->args[0].len, (const char *)act->args[0].data,
               act->about);
        if (act->state == SETUP_REFUSED || done == r->all)
            fputs("\r\033[K", stdout);
        fflush(stdout);
    }
    if (act->state != SETUP_REFUSED)
        return;
    if (t->json)
        json_array_append_new(t->refused,
                              json_pack("{s:s, s:s, s:s, s:s%, s:s, s:s}", "mspId", act->org->mspid, "user",
                                        act->user->name, "chaincode", act->chaincode, "function", act->args[0].data,
                                        act->args[0].len, "about", act->about, "error", act->why ? act->why : ""));
    else
        fprintf(stderr, "  %s, %s: %s %.*s, %s: %s\n", act->org->mspid, act->user->name, act->chaincode,
                (int)act->args[0].len, (const char *)act->args[0].data, act->about, act->why ? act->why : "");
}

static int show(telling *t, fcc_status st, const setup_report *r, double seconds, const fcc_error *error)
{
    if (t->json)
        cli_print_json(json_pack("{s:b, s:I, s:I, s:I, s:I, s:O, s:s*}", "ok", st == FCC_OK, "acts", (json_int_t)r->all,
                                 "committed", (json_int_t)r->made, "alreadyThere", (json_int_t)r->there, "milliseconds",
                                 (json_int_t)(seconds * 1000), "refused", t->refused, "error",
                                 st == FCC_OK ? NULL : error->text));
    if (st != FCC_OK)
        return cli_failed("setup", st == FCC_ERR_APP ? FCC__E_TX_REFUSED : cli_code(st, NULL, error, false), "%s%s",
                          error->text, st == FCC_ERR_APP ? ": see above; `medsync setup` again goes on from here" : "");
    if (t->json)
        return CLI_OK;
    if (r->made == 0)
        printf("The consortium is registered: nothing to do, nothing changed (%zu acts were there).\n", r->there);
    else
        printf("The consortium is registered: %zu transactions in %.1f s%s.\n", r->made, seconds,
               r->there ? "; the rest was there already" : "");
    return CLI_OK;
}

int cli_setup(int argc, char **argv)
{
    const char *dir = CLI_DEFAULT_DIR, *network = NULL;
    telling t = { .terminal = isatty(STDOUT_FILENO) == 1 };
    setup_report report = { 0 };
    struct timespec from, to;
    fcc_error error = { 0 };
    fcc_status st;
    cli_option options[] = {
        { "dir", .text = &dir },
        { "network", .text = &network },
        { "json", .flag = &t.json },
        { 0 },
    };
    int status = cli_options("setup", usage, options, argc, argv);

    if (status >= 0)
        return status;
    if (optind != argc)
        return cli_usage("setup", "%s: no argument is taken", argv[optind]);
    if ((status = cli_network_file("setup", &network)) >= 0)
        return status;
    t.refused = json_array();
    clock_gettime(CLOCK_MONOTONIC, &from);
    st = setup_consortium(dir, network, tell, &t, &report, &error);
    clock_gettime(CLOCK_MONOTONIC, &to);
    status = show(&t, st, &report, (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9,
                  &error);
    json_decref(t.refused);
    return status;
}

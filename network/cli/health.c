/* medsync health: does the whole network answer? For containers' health checks, and for scripts that wait for a network. */
#include "cli/cli.h"

#include "client/direct.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char usage[] = "usage: medsync health [OPTION]...\n\n"
                            "Asks the peer of each organisation for its channel's height and the ordering service for "
                            "its newest block, as the\n"
                            "organisations' administrators, and tells who answers. Nothing is written.\n\n"
                            "  --dir DIR          the network's directory (" CLI_DEFAULT_DIR ")\n"
                            "  --wait SECONDS     ask again until all answer, for so long (0)\n"
                            "  --timeout SECONDS  for each request (5)\n"
                            "  --quiet            only the exit status, and what fails\n"
                            "  --json             print one JSON object\n\n"
                            "Exit status: 0 all answer, 6 somebody doesn't, 7 somebody refuses who asks.\n";

typedef struct asking {
    const char *dir;
    int64_t wait_s, timeout_s;
    bool quiet, json;
} asking;

/* One round: whoever was asked, as JSON, and whether all have answered. */
typedef struct round {
    json_t *peers, *orderer;
    bool well;
    fcc_error error; /* the first that failed */
    fcc_status st;
} round_of;

static void failed(round_of *r, json_t *row, fcc_status st, const fcc_error *error)
{
    if (r->well) {
        r->error = *error;
        r->st = st;
    }
    r->well = false;
    json_object_set_new(row, "error", json_string(error->text));
}

static void ask_peer(const asking *a, const char *mspid, round_of *r, fcc__arena *arena, bool orderer_too)
{
    const client_options open = { .dir = a->dir, .org = mspid, .timeout_ms = a->timeout_s * 1000 };
    json_t *row = json_pack("{s:s}", "mspId", mspid);
    Common__BlockchainInfo *info;
    client *c = NULL;
    fcc_bytes block;
    fcc_error error = { 0 };
    fcc_status st = client_open(&open, &c, &error);

    if (st == FCC_OK)
        st = client_chain_info(c, NULL, arena, &info, &error);
    if (st == FCC_OK)
        json_object_set_new(row, "height", json_integer((json_int_t)info->height));
    else
        failed(r, row, st, &error);
    json_array_append_new(r->peers, row);
    if (c && orderer_too) {
        r->orderer = json_object();
        st = client_block(c, CLIENT_ORDERED, NULL, CLIENT_NEWEST, arena, &block, &error);
        if (st != FCC_OK)
            failed(r, r->orderer, st, &error);
    }
    client_close(c);
}

static round_of ask(const asking *a)
{
    round_of r = { .peers = json_array(), .well = true };
    fcc__arena *arena = fcc__arena_new(CLI_ARENA_MAX);
    char *path = arena ? fcc__arena_printf(arena, "%s/endpoints.json", a->dir) : NULL;
    json_error_t why;
    json_t *endpoints = path ? json_load_file(path, 0, &why) : NULL, *peer;
    size_t i;

    if (!endpoints) {
        r.well = false;
        r.st = fcc_error_set(&r.error, path ? FCC_ERR_NOT_FOUND : FCC_ERR_NOMEM, "no network is ready in %s: %s",
                             a->dir, path ? why.text : "out of memory");
    }
    json_array_foreach(json_object_get(endpoints, "peers"), i, peer)
    {
        const char *mspid = json_string_value(json_object_get(peer, "mspId"));

        if (mspid)
            ask_peer(a, mspid, &r, arena, i == 0);
    }
    if (endpoints && json_array_size(r.peers) == 0) { /* nobody who could be unwell */
        r.well = false;
        r.st = fcc_error_set(&r.error, FCC_ERR_NOT_FOUND, "%s names no peers", path);
    }
    json_decref(endpoints);
    fcc__arena_free(arena);
    return r;
}

static void show(const asking *a, round_of *r)
{
    json_t *row, *why;
    size_t i;

    if (a->json) {
        cli_print_json(json_pack("{s:b, s:O, s:O*}", "well", r->well, "peers", r->peers, "orderer", r->orderer));
        return;
    }
    json_array_foreach(r->peers, i, row)
    {
        why = json_object_get(row, "error");
        if (why || !a->quiet)
            printf("%-16s %s", json_string_value(json_object_get(row, "mspId")),
                   why ? json_string_value(why) : "height ");
        if (!why && !a->quiet)
            printf("%lld", (long long)json_integer_value(json_object_get(row, "height")));
        if (why || !a->quiet)
            putchar('\n');
    }
    why = json_object_get(r->orderer, "error");
    if (r->orderer && (why || !a->quiet))
        printf("%-16s %s\n", "(orderer)", why ? json_string_value(why) : "answers");
}

static fcc__code code_of(fcc_status st)
{
    switch (st) {
    case FCC_ERR_NOT_FOUND:
        return FCC__E_NET_NONE;
    case FCC_ERR_AUTH:
        return FCC__E_NET_DENIED;
    case FCC_ERR_TIMEOUT:
        return FCC__E_NET_TIMEOUT;
    default:
        return FCC__E_NET_DOWN;
    }
}

static int run(const asking *a)
{
    const struct timespec pause = { 0, 250 * 1000 * 1000 };
    struct timespec now;
    int64_t end;
    round_of r;
    int status = CLI_OK;

    clock_gettime(CLOCK_MONOTONIC, &now);
    end = now.tv_sec + a->wait_s;
    for (;;) {
        r = ask(a);
        clock_gettime(CLOCK_MONOTONIC, &now);
        if (r.well || now.tv_sec >= end)
            break;
        json_decref(r.peers);
        json_decref(r.orderer);
        nanosleep(&pause, NULL);
    }
    show(a, &r);
    if (!r.well)
        status = cli_failed("health", code_of(r.st), "%s", r.error.text);
    json_decref(r.peers);
    json_decref(r.orderer);
    return r.well ? CLI_OK : status;
}

int cli_health(int argc, char **argv)
{
    asking a = { .dir = CLI_DEFAULT_DIR, .timeout_s = 5 };
    cli_option options[] = {
        { "dir", .text = &a.dir },
        { "wait", .number = &a.wait_s, .least = 0, .most = 86400, .unit = "seconds" },
        { "timeout", CLI_SECONDS(a.timeout_s) },
        { "quiet", .flag = &a.quiet },
        { "json", .flag = &a.json },
        { 0 },
    };
    const int status = cli_options("health", usage, options, argc, argv);

    if (status >= 0)
        return status;
    if (optind != argc)
        return cli_usage("health", "%s: takes no arguments", argv[optind]);
    return run(&a);
}

/*
 * doctor_network.c: every peer, orderer and chaincode server of a running network, looked at one after the other: a line for
 * each thing, ok, warn or fail, and for what is not ok the cause and what to do. Nothing is changed.
 */
#include "cli/doctor_network.h"

#include "cli/cli.h"
#include "cli/doctor.h"
#include "deploy/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { MOST_NODES = 128, TEXT = 1024 };

/* ---- telling ------------------------------------------------------------------------------------------------------ */

void doctor_tell(doctor_network *n, doctor_level level, const char *subject, const char *check, fcc__code code,
                 const char *format, ...)
{
    static const char *const words[] = { "ok", "warn", "fail" };
    const fcc__code_info *info = level == DOCTOR_OK ? NULL : fcc__code_info_of(code);
    char text[TEXT];
    va_list ap;

    va_start(ap, format);
    vsnprintf(text, sizeof(text), format, ap);
    va_end(ap);
    n->counts[level]++;
    if (n->json) {
        json_t *o = json_pack("{s:s, s:s, s:s, s:s}", "level", words[level], "subject", subject, "check", check,
                              "found", text);

        if (info)
            json_object_update_new(
                o, json_pack("{s:s, s:s, s:s}", "code", info->code, "cause", info->cause, "remedy", info->remedy));
        json_array_append_new(n->checks, o);
        return;
    }
    printf("%-5s %-34s %-11s %s%s%s\n", words[level], subject, check, info ? info->code : "", info ? " " : "", text);
    if (info)
        printf("      usual cause  %s\n      what to do   %s\n", info->cause, info->remedy);
    fflush(stdout);
}

static void tell_finding(void *ctx, const msp_finding *f)
{
    const doctor_findings *to = ctx;

    doctor_tell(to->n, f->warning ? DOCTOR_WARN : DOCTOR_FAIL, to->subject, to->check, f->code, "%s %s", f->what,
                f->text);
}

msp_checker doctor_checker(doctor_findings *to)
{
    return (msp_checker){
        .now_s = (int64_t)time(NULL), .warn_days = MSP_CHECK_WARN_DAYS, .report = tell_finding, .ctx = to
    };
}

/* ---- who there is ------------------------------------------------------------------------------------------------- */

static const char *text_of(const json_t *in, const char *key)
{
    return json_string_value(json_object_get(in, key));
}

/* As clients find it: where endpoints.json says, below its directory, or in a copy of the directory that was made elsewhere. */
static const char *find_file(const doctor_network *n, const char *path)
{
    const char *found;

    if (!path || access(path, R_OK) == 0)
        return path;
    if (path[0] != '/')
        return fcc__arena_printf(n->arena, "%s/%s", n->dir, path);
    for (const char *part = strstr(path, "/crypto/"); part; part = strstr(part + 1, "/crypto/")) {
        found = fcc__arena_printf(n->arena, "%s%s", n->dir, part);
        if (found && access(found, R_OK) == 0)
            return found;
    }
    return path;
}

static size_t read_nodes(doctor_network *n, const char *list, const char *kind, doctor_node *out)
{
    const json_t *all = json_object_get(n->endpoints, list), *one;
    size_t i, count = 0;

    json_array_foreach(all, i, one)
    {
        doctor_node *node = &out[count];

        if (count == MOST_NODES)
            break;
        *node = (doctor_node){ .kind = kind,
                               .mspid = text_of(one, "mspId"),
                               .name = text_of(one, "name"),
                               .address = text_of(one, "address"),
                               .tls_ca = find_file(n, text_of(one, "tlsCa")),
                               .place = i };
        if (!node->mspid || !node->address || !node->tls_ca)
            doctor_tell(n, DOCTOR_FAIL, list, "directory", FCC__E_NET_CONFIG,
                        "%s/endpoints.json: entry %zu of %s lacks mspId, address or tlsCa", n->dir, i, list);
        else
            count++;
        node->name = node->name ? node->name : node->address;
    }
    return count;
}

static void open_admin(doctor_network *n, doctor_node *node)
{
    const client_options open = { .dir = n->dir, .org = node->mspid, .timeout_ms = 1000 * n->timeout_s };
    fcc_error error = { 0 };

    if (client_open(&open, &node->admin, &error) != FCC_OK)
        doctor_tell(n, DOCTOR_WARN, node->name, "identity", FCC__E_DEP_IDENTITY,
                    "nothing more can be asked of it without its administrator's keys: %s", error.text);
}

/* ---- what they have in common -------------------------------------------------------------------------------------- */

/* A peer may get a block a moment later: whoever is behind is asked once more. */
static void compare_heights(doctor_network *n, doctor_node *peers, size_t count)
{
    uint64_t most = 0;

    for (size_t i = 0; i < count; i++)
        most = peers[i].height > most ? peers[i].height : most;
    for (size_t i = 0; i < count; i++) {
        Common__BlockchainInfo *info;
        fcc_error error;

        if (peers[i].height == 0)
            continue;
        if (peers[i].height < most && client_chain_info(peers[i].admin, NULL, n->arena, &info, &error) == FCC_OK)
            peers[i].height = info->height;
        if (peers[i].height < most)
            doctor_tell(n, most - peers[i].height > 10 ? DOCTOR_FAIL : DOCTOR_WARN, peers[i].name, "height",
                        FCC__E_DEP_BEHIND, "%llu blocks, %llu behind the others", (unsigned long long)peers[i].height,
                        (unsigned long long)(most - peers[i].height));
        else
            doctor_tell(n, DOCTOR_OK, peers[i].name, "height", FCC__E_DEP_BEHIND, "%llu blocks",
                        (unsigned long long)peers[i].height);
    }
}

static void tell_chaincode(doctor_network *n, const deploy_row *row)
{
    char subject[128];

    snprintf(subject, sizeof(subject), "%s of %s", row->chaincode, row->mspid);
    if (!row->ok)
        doctor_tell(n, DOCTOR_FAIL, subject, "chaincode", row->code, "%s", row->why ? row->why : "");
    else if (row->differs)
        doctor_tell(n, DOCTOR_WARN, subject, "chaincode", FCC__E_DEP_DIFFERS, "runs %.12s, others another executable",
                    row->digest);
    else if (!row->package_id)
        doctor_tell(n, DOCTOR_OK, subject, "chaincode", FCC__E_DEP_DIFFERS, "sequence %lld approved, not run here",
                    (long long)row->sequence);
    else
        doctor_tell(n, DOCTOR_OK, subject, "chaincode", FCC__E_DEP_DIFFERS, "sequence %lld approved, %.24s... answers",
                    (long long)row->sequence, row->package_id);
}

/* Organisations that run a chaincode at one sequence have one package, unless they have reasons of their own. */
static void compare_packages(doctor_network *n, const deploy_status *status)
{
    for (size_t i = 1; i < status->count; i++) {
        const deploy_row *row = &status->rows[i], *first = NULL;

        for (size_t k = 0; k < i && !first; k++)
            if (status->rows[k].chaincode && row->chaincode && status->rows[k].package_id &&
                strcmp(status->rows[k].chaincode, row->chaincode) == 0 && status->rows[k].sequence == row->sequence)
                first = &status->rows[k];
        if (first && row->package_id && strcmp(first->package_id, row->package_id) != 0)
            doctor_tell(n, DOCTOR_WARN, row->chaincode, "package id", FCC__E_DEP_PACKAGE, "%s runs %s, %s runs %s",
                        first->mspid, first->package_id, row->mspid, row->package_id);
    }
}

static void look_at_chaincodes(doctor_network *n, const doctor_node *peers, size_t count)
{
    const char *orgs[MOST_NODES];
    deploy_status_options options = { .dir = n->dir, .orgs = orgs, .timeout_s = n->timeout_s };
    deploy_status status;
    fcc_error error = { 0 };

    for (size_t i = 0; i < count; i++)
        if (peers[i].admin && peers[i].height)
            orgs[options.org_count++] = peers[i].mspid;
    if (options.org_count == 0)
        return;
    if (deploy_status_read(&options, &status, &error) != FCC_OK)
        doctor_tell(n, DOCTOR_FAIL, "chaincodes", "chaincode", FCC__E_DEP_REFUSED, "%s", error.text);
    for (size_t i = 0; i < status.count; i++)
        if (status.rows[i].chaincode)
            tell_chaincode(n, &status.rows[i]);
    compare_packages(n, &status);
    deploy_status_clear(&status);
}

/* ---- all of it ---------------------------------------------------------------------------------------------------- */

static void look(doctor_network *n)
{
    static doctor_node peers[MOST_NODES + 1], orderers[MOST_NODES + 1];
    const size_t peer_count = read_nodes(n, "peers", "peer", peers);
    size_t orderer_count;
    client *any = NULL;

    /* a directory of before there were several */
    if (!json_object_get(n->endpoints, "orderers") && json_object_get(n->endpoints, "orderer"))
        json_object_set_new(n->endpoints, "orderers", json_pack("[O]", json_object_get(n->endpoints, "orderer")));
    orderer_count = read_nodes(n, "orderers", "orderer", orderers);
    if (json_array_size(json_object_get(n->endpoints, "peers")) == 0)
        doctor_tell(n, DOCTOR_FAIL, "peers", "directory", FCC__E_NET_CONFIG, "%s/endpoints.json names no peers",
                    n->dir);

    for (size_t i = 0; i < peer_count; i++) {
        doctor_node_dial(n, &peers[i]);
        if (!peers[i].reached)
            continue;
        open_admin(n, &peers[i]);
        if (!peers[i].admin)
            continue;
        doctor_node_ask(n, &peers[i]);
        doctor_node_clock(n, &peers[i]);
        any = any ? any : peers[i].admin;
    }
    for (size_t i = 0; i < orderer_count; i++) {
        doctor_node_dial(n, &orderers[i]);
        orderers[i].admin = any;
        if (orderers[i].reached && any) {
            doctor_node_ask(n, &orderers[i]);
            doctor_node_clock(n, &orderers[i]);
        }
    }
    compare_heights(n, peers, peer_count);
    doctor_channel(n, peers, peer_count);
    look_at_chaincodes(n, peers, peer_count);
    doctor_servers(n);
    doctor_disk(n);
    for (size_t i = 0; i < peer_count; i++)
        client_close(peers[i].admin);
}

int doctor_look_at_network(const char *dir, int64_t timeout_s, bool as_json)
{
    doctor_network n = { .dir = dir, .timeout_s = timeout_s, .json = as_json, .arena = fcc__arena_new(CLI_ARENA_MAX) };
    const char *path = n.arena ? fcc__arena_printf(n.arena, "%s/endpoints.json", dir) : NULL;
    json_error_t why;
    int status = CLI_OK;

    n.checks = json_array();
    n.endpoints = path ? json_load_file(path, 0, &why) : NULL;
    if (!n.endpoints) {
        status = cli_failed("doctor", FCC__E_NET_NONE, "%s: %s", path ? path : dir, path ? why.text : "out of memory");
    } else {
        look(&n);
        if (as_json)
            cli_print_json(json_pack("{s:O, s:I, s:I, s:I}", "checks", n.checks, "ok", (json_int_t)n.counts[DOCTOR_OK],
                                     "warn", (json_int_t)n.counts[DOCTOR_WARN], "fail",
                                     (json_int_t)n.counts[DOCTOR_FAIL]));
        else
            printf("%zu ok, %zu to look at, %zu failed\n", n.counts[DOCTOR_OK], n.counts[DOCTOR_WARN],
                   n.counts[DOCTOR_FAIL]);
        status = n.counts[DOCTOR_FAIL] ? CLI_FINDING : CLI_OK;
    }
    json_decref(n.endpoints);
    json_decref(n.checks);
    fcc__arena_free(n.arena);
    return status;
}

/* See services.h. A folder's fcc-host.yaml is written last: when it is there, what it names is. */
#include "native/services.h"

#include "base/durable.h"
#include "msp/material.h"
#include "native/custodians.h"
#include "native/files.h"
#include "native/nodes.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { SERVICES_ARENA = 64 << 20, ADMIN_PORT = 9443, SPARE_BEHIND = 100 };

struct services {
    const services_options *options;
    fcc__arena *arena;
    const char *crypto;
    const char **addresses;              /* where the organisation's peer finds each chaincode ... */
    const char **listens;                /* ... and where it listens */
    const char **spare, **spare_listens; /* the same of slot b (package.h) */
    fcc_error *error;
};

static fcc_status no_memory(const struct services *s)
{
    return fcc_error_set(s->error, FCC_ERR_NOMEM, "%s", fcc_status_text(FCC_ERR_NOMEM));
}

/* What a server of chaincodes shows and whom it takes. */
static fcc_status put_tls(const struct services *s, const config_org *org, const char *folder)
{
    static const struct {
        const char *name;
        mode_t mode;
    } files[] = { { "client-ca.crt", 0644 }, { "server.crt", 0644 }, { "server.key", 0600 } };
    const char *from = msp_path_chaincodes_tls(s->arena, s->crypto, org);
    const char *client_ca = msp_path_chaincodes_client_ca(s->arena, s->crypto, org);
    const char *tls = fcc__arena_printf(s->arena, "%s/tls", folder);
    fcc_bytes pem;
    fcc_status st = FCC_OK;

    for (size_t i = 0; st == FCC_OK && i < sizeof(files) / sizeof(files[0]); i++) {
        const char *path = i == 0 ? client_ca : from ? fcc__arena_printf(s->arena, "%s/%s", from, files[i].name) : NULL;

        st = node_read_file(path, s->arena, &pem, s->error);
        if (st == FCC_OK)
            st = files_put(s->arena, tls, files[i].name, pem, files[i].mode, s->error);
    }
    return st;
}

static size_t first_port(const services_options *o)
{
    return o->port ? (size_t)o->port : SERVICES_FIRST_PORT;
}

/* On one machine the organisations' ports follow one another. */
static fcc_status place(struct services *s, size_t i)
{
    const services_options *o = s->options;
    const char *at = o->host ? o->host : fcc__arena_printf(s->arena, "chaincodes.%s", o->network->orgs[i].domain);
    const char *listen = o->host ? o->host : "0.0.0.0";
    const size_t count = o->network->chaincode_count;
    const size_t first = first_port(o) + (o->host ? i * 2 * count : 0);
    const size_t spare = first + (o->host ? count : SPARE_BEHIND);

    for (size_t k = 0; k < count; k++) {
        s->addresses[k] = fcc__arena_printf(s->arena, "%s:%zu", at ? at : "", first + k);
        s->listens[k] = fcc__arena_printf(s->arena, "%s:%zu", listen, first + k);
        s->spare[k] = fcc__arena_printf(s->arena, "%s:%zu", at ? at : "", spare + k);
        s->spare_listens[k] = fcc__arena_printf(s->arena, "%s:%zu", listen, spare + k);
        if (!at || !s->addresses[k] || !s->listens[k] || !s->spare[k] || !s->spare_listens[k])
            return no_memory(s);
    }
    return FCC_OK;
}

static fcc_status write_org(struct services *s, size_t i)
{
    const services_options *o = s->options;
    const config_org *org = &o->network->orgs[i];
    const char *folder = fcc__arena_printf(s->arena, "%s/%s", o->out, org->domain);
    const char *own = fcc__arena_printf(s->arena, "%s/services/%s", o->dir, org->domain);
    const size_t behind = first_port(o) + o->network->org_count * 2 * o->network->chaincode_count + i;
    const node_host host = { .admin = fcc__arena_printf(s->arena, "127.0.0.1:%zu", o->host ? behind : ADMIN_PORT),
                             .bin_dir = o->bin_dir,
                             .tls = "tls",
                             .addresses = s->listens,
                             .spare = s->spare_listens,
                             .as_root = o->as_root };
    const char *text;
    fcc_status st;

    if (!folder || !own || !host.admin)
        return no_memory(s);
    if ((st = place(s, i)) != FCC_OK)
        return st;
    st = node_builder_values_of_both(o->network, org, s->crypto, s->addresses, s->spare, s->arena, &text, s->error);
    if (st != FCC_OK || (st = files_put(s->arena, own, "builder.json", fcc_str(text), 0600, s->error)) != FCC_OK)
        return st;
    st = node_host_file(o->network, org, &host, s->arena, &text, s->error);
    if (st != FCC_OK || !text) /* it runs no chaincode */
        return st;
    if (o->network->chaincode_tls && (st = put_tls(s, org, folder)) != FCC_OK)
        return st;
    return files_put(s->arena, folder, "fcc-host.yaml", fcc_str(text), 0644, s->error);
}

/* As the custodians see their peers. */
static fcc_status peers_of_custodians(const struct services *s, config_network *out)
{
    const services_options *o = s->options;
    config_org *orgs = fcc__arena_zalloc(s->arena, o->network->org_count, sizeof(*orgs));

    *out = *o->network;
    out->orgs = orgs;
    for (size_t i = 0; orgs && i < out->org_count; i++) {
        const int port = o->devnet_port ? o->devnet_port + 1 + (int)i : node_port(o->network->orgs[i].peer_address);

        orgs[i] = o->network->orgs[i];
        orgs[i].peer_address = fcc__arena_printf(s->arena, "%s:%d", o->host ? o->host : orgs[i].peer_name, port);
        if (!orgs[i].peer_address)
            return no_memory(s);
    }
    return orgs ? FCC_OK : no_memory(s);
}

static fcc_status write_custodians(const struct services *s, mode_t before)
{
    config_network seen;
    const custodians_options custodians = {
        .dir = s->options->dir, .crypto = s->crypto, .network = &seen, .out = s->options->out
    };
    fcc_status st = peers_of_custodians(s, &seen);

    if (st == FCC_OK)
        st = msp_write_custody(s->options->network, s->options->dir, s->error);
    if (st == FCC_OK)
        st = custodians_write(&custodians, s->arena, s->error);
    umask(before); /* what readers are told is for all */
    return st == FCC_OK ? custodians_tell(&custodians, s->arena, s->error) : st;
}

fcc_status services_write(const services_options *options, fcc_error *error)
{
    struct services s = { .options = options, .arena = fcc__arena_new(SERVICES_ARENA), .error = error };
    const size_t count = options->network->chaincode_count + 1;
    const char *warning = NULL;
    mode_t before;
    int lock = -1;
    fcc_status st;

    s.crypto = s.arena ? fcc__arena_printf(s.arena, "%s/crypto", options->dir) : NULL;
    s.addresses = s.crypto ? fcc__arena_zalloc(s.arena, 4 * count, sizeof(*s.addresses)) : NULL;
    if (s.addresses) {
        s.listens = s.addresses + count;
        s.spare = s.listens + count;
        s.spare_listens = s.spare + count;
    }
    st = s.addresses ? fcc__make_dirs(options->dir, 0755, false, error) : no_memory(&s);
    if (st == FCC_OK) /* two would take each other's files away */
        st = fcc__lock_dir(options->dir, &lock, error);
    if (st == FCC_OK)
        st = msp_complete(options->network, s.crypto, NULL, error);
    if (st == FCC_OK)
        st = node_open_chaincodes(options->network, options->dir, s.crypto, s.arena, &warning, error);
    if (warning && options->tell)
        options->tell(options->ctx, warning);
    before = umask(077); /* keys are nobody else's at any moment */
    for (size_t i = 0; st == FCC_OK && i < options->network->org_count; i++)
        st = write_org(&s, i);
    if (st == FCC_OK)
        st = write_custodians(&s, before);
    umask(before);
    fcc__unlock_dir(lock);
    fcc__arena_free(s.arena);
    return st;
}

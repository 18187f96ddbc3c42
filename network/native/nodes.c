/* See nodes.h. */
#include "native/nodes.h"

#include "deploy/deploy.h"
#include "msp/material.h"
#include "package/package.h"

#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static fcc_status no_memory(fcc_error *error)
{
    return fcc_error_set(error, FCC_ERR_NOMEM, "%s", fcc_status_text(FCC_ERR_NOMEM));
}

fcc_status node_read_file(const char *path, fcc__arena *arena, fcc_bytes *out, fcc_error *error)
{
    FILE *f = path ? fopen(path, "rbe") : NULL;
    long size;
    char *data = NULL;

    if (!path)
        return no_memory(error);
    if (!f)
        return fcc_error_set(error, FCC_ERR_IO, "%s: %s", path, strerror(errno));
    if (fseek(f, 0, SEEK_END) == 0 && (size = ftell(f)) >= 0 && fseek(f, 0, SEEK_SET) == 0 &&
        (data = fcc__arena_zalloc(arena, 1, (size_t)size + 1)) && fread(data, 1, (size_t)size, f) == (size_t)size)
        *out = fcc_bytes_of(data, (size_t)size);
    else
        data = NULL;
    fclose(f);
    return data ? FCC_OK : fcc_error_set(error, FCC_ERR_IO, "%s: cannot be read", path);
}

/* ---- addresses ---------------------------------------------------------------------------------------------------- */

int node_port(const char *address)
{
    return atoi(strrchr(address, ':') + 1);
}

/* ---- variables ---------------------------------------------------------------------------------------------------- */

void node_set(node_variables *out, const char *name, const char *format, ...)
{
    va_list ap;
    char *value = NULL, *variable = NULL;
    int n;

    va_start(ap, format);
    n = vasprintf(&value, format, ap);
    va_end(ap);
    if (n >= 0 && out->n < NODE_VARIABLES_MAX)
        variable = fcc__arena_printf(out->arena, "%s=%s", name, value);
    if (n >= 0)
        free(value);
    if (variable)
        out->v[out->n++] = variable;
    else
        out->failed = true;
}

/* Each call and each gRPC event is a line at `info`, which costs Fabric more than the call: the user's choice. */
static void set_logging(node_variables *out)
{
    const char *wanted = getenv("FABRIC_LOGGING_SPEC");

    node_set(out, "FABRIC_LOGGING_SPEC", "%s", wanted && *wanted ? wanted : "warning");
}

static void set_operations(const node_place *place, const char *name, node_variables *out)
{
    if (place->operations)
        node_set(out, name, "%s", place->operations);
}

void node_orderer(const config_network *network, const node_place *place, node_variables *out)
{
    const int host = (int)(strrchr(place->listen, ':') - place->listen);

    node_set(out, "FABRIC_CFG_PATH", "%s", place->config);
    set_logging(out);
    node_set(out, "ORDERER_GENERAL_LISTENADDRESS", "%.*s", host, place->listen);
    node_set(out, "ORDERER_GENERAL_LISTENPORT", "%d", node_port(place->listen));
    node_set(out, "ORDERER_GENERAL_LOCALMSPID", "%s", network->orderer.mspid);
    node_set(out, "ORDERER_GENERAL_LOCALMSPDIR", "%s", place->msp);
    node_set(out, "ORDERER_GENERAL_TLS_CERTIFICATE", "%s/server.crt", place->tls);
    node_set(out, "ORDERER_GENERAL_TLS_PRIVATEKEY", "%s/server.key", place->tls);
    node_set(out, "ORDERER_GENERAL_TLS_ROOTCAS", "[%s/ca.crt]", place->tls);
    node_set(out, "ORDERER_GENERAL_CLUSTER_CLIENTCERTIFICATE", "%s/server.crt", place->tls);
    node_set(out, "ORDERER_GENERAL_CLUSTER_CLIENTPRIVATEKEY", "%s/server.key", place->tls);
    node_set(out, "ORDERER_GENERAL_CLUSTER_ROOTCAS", "[%s/ca.crt]", place->tls);
    node_set(out, "ORDERER_ADMIN_LISTENADDRESS", "%s", place->admin);
    node_set(out, "ORDERER_ADMIN_TLS_CERTIFICATE", "%s/server.crt", place->tls);
    node_set(out, "ORDERER_ADMIN_TLS_PRIVATEKEY", "%s/server.key", place->tls);
    node_set(out, "ORDERER_ADMIN_TLS_CLIENTROOTCAS", "[%s/ca.crt]", place->tls);
    node_set(out, "ORDERER_FILELEDGER_LOCATION", "%s", place->data);
    node_set(out, "ORDERER_CONSENSUS_WALDIR", "%s/etcdraft/wal", place->data);
    node_set(out, "ORDERER_CONSENSUS_SNAPDIR", "%s/etcdraft/snapshot", place->data);
    set_operations(place, "ORDERER_OPERATIONS_LISTENADDRESS", out);
}

void node_peer(const config_org *org, const node_place *place, node_variables *out)
{
    node_set(out, "FABRIC_CFG_PATH", "%s", place->config);
    set_logging(out);
    node_set(out, "CORE_PEER_ID", "%s", org->peer_name);
    node_set(out, "CORE_PEER_LOCALMSPID", "%s", org->mspid);
    node_set(out, "CORE_PEER_MSPCONFIGPATH", "%s", place->msp);
    node_set(out, "CORE_PEER_LISTENADDRESS", "%s", place->listen);
    node_set(out, "CORE_PEER_ADDRESS", "%s", org->peer_address);
    node_set(out, "CORE_PEER_CHAINCODELISTENADDRESS", "%s", "127.0.0.1:0");
    node_set(out, "CORE_PEER_GOSSIP_BOOTSTRAP", "%s", org->peer_address);
    node_set(out, "CORE_PEER_GOSSIP_ENDPOINT", "%s", org->peer_address);
    node_set(out, "CORE_PEER_GOSSIP_EXTERNALENDPOINT", "%s", org->peer_address);
    node_set(out, "CORE_PEER_TLS_CERT_FILE", "%s/server.crt", place->tls);
    node_set(out, "CORE_PEER_TLS_KEY_FILE", "%s/server.key", place->tls);
    node_set(out, "CORE_PEER_TLS_ROOTCERT_FILE", "%s/ca.crt", place->tls);
    node_set(out, "CORE_PEER_FILESYSTEMPATH", "%s", place->data);
    node_set(out, "CORE_LEDGER_SNAPSHOTS_ROOTDIR", "%s/snapshots", place->data);
    node_set(out, "CHAINCODE_AS_A_SERVICE_BUILDER_CONFIG", "%s", place->builder);
    set_operations(place, "CORE_OPERATIONS_LISTENADDRESS", out);
}

/* ---- chaincodes --------------------------------------------------------------------------------------------------- */

static fcc_status add_pem(json_t *values, const char *name, const char *folder, const char *file, fcc__arena *arena,
                          fcc_error *error)
{
    fcc_bytes pem;
    fcc_status st = node_read_file(fcc__arena_printf(arena, "%s/%s", folder, file), arena, &pem, error);

    if (st != FCC_OK)
        return st;
    return json_object_set_new(values, name, json_string((const char *)pem.data)) == 0 ? FCC_OK : no_memory(error);
}

static fcc_status add_certificates(json_t *values, const config_org *org, const char *crypto_dir, fcc__arena *arena,
                                   fcc_error *error)
{
    const char *folder = msp_path_chaincodes_tls(arena, crypto_dir, org);
    fcc_status st;

    if (!folder)
        return no_memory(error);
    if ((st = add_pem(values, "root_cert", folder, "ca.crt", arena, error)) != FCC_OK ||
        (st = add_pem(values, "client_cert", folder, "client.crt", arena, error)) != FCC_OK)
        return st;
    return add_pem(values, "client_key", folder, "client.key", arena, error);
}

fcc_status node_builder_values_of_both(const config_network *network, const config_org *org, const char *crypto_dir,
                                       const char *const *addresses, const char *const *spare, fcc__arena *arena,
                                       const char **out, fcc_error *error)
{
    json_t *values = json_object();
    char *text = NULL;
    fcc_status st = values ? FCC_OK : no_memory(error);

    for (size_t k = 0; st == FCC_OK && k < network->chaincode_count; k++) {
        const config_chaincode *cc = &network->chaincodes[k];
        const char *name = package_slot_name(cc->name, false, arena), *other = package_slot_name(cc->name, true, arena);

        if (config_has(cc->orgs, org->mspid) &&
            (!name || !other || json_object_set_new(values, name, json_string(addresses[k])) != 0 ||
             (spare && json_object_set_new(values, other, json_string(spare[k])) != 0)))
            st = no_memory(error);
    }
    if (st == FCC_OK && network->chaincode_tls)
        st = add_certificates(values, org, crypto_dir, arena, error);
    if (st == FCC_OK) {
        text = json_dumps(values, JSON_COMPACT | JSON_SORT_KEYS);
        *out = text ? fcc__arena_printf(arena, "%s", text) : NULL;
        st = *out ? FCC_OK : no_memory(error);
    }
    free(text);
    json_decref(values);
    return st;
}

fcc_status node_builder_values(const config_network *network, const config_org *org, const char *crypto_dir,
                               const char *const *addresses, fcc__arena *arena, const char **out, fcc_error *error)
{
    return node_builder_values_of_both(network, org, crypto_dir, addresses, NULL, arena, out, error);
}

fcc_status node_host_file(const config_network *network, const config_org *org, const node_host *host,
                          fcc__arena *arena, const char **out, fcc_error *error)
{
    const char *text = fcc__arena_printf(arena, "admin: %s\nchaincodes:\n", host->admin), *id, *tls = "", *name;
    bool any = false;
    fcc_bytes package;
    fcc_status st;

    if (network->chaincode_tls)
        tls = fcc__arena_printf(arena,
                                "  tls: {cert: %s/server.crt, key: %s/server.key, client_ca: %s/client-ca.crt}\n",
                                host->tls, host->tls, host->tls);
    for (size_t k = 0; text && tls && k < network->chaincode_count; k++) {
        const config_chaincode *cc = &network->chaincodes[k];

        if (!config_has(cc->orgs, org->mspid))
            continue;
        if ((st = deploy_package(cc, arena, &package, &id, error)) != FCC_OK)
            return st;
        any = true;
        name = package_slot_name(cc->name, cc->slot_b, arena);
        if (!name || (cc->slot_b && !host->spare))
            return name ? fcc_error_set(error, FCC_ERR_CONFIG, "%s: slot b has no address here", cc->name)
                        : no_memory(error);
        text = fcc__arena_printf(arena, "%s- name: %s\n  exec: %s/%s\n  ccid: \"%s\"\n  address: %s\n%s%s", text, name,
                                 host->bin_dir, cc->exe, id, cc->slot_b ? host->spare[k] : host->addresses[k], tls,
                                 host->as_root ? "  allow_root: true\n" : "");
    }
    if (!text || !tls)
        return no_memory(error);
    *out = any ? text : NULL;
    return FCC_OK;
}

fcc_status node_open_chaincodes(const config_network *network, const char *dir, const char *crypto_dir,
                                fcc__arena *arena, const char **line, fcc_error *error)
{
    const char *names;
    fcc_status st = msp_open_chaincodes(network, crypto_dir, arena, &names, error);

    *line = NULL;
    if (st != FCC_OK || !names)
        return st;
    *line = fcc__arena_printf(
        arena,
        "%s warning: chaincode servers that take every TLS certificate of their organisation for "
        "the peer's: `medsync certs rotate --dir %s %s` gives the peers one of an authority of its "
        "own, and tells what has to follow",
        fcc__code_info_of(FCC__E_CRT_OPEN)->code, dir, names);
    return *line ? FCC_OK : no_memory(error);
}

/* ---- core.yaml, orderer.yaml -------------------------------------------------------------------------------------- */

fcc_status node_config_file(const char *path, const node_release *release, fcc__arena *arena, fcc_bytes *out,
                            fcc_error *error)
{
    static const char builder[] = NODE_IMAGE_BUILDER, filter[] = "TimeWindowCheck";
    fcc_bytes text;
    char *copy, *at;
    const char *line, *end, *found;
    fcc_status st = node_read_file(path, arena, &text, error);

    if (st != FCC_OK)
        return st;
    /* the builder is named once */
    copy = at = fcc__arena_zalloc(arena, 1, text.len + strlen(release->builder) + 2);
    if (!copy)
        return no_memory(error);
    for (line = (const char *)text.data; *line; line = *end ? end + 1 : end) {
        end = strchrnul(line, '\n');
        found = at == copy || !strstr(copy, release->builder)
                    ? memmem(line, (size_t)(end - line), builder, sizeof(builder) - 1)
                    : NULL;
        if (!release->time_window && memmem(line, (size_t)(end - line), filter, sizeof(filter) - 1))
            continue;
        if (found)
            at += sprintf(at, "%.*s%s\n", (int)(found - line), line, release->builder);
        else
            at += sprintf(at, "%.*s\n", (int)(end - line), line);
    }
    *out = fcc_bytes_of(copy, (size_t)(at - copy));
    return FCC_OK;
}

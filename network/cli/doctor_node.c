/* doctor_node.c: one peer or orderer: the way to it, its certificate, who it says it is, and what the channel says of it. */
#include "cli/cli.h"
#include "cli/doctor.h"
#include "cli/doctor_network.h"

#include "deploy/deploy.h"
#include "msp/msp.h"
#include "protos/unpack.h"

#include "common/configtx.pb-c.h"
#include "msp/msp_config.pb-c.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SUBJECT = 160, MEMBERS_MOST = 64 };

/* ---- certificates ------------------------------------------------------------------------------------------------- */

static void check_times(doctor_network *n, const char *subject, const char *what, fcc_bytes pem)
{
    doctor_findings to = { n, subject, "certificate" };
    msp_checker checker = doctor_checker(&to);

    if (msp_check_times(&checker, what, pem) && checker.warnings == 0)
        doctor_tell(n, DOCTOR_OK, subject, "certificate", FCC__E_CRT_EXPIRES, "%s is valid for more than %d days", what,
                    MSP_CHECK_WARN_DAYS);
}

static fcc_status read_pem(doctor_network *n, const char *path, fcc_bytes *out)
{
    size_t len = 0;
    char *text = path ? cli_read_file(path, &len) : NULL;
    const bool ok = text && fcc__arena_copy(n->arena, fcc_bytes_of(text, len), out);

    free(text);
    return ok ? FCC_OK : FCC_ERR_IO;
}

/* The certificates by which the organisation's administrator asks. */
static void check_admin(doctor_network *n, const doctor_node *node)
{
    const json_t *peers = json_object_get(n->endpoints, "peers"), *p;
    size_t i;

    json_array_foreach(peers, i, p)
    {
        const char *mspid = json_string_value(json_object_get(p, "mspId"));
        const char *domain = json_string_value(json_object_get(p, "domain"));
        const char *folder;
        struct dirent *e;
        DIR *d;

        if (!mspid || !domain || strcmp(mspid, node->mspid) != 0)
            continue;
        folder = fcc__arena_printf(n->arena, "%s/crypto/peerOrganizations/%s/users/Admin@%s/msp/signcerts", n->dir,
                                   domain, domain);
        d = folder ? opendir(folder) : NULL;
        while (d && (e = readdir(d))) {
            fcc_bytes pem;

            if (e->d_name[0] != '.' &&
                read_pem(n, fcc__arena_printf(n->arena, "%s/%s", folder, e->d_name), &pem) == FCC_OK)
                check_times(n, node->mspid, "its administrator's certificate", pem);
        }
        if (d)
            closedir(d);
        return;
    }
}

/* ---- the way to it ------------------------------------------------------------------------------------------------ */

static void give_client_certificate(doctor_network *n, const doctor_node *node, package_connection *c)
{
    const json_t *peers = json_object_get(n->endpoints, "peers"), *p;
    const char *domain = NULL;
    size_t i;

    if (!json_is_true(json_object_get(n->endpoints, "clientAuth")))
        return;
    json_array_foreach(peers, i, p)
    {
        const char *mspid = json_string_value(json_object_get(p, "mspId"));

        if (!domain || (mspid && strcmp(mspid, node->mspid) == 0))
            domain = json_string_value(json_object_get(p, "domain"));
    }
    c->use_client_auth =
        domain &&
        read_pem(n,
                 fcc__arena_printf(n->arena, "%s/crypto/peerOrganizations/%s/users/Admin@%s/tls/client.crt", n->dir,
                                   domain, domain),
                 &c->client_cert) == FCC_OK &&
        read_pem(n,
                 fcc__arena_printf(n->arena, "%s/crypto/peerOrganizations/%s/users/Admin@%s/tls/client.key", n->dir,
                                   domain, domain),
                 &c->client_key) == FCC_OK;
}

static fcc__code dial_code(const package_fault *fault)
{
    return strncmp(fcc__code_info_of(fault->code)->code, "E-TLS-", 6) == 0 ? FCC__E_DEP_CERTIFICATE
                                                                           : FCC__E_DEP_UNREACHABLE;
}

void doctor_node_dial(doctor_network *n, doctor_node *node)
{
    doctor d = { .arena = n->arena,
                 .socket = -1,
                 .timeout_ms = 1000 * n->timeout_s,
                 .who = node->kind,
                 .expect = strcmp(node->kind, "peer") == 0 ? node->name : NULL };
    package_connection *c = &d.connection;
    fcc_status st = package_address(n->arena, node->address, c, &d.fault);

    c->use_tls = true;
    c->dial_timeout_ms = 1000 * n->timeout_s;
    if (st == FCC_OK && read_pem(n, node->tls_ca, &c->root_cert) != FCC_OK) {
        doctor_tell(n, DOCTOR_FAIL, node->name, "connection", FCC__E_DEP_CERTIFICATE, "%s cannot be read",
                    node->tls_ca);
        return;
    }
    give_client_certificate(n, node, c);
    if (st == FCC_OK)
        st = doctor_resolve(&d);
    if (st == FCC_OK)
        st = doctor_connect(&d);
    d.warning[0] = '\0';
    if (st == FCC_OK)
        st = doctor_tls(&d);
    if (d.socket >= 0)
        close(d.socket);
    node->reached = st == FCC_OK;
    if (st != FCC_OK)
        doctor_tell(n, DOCTOR_FAIL, node->name, "connection", dial_code(&d.fault), "%s at %s: %s %s", node->kind,
                    node->address, fcc__code_info_of(d.fault.code)->code, d.fault.error.text);
    else if (d.warning[0])
        doctor_tell(n, DOCTOR_WARN, node->name, "connection", FCC__E_CRT_EXPIRES, "%s at %s: %s", node->kind,
                    node->address, d.warning);
    else
        doctor_tell(n, DOCTOR_OK, node->name, "connection", FCC__E_CRT_EXPIRES, "%s at %s, %s", node->kind,
                    node->address, d.found);
}

/* ---- who it is ---------------------------------------------------------------------------------------------------- */

/* 3.x has functions that 2.5 lacks; no peer tells its version to its clients. */
static const char *version_of(doctor_network *n, client *admin)
{
    const fcc_bytes args[] = { FCC_LIT("QueryApprovedChaincodeDefinitions"), FCC_LIT("") };
    const client_call call = { .chaincode = "_lifecycle", .args = args, .arg_count = 2 };
    fcc_bytes payload;
    fcc_error error = { 0 };
    const fcc_status st = client_query_at(admin, &call, NULL, n->arena, &payload, &error);

    if (st != FCC_OK && (strstr(error.text, "Unmapped policy") || strstr(error.text, "does not exist")))
        return "Fabric 2.x";
    return st == FCC_OK ? "Fabric 3.x" : "of a version that can't be told";
}

/* The peer's own signature on its answer has its certificate and MSP id. */
static void ask_peer(doctor_network *n, doctor_node *node)
{
    const fcc_bytes args[] = { FCC_LIT("GetChainInfo"), fcc_str(client_channel(node->admin)) };
    const client_call call = { .chaincode = "qscc", .args = args, .arg_count = 2 };
    client_proposal proposal;
    client_endorsement e = { 0 };
    Common__BlockchainInfo *info;
    fcc_error error = { 0 };
    fcc_status st = client_propose(node->admin, &call, n->arena, &proposal, &error);

    check_admin(n, node);
    if (st == FCC_OK)
        st = client_process(node->admin, NULL, &proposal, n->arena, &e, &error);
    if (st != FCC_OK) {
        doctor_tell(n, DOCTOR_FAIL, node->name, "identity", deploy_code_of(st, error.text), "%s", error.text);
        return;
    }
    if (FCC__UNPACK(common__blockchain_info, e.payload, n->arena, &info) == FCC_OK)
        node->height = info->height;
    doctor_tell(n, DOCTOR_OK, node->name, "identity", FCC__E_DEP_IDENTITY, "%s, %s, takes its administrator",
                node->mspid, version_of(n, node->admin));
    node->identity = e.endorser;
}

static void ask_orderer(doctor_network *n, doctor_node *node)
{
    Common__Block *block;
    fcc_bytes bytes;
    fcc_error error = { 0 };
    fcc_status st;

    client_use_orderer(node->admin, node->place);
    st = client_block(node->admin, CLIENT_ORDERED, NULL, CLIENT_NEWEST, n->arena, &bytes, &error);
    if (st != FCC_OK)
        doctor_tell(n, DOCTOR_FAIL, node->name, "channel", deploy_code_of(st, error.text), "%s", error.text);
    else if (FCC__UNPACK(common__block, bytes, n->arena, &block) == FCC_OK && block->header)
        doctor_tell(n, DOCTOR_OK, node->name, "channel", FCC__E_DEP_BEHIND, "%s, %llu blocks", node->mspid,
                    (unsigned long long)block->header->number + 1);
}

void doctor_node_ask(doctor_network *n, doctor_node *node)
{
    if (strcmp(node->kind, "peer") == 0)
        ask_peer(n, node);
    else
        ask_orderer(n, node);
}

/* ---- what the channel says ---------------------------------------------------------------------------------------- */

static const Common__ConfigGroup *group_of(const Common__ConfigGroup *in, const char *name)
{
    for (size_t i = 0; in && i < in->n_groups; i++)
        if (fcc_bytes_equal(fcc__of_pb(in->groups[i]->key), fcc_str(name)))
            return in->groups[i]->value;
    return NULL;
}

/* The application's organisations, as the configuration has them. */
typedef struct members {
    msp_org *orgs[MEMBERS_MOST];
    const Msp__FabricMSPConfig *configs[MEMBERS_MOST];
    const char *mspids[MEMBERS_MOST];
    size_t count;
} members;

static void read_member(doctor_network *n, fcc_bytes value, members *m)
{
    Msp__MSPConfig *config;
    Msp__FabricMSPConfig *fabric;
    fcc_error error = { 0 };

    if (FCC__UNPACK(msp__mspconfig, value, n->arena, &config) != FCC_OK ||
        FCC__UNPACK(msp__fabric_mspconfig, fcc__of_pb(config->config), n->arena, &fabric) != FCC_OK ||
        msp_org_parse(value, &m->orgs[m->count], &error) != FCC_OK) {
        doctor_tell(n, DOCTOR_WARN, "channel", "certificate", FCC__E_DEP_IDENTITY,
                    "an organisation's membership service cannot be read: %s", error.text);
        return;
    }
    m->configs[m->count] = fabric;
    m->mspids[m->count] = msp_org_id(m->orgs[m->count]);
    m->count++;
}

static void read_members(doctor_network *n, const Common__ConfigGroup *application, members *m)
{
    for (size_t k = 0; k < application->n_groups; k++) {
        const Common__ConfigGroup *org = application->groups[k]->value;

        for (size_t i = 0; org && i < org->n_values && m->count < MEMBERS_MOST; i++)
            if (org->values[i]->value && fcc_bytes_equal(fcc__of_pb(org->values[i]->key), FCC_LIT("MSP")))
                read_member(n, fcc__of_pb(org->values[i]->value->value), m);
    }
}

static void check_authorities(doctor_network *n, const Msp__FabricMSPConfig *config, const char *name)
{
    char subject[SUBJECT + 32];

    snprintf(subject, sizeof(subject), "%s on the channel", name);
    for (size_t k = 0; k < config->n_root_certs; k++)
        check_times(n, subject, "its CA", fcc__of_pb(config->root_certs[k]));
    for (size_t k = 0; k < config->n_tls_root_certs; k++)
        check_times(n, subject, "its TLS CA", fcc__of_pb(config->tls_root_certs[k]));
}

/* Every organisation of the directory is one of the channel, and the other way round. */
static void compare_members(doctor_network *n, const members *m, const doctor_node *peers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bool is = false;

        for (size_t k = 0; k < m->count && !is; k++)
            is = strcmp(m->mspids[k], peers[i].mspid) == 0;
        if (!is)
            doctor_tell(n, DOCTOR_FAIL, peers[i].name, "msp id", FCC__E_DEP_MSPID,
                        "%s is no organisation of channel %s", peers[i].mspid, client_channel(peers[i].admin));
    }
    for (size_t k = 0; k < m->count; k++) {
        bool is = false;

        for (size_t i = 0; i < count && !is; i++)
            is = strcmp(peers[i].mspid, m->mspids[k]) == 0;
        if (!is)
            doctor_tell(n, DOCTOR_WARN, m->mspids[k], "msp id", FCC__E_DEP_MSPID,
                        "is an organisation of the channel; endpoints.json has no peer of it");
        else
            check_authorities(n, m->configs[k], m->mspids[k]);
    }
}

/* Does the channel take what each peer signs with: one of its authorities' certificates, with a role, not revoked? */
static void check_identities(doctor_network *n, const members *m, const doctor_node *peers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        doctor_findings to = { n, peers[i].name, "certificate" };
        msp_checker checker = doctor_checker(&to);

        if (peers[i].identity.len > 0 &&
            msp_check_identity(&checker, "its signing certificate", peers[i].identity, peers[i].mspid, MSP_MEMBER,
                               (const msp_org *const *)m->orgs, m->count))
            doctor_tell(n, DOCTOR_OK, peers[i].name, "certificate", FCC__E_CRT_CHAIN,
                        "it comes from an authority of %s on the channel and is not revoked", peers[i].mspid);
    }
}

void doctor_channel(doctor_network *n, const doctor_node *peers, size_t count)
{
    const Common__ConfigGroup *application = NULL;
    Common__Config *config;
    members m = { .count = 0 };
    fcc_bytes bytes;
    fcc_error error = { 0 };
    fcc_status st = FCC_ERR_NOT_FOUND;

    for (size_t i = 0; i < count && st != FCC_OK; i++)
        if (peers[i].admin && peers[i].height)
            st = client_channel_config(peers[i].admin, NULL, n->arena, &bytes, &error);
    if (st == FCC_OK && FCC__UNPACK(common__config, bytes, n->arena, &config) == FCC_OK)
        application = group_of(config->channel_group, "Application");
    if (application) {
        read_members(n, application, &m);
        compare_members(n, &m, peers, count);
        check_identities(n, &m, peers, count);
    } else if (error.text[0]) {
        doctor_tell(n, DOCTOR_FAIL, "channel", "msp id", deploy_code_of(st, error.text), "%s", error.text);
    }
    for (size_t i = 0; i < m.count; i++)
        msp_org_free(m.orgs[i]);
}

/* orgs.c: the organisations of network.yaml: their peers, users and sites. */
#include "config/sections.h"

#include <string.h>
#include <strings.h>

static fcc_status read_user(config_reader *r, yaml_node_t *node, const char *what, config_user *out)
{
    const char *kind = "client";
    yaml_node_t *licence = NULL;
    const config_field fields[] = {
        TEXT("name", true, &out->name, config__is_name, NAME_EXPECTED),
        TEXT("kind", false, &kind, config__is_kind, "client or admin"),
        TEXT("role", false, &out->role, config__is_name, NAME_EXPECTED),
        TEXT("uid", false, &out->uid, config__is_id, ID_EXPECTED),
        TEXT("site", false, &out->site, config_gln_valid, GLN_EXPECTED),
        LIST("caps", false, &out->caps, config__is_name, "a list of names"),
        LIST("issues", false, &out->issues, config__is_name, "types of credentials"),
        NODE("licence", false, &licence),
        FLAG("patient", &out->patient),
        FLAG("spare", &out->spare),
    };
    const config_field licence_fields[] = {
        LIST("regions", true, &out->regions, config__is_region, REGION_EXPECTED),
    };
    fcc_status st;

    TRY(config_read_mapping(r, node, what, fields, COUNT(fields)));
    out->admin = strcmp(kind, "admin") == 0;
    if (licence) {
        TRY(config_read_mapping(r, licence, "licence", licence_fields, COUNT(licence_fields)));
        out->licensed = true;
    }
    if (out->admin != (strcmp(out->name, "Admin") == 0))
        return config_fail(r, node, what, out->name, "the name Admin for kind admin, and for no other user");
    if (out->patient) {
        if (out->admin || out->role || out->uid || out->site || out->caps.n || out->issues.n || out->licensed)
            return config_fail(r, node, what, out->name, "nothing but a name for a patient");
        out->role = "patient";
        return FCC_OK;
    }
    if (out->admin && !out->role && !out->uid && !out->site)
        return FCC_OK; /* administers peers and the channel, and is nobody for chaincodes */
    if (!out->role || !out->uid || !out->site)
        return config_fail(r, node, what, out->name, "role, uid and site for a user who is no patient");
    return FCC_OK;
}

static fcc_status read_users(config_reader *r, yaml_node_t *node, const char *org_name, config_org *out)
{
    const char *what = fcc__arena_printf(r->arena, "%s.users", org_name);
    config_user *users;
    size_t count = 0, i, k, admins = 0;
    fcc_status st;

    if (!what)
        return config_fail(r, node, "users", NULL, NULL);
    TRY(config_read_sequence(r, node, what, &count));
    users = fcc__arena_zalloc(r->arena, count + 1, sizeof *users);
    if (!users)
        return config_fail(r, node, what, NULL, NULL);
    for (i = 0; i < count; i++) {
        yaml_node_t *item = config_item(r, node, i);

        TRY(read_user(r, item, what, &users[i]));
        for (k = 0; k < i; k++)
            if (strcasecmp(users[k].name, users[i].name) == 0 ||
                (users[i].uid && users[k].uid && strcmp(users[k].uid, users[i].uid) == 0))
                return config_fail(r, item, what, users[i].name, "each name and uid once in an organisation");
        admins += users[i].admin;
        if (users[i].role && strcmp(users[i].role, "custodian") == 0 && !out->custody) {
            out->custody = true;
            out->custodian_user = users[i].name;
        }
    }
    if (admins != 1)
        return config_fail(r, node, what, NULL, "one user of kind admin");
    out->users = users;
    out->user_count = count;
    return FCC_OK;
}

/* Append an organisation's sites to the network's, which grow by organisation. */
static fcc_status read_sites(config_reader *r, yaml_node_t *node, const char *mspid, config_network *net)
{
    config_site *sites;
    size_t count = 0, i, k;
    fcc_status st;

    TRY(config_read_sequence(r, node, "sites", &count));
    sites = fcc__arena_zalloc(r->arena, net->site_count + count + 1, sizeof *sites);
    if (!sites)
        return config_fail(r, node, "sites", NULL, NULL);
    if (net->site_count)
        memcpy(sites, net->sites, net->site_count * sizeof *sites);
    for (i = 0; i < count; i++) {
        config_site *site = &sites[net->site_count + i];
        yaml_node_t *item = config_item(r, node, i);
        const config_field fields[] = {
            TEXT("gln", true, &site->gln, config_gln_valid, GLN_EXPECTED),
            TEXT("type", true, &site->type, config__is_site_type,
                 "hospital, ward, lab, practice, pharmacy, manufacturer, warehouse, office, insurer, research, "
                 "authority, council or inspectorate"),
            TEXT("region", true, &site->region, config__is_region, REGION_EXPECTED),
        };

        TRY(config_read_mapping(r, item, "sites", fields, COUNT(fields)));
        site->msp = mspid;
        for (k = 0; k < net->site_count + i; k++)
            if (strcmp(sites[k].gln, site->gln) == 0)
                return config_fail(r, item, "sites.gln", site->gln, "each GLN once");
    }
    net->sites = sites;
    net->site_count += count;
    return FCC_OK;
}

static fcc_status read_policies(config_reader *r, yaml_node_t *node, config_policies *out)
{
    static const char expected[] = "a policy such as OR('ExampleMSP.member')";
    const config_field fields[] = {
        TEXT("Readers", false, &out->readers, NULL, expected),
        TEXT("Writers", false, &out->writers, NULL, expected),
        TEXT("Admins", false, &out->admins, NULL, expected),
        TEXT("Endorsement", false, &out->endorsement, NULL, expected),
    };

    return config_read_mapping(r, node, "policies", fields, COUNT(fields));
}

bool config__site_belongs(const config_network *net, const char *gln, const char *mspid)
{
    size_t i;

    for (i = 0; i < net->site_count; i++)
        if (strcmp(net->sites[i].gln, gln) == 0)
            return !mspid || strcmp(net->sites[i].msp, mspid) == 0;
    return false;
}

static fcc_status read_org(config_reader *r, yaml_node_t *node, config_network *net, config_org *out)
{
    yaml_node_t *peer = NULL, *anchor = NULL, *custodian = NULL, *policies = NULL, *sites = NULL, *users = NULL;
    const char *peer_host = NULL;
    int64_t port = 0;
    size_t i;
    const config_field fields[] = {
        TEXT("name", true, &out->name, config__is_name, NAME_EXPECTED),
        TEXT("mspid", true, &out->mspid, config__is_mspid, MSPID_EXPECTED),
        TEXT("domain", true, &out->domain, config__is_domain, DOMAIN_EXPECTED),
        NODE("peer", true, &peer),
        NODE("anchor", false, &anchor),
        NODE("custodian", false, &custodian),
        NODE("policies", false, &policies),
        FLAG("newcomer", &out->newcomer),
        NODE("sites", false, &sites),
        NODE("users", true, &users),
    };
    const config_field peer_fields[] = {
        TEXT("name", true, &peer_host, config__is_name, NAME_EXPECTED),
        TEXT("address", true, &out->peer_address, config__is_address, ADDRESS_EXPECTED),
    };
    const config_field anchor_fields[] = {
        TEXT("host", true, &out->anchor_host, config__is_domain, DOMAIN_EXPECTED),
        NUMBER("port", true, &port, 1, 65535),
    };
    const config_field custodian_fields[] = {
        TEXT("address", true, &out->custodian_address, config__is_address, ADDRESS_EXPECTED),
    };
    fcc_status st;

    TRY(config_read_mapping(r, node, "organisations", fields, COUNT(fields)));
    TRY(config_read_mapping(r, peer, "peer", peer_fields, COUNT(peer_fields)));
    if (anchor)
        TRY(config_read_mapping(r, anchor, "anchor", anchor_fields, COUNT(anchor_fields)));
    if (custodian)
        TRY(config_read_mapping(r, custodian, "custodian", custodian_fields, COUNT(custodian_fields)));
    if (policies)
        TRY(read_policies(r, policies, &out->policies));
    out->anchor_port = (int)port;
    out->peer_name = fcc__arena_printf(r->arena, "%s.%s", peer_host, out->domain);
    if (!out->peer_name)
        return config_fail(r, node, "organisations", NULL, NULL);
    TRY(config__check_common_name(r, node, peer_host, out->domain));
    TRY(config__check_common_name(r, node, "client.chaincodes", out->domain)); /* who serves its chaincodes */
    if (sites)
        TRY(read_sites(r, sites, out->mspid, net));
    TRY(read_users(r, users, out->name, out));
    if (custodian && !out->custody)
        return config_fail(r, custodian, "custodian", out->custodian_address, "a user of role custodian beside it");
    for (i = 0; i < out->user_count; i++)
        TRY(config__check_common_name(r, config_item(r, users, i), out->users[i].name, out->domain));
    for (i = 0; i < out->user_count; i++)
        if (out->users[i].site && !config__site_belongs(net, out->users[i].site, out->mspid))
            return config_fail(r, config_item(r, users, i), "site", out->users[i].site,
                               "the GLN of a site of the same organisation");
    return FCC_OK;
}

fcc_status config__read_orgs(config_reader *r, yaml_node_t *node, config_network *net)
{
    config_org *orgs;
    size_t count = 0, i, k;
    fcc_status st;

    TRY(config_read_sequence(r, node, "organisations", &count));
    orgs = fcc__arena_zalloc(r->arena, count + 1, sizeof *orgs);
    if (!orgs || count == 0)
        return config_fail(r, node, "organisations", NULL, orgs ? "at least one organisation" : NULL);
    for (i = 0; i < count; i++) {
        yaml_node_t *item = config_item(r, node, i);

        TRY(read_org(r, item, net, &orgs[i]));
        for (k = 0; k < i; k++) {
            if (strcasecmp(orgs[k].name, orgs[i].name) == 0)
                return config_fail(r, item, "name", orgs[i].name, "each organisation once");
            if (strcmp(orgs[k].mspid, orgs[i].mspid) == 0)
                return config_fail(r, item, "mspid", orgs[i].mspid, "an MSP id of its own");
            if (strcasecmp(orgs[k].domain, orgs[i].domain) == 0)
                return config_fail(r, item, "domain", orgs[i].domain, "a domain of its own");
        }
        if (strcmp(orgs[i].mspid, net->orderer.mspid) == 0)
            return config_fail(r, item, "mspid", orgs[i].mspid, "another MSP id than the orderer's");
    }
    net->orgs = orgs;
    net->org_count = count;
    return FCC_OK;
}

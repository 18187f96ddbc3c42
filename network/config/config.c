/* config.c: from network.yaml to one config_network, checked as a whole. */
#include "config/config.h"
#include "config/load.h"

#include <ctype.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/stat.h>

enum { ARENA_CAP = 16 << 20 };

#define TRY(call)         \
    do {                  \
        st = (call);      \
        if (st != FCC_OK) \
            return st;    \
    } while (0)

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* ---- what texts may be -------------------------------------------------------------------------------------------- */

static bool all_of(const char *s, const char *extra, size_t max)
{
    size_t i;

    for (i = 0; s[i]; i++)
        if (i >= max || !(isalnum((unsigned char)s[i]) || strchr(extra, s[i])))
            return false;
    return i > 0;
}

/* Names become file names and parts of keys. */
static bool is_name(const char *s)
{
    return all_of(s, "_-", 64) && s[0] != '-';
}

static bool is_id(const char *s)
{
    return all_of(s, "._:-", 64);
}

static bool is_mspid(const char *s)
{
    return all_of(s, ".-", 64) && s[0] != '.';
}

static bool is_domain(const char *s)
{
    return all_of(s, ".-", 200) && s[0] != '.' && s[0] != '-' && !strstr(s, "..") && s[strlen(s) - 1] != '.';
}

static bool is_channel(const char *s)
{
    size_t i;

    for (i = 0; s[i]; i++)
        if (!(islower((unsigned char)s[i]) || (i && (isdigit((unsigned char)s[i]) || strchr(".-", s[i])))))
            return false;
    return i > 0 && i <= 249;
}

static bool is_address(const char *s)
{
    const char *colon = strrchr(s, ':');
    char *end;
    long port;

    if (!colon || colon == s || !isdigit((unsigned char)colon[1]))
        return false;
    port = strtol(colon + 1, &end, 10);
    return !*end && port <= 65535;
}

static bool is_kind(const char *s)
{
    return strcmp(s, "client") == 0 || strcmp(s, "admin") == 0;
}

static bool is_resource(const char *s)
{
    return all_of(s, "/_.-", 128) && s[0] != '/';
}

/* Of the channel's configuration: a path, or the name of a policy of /Channel/Application. */
static bool is_policy_path(const char *s)
{
    return all_of(s, "/_.-", 256);
}

static bool is_site_type(const char *s)
{
    static const char *const types[] = { "hospital",     "ward",      "lab",         "practice", "pharmacy",
                                         "manufacturer", "warehouse", "office",      "insurer",  "research",
                                         "authority",    "council",   "inspectorate" };
    size_t i;

    for (i = 0; i < COUNT(types); i++)
        if (strcmp(types[i], s) == 0)
            return true;
    return false;
}

static bool is_region(const char *s)
{
    return isupper((unsigned char)s[0]) && isupper((unsigned char)s[1]) && s[2] == '-' && all_of(s + 3, "", 3);
}

bool config_gln_valid(const char *gln)
{
    int sum = 0, i;

    for (i = 0; i < 13; i++) {
        if (!isdigit((unsigned char)gln[i]))
            return false;
        sum += (gln[i] - '0') * (i % 2 ? 3 : 1);
    }
    return gln[13] == '\0' && sum % 10 == 0;
}

#define TEXT(field_key, needed, where, check, expectation)                                                         \
    {                                                                                                              \
        .key = (field_key), .kind = CONFIG_TEXT, .required = (needed), .out = (void *)(where), .accepts = (check), \
        .expected = (expectation)                                                                                  \
    }
#define NUMBER(field_key, needed, where, least, most)                                                                  \
    {                                                                                                                  \
        .key = (field_key), .kind = CONFIG_NUMBER, .required = (needed), .out = (where), .min = (least), .max = (most) \
    }
#define FLAG(field_key, where)                                  \
    {                                                           \
        .key = (field_key), .kind = CONFIG_FLAG, .out = (where) \
    }
#define LIST(field_key, needed, where, check, expectation)                                                 \
    {                                                                                                      \
        .key = (field_key), .kind = CONFIG_LIST, .required = (needed), .out = (where), .accepts = (check), \
        .expected = (expectation)                                                                          \
    }
#define NODE(field_key, needed, where)                                                        \
    {                                                                                         \
        .key = (field_key), .kind = CONFIG_NODE, .required = (needed), .out = (void *)(where) \
    }

#define NAME_EXPECTED "1 to 64 letters, digits, _ and -"
#define ID_EXPECTED "1 to 64 of A-Z a-z 0-9 . _ : -"
#define MSPID_EXPECTED "an MSP id: letters, digits, . and -"
#define DOMAIN_EXPECTED "a domain name"
#define ADDRESS_EXPECTED "host:port"
#define GLN_EXPECTED "a GLN: 13 digits in quotation marks, the last one the check digit"
#define REGION_EXPECTED "an ISO 3166-2 code such as DE-BE"

/* ---- sections ----------------------------------------------------------------------------------------------------- */

static fcc_status read_batch(config_reader *r, yaml_node_t *node, config_network *net)
{
    int64_t timeout = 0, count = 0, absolute = 0, preferred = 0;
    const config_field fields[] = {
        NUMBER("timeout_ms", true, &timeout, 1, 600000),
        NUMBER("max_message_count", true, &count, 1, 100000),
        NUMBER("absolute_max_bytes", true, &absolute, 1024, 100 << 20),
        NUMBER("preferred_max_bytes", true, &preferred, 1024, 100 << 20),
    };
    fcc_status st;

    TRY(config_read_mapping(r, node, "batch", fields, COUNT(fields)));
    if (preferred > absolute)
        return config_fail(r, node, "batch.preferred_max_bytes",
                           fcc__arena_printf(r->arena, "%lld", (long long)preferred),
                           "no more than absolute_max_bytes");
    net->batch.timeout_ms = (uint32_t)timeout;
    net->batch.max_message_count = (uint32_t)count;
    net->batch.absolute_max_bytes = (uint32_t)absolute;
    net->batch.preferred_max_bytes = (uint32_t)preferred;
    return FCC_OK;
}

/* A certificate's common name has at most 64 characters; the longest that are made of these. */
static fcc_status check_common_name(config_reader *r, const yaml_node_t *node, const char *name, const char *domain)
{
    if (strlen(name) + 1 + strlen(domain) <= 64 && strlen("tlsca.") + strlen(domain) <= 64)
        return FCC_OK;
    return config_fail(r, node, "domain", domain,
                       "names that make at most 64 characters together with their domain, a certificate's limit");
}

static fcc_status read_orderer_node(config_reader *r, const yaml_node_t *node, const char *domain, const char *host,
                                    const char *address, config_orderer_node *out)
{
    fcc_status st;

    TRY(check_common_name(r, node, host, domain));
    out->name = fcc__arena_printf(r->arena, "%s.%s", host, domain);
    out->address = address;
    return out->name ? FCC_OK : config_fail(r, node, "orderer", NULL, NULL);
}

static fcc_status read_orderer_nodes(config_reader *r, yaml_node_t *node, config_orderer *out)
{
    config_orderer_node *nodes;
    size_t count = 0, i, k;
    fcc_status st;

    TRY(config_read_sequence(r, node, "orderer.nodes", &count));
    nodes = fcc__arena_zalloc(r->arena, count + 1, sizeof *nodes);
    if (!nodes || count == 0)
        return config_fail(r, node, "orderer.nodes", NULL, nodes ? "at least one orderer" : NULL);
    for (i = 0; i < count; i++) {
        yaml_node_t *item = config_item(r, node, i);
        const char *host = NULL, *address = NULL;
        const config_field fields[] = {
            TEXT("name", true, &host, is_name, NAME_EXPECTED),
            TEXT("address", true, &address, is_address, ADDRESS_EXPECTED),
        };

        TRY(config_read_mapping(r, item, "orderer.nodes", fields, COUNT(fields)));
        TRY(read_orderer_node(r, item, out->domain, host, address, &nodes[i]));
        for (k = 0; k < i; k++) {
            if (strcasecmp(nodes[k].name, nodes[i].name) == 0)
                return config_fail(r, item, "orderer.nodes", host, "each orderer once");
            if (strcmp(nodes[k].address, address) == 0)
                return config_fail(r, item, "orderer.nodes", address, "an address of its own");
        }
    }
    out->nodes = nodes;
    out->node_count = count;
    return FCC_OK;
}

static fcc_status read_orderer(config_reader *r, yaml_node_t *node, config_orderer *out)
{
    const char *host = NULL, *address = NULL;
    yaml_node_t *nodes = NULL;
    config_orderer_node *single;
    const config_field fields[] = {
        TEXT("name", true, &out->name, is_name, NAME_EXPECTED),
        TEXT("mspid", true, &out->mspid, is_mspid, MSPID_EXPECTED),
        TEXT("domain", true, &out->domain, is_domain, DOMAIN_EXPECTED),
        NODE("nodes", false, &nodes),
        TEXT("node", false, &host, is_name, NAME_EXPECTED),
        TEXT("address", false, &address, is_address, ADDRESS_EXPECTED),
    };
    fcc_status st;

    TRY(config_read_mapping(r, node, "orderer", fields, COUNT(fields)));
    if (nodes ? host || address : !host || !address)
        return config_fail(r, node, "orderer", out->name, "either nodes, or node and address of a single one");
    if (nodes)
        return read_orderer_nodes(r, nodes, out);
    single = fcc__arena_zalloc(r->arena, 1, sizeof *single);
    if (!single)
        return config_fail(r, node, "orderer", NULL, NULL);
    out->nodes = single;
    out->node_count = 1;
    return read_orderer_node(r, node, out->domain, host, address, single);
}

static fcc_status read_user(config_reader *r, yaml_node_t *node, const char *what, config_user *out)
{
    const char *kind = "client";
    yaml_node_t *licence = NULL;
    const config_field fields[] = {
        TEXT("name", true, &out->name, is_name, NAME_EXPECTED),
        TEXT("kind", false, &kind, is_kind, "client or admin"),
        TEXT("role", false, &out->role, is_name, NAME_EXPECTED),
        TEXT("uid", false, &out->uid, is_id, ID_EXPECTED),
        TEXT("site", false, &out->site, config_gln_valid, GLN_EXPECTED),
        LIST("caps", false, &out->caps, is_name, "a list of names"),
        LIST("issues", false, &out->issues, is_name, "types of credentials"),
        NODE("licence", false, &licence),
        FLAG("patient", &out->patient),
        FLAG("spare", &out->spare),
    };
    const config_field licence_fields[] = {
        LIST("regions", true, &out->regions, is_region, REGION_EXPECTED),
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
        if (users[i].role && strcmp(users[i].role, "custodian") == 0)
            out->custody = true;
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
            TEXT("type", true, &site->type, is_site_type,
                 "hospital, ward, lab, practice, pharmacy, manufacturer, warehouse, office, insurer, research, "
                 "authority, council or inspectorate"),
            TEXT("region", true, &site->region, is_region, REGION_EXPECTED),
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

static bool site_belongs(const config_network *net, const char *gln, const char *mspid)
{
    size_t i;

    for (i = 0; i < net->site_count; i++)
        if (strcmp(net->sites[i].gln, gln) == 0)
            return !mspid || strcmp(net->sites[i].msp, mspid) == 0;
    return false;
}

static fcc_status read_org(config_reader *r, yaml_node_t *node, config_network *net, config_org *out)
{
    yaml_node_t *peer = NULL, *anchor = NULL, *policies = NULL, *sites = NULL, *users = NULL;
    const char *peer_host = NULL;
    int64_t port = 0;
    size_t i;
    const config_field fields[] = {
        TEXT("name", true, &out->name, is_name, NAME_EXPECTED),
        TEXT("mspid", true, &out->mspid, is_mspid, MSPID_EXPECTED),
        TEXT("domain", true, &out->domain, is_domain, DOMAIN_EXPECTED),
        NODE("peer", true, &peer),
        NODE("anchor", false, &anchor),
        NODE("policies", false, &policies),
        FLAG("newcomer", &out->newcomer),
        NODE("sites", false, &sites),
        NODE("users", true, &users),
    };
    const config_field peer_fields[] = {
        TEXT("name", true, &peer_host, is_name, NAME_EXPECTED),
        TEXT("address", true, &out->peer_address, is_address, ADDRESS_EXPECTED),
    };
    const config_field anchor_fields[] = {
        TEXT("host", true, &out->anchor_host, is_domain, DOMAIN_EXPECTED),
        NUMBER("port", true, &port, 1, 65535),
    };
    fcc_status st;

    TRY(config_read_mapping(r, node, "organisations", fields, COUNT(fields)));
    TRY(config_read_mapping(r, peer, "peer", peer_fields, COUNT(peer_fields)));
    if (anchor)
        TRY(config_read_mapping(r, anchor, "anchor", anchor_fields, COUNT(anchor_fields)));
    if (policies)
        TRY(read_policies(r, policies, &out->policies));
    out->anchor_port = (int)port;
    out->peer_name = fcc__arena_printf(r->arena, "%s.%s", peer_host, out->domain);
    if (!out->peer_name)
        return config_fail(r, node, "organisations", NULL, NULL);
    TRY(check_common_name(r, node, peer_host, out->domain));
    if (sites)
        TRY(read_sites(r, sites, out->mspid, net));
    TRY(read_users(r, users, out->name, out));
    for (i = 0; i < out->user_count; i++)
        TRY(check_common_name(r, config_item(r, users, i), out->users[i].name, out->domain));
    for (i = 0; i < out->user_count; i++)
        if (out->users[i].site && !site_belongs(net, out->users[i].site, out->mspid))
            return config_fail(r, config_item(r, users, i), "site", out->users[i].site,
                               "the GLN of a site of the same organisation");
    return FCC_OK;
}

static fcc_status read_orgs(config_reader *r, yaml_node_t *node, config_network *net)
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

static fcc_status read_acls(config_reader *r, yaml_node_t *node, config_network *net)
{
    config_acl *acls;
    size_t count = 0, i, k;
    fcc_status st;

    TRY(config_read_sequence(r, node, "acls", &count));
    acls = fcc__arena_zalloc(r->arena, count + 1, sizeof *acls);
    if (!acls)
        return config_fail(r, node, "acls", NULL, NULL);
    for (i = 0; i < count; i++) {
        yaml_node_t *item = config_item(r, node, i);
        const config_field fields[] = {
            TEXT("resource", true, &acls[i].resource, is_resource, "a resource such as peer/Propose"),
            TEXT("policy", true, &acls[i].policy, is_policy_path,
                 "a policy of the channel such as /Channel/Application/Readers"),
        };

        TRY(config_read_mapping(r, item, "acls", fields, COUNT(fields)));
        for (k = 0; k < i; k++)
            if (strcmp(acls[k].resource, acls[i].resource) == 0)
                return config_fail(r, item, "acls.resource", acls[i].resource, "each resource once");
    }
    net->acls = acls;
    net->acl_count = count;
    return FCC_OK;
}

static fcc_status read_retention(config_reader *r, yaml_node_t *node, config_network *net)
{
    config_retention *classes;
    size_t count = 0, i;
    fcc_status st;

    TRY(config_read_sequence(r, node, "retention", &count));
    classes = fcc__arena_zalloc(r->arena, count + 1, sizeof *classes);
    if (!classes)
        return config_fail(r, node, "retention", NULL, NULL);
    for (i = 0; i < count; i++) {
        yaml_node_t *item = config_item(r, node, i);
        int64_t years = 0;
        const config_field fields[] = {
            TEXT("gln", true, &classes[i].gln, config_gln_valid, GLN_EXPECTED),
            TEXT("class", true, &classes[i].class_name, is_id, ID_EXPECTED),
            NUMBER("years", true, &years, 0, 200),
        };

        TRY(config_read_mapping(r, item, "retention", fields, COUNT(fields)));
        classes[i].years = (int)years;
        if (!site_belongs(net, classes[i].gln, NULL))
            return config_fail(r, item, "retention.gln", classes[i].gln, "the GLN of a site");
    }
    net->retention = classes;
    net->retention_count = count;
    return FCC_OK;
}

/* A path relative to the directory of the file that names it. */
static const char *resolve(config_reader *r, const char *path)
{
    const char *slash = strrchr(r->path, '/');

    if (path[0] == '/' || !slash)
        return path;
    return fcc__arena_printf(r->arena, "%.*s/%s", (int)(slash - r->path), r->path, path);
}

static fcc_status read_installers(config_reader *r, yaml_node_t *node, const config_network *net, config_strings names,
                                  config_chaincode *out)
{
    const char **mspids = fcc__arena_zalloc(r->arena, net->org_count, sizeof *mspids);
    size_t n = 0, i, k;

    if (!mspids)
        return config_fail(r, node, "organisations", NULL, NULL);
    for (i = 0; i < names.n; i++)
        if (!config_find_org(net, names.v[i]))
            return config_fail(r, node, "chaincodes.organisations", names.v[i], "the name of an organisation above");
    for (i = 0; i < net->org_count; i++)
        for (k = 0; k < names.n; k++)
            if (config_find_org(net, names.v[k]) == &net->orgs[i]) {
                mspids[n++] = net->orgs[i].mspid;
                break;
            }
    if (n == 0)
        return config_fail(r, node, "chaincodes.organisations", NULL, "at least one organisation");
    out->orgs.v = mspids;
    out->orgs.n = n;
    return FCC_OK;
}

static bool is_folder(const char *path)
{
    struct stat s;

    return stat(path, &s) == 0 && S_ISDIR(s.st_mode);
}

static bool is_slot(const char *text)
{
    return strcmp(text, "a") == 0 || strcmp(text, "b") == 0;
}

/* META-INF in the chaincode's folder, which is where its collections are; NULL without. */
static const char *meta_inf_beside(const char *collections, fcc__arena *arena)
{
    const char *slash = strrchr(collections, '/');
    const char *path = slash ? fcc__arena_printf(arena, "%.*s/META-INF", (int)(slash - collections), collections)
                             : fcc__arena_printf(arena, "META-INF");

    return path && is_folder(path) ? path : NULL;
}

static fcc_status read_chaincode(config_reader *r, yaml_node_t *node, const config_network *net, config_chaincode *out)
{
    const char *collections = NULL, *meta_inf = NULL, *slot = NULL;
    config_strings names = { 0 };
    const config_field fields[] = {
        TEXT("name", true, &out->name, is_name, NAME_EXPECTED),
        TEXT("exe", false, &out->exe, is_name, NAME_EXPECTED),
        TEXT("version", true, &out->version, is_id, ID_EXPECTED),
        NUMBER("sequence", true, &out->sequence, 1, INT32_MAX),
        TEXT("label", false, &out->label, is_id, ID_EXPECTED),
        TEXT("policy", true, &out->policy, NULL, "an endorsement policy"),
        TEXT("collections", false, &collections, NULL, "the path of a collections file"),
        LIST("organisations", true, &names, is_mspid, "the name of an organisation above"),
        FLAG("init_required", &out->init_required),
        TEXT("meta_inf", false, &meta_inf, NULL, "the path of a folder META-INF"),
        TEXT("slot", false, &slot, is_slot, "a or b"),
    };
    fcc_status st;

    TRY(config_read_mapping(r, node, "chaincodes", fields, COUNT(fields)));
    out->mutual_tls = net->chaincode_tls;
    out->slot_b = slot && *slot == 'b';
    if (!out->exe)
        out->exe = out->name;
    if (!out->label)
        out->label = fcc__arena_printf(r->arena, "%s_%s", out->name, out->version);
    if (!out->label)
        return config_fail(r, node, "chaincodes", NULL, NULL);
    TRY(read_installers(r, node, net, names, out));
    if (meta_inf) {
        out->meta_inf = resolve(r, meta_inf);
        if (!out->meta_inf || !is_folder(out->meta_inf))
            return config_fail(r, node, "chaincodes.meta_inf", meta_inf, "a folder that exists");
    }
    if (!collections)
        return FCC_OK;
    out->collections_path = resolve(r, collections);
    if (!out->collections_path)
        return config_fail(r, node, "chaincodes", NULL, NULL);
    st = config_load_collections(out->collections_path, r->arena, &out->collections, r->error);
    if (st == FCC_ERR_NOT_FOUND)
        return config_fail(r, node, "chaincodes.collections", out->collections_path, "a file that exists");
    if (st == FCC_OK && !out->meta_inf)
        out->meta_inf = meta_inf_beside(out->collections_path, r->arena);
    return st;
}

static fcc_status read_chaincodes(config_reader *r, yaml_node_t *node, config_network *net)
{
    config_chaincode *all;
    size_t count = 0, i, k;
    fcc_status st;

    TRY(config_read_sequence(r, node, "chaincodes", &count));
    all = fcc__arena_zalloc(r->arena, count + 1, sizeof *all);
    if (!all)
        return config_fail(r, node, "chaincodes", NULL, NULL);
    for (i = 0; i < count; i++) {
        yaml_node_t *item = config_item(r, node, i);

        TRY(read_chaincode(r, item, net, &all[i]));
        for (k = 0; k < i; k++)
            if (strcmp(all[k].name, all[i].name) == 0)
                return config_fail(r, item, "chaincodes.name", all[i].name, "each chaincode once");
    }
    net->chaincodes = all;
    net->chaincode_count = count;
    return FCC_OK;
}

static fcc_status read_network(config_reader *r, config_network *net)
{
    yaml_node_t *batch = NULL, *orderer = NULL, *orgs = NULL, *acls = NULL, *retention = NULL, *chaincodes = NULL;
    const config_field fields[] = {
        TEXT("channel", true, &net->channel, is_channel, "a channel name: a-z first, then a-z 0-9 . -"),
        NODE("batch", true, &batch),
        NODE("orderer", true, &orderer),
        NODE("organisations", true, &orgs),
        NODE("acls", false, &acls),
        NODE("retention", false, &retention),
        FLAG("chaincode_tls", &net->chaincode_tls),
        NODE("chaincodes", false, &chaincodes),
    };
    fcc_status st;

    TRY(config_read_mapping(r, yaml_document_get_root_node(&r->document), "network", fields, COUNT(fields)));
    TRY(read_batch(r, batch, net));
    TRY(read_orderer(r, orderer, &net->orderer));
    TRY(read_orgs(r, orgs, net));
    if (acls)
        TRY(read_acls(r, acls, net));
    if (retention)
        TRY(read_retention(r, retention, net));
    if (chaincodes)
        TRY(read_chaincodes(r, chaincodes, net));
    return FCC_OK;
}

/* ---- entry points ------------------------------------------------------------------------------------------------- */

fcc_status config_parse(fcc_bytes yaml, const char *path, config_network **out, fcc_error *error)
{
    config_reader r = { .error = error };
    fcc__arena *arena = fcc__arena_new(ARENA_CAP);
    config_network *net = arena ? fcc__arena_zalloc(arena, 1, sizeof *net) : NULL;
    fcc_bytes path_copy;
    fcc_status st;

    if (!net || !fcc__arena_copy(arena, fcc_str(path), &path_copy)) {
        fcc__arena_free(arena);
        return fcc_error_set(error, FCC_ERR_NOMEM, "%s: out of memory", path);
    }
    net->arena = arena;
    net->path = (const char *)path_copy.data;
    r.arena = arena;
    r.path = net->path;
    st = config_load_document(yaml, &r);
    if (st == FCC_OK) {
        st = read_network(&r, net);
        yaml_document_delete(&r.document);
    }
    if (st == FCC_OK)
        *out = net;
    else
        fcc__arena_free(arena);
    return st;
}

fcc_status config_load(const char *path, config_network **out, fcc_error *error)
{
    fcc__buf text;
    fcc_status st = config_slurp(path, &text, error);

    if (st == FCC_ERR_NOT_FOUND)
        st = fcc_error_set(error, FCC_ERR_IO, "%s: no such file", path);
    if (st == FCC_OK)
        st = config_parse(fcc__buf_bytes(&text), path, out, error);
    fcc__buf_clear(&text);
    return st;
}

void config_free(config_network *network)
{
    if (network)
        fcc__arena_free(network->arena);
}

/* "OR('AMSP.peer', 'BMSP.peer')" */
static const char *any_peer(const config_network *net)
{
    const char *policy = "OR(";
    size_t i;

    for (i = 0; i < net->org_count && policy; i++)
        policy = fcc__arena_printf(net->arena, "%s%s'%s.peer'", policy, i ? ", " : "", net->orgs[i].mspid);
    return policy ? fcc__arena_printf(net->arena, "%s)", policy) : NULL;
}

fcc_status config_add_chaincode(config_network *network, const char *name, const char *exe,
                                const char *collections_path, fcc_error *error)
{
    config_chaincode *all, *added;
    const char **mspids;
    fcc_bytes name_copy, exe_copy, path_copy = { 0 };
    size_t i;
    fcc_status st;

    if (!is_name(name) || (exe[0] != '/' && !is_name(exe)))
        return fcc_error_set(error, FCC_ERR_CONFIG, "chaincode \"%.64s\" (executable \"%.64s\"): expected %s", name,
                             exe, NAME_EXPECTED);
    if (config_find_chaincode(network, name))
        return fcc_error_set(error, FCC_ERR_EXISTS, "chaincode \"%s\" is in %s already", name, network->path);
    all = fcc__arena_zalloc(network->arena, network->chaincode_count + 1, sizeof *all);
    mspids = fcc__arena_zalloc(network->arena, network->org_count, sizeof *mspids);
    if (!all || !mspids || !fcc__arena_copy(network->arena, fcc_str(name), &name_copy) ||
        !fcc__arena_copy(network->arena, fcc_str(exe), &exe_copy) ||
        (collections_path && !fcc__arena_copy(network->arena, fcc_str(collections_path), &path_copy)))
        return fcc_error_set(error, FCC_ERR_LIMIT, "chaincode \"%s\": too much configuration", name);
    if (network->chaincode_count)
        memcpy(all, network->chaincodes, network->chaincode_count * sizeof *all);
    for (i = 0; i < network->org_count; i++)
        mspids[i] = network->orgs[i].mspid;
    added = &all[network->chaincode_count];
    added->name = (const char *)name_copy.data;
    added->exe = (const char *)exe_copy.data;
    added->version = "1";
    added->sequence = 1;
    added->label = fcc__arena_printf(network->arena, "%s_1", name);
    added->policy = any_peer(network);
    added->orgs.v = mspids;
    added->orgs.n = network->org_count;
    added->mutual_tls = network->chaincode_tls;
    if (!added->label || !added->policy)
        return fcc_error_set(error, FCC_ERR_LIMIT, "chaincode \"%s\": too much configuration", name);
    if (collections_path) {
        st = config_load_collections(collections_path, network->arena, &added->collections, error);
        if (st == FCC_OK) {
            added->collections_path = (const char *)path_copy.data;
            added->meta_inf = meta_inf_beside(added->collections_path, network->arena);
        } else if (st != FCC_ERR_NOT_FOUND)
            return st;
    }
    network->chaincodes = all;
    network->chaincode_count++;
    return FCC_OK;
}

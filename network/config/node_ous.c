/* node_ous.c: config.yaml of an MSP directory, as Fabric reads it. */
#include "config/load.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static fcc_status read_ou(config_reader *r, yaml_node_t *node, const char *what, config_ou *out)
{
    const config_field fields[] = {
        { .key = "Certificate",
          .kind = CONFIG_TEXT,
          .out = (void *)&out->certificate,
          .expected = "a path below the MSP directory" },
        { .key = "OrganizationalUnitIdentifier", .kind = CONFIG_TEXT, .required = true, .out = (void *)&out->ou },
    };

    return node ? config_read_mapping(r, node, what, fields, COUNT(fields)) : FCC_OK;
}

static fcc_status read_node_ous(config_reader *r, yaml_node_t *node, config_msp_ous *out)
{
    yaml_node_t *client = NULL, *peer = NULL, *admin = NULL, *orderer = NULL;
    const config_field fields[] = {
        { .key = "Enable", .kind = CONFIG_FLAG, .out = &out->enable },
        { .key = "ClientOUIdentifier", .kind = CONFIG_NODE, .out = (void *)&client },
        { .key = "PeerOUIdentifier", .kind = CONFIG_NODE, .out = (void *)&peer },
        { .key = "AdminOUIdentifier", .kind = CONFIG_NODE, .out = (void *)&admin },
        { .key = "OrdererOUIdentifier", .kind = CONFIG_NODE, .out = (void *)&orderer },
    };
    fcc_status st = config_read_mapping(r, node, "NodeOUs", fields, COUNT(fields));

    out->present = true;
    if (st == FCC_OK)
        st = read_ou(r, client, "ClientOUIdentifier", &out->client);
    if (st == FCC_OK)
        st = read_ou(r, peer, "PeerOUIdentifier", &out->peer);
    if (st == FCC_OK)
        st = read_ou(r, admin, "AdminOUIdentifier", &out->admin);
    if (st == FCC_OK)
        st = read_ou(r, orderer, "OrdererOUIdentifier", &out->orderer);
    return st;
}

static fcc_status read_extra(config_reader *r, yaml_node_t *node, config_msp_ous *out)
{
    config_ou *extra;
    size_t count = 0, i;
    fcc_status st = config_read_sequence(r, node, "OrganizationalUnitIdentifiers", &count);

    if (st != FCC_OK)
        return st;
    extra = fcc__arena_zalloc(r->arena, count + 1, sizeof *extra);
    if (!extra)
        return config_fail(r, node, "OrganizationalUnitIdentifiers", NULL, NULL);
    for (i = 0; st == FCC_OK && i < count; i++)
        st = read_ou(r, config_item(r, node, i), "OrganizationalUnitIdentifiers", &extra[i]);
    out->extra = extra;
    out->extra_count = count;
    return st;
}

fcc_status config_load_msp_ous(const char *path, fcc__arena *arena, config_msp_ous *out, fcc_error *error)
{
    config_reader r = { .path = path, .arena = arena, .error = error };
    config_msp_ous ous = { 0 };
    yaml_node_t *node_ous = NULL, *extra = NULL;
    const config_field fields[] = {
        { .key = "NodeOUs", .kind = CONFIG_NODE, .out = (void *)&node_ous },
        { .key = "OrganizationalUnitIdentifiers", .kind = CONFIG_NODE, .out = (void *)&extra },
    };
    fcc__buf text;
    fcc_status st = config_slurp(path, &text, error);

    if (st == FCC_OK)
        st = config_load_document(fcc__buf_bytes(&text), &r);
    else if (st == FCC_ERR_NOT_FOUND) {
        *out = ous;
        return FCC_OK;
    }
    fcc__buf_clear(&text);
    if (st != FCC_OK)
        return st;
    st = config_read_mapping(&r, yaml_document_get_root_node(&r.document), "config.yaml", fields, COUNT(fields));
    if (st == FCC_OK && node_ous)
        st = read_node_ous(&r, node_ous, &ous);
    if (st == FCC_OK && extra)
        st = read_extra(&r, extra, &ous);
    yaml_document_delete(&r.document);
    if (st == FCC_OK)
        *out = ous;
    return st;
}

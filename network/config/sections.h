/* sections.h: what the files that read network.yaml's sections share. */
#ifndef NETWORK_CONFIG_SECTIONS_H
#define NETWORK_CONFIG_SECTIONS_H

#include "config/reader.h"

#define TRY(call)         \
    do {                  \
        st = (call);      \
        if (st != FCC_OK) \
            return st;    \
    } while (0)

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

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

/* ---- words.c: what texts may be ---- */

bool config__is_name(const char *s);
bool config__is_id(const char *s);
bool config__is_mspid(const char *s);
bool config__is_domain(const char *s);
bool config__is_channel(const char *s);
bool config__is_address(const char *s);
bool config__is_kind(const char *s);
bool config__is_resource(const char *s);
bool config__is_policy_path(const char *s);
bool config__is_site_type(const char *s);
bool config__is_region(const char *s);

/* ---- config.c ---- */

/* Whether names of this domain are short enough for a certificate's common name. */
fcc_status config__check_common_name(config_reader *r, const yaml_node_t *node, const char *name, const char *domain);

/* ---- orgs.c: organisations, their users and sites ---- */

fcc_status config__read_orgs(config_reader *r, yaml_node_t *node, config_network *net);
/* Whether a site has this GLN, and is of this organisation (NULL: of any). */
bool config__site_belongs(const config_network *net, const char *gln, const char *mspid);

/* ---- chaincodes.c ---- */

fcc_status config__read_chaincodes(config_reader *r, yaml_node_t *node, config_network *net);

#endif

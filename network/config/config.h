/*
 * config.h: the consortium as network.yaml describes it. The only place that reads YAML.
 *
 * Everything hangs on one arena: all strings and arrays are borrowed from the config_network and live until
 * config_free. Optional strings are NULL when absent. Unknown keys, missing keys and values out of range are
 * FCC_ERR_CONFIG, and the error names file, line, key, value and what was expected.
 */
#ifndef NETWORK_CONFIG_CONFIG_H
#define NETWORK_CONFIG_CONFIG_H

#include "base/arena.h"

typedef struct config_strings {
    const char *const *v;
    size_t n;
} config_strings;

/* A person or machine with a certificate. Directory: users/<name>@<domain>, for the administrator users/Admin@<domain>. */
typedef struct config_user {
    const char *name; /* "doctor1"; "Admin" for the organisation's administrator */
    bool admin;       /* kind: admin, so that the certificate carries the OU admin instead of client */
    bool patient;     /* random CN, role=patient and nothing else */
    bool spare;       /* has a certificate and is not registered: for trying a registration */
    const char *role; /* certificate attributes; NULL when absent: an administrator who acts for no site */
    const char *uid;
    const char *site;       /* GLN */
    config_strings caps;    /* "btg" */
    config_strings issues;  /* types of credentials that the regulator accredits this person's site for */
    bool licensed;          /* has a licence to practise */
    config_strings regions; /* where it counts, ISO 3166-2 */
} config_user;

/* A place of an organisation. */
typedef struct config_site {
    const char *gln;    /* 13 digits, check digit verified */
    const char *msp;    /* MSP id of its organisation */
    const char *type;   /* as the chaincode credentials has them: hospital, lab, pharmacy, authority, ... */
    const char *region; /* ISO 3166-2 */
} config_site;

/* Who may do what in the channel's configuration, in the policy language; NULL: as Fabric's samples have it. */
typedef struct config_policies {
    const char *readers;     /* OR('XMSP.admin', 'XMSP.peer', 'XMSP.client') */
    const char *writers;     /* OR('XMSP.admin', 'XMSP.client') */
    const char *admins;      /* OR('XMSP.admin') */
    const char *endorsement; /* OR('XMSP.peer') */
} config_policies;

/* Which of the channel's policies governs a resource, instead of Fabric's default. */
typedef struct config_acl {
    const char *resource; /* "peer/Propose" */
    const char *policy;   /* "/Channel/Application/Readers"; a name alone is one of /Channel/Application */
} config_acl;

/* How long a class of records is kept at a site. */
typedef struct config_retention {
    const char *gln;
    const char *class_name;
    int years;
} config_retention;

typedef struct config_org {
    const char *name;         /* "Hospital": group name in the channel's configuration */
    const char *mspid;        /* "HospitalMSP" */
    const char *domain;       /* "hospital.medsync.example" */
    const char *peer_name;    /* "peer0.hospital.medsync.example" */
    const char *peer_address; /* "127.0.0.1:7051" */
    const char *anchor_host;  /* anchor peer; NULL when the organisation has none */
    int anchor_port;
    config_policies policies;
    /*
     * Not of the channel's first configuration: on real Fabric an update that the others sign adds it. A devnet has all
     * organisations from the beginning.
     */
    bool newcomer;
    bool custody;                  /* keeps a custody key (an organisation with a user of role custodian) */
    const char *custodian_user;    /* that user, the first of several; NULL */
    const char *custodian_address; /* "127.0.0.1:7060"; NULL: none, or told by who starts it */
    const config_user *users;
    size_t user_count;
} config_org;

/* One orderer of several. */
typedef struct config_orderer_node {
    const char *name; /* "orderer0.orderer.medsync.example" */
    const char *address;
} config_orderer_node;

typedef struct config_orderer {
    const char *name;   /* "Orderer" */
    const char *mspid;  /* "OrdererMSP" */
    const char *domain; /* "orderer.medsync.example" */
    /* `nodes` in network.yaml; `node` and `address` there are a single one. The devnet's orderer is the first. */
    const config_orderer_node *nodes;
    size_t node_count;
} config_orderer;

/* One collection of Fabric's collections.json. Policies are text here; msp_collections_pack makes bytes of them. */
typedef struct config_collection {
    const char *name;
    const char *policy; /* member organisations, policy language */
    int32_t required_peer_count;
    int32_t max_peer_count;
    uint64_t block_to_live;
    bool member_only_read;
    bool member_only_write;
    const char *endorsement_policy;     /* policy language; NULL unless given */
    const char *endorsement_policy_ref; /* path of a channel policy; NULL unless given. Never both */
} config_collection;

typedef struct config_collections {
    const config_collection *v;
    size_t n;
} config_collections;

typedef struct config_chaincode {
    const char *name;
    const char *exe; /* name of the executable beside medsync */
    const char *version;
    int64_t sequence;             /* for tools that deploy elsewhere: the devnet counts on from what its channel has */
    const char *label;            /* "consent_1": first half of the package id */
    const char *policy;           /* policy language */
    const char *collections_path; /* NULL without collections; relative paths are resolved against network.yaml */
    config_collections collections;
    config_strings orgs; /* MSP ids of the organisations that install it, in network.yaml's order */
    bool init_required;
    bool mutual_tls;      /* the network's chaincode_tls */
    bool slot_b;          /* key slot: b instead of a; see package.h */
    const char *meta_inf; /* its folder META-INF (key meta_inf, else beside the collections file); NULL: it has none */
} config_chaincode;

typedef struct config_network {
    fcc__arena *arena; /* holds everything below; callers may add to it */
    const char *path;  /* of network.yaml, as given */
    const char *channel;
    struct {
        uint32_t timeout_ms;
        uint32_t max_message_count;
        uint32_t absolute_max_bytes;
        uint32_t preferred_max_bytes;
    } batch;
    config_orderer orderer;
    const config_org *orgs;
    size_t org_count;
    const config_acl *acls;
    size_t acl_count;
    const config_site *sites;
    size_t site_count;
    const config_retention *retention;
    size_t retention_count;
    /* chaincode_tls: peers and chaincodes of a real network show each other certificates, and the packages say so */
    bool chaincode_tls;
    const config_chaincode *chaincodes;
    size_t chaincode_count;
} config_network;

/* Read network.yaml and the collections files it names. FCC_ERR_IO unreadable, FCC_ERR_CONFIG wrong. */
fcc_status config_load(const char *path, config_network **out, fcc_error *error) FCC_MUST_CHECK;
/* The same from memory; `path` is what errors and relative paths refer to. */
fcc_status config_parse(fcc_bytes yaml, const char *path, config_network **out, fcc_error *error) FCC_MUST_CHECK;
void config_free(config_network *network); /* takes NULL */

/*
 * Read a collections.json in Fabric's format into `arena`. FCC_ERR_NOT_FOUND when there is no such file, so that
 * `--with` can take a chaincode that has none.
 */
fcc_status config_load_collections(const char *path, fcc__arena *arena, config_collections *out,
                                   fcc_error *error) FCC_MUST_CHECK;

/*
 * Add a chaincode that network.yaml doesn't list: installed by every organisation, version and sequence 1, label
 * <name>_1, policy OR of all organisations' peers, collections from `collections_path` when that file exists (NULL:
 * none). FCC_ERR_EXISTS when the name is taken. Moves network->chaincodes: fetch pointers again afterwards.
 */
fcc_status config_add_chaincode(config_network *network, const char *name, const char *exe,
                                const char *collections_path, fcc_error *error) FCC_MUST_CHECK;

/*
 * From now on each peer and orderer is at its full name, and a custodian at custodian.<domain>, with the port that it has in
 * the network file: how they find each other in containers and on several machines.
 */
fcc_status config_addresses_by_name(config_network *network, fcc_error *error) FCC_MUST_CHECK;
/*
 * From now on each of them has the port that `port_of` knows for it, NULL: the one that it has. Asked by "ORDERER0",
 * "HOSPITAL" (its peer) and "HOSPITAL_CUSTODIAN": letters large, _ for what is neither letter nor digit.
 * FCC_ERR_CONFIG: what it answers is no port.
 */
fcc_status config_ports(config_network *network, const char *(*port_of)(const char *name),
                        fcc_error *error) FCC_MUST_CHECK;
/* The network without its newcomers, of which a genesis block is made. Shares all with `network`. FCC_ERR_CONFIG: nobody. */
fcc_status config_founders(const config_network *network, config_network *out, fcc_error *error) FCC_MUST_CHECK;

/* NULL when there is none. config_find_org takes the MSP id, the name ("Hospital") in any case, or the domain. */
const config_org *config_find_org(const config_network *network, const char *which);
const config_chaincode *config_find_chaincode(const config_network *network, const char *name);
const config_user *config_find_user(const config_org *org, const char *name);
/* The only organisation that has a user of this name; NULL when none or several have (every one has an Admin). */
const config_org *config_org_of_user(const config_network *network, const char *name, const config_user **user);
bool config_has(config_strings list, const char *item);

/* Does a GLN have 13 digits and the right check digit? */
bool config_gln_valid(const char *gln);

/* ---- config.yaml of an MSP directory, Fabric's format ------------------------------------------------------------- */

typedef struct config_ou {
    const char *ou;          /* NULL when the role is not configured */
    const char *certificate; /* path relative to the MSP directory; NULL: any CA of the MSP */
} config_ou;

typedef struct config_msp_ous {
    bool present; /* there is a NodeOUs section */
    bool enable;
    config_ou client, peer, admin, orderer;
    const config_ou *extra; /* OrganizationalUnitIdentifiers */
    size_t extra_count;
} config_msp_ous;

/* All absent when there is no such file. FCC_ERR_CONFIG names the line. */
fcc_status config_load_msp_ous(const char *path, fcc__arena *arena, config_msp_ous *out,
                               fcc_error *error) FCC_MUST_CHECK;

#endif

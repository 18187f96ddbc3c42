/* lookup.c: what is asked of a network that has been read. */
#include "config/config.h"

#include <strings.h>

const config_org *config_find_org(const config_network *network, const char *which)
{
    size_t i;

    for (i = 0; i < network->org_count; i++) {
        const config_org *org = &network->orgs[i];

        if (strcmp(org->mspid, which) == 0 || strcasecmp(org->name, which) == 0 || strcasecmp(org->domain, which) == 0)
            return org;
    }
    return NULL;
}

const config_chaincode *config_find_chaincode(const config_network *network, const char *name)
{
    size_t i;

    for (i = 0; i < network->chaincode_count; i++)
        if (strcmp(network->chaincodes[i].name, name) == 0)
            return &network->chaincodes[i];
    return NULL;
}

const config_user *config_find_user(const config_org *org, const char *name)
{
    size_t i;

    for (i = 0; i < org->user_count; i++)
        if (strcasecmp(org->users[i].name, name) == 0)
            return &org->users[i];
    return NULL;
}

const config_org *config_org_of_user(const config_network *network, const char *name, const config_user **user)
{
    const config_org *found = NULL;
    const config_user *who = NULL;
    size_t i;

    for (i = 0; i < network->org_count; i++) {
        const config_user *candidate = config_find_user(&network->orgs[i], name);

        if (candidate && found)
            return NULL;
        if (candidate) {
            found = &network->orgs[i];
            who = candidate;
        }
    }
    if (found && user)
        *user = who;
    return found;
}

bool config_has(config_strings list, const char *item)
{
    size_t i;

    for (i = 0; i < list.n; i++)
        if (strcmp(list.v[i], item) == 0)
            return true;
    return false;
}

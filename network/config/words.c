/* words.c: what the texts of network.yaml may be. */
#include "config/sections.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static bool all_of(const char *s, const char *extra, size_t max)
{
    size_t i;

    for (i = 0; s[i]; i++)
        if (i >= max || !(isalnum((unsigned char)s[i]) || strchr(extra, s[i])))
            return false;
    return i > 0;
}

/* Names become file names and parts of keys. */
bool config__is_name(const char *s)
{
    return all_of(s, "_-", 64) && s[0] != '-';
}

bool config__is_id(const char *s)
{
    return all_of(s, "._:-", 64);
}

bool config__is_mspid(const char *s)
{
    return all_of(s, ".-", 64) && s[0] != '.';
}

bool config__is_domain(const char *s)
{
    return all_of(s, ".-", 200) && s[0] != '.' && s[0] != '-' && !strstr(s, "..") && s[strlen(s) - 1] != '.';
}

bool config__is_channel(const char *s)
{
    size_t i;

    for (i = 0; s[i]; i++)
        if (!(islower((unsigned char)s[i]) || (i && (isdigit((unsigned char)s[i]) || strchr(".-", s[i])))))
            return false;
    return i > 0 && i <= 249;
}

bool config__is_address(const char *s)
{
    const char *colon = strrchr(s, ':');
    char *end;
    long port;

    if (!colon || colon == s || !isdigit((unsigned char)colon[1]))
        return false;
    port = strtol(colon + 1, &end, 10);
    return !*end && port <= 65535;
}

bool config__is_kind(const char *s)
{
    return strcmp(s, "client") == 0 || strcmp(s, "admin") == 0;
}

bool config__is_resource(const char *s)
{
    return all_of(s, "/_.-", 128) && s[0] != '/';
}

/* Of the channel's configuration: a path, or the name of a policy of /Channel/Application. */
bool config__is_policy_path(const char *s)
{
    return all_of(s, "/_.-", 256);
}

bool config__is_site_type(const char *s)
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

bool config__is_region(const char *s)
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

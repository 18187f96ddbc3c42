/* See conditions.h. */
#include "devnet/conditions.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { CLOCK, TIME_ZONE, LOCALE, HEAP, STACK, ENVIRONMENT };

/*
 * Some 400 days, and no whole number of days, hours or minutes: every part of a date comes out differently. A chaincode may
 * refuse a proposal that is not of its peer's time; so, where the clock isn't the only condition, it is wrong by less.
 */
enum { CLOCK_AHEAD_S = 400 * 86400 + 5 * 3600 + 17 * 60 + 23, CLOCK_BESIDE_S = 97 };

/* What other than these a process has in its environment is no concern of a chaincode. */
static const char *const kept[] = { "CHAINCODE_", "CORE_",  "MEDSYNC_", "FCC_",  "GRPC_", "PATH=",  "LD_",  "TMPDIR=",
                                    "ASAN_",      "UBSAN_", "TSAN_",    "LSAN_", "TZ=",   "LC_ALL", "LANG", "MALLOC_" };

/* Rules unlike those of C and of one another: upper and lower case, order, the decimal point, the length of a character. */
static const char *const locales[] = {
    "tr_TR.UTF-8", "de_DE.UTF-8", "fr_FR.UTF-8", "lt_LT.UTF-8", "en_US.UTF-8", "C.UTF-8", "C"
};

static const char *current_locale(void)
{
    const char *name = getenv("LC_ALL");

    if (!name || !*name)
        name = getenv("LANG");
    return name && *name ? name : "C";
}

/* The n-th of those that this machine has and that aren't what we have already; the last one when there are fewer. */
static const char *other_locale(size_t n)
{
    const char *found = "";

    for (size_t i = 0; i < sizeof(locales) / sizeof(locales[0]); i++) {
        locale_t there;

        if (strcmp(locales[i], current_locale()) == 0)
            continue;
        there = newlocale(LC_ALL_MASK, locales[i], (locale_t)0);
        if (there == (locale_t)0)
            continue;
        freelocale(there);
        found = locales[i];
        if (n-- == 0)
            break;
    }
    return found;
}

static void add(devnet_conditions *c, unsigned kind, size_t round)
{
    static const char *const zones[] = { "<+14>-14", "<-0930>9:30", "<-12>12", "<+0545>-5:45" };

    switch (kind) {
    case CLOCK:
        c->clock_s = c->clock_library ? CLOCK_AHEAD_S : 0;
        break;
    case TIME_ZONE:
        snprintf(c->time_zone, sizeof(c->time_zone), "%s", zones[round % 4]);
        break;
    case LOCALE:
        snprintf(c->locale, sizeof(c->locale), "%s", other_locale(round));
        break;
    case HEAP:
        c->heap = 0xa5 ^ (unsigned)round % 0x50;
        break;
    case STACK:
        c->stack = (uint64_t)(200 + 37 * (round % 8)) << 20;
        break;
    default:
        c->other_environment = true;
    }
}

static void describe(devnet_conditions *c)
{
    const size_t room = sizeof(c->text);
    size_t n = 0;

#define SAY(...) n += (size_t)snprintf(c->text + (n < room ? n : room), n < room ? room - n : 0, __VA_ARGS__)
    if (c->clock_s)
        SAY(", a clock %lld %s ahead", (long long)(c->only_clock ? c->clock_s / 86400 : c->clock_s),
            c->only_clock ? "days" : "s");
    if (c->time_zone[0])
        SAY(", TZ=%s", c->time_zone);
    if (c->locale[0])
        SAY(", LC_ALL=%s", c->locale);
    if (c->heap)
        SAY(", other bytes in unused memory");
    if (c->stack)
        SAY(", other addresses");
    if (c->other_environment)
        SAY(", other environment variables");
#undef SAY
    if (n >= 2)
        memcpy(c->text, "  ", 2);
}

void devnet_conditions_choose(size_t index, size_t count, const char *clock_library, devnet_conditions *out)
{
    char text[sizeof(out->text)];

    memset(out, 0, sizeof(*out));
    out->clock_library = clock_library;
    if (index > DEVNET_KINDS)
        for (unsigned kind = 0; kind < DEVNET_KINDS; kind++)
            add(out, kind, index - DEVNET_KINDS);
    else
        for (unsigned kind = 0; kind < DEVNET_KINDS; kind++)
            if (count < DEVNET_KINDS ? kind % count == index : kind == index)
                add(out, kind, 0);
    out->only_clock = out->clock_s && !out->time_zone[0] && !out->locale[0] && !out->heap && !out->stack &&
                      !out->other_environment;
    if (out->clock_s && !out->only_clock)
        out->clock_s = CLOCK_BESIDE_S;
    describe(out);
    snprintf(text, sizeof(text), "%s", out->text[0] ? out->text + 2 : "");
    snprintf(out->text, sizeof(out->text), "%s%.180s", text[0] ? "with " : "once more", text);
}

/* ---- the process ------------------------------------------------------------------------------------------------- */

static bool begins(const char *variable, const char *name)
{
    return strncmp(variable, name, strlen(name)) == 0;
}

static void drop(char **v, const char *name)
{
    size_t to = 0;

    for (size_t i = 0; v[i]; i++)
        if (begins(v[i], name))
            free(v[i]);
        else
            v[to++] = v[i];
    v[to] = NULL;
}

/* Variables that are nobody's business go, the others change their order. */
static void shuffle(char **v)
{
    size_t n = 0;

    for (size_t i = 0; v[i]; i++) {
        bool keep = false;

        for (size_t k = 0; k < sizeof(kept) / sizeof(kept[0]); k++)
            keep = keep || begins(v[i], kept[k]);
        if (keep)
            v[n++] = v[i];
        else
            free(v[i]);
    }
    v[n] = NULL;
    for (size_t i = 0; i < n / 2; i++) {
        char *other = v[i];

        v[i] = v[n - 1 - i];
        v[n - 1 - i] = other;
    }
}

/* Takes the string, which may be NULL: out of memory. */
static bool append(char ***environment, char *string)
{
    size_t n = 0;
    char **grown;

    while ((*environment)[n])
        n++;
    grown = string ? realloc(*environment, (n + 2) * sizeof(*grown)) : NULL;
    if (!grown) {
        free(string);
        return false;
    }
    grown[n] = string;
    grown[n + 1] = NULL;
    *environment = grown;
    return true;
}

static bool set(char ***environment, const char *name, const char *value)
{
    char *string;

    drop(*environment, name);
    return append(environment, asprintf(&string, "%s%s", name, value) < 0 ? NULL : string);
}

/* A library that is preloaded already comes first: a sanitizer insists on that. */
static bool preload(char ***environment, const char *library)
{
    char *all = NULL;
    bool done;

    for (char **v = *environment; *v && !all; v++)
        if (begins(*v, "LD_PRELOAD=") && asprintf(&all, "%s:%s", *v + strlen("LD_PRELOAD="), library) < 0)
            return false;
    done = set(environment, "LD_PRELOAD=", all ? all : library);
    free(all);
    return done;
}

bool devnet_conditions_environment(const devnet_conditions *c, char ***environment)
{
    char number[32];

    if (c->other_environment) {
        shuffle(*environment);
        if (!set(environment, "USER=", "referee") || !set(environment, "HOME=", "/nonexistent"))
            return false;
    }
    if (c->time_zone[0] && !set(environment, "TZ=", c->time_zone))
        return false;
    if (c->locale[0] && (!set(environment, "LC_ALL=", c->locale) || !set(environment, "LANG=", c->locale)))
        return false;
    snprintf(number, sizeof(number), "%u", c->heap);
    if (c->heap && !set(environment, "MALLOC_PERTURB_=", number))
        return false;
    snprintf(number, sizeof(number), "%lld", (long long)c->clock_s);
    return !c->clock_s || (set(environment, "MEDSYNC_CLOCK_AHEAD=", number) && preload(environment, c->clock_library));
}

void devnet_conditions_enter(const devnet_conditions *c)
{
    struct rlimit limit;

    if (!c->stack || getrlimit(RLIMIT_STACK, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max == RLIM_INFINITY || c->stack < limit.rlim_max ? (rlim_t)c->stack : limit.rlim_max;
    setrlimit(RLIMIT_STACK, &limit);
}

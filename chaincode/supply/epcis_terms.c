/* epcis_terms.c: the Core Business Vocabulary 2.0, and EPCIS's moments. */
#include <stdio.h>
#include <string.h>

#include "lib/value.h"
#include "supply/epcis.h"

#define CBV "https://ref.gs1.org/cbv/"
#define VOC "https://gs1.org/voc/"

static const char *const biz_steps[] = { "accepting",
                                         "arriving",
                                         "assembling",
                                         "collecting",
                                         "commissioning",
                                         "consigning",
                                         "creating_class_instance",
                                         "cycle_counting",
                                         "decommissioning",
                                         "departing",
                                         "destroying",
                                         "disassembling",
                                         "dispensing",
                                         "encoding",
                                         "entering_exiting",
                                         "holding",
                                         "inspecting",
                                         "installing",
                                         "killing",
                                         "loading",
                                         "other",
                                         "packing",
                                         "picking",
                                         "receiving",
                                         "removing",
                                         "repackaging",
                                         "repairing",
                                         "replacing",
                                         "reserving",
                                         "retail_selling",
                                         "sampling",
                                         "sensor_reporting",
                                         "shipping",
                                         "staging_outbound",
                                         "stock_taking",
                                         "stocking",
                                         "storing",
                                         "transporting",
                                         "unloading",
                                         "unpacking",
                                         "void_shipping",
                                         NULL };
static const char *const dispositions[] = { "active",
                                            "available",
                                            "completeness_inferred",
                                            "completeness_verified",
                                            "conformant",
                                            "container_closed",
                                            "container_open",
                                            "damaged",
                                            "destroyed",
                                            "dispensed",
                                            "disposed",
                                            "encoded",
                                            "expired",
                                            "in_progress",
                                            "in_transit",
                                            "inactive",
                                            "mismatch_class",
                                            "mismatch_instance",
                                            "mismatch_quantity",
                                            "needs_replacement",
                                            "no_pedigree_match",
                                            "non_conformant",
                                            "non_sellable_other",
                                            "partially_dispensed",
                                            "recalled",
                                            "reserved",
                                            "retail_sold",
                                            "returned",
                                            "sellable_accessible",
                                            "sellable_not_accessible",
                                            "stolen",
                                            "unavailable",
                                            "unknown",
                                            NULL };
static const char *const transactions[] = { "bol",       "cert",   "desadv", "inv",     "pedigree", "po",    "poc",
                                            "prodorder", "recadv", "rma",    "testprd", "testres",  "upevt", NULL };
static const char *const parties[] = { "owning_party", "possessing_party", "location", NULL };

/* names NULL: any word */
static const struct {
    const char *urn, *uri, *curie;
    const char *const *names;
} vocabularies[] = {
    [EPCIS_BIZ_STEP] = { "urn:epcglobal:cbv:bizstep:", CBV "BizStep-", "cbv:BizStep-", biz_steps },
    [EPCIS_DISPOSITION] = { "urn:epcglobal:cbv:disp:", CBV "Disp-", "cbv:Disp-", dispositions },
    [EPCIS_TRANSACTION] = { "urn:epcglobal:cbv:btt:", CBV "BTT-", "cbv:BTT-", transactions },
    [EPCIS_SOURCE_DEST] = { "urn:epcglobal:cbv:sdt:", CBV "SDT-", "cbv:SDT-", parties },
    [EPCIS_SENSOR] = { NULL, VOC, "gs1:", NULL },
    [EPCIS_COMPONENT] = { "urn:epcglobal:cbv:comp:", CBV "Comp-", "cbv:Comp-", NULL },
};

static const char *behind(const char *s, const char *prefix)
{
    const size_t n = prefix ? strlen(prefix) : 0;

    return n && strncmp(s, prefix, n) == 0 ? s + n : NULL;
}

/* The term's own name; NULL for one of another vocabulary. */
static const char *name_of(enum epcis_vocabulary vocabulary, const char *written)
{
    const char *name = behind(written, vocabularies[vocabulary].uri);

    if (!name)
        name = behind(written, vocabularies[vocabulary].urn);
    if (!name)
        name = behind(written, vocabularies[vocabulary].curie);
    return name ? name : strchr(written, ':') ? NULL : written;
}

static bool is_word(const char *s)
{
    size_t n = 0;

    for (; s[n]; n++)
        if (!(lib_is_letters((char[]){ s[n], 0 }, 1) || s[n] == '_' || s[n] == '-' || (s[n] >= '0' && s[n] <= '9')))
            return false;
    return n > 0;
}

bool epcis_is_term(enum epcis_vocabulary vocabulary, const char *written, const char *name)
{
    const char *have = written ? name_of(vocabulary, written) : NULL;

    return have && strcmp(have, name) == 0;
}

bool epcis_is_known_term(enum epcis_vocabulary vocabulary, const char *written)
{
    const char *name = name_of(vocabulary, written);
    const char *const *names = vocabularies[vocabulary].names;

    if (!name)
        return lib_is_uri(written, 512);
    if (!names)
        return is_word(name);
    for (; *names; names++)
        if (strcmp(name, *names) == 0)
            return true;
    return false;
}

const char *epcis_term(enum epcis_vocabulary vocabulary, const char *written, char *buffer, size_t size)
{
    const char *name = name_of(vocabulary, written);

    if (!name || strlen(name) + strlen(vocabularies[vocabulary].uri) >= size)
        return written;
    snprintf(buffer, size, "%s%s", vocabularies[vocabulary].uri, name);
    return buffer;
}

/* ---- moments ---- */

static bool is_zone(const char *s, int *minutes)
{
    const int sign = *s == '-' ? -1 : 1;

    *minutes = 0;
    if (strcmp(s, "Z") == 0)
        return true;
    if ((*s != '+' && *s != '-') || strlen(s) != 6 || s[3] != ':' || strspn(s + 1, "0123456789") != 2 ||
        strspn(s + 4, "0123456789") != 2)
        return false;
    *minutes = sign * (((s[1] - '0') * 10 + (s[2] - '0')) * 60 + (s[4] - '0') * 10 + (s[5] - '0'));
    return s[4] < '6' && *minutes >= -14 * 60 && *minutes <= 14 * 60;
}

bool epcis_time(const char *s, int64_t *seconds, int *milliseconds)
{
    char whole[LIB_TIME_SIZE];
    size_t digits = 0;
    int micro = 0, minutes;

    if (strlen(s) < 20)
        return false;
    memcpy(whole, s, 19);
    memcpy(whole + 19, "Z", 2);
    s += 19;
    if (*s == '.') {
        digits = strspn(++s, "0123456789");
        if (digits == 0)
            return false;
        for (size_t i = 0; i < 6; i++)
            micro = micro * 10 + (i < digits ? s[i] - '0' : 0);
        s += digits;
    }
    if (!is_zone(s, &minutes) || !lib_time_parse(whole, seconds))
        return false;
    *seconds -= minutes * 60;
    *milliseconds = micro / 1000;
    micro %= 1000;
    if (micro > 500 || (micro == 500 && *milliseconds % 2))
        ++*milliseconds;
    if (*milliseconds == 1000) {
        *milliseconds = 0;
        ++*seconds;
    }
    return true;
}

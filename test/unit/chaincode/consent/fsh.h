/*
 * fsh.h: an IHE Privacy Consent on FHIR, written in FHIR Shorthand, as the base that a patient would set here.
 *
 * Only what such a consent says is understood; anything else under `provision` makes the conversion fail, so that no
 * condition is dropped silently. How the two differ:
 * - A provision inside another one is an exception to it. Ours are rules beside each other, and denies come first. So a
 *   permit inside a permit, and a deny of certain data inside a permit, are taken as they are. A deny of a confidentiality
 *   inside a permit lowers what the permit reaches, because our denies reach down. A permit inside a deny is taken for
 *   break-glass only.
 * - BTG is no purpose of a rule here: a permit for it is btg and btgMaxSens of the base. Who may break the glass is a
 *   capability in the registry, not a group in the consent.
 */
#ifndef TEST_CONSENT_FSH_H
#define TEST_CONSENT_FSH_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { fsh_most = 16 };

struct fsh_provision {
    bool is, deny;
    const char *purposes[fsh_most], *categories[fsh_most], *actor, *records[fsh_most], *encounter, *author;
    size_t purpose_count, category_count, record_count;
    int sens; /* the highest confidentiality that is named; -1: none */
    char meaning[40], from[24], to[24];
};

struct fsh_consent {
    struct fsh_provision outer, inner;
    const char *performer;
    char why[300]; /* what could not be understood; empty: all was */
    char text[64][200];
    size_t text_count;
};

static const char *fsh_keep(struct fsh_consent *c, const char *text)
{
    if (c->text_count == 64) {
        snprintf(c->why, sizeof(c->why), "too much in it");
        return "";
    }
    snprintf(c->text[c->text_count], sizeof(c->text[0]), "%s", text);
    return c->text[c->text_count++];
}

/* "Reference(Type/id)" -> id, when it is of this type; "" of none. */
static const char *fsh_reference(struct fsh_consent *c, const char *value, const char *type)
{
    char id[200] = "", have[40] = "";

    if (sscanf(value, "Reference(%39[A-Za-z]/%199[^)])", have, id) != 2 || (type && strcmp(have, type) != 0))
        return "";
    return fsh_keep(c, id);
}

static const char *fsh_code(const char *value)
{
    const char *hash = strrchr(value, '#');

    return hash ? hash + 1 : "";
}

static void fsh_label(struct fsh_consent *c, struct fsh_provision *p, const char *code)
{
    static const struct {
        const char *code, *category;
    } kinds[] = { { "PSY", "psychiatry" }, { "SDV", "sexual" }, { "ETH", "substance" }, { "ETHUD", "substance" } };
    static const char levels[] = "NRV";
    const char *level = strlen(code) == 1 ? strchr(levels, code[0]) : NULL;

    if (level) {
        if (level - levels > p->sens)
            p->sens = (int)(level - levels);
        return;
    }
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (strcmp(kinds[i].code, code) == 0 && p->category_count < fsh_most) {
            p->categories[p->category_count++] = kinds[i].category;
            return;
        }
    snprintf(c->why, sizeof(c->why), "a security label that has no category here: %.80s", code);
}

static void fsh_purpose(struct fsh_consent *c, struct fsh_provision *p, const char *value)
{
    static const char *const known[] = { "TREAT", "HPAYMT", "HOPERAT", "HLEGAL", "HRESCH", "BTG" };

    for (size_t i = 0; strstr(value, "v3-ActReason#") && i < sizeof(known) / sizeof(known[0]); i++)
        if (strcmp(known[i], fsh_code(value)) == 0 && p->purpose_count < fsh_most) {
            p->purposes[p->purpose_count++] = known[i];
            return;
        }
    snprintf(c->why, sizeof(c->why), "a purpose that a rule can't name: %.120s", value);
}

static void fsh_data(struct fsh_consent *c, struct fsh_provision *p, const char *value)
{
    const char *encounter = fsh_reference(c, value, "Encounter"), *author = fsh_reference(c, value, "Practitioner");

    if (strcmp(p->meaning, "instance") == 0 && p->record_count < fsh_most)
        p->records[p->record_count++] = fsh_reference(c, value, NULL);
    else if (strcmp(p->meaning, "related") == 0 && *encounter && !p->encounter)
        p->encounter = encounter;
    else if (strcmp(p->meaning, "authoredby") == 0 && *author && !p->author)
        p->author = author;
    else
        snprintf(c->why, sizeof(c->why), "data that no rule can name: %s of %.120s", p->meaning, value);
}

/* One path below a provision, without its indexes: "purpose", "data.meaning". */
static void fsh_statement(struct fsh_consent *c, struct fsh_provision *p, const char *path, const char *value)
{
    p->is = true;
    if (strcmp(path, "type") == 0)
        p->deny = strcmp(value, "#deny") == 0;
    else if (strcmp(path, "purpose") == 0)
        fsh_purpose(c, p, value);
    else if (strcmp(path, "securityLabel") == 0)
        fsh_label(c, p, fsh_code(value));
    else if (strcmp(path, "actor.reference") == 0)
        p->actor = fsh_keep(c, value);
    else if (strcmp(path, "data.meaning") == 0)
        snprintf(p->meaning, sizeof(p->meaning), "%.30s", fsh_code(value));
    else if (strcmp(path, "data.reference") == 0)
        fsh_data(c, p, value);
    else if (strcmp(path, "dataPeriod.start") == 0)
        snprintf(p->from, sizeof(p->from), "%.10sT00:00:00Z", value);
    else if (strcmp(path, "dataPeriod.end") == 0)
        snprintf(p->to, sizeof(p->to), "%.10sT23:59:59Z", value);
    else if (strcmp(path, "actor.role") != 0) /* always the recipient of the data */
        snprintf(c->why, sizeof(c->why), "provision.%.80s is not understood", path);
}

/* "provision.data[iData][+].meaning" -> "provision.data.meaning" */
static void fsh_plain_path(char *path)
{
    char *out = path;
    int depth = 0;

    for (; *path; path++) {
        depth += *path == '[';
        if (depth == 0)
            *out++ = *path;
        depth -= *path == ']';
    }
    *out = 0;
}

static void fsh_line(struct fsh_consent *c, char *line)
{
    static const char inner[] = "provision.provision.", outer[] = "provision.";
    char *value = strstr(line, " = ");

    if (strncmp(line, "* ", 2) != 0 || !value)
        return;
    *value = 0;
    value += 3;
    value[strcspn(value, "\r\n")] = 0;
    value[strcspn(value, " ")] = 0; /* a code's display */
    line += 2;
    fsh_plain_path(line);
    if (strcmp(line, "status") == 0 && strcmp(value, "#active") != 0)
        snprintf(c->why, sizeof(c->why), "it is not active");
    else if (strcmp(line, "performer") == 0)
        c->performer = fsh_reference(c, value, "Patient");
    else if (strncmp(line, inner, strlen(inner)) == 0)
        fsh_statement(c, &c->inner, line + strlen(inner), value);
    else if (strncmp(line, outer, strlen(outer)) == 0)
        fsh_statement(c, &c->outer, line + strlen(outer), value);
}

/* ---- as a base ---- */

static json_t *fsh_list(const char *const *words, size_t n, const char *otherwise)
{
    json_t *list = json_array();

    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, json_string(words[i]));
    if (n == 0 && otherwise)
        json_array_append_new(list, json_string(otherwise));
    return list;
}

static void fsh_add_rule(struct fsh_consent *c, json_t *rules, const struct fsh_provision *p, int most)
{
    static const char *const levels[] = { "N", "R", "V" };
    static const char *const all[] = { "TREAT", "HPAYMT", "HOPERAT", "HLEGAL", "HRESCH" };
    const struct fsh_provision *purposes = p->purpose_count ? p : &c->outer;
    int sens = p->sens < 0 ? 2 : p->sens;
    json_t *rule = json_pack("{s:s,s:o,s:[s],s:o,s:s}", "effect", p->deny ? "deny" : "permit", "purpose",
                             purposes->purpose_count ? fsh_list(purposes->purposes, purposes->purpose_count, NULL)
                                                     : fsh_list(all, 5, NULL),
                             "ops", "read", "cat", fsh_list(p->categories, p->category_count, "*"), "maxSens",
                             levels[sens < most ? sens : most]);

    if (p->actor && *fsh_reference(c, p->actor, "Practitioner"))
        json_object_set_new(rule, "actor", json_sprintf("u:%s", fsh_reference(c, p->actor, "Practitioner")));
    else if (p->actor && *fsh_reference(c, p->actor, "Organization"))
        json_object_set_new(rule, "actor", json_sprintf("m:%s", fsh_reference(c, p->actor, "Organization")));
    else if (p->actor)
        snprintf(c->why, sizeof(c->why), "an actor that no rule can name: %.120s", p->actor);
    if (p->record_count)
        json_object_set_new(rule, "rec", fsh_list(p->records, p->record_count, NULL));
    if (p->encounter)
        json_object_set_new(rule, "enc", json_string(p->encounter));
    if (p->author)
        json_object_set_new(rule, "author", json_string(p->author));
    if (p->from[0])
        json_object_set_new(rule, "from", json_string(p->from));
    if (p->to[0])
        json_object_set_new(rule, "to", json_string(p->to));
    json_array_append_new(rules, rule);
}

/*
 * The base of the consent that `text` holds, for this patient: what SetBase takes. NULL with c->why for one that can't be
 * said here. c->performer is the id of who gives it. Changes the text.
 */
static json_t *fsh_base(char *text, const char *pid, const char *salt, struct fsh_consent *c)
{
    json_t *rules = json_array();
    const char *btg = "notify", *most = "R";
    int reach = 2;

    memset(c, 0, sizeof(*c));
    c->outer.sens = c->inner.sens = -1;
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
        fsh_line(c, line);
    if (c->inner.is && c->inner.purpose_count == 1 && strcmp(c->inner.purposes[0], "BTG") == 0) {
        btg = c->inner.deny ? "forbid" : "allow";
        most = c->inner.sens < 0 ? "V" : c->inner.sens == 0 ? "N" : c->inner.sens == 1 ? "R" : "V";
        c->inner.is = false;
    }
    if (c->inner.is && c->inner.deny && c->inner.sens >= 0 && !c->inner.category_count) {
        reach = c->inner.sens - 1;
        c->inner.is = false;
    }
    if (c->inner.is && !c->inner.deny && c->outer.deny)
        snprintf(c->why, sizeof(c->why), "a permit inside a deny");
    if (reach < 0)
        snprintf(c->why, sizeof(c->why), "a deny of everything inside a permit");
    if (!c->outer.is)
        snprintf(c->why, sizeof(c->why), "no provision in it");
    if (!c->why[0])
        fsh_add_rule(c, rules, &c->outer, c->outer.deny ? 2 : reach);
    if (!c->why[0] && c->inner.is)
        fsh_add_rule(c, rules, &c->inner, 2);
    if (c->why[0]) {
        json_decref(rules);
        return NULL;
    }
    return json_pack("{s:s,s:o,s:s,s:s,s:s}", "pid", pid, "rules", rules, "btg", btg, "btgMaxSens", most, "salt", salt);
}

#endif

/* record.c: contents, requests for them, and the custodians who release their keys. */
#include "scenario.h"

#include "base/buf.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

bool scene_store(scene *s, const char *json, int custody, scene_record *out)
{
    fhir_entry *entry = fcc__arena_zalloc(s->arena, 1, sizeof(*entry));
    fcc_bytes content = { 0 };

    if (!entry || !fcc__arena_copy(s->arena, fcc_str(json), &content))
        abort();
    s->st = fhir_resource(content, "a resource of the scenario", s->arena, entry, &s->error);
    if (s->st == FCC_OK)
        s->st = fhir_store(entry, s->store, blob_custody_public(s->custody[custody]), (int64_t)time(NULL) + s->ahead,
                           &out->meta, &s->error);
    if (s->st == FCC_OK)
        s->st = blob_sync(s->store, &s->error);
    out->content = content;
    return s->st == FCC_OK || scene_check(s, false, "a content is encrypted and stored");
}

json_t *scene_record_json(scene *s, const scene_record *r)
{
    fcc__buf text;
    json_t *value;

    fcc__buf_init(&text, FHIR_BATCH_BYTES);
    fhir_record_json(&r->meta, &text);
    value = json_loadb((const char *)fcc__buf_bytes(&text).data, fcc__buf_bytes(&text).len, 0, NULL);
    fcc__buf_clear(&text);
    if (!value)
        scene_check(s, false, "a record's metadata are JSON");
    return value;
}

void scene_request(scene *s, scene_who who, const char *pid, json_t *scope, char audit[SCENE_ID])
{
    scene_id(audit);
    scene_invoke(s, who, END_CARE, "ehr", "RequestAccess",
                 json_pack("{s:s, s:s, s:s, s:o}", "reqId", audit, "pid", pid, "purpose", "TREAT", "scope", scope),
                 NULL);
}

bool scene_decision(scene *s, scene_who who, scene_end end, const char *audit, const char *decision, const char *reason,
                    const char *name)
{
    scene_query(s, who, end, "ehr", "Decision", NULL, audit, NULL);
    return scene_check(s,
                       s->st == FCC_OK && strcmp(scene_text(s, "decision"), decision) == 0 &&
                           strcmp(scene_text(s, "reason"), reason) == 0,
                       "%s: %s, %s", name, decision, reason);
}

int scene_keys(scene *s, scene_who who, const char *custody, const char *audit, const scene_record *r)
{
    const char *const ids[1] = { r->meta.id };
    custodian_address where;
    custodian_reader *reader = NULL;
    custodian_key key = { 0 };
    fcc_bytes content;
    int released = -1;

    fcc__arena_reset(s->call);
    s->answer = (client_answer){ 0 };
    s->st = custodian_find(s->dir, custody, s->call, &where, &s->error);
    if (s->st == FCC_OK)
        s->st = custodian_connect(&where, s->people[who], &reader, &s->error);
    if (s->st == FCC_OK)
        s->st = custodian_ask(reader, audit, ids, 1, &key, &s->error);
    if (s->st == FCC_OK) {
        released = key.released;
        if (released && (blob_get(s->store, r->meta.cid, key.key, s->call, &content, &s->error) != FCC_OK ||
                         content.len != r->content.len || memcmp(content.data, r->content.data, content.len) != 0))
            released = -1;
    }
    blob_wipe(&key, sizeof(key));
    custodian_disconnect(reader);
    return released;
}

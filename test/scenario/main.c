/*
 * scenario --net DIR [--network COMMAND] [--words FILE] [--races yes]: the scenario on the network of that directory, TAP on standard
 * output. COMMAND stops and starts the network or an organisation: `COMMAND stop|start|crash ORG`,
 * `COMMAND later SECONDS`, `COMMAND restart`; 77 says that it can't. FILE gets what nobody outside of care may find, `KIND<tab>WORD` a line.
 * With `--races yes` it is about transactions that meet and clocks that are wrong, after the registration.
 */
#include "scenario.h"

#include <stdio.h>
#include <string.h>

enum { WHOLE = 64 << 20, CALL = 32 << 20 };

static bool stores(scene *s)
{
    static const char *const orgs[] = { "HospitalMSP", "ClinicMSP" };

    for (size_t i = 0; i < 2; i++)
        if (blob_custody_load(scene_print(s, "%s/custody/%s.key", s->dir, orgs[i]), &s->custody[i], &s->error) !=
            FCC_OK)
            return scene_check(s, false, "the custody key of %s is there", orgs[i]);
    return blob_open(scene_print(s, "%s/blobs", s->dir), &s->store, &s->error) == FCC_OK ||
           scene_check(s, false, "the store is there");
}

int main(int argc, char **argv)
{
    scene s = { 0 };
    bool races = false;

    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--net") == 0)
            s.dir = argv[i + 1];
        else if (strcmp(argv[i], "--network") == 0)
            s.network = argv[i + 1];
        else if (strcmp(argv[i], "--words") == 0)
            s.private_words = argv[i + 1];
        else if (strcmp(argv[i], "--races") == 0)
            races = strcmp(argv[i + 1], "yes") == 0;
    }
    s.arena = fcc__arena_new(WHOLE);
    s.call = fcc__arena_new(CALL);
    s.wait = fcc__arena_new(CALL);
    if (!s.dir || !s.arena || !s.call || !s.wait) {
        fputs("usage: scenario --net DIR [--network COMMAND] [--words FILE] [--races yes]\n", stderr);
        return 2;
    }
    if (stores(&s) && scene_meet(&s)) {
        scene_registration(&s);
        if (races) {
            scene_crowd(&s);
            scene_races(&s);
        } else {
            scene_consent(&s);
            scene_appointments(&s);
            scene_records(&s);
            scene_pharmacies(&s);
            scene_supply(&s);
            scene_trade(&s);
            scene_dispense(&s);
            scene_revocation(&s);
            scene_emergency(&s);
            scene_audit(&s);
            scene_same(&s);
        }
    }
    printf("1..%d\n", s.checks);
    scene_part(&s);
    blob_close(s.store);
    blob_custody_free(s.custody[0]);
    blob_custody_free(s.custody[1]);
    json_decref(s.payload);
    fcc__arena_free(s.wait);
    fcc__arena_free(s.call);
    fcc__arena_free(s.arena);
    return s.failed > 0;
}

/* openepcis.h: openEPCIS's sample documents, valid and invalid ones, each tried by a test of its own. */
#ifndef TEST_UNIT_CHAINCODE_SUPPLY_OPENEPCIS_H
#define TEST_UNIT_CHAINCODE_SUPPLY_OPENEPCIS_H

#include "test/support/shared_data.h"
#include "test/support/tally.h"

struct openepcis {
    tally t;
    bool valid; /* those of this folder */
    void (*try)(tally *t, const char *file, const char *text, bool valid);
};

static inline void openepcis_one(void *ctx, const char *file, const char *text)
{
    struct openepcis *o = ctx;

    if (strstr(file, ".json"))
        o->try(&o->t, file, text, o->valid);
}

/* Skips without the set. */
static inline void openepcis_try(void (*try)(tally *t, const char *file, const char *text, bool valid))
{
    static const struct {
        const char *name;
        bool valid;
    } folders[] = { { "Capture/Documents", true },
                    { "Capture/Events", true },
                    { "Query", true },
                    { "Capture/Invalid", false },
                    { "Query/Invalid", false } };
    struct openepcis o = { .t.set = "epcis2-openepcis", .try = try };

    shared_need(o.t.set);
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        o.valid = folders[i].valid;
        shared_walk(o.t.set, folders[i].name, false, openepcis_one, &o);
    }
    for (int i = 0; i < 2; i++)
        tally_skip(&o.t, "queries, not documents (Query/Queries)");
    assert_true(tally_print(&o.t));
}

#endif

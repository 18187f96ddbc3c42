/* chain.c, steps 17 to 19: packs from the maker by the wholesaler to the pharmacy, and what a pharmacy asks of one. */
#include "scenario.h"

#include <stdio.h>
#include <string.h>

enum { MADE = 100, IN_CASE = 20, OF_OTHER_LOT = 10 };

/* GS1's check digit behind these digits. */
static const char *checked(scene *s, const char *digits)
{
    int sum = 0;
    size_t n = strlen(digits);

    for (size_t i = 0; i < n; i++)
        sum += (digits[n - 1 - i] - '0') * (i % 2 ? 1 : 3);
    return scene_print(s, "%s%d", digits, (10 - sum % 10) % 10);
}

static json_t *deed(scene *s)
{
    char id[SCENE_ID];

    scene_id(id);
    return json_pack("{s:s, s:s}", "id", id, "salt", scene_salt(s));
}

json_t *scene_pack(const char *gtin, const char *serial)
{
    return json_pack("{s:s, s:s}", "gtin", gtin, "serial", serial);
}

static json_t *packs(const scene *s, char lot, int from, int count)
{
    json_t *list = json_array();
    char serial[SCENE_ID];

    for (int i = from; i < from + count; i++) {
        snprintf(serial, sizeof(serial), "%s%c%d", s->serials, lot, i);
        json_array_append_new(list, scene_pack(s->gtin, serial));
    }
    return list;
}

static json_t *with(json_t *object, const char *name, json_t *value)
{
    json_object_set_new(object, name, value);
    return object;
}

static json_t *commission(scene *s, char lot, int count)
{
    json_t *serials = json_array(), *in = deed(s);

    for (int i = 0; i < count; i++)
        json_array_append_new(serials, json_sprintf("%s%c%d", s->serials, lot, i));
    with(in, "gtin", json_string(s->gtin));
    with(in, "lot", json_sprintf("%c1", lot));
    with(in, "expiry", json_string("391231"));
    return with(in, "serials", serials);
}

static json_t *of_case(scene *s)
{
    return with(deed(s), "sscc", json_string(s->sscc));
}

/* What a step needs and doesn't speak of: silent unless it fails. */
static void needs(scene *s, const char *what)
{
    if (s->st != FCC_OK)
        scene_check(s, false, "%s", what);
}

static void make(scene *s)
{
    json_t *again;

    s->gtin = checked(s, "0401234540001");
    s->sscc = checked(s, "34012345000000001");
    s->serials = scene_print(s, "%.8s", scene_salt(s)); /* hard to guess */
    scene_invoke(s, WHO_PA, END_DP, "supply", "Setup", json_pack("{s:s}", "salt", scene_digest(s)), NULL);
    needs(s, "supply has its salt");
    scene_invoke(s, WHO_M, END_MD, "supply", "RegisterProduct", NULL, s->gtin,
                 "[{\"system\":\"http://fhir.de/CodeSystem/ifa/pzn\",\"code\":\"01234567\"}]", "387207008", "500mg",
                 "10219000", "30", "false", "true", "[\"DE\"]", "A medicine", NULL);
    scene_ok(s, "17 M registers a product");
    scene_invoke(s, WHO_M, END_MD, "supply", "Commission", commission(s, 'a', MADE), NULL);
    scene_ok(s, "17 M commissions 100 packs");
    scene_invoke(s, WHO_W, END_MD, "supply", "Commission", commission(s, 'x', 1), NULL);
    scene_refused(s, "17 W commissions one", 403, "DENIED:not_maker");
    again = commission(s, 'a', 1);
    scene_invoke(s, WHO_M, END_MD, "supply", "Commission", again, NULL);
    scene_refused(s, "17 duplicate serial", 409, "CONFLICT");
    scene_invoke(s, WHO_M, END_MD, "supply", "Commission", commission(s, 'b', OF_OTHER_LOT), NULL);
    scene_ok(s, "17 M commissions another lot");
}

static json_t *to(scene *s, json_t *in, scene_who addressee)
{
    return with(in, "toGln", json_string(scene_site(addressee)));
}

static void ship(scene *s)
{
    scene_invoke(s, WHO_M, END_MD, "supply", "Pack", with(of_case(s), "children", packs(s, 'a', 0, IN_CASE)), NULL);
    scene_ok(s, "18 M packs a case");
    scene_invoke(s, WHO_M, END_MD, "supply", "Ship", to(s, of_case(s), WHO_W), NULL);
    scene_ok(s, "18 M ships a case to W");
    scene_invoke(s, WHO_P1, END_DP, "supply", "Receive", of_case(s), NULL);
    scene_refused(s, "18 P1 receives it", 403, "DENIED:not_addressee");
    scene_invoke(s, WHO_W, END_DP, "supply", "Receive", of_case(s), NULL);
    scene_ok(s, "18 W receives");
    scene_invoke(s, WHO_W, END_DP, "supply", "Ship", to(s, of_case(s), WHO_P1), NULL);
    scene_ok(s, "18 ships to P1");
    scene_invoke(s, WHO_P1, END_DP, "supply", "Receive", of_case(s), NULL);
    scene_ok(s, "18 P1 receives");
    scene_invoke(s, WHO_P1, END_DP, "supply", "Receive", of_case(s), NULL);
    scene_refused(s, "18 again", 409, "ALREADY");
    scene_invoke(s, WHO_P1, END_DP, "supply", "Unpack", with(of_case(s), "children", packs(s, 'a', 0, IN_CASE)), NULL);
    scene_ok(s, "18 P1 unpacks the case");
    /* what 20 and 21 need: the other lot at P1, and one pack that is still at W */
    scene_invoke(s, WHO_M, END_MD, "supply", "Ship",
                 to(s, with(deed(s), "packs", packs(s, 'b', 0, OF_OTHER_LOT)), WHO_P1), NULL);
    needs(s, "M ships the other lot");
    scene_invoke(s, WHO_P1, END_DP, "supply", "Receive", with(deed(s), "packs", packs(s, 'b', 0, OF_OTHER_LOT)), NULL);
    needs(s, "P1 receives the other lot");
    scene_invoke(s, WHO_M, END_MD, "supply", "Ship", to(s, with(deed(s), "packs", packs(s, 'a', IN_CASE, 1)), WHO_W),
                 NULL);
    needs(s, "M ships a pack to W");
    scene_invoke(s, WHO_W, END_DP, "supply", "Receive", with(deed(s), "packs", packs(s, 'a', IN_CASE, 1)), NULL);
    needs(s, "W receives a pack");
}

static void verify(scene *s, const char *serial, const char *expiry, const char *reason, const char *name)
{
    scene_query(s, WHO_P1, END_PHARMACY, "supply", "VerifyPack",
                json_pack("{s:s, s:s, s:s, s:s}", "gtin", s->gtin, "serial", serial, "lot", "b1", "expiry", expiry),
                NULL);
    scene_check(s,
                s->st == FCC_OK && json_is_true(json_object_get(s->payload, "verified")) == !*reason &&
                    strcmp(scene_text(s, "reason"), reason) == 0,
                "%s", name);
}

void scene_supply(scene *s)
{
    make(s);
    ship(s);
    verify(s, scene_serial(s, 'b', 0), "391231", "", "19 P1 verifies a pack: right");
    verify(s, scene_serial(s, 'b', 0), "391130", "No_match_GTIN_Serial_Expiry", "19 wrong expiry");
    verify(s, "nobodys", "391231", "No_match_GTIN_Serial", "19 unknown serial");
}

const char *scene_serial(scene *s, char lot, int number)
{
    return scene_print(s, "%s%c%d", s->serials, lot, number);
}

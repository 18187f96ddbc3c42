/* chaincode/lib: GS1's check digits, characters, dates and URIs; and the rules of the GS1 Barcode Syntax Dictionary. */
#include "test/support/shared_data.h"
#include "test/support/tally.h"

#include "lib/gs1.h"
#include "lib/gs1_uri.h"
#include "lib/value.h"

enum { NOW = 1767225600, SAMPLES = 2000 }; /* 2026-01-01 */

/* ---- single rules ---- */

static void a_key_ends_with_its_check_digit(void **state)
{
    assert_true(gs1_is_key("04012345111118", GS1_GTIN));
    assert_true(gs1_is_key("340123451111111111", GS1_SSCC));
    assert_true(gs1_is_key("4012345000054", GS1_GLN));
    assert_false(gs1_is_key("04012345111119", GS1_GTIN));
    assert_false(gs1_is_key("4012345111118", GS1_GTIN));
    assert_false(gs1_is_key("0401234511111", GS1_GTIN));
    assert_false(gs1_is_key("0401234511111X", GS1_GTIN));
    assert_false(gs1_is_key("", GS1_GTIN));
}

/* A single wrong digit, and two neighbours exchanged that don't differ by five, are noticed. */
static void a_wrong_digit_is_noticed(void **state)
{
    char key[GS1_GTIN + 1];

    for (size_t at = 0; at < GS1_GTIN; at++)
        for (char c = '0'; c <= '9'; c++) {
            strcpy(key, "04012345111118");
            if (key[at] == c)
                continue;
            key[at] = c;
            assert_false(gs1_is_key(key, GS1_GTIN));
        }
}

static void serials_are_of_set_82(void **state)
{
    assert_true(gs1_is_cset82("!\"%&'()*+,-./0", 20));
    assert_true(gs1_is_cset82("9:;<=>?AZ_az", 20));
    assert_false(gs1_is_cset82("", 20));
    assert_false(gs1_is_cset82("a b", 20));
    assert_false(gs1_is_cset82("a#", 20));
    assert_false(gs1_is_cset82("a$@[]^`{|}~", 20));
    assert_false(gs1_is_cset82("\xc3\xa4", 20));
    assert_true(gs1_is_cset82("12345678901234567890", 20));
    assert_false(gs1_is_cset82("123456789012345678901", 20));
}

static void expect_end(const char *date, const char *now, const char *end)
{
    int64_t at = 0, have = 0, want = 0;

    assert_true(lib_time_parse(now, &at) && lib_time_parse(end, &want));
    assert_true(gs1_date_end(date, at, &have));
    assert_int_equal(have, want);
}

static void a_date_without_a_day_lasts_to_the_months_end(void **state)
{
    int64_t end;

    expect_end("271231", "2026-01-01T00:00:00Z", "2028-01-01T00:00:00Z");
    expect_end("271200", "2026-01-01T00:00:00Z", "2028-01-01T00:00:00Z");
    expect_end("260200", "2026-01-01T00:00:00Z", "2026-03-01T00:00:00Z");
    expect_end("280200", "2026-01-01T00:00:00Z", "2028-03-01T00:00:00Z");
    expect_end("280229", "2026-01-01T00:00:00Z", "2028-03-01T00:00:00Z");
    /* the century next to the reader */
    expect_end("760101", "2026-01-01T00:00:00Z", "2076-01-02T00:00:00Z");
    expect_end("770101", "2026-01-01T00:00:00Z", "1977-01-02T00:00:00Z");
    expect_end("010101", "2095-06-01T00:00:00Z", "2101-01-02T00:00:00Z");
    assert_false(gs1_date_end("270229", NOW, &end));
    assert_false(gs1_date_end("271301", NOW, &end));
    assert_false(gs1_date_end("270001", NOW, &end));
    assert_false(gs1_date_end("27123", NOW, &end));
    assert_false(gs1_date_end("27123X", NOW, &end));
    assert_true(gs1_is_yymmd0("270200"));
    assert_false(gs1_is_yymmdd("270200"));
}

/* ---- URIs ---- */

static void expect(const char *uri, const char *want)
{
    char have[GS1_URI_SIZE];

    if (!gs1_uri_canonical(uri, have) || strcmp(have, want) != 0)
        fail_msg("%s is %s, and not %s", uri, have, want);
}

static void a_key_has_one_canonical_uri(void **state)
{
    static const char *const refused[] = { "urn:epc:id:sgtin:4012345.01111.1",     /* a digit too few */
                                           "urn:epc:id:sgtin:40123.11111111.1",    /* a prefix of five */
                                           "urn:epc:id:sgtin:4012345.011111.",     /* no serial */
                                           "urn:epc:id:sgtin:4012345.011111.a%20", /* a blank */
                                           "urn:epc:id:sgtin:4012345.011111.a/b",
                                           "urn:epc:id:sgtin:4012345.011111.a%2",
                                           "urn:epc:id:sscc:4012345.1",
                                           "urn:epc:id:sgtin:4012345.011111.123456789012345678901",
                                           "urn:epc:idpat:sgtin:4012345.011111.1" };
    static const char *const others[] = { "https://example.com/po/12345678",
                                          "urn:uuid:1",
                                          "geo:50.9,6.9",
                                          "",
                                          "https://id.gs1.org/01/040123451",
                                          "https://id.gs1.org/01",
                                          "https://id.gs1.org/00/34012345111111111X" };
    char out[GS1_URI_SIZE];
    struct gs1_name name;

    expect("urn:epc:id:sgtin:4012345.011111.9876", "https://id.gs1.org/01/04012345111118/21/9876");
    expect("https://example.com/a/gtin/04012345111118/lot/L1/ser/9876?x=y",
           "https://id.gs1.org/01/04012345111118/21/9876");
    expect("https://example.com/01/4012345111118/22/V1", "https://id.gs1.org/01/04012345111118");
    expect("urn:epc:id:sscc:4012345.3111111111", "https://id.gs1.org/00/340123451111111111");
    expect("urn:epc:id:sgln:4012345.00005.0", "https://id.gs1.org/414/4012345000054");
    expect("urn:epc:id:sgln:4012345.00005.a%2Fb", "https://id.gs1.org/414/4012345000054/254/a%2Fb");
    expect("urn:epc:class:lgtin:4012345.012345.Lot987", "https://id.gs1.org/01/04012345123456/10/Lot987");
    expect("urn:epc:idpat:sgtin:4012345.044444.*", "https://id.gs1.org/01/04012345444445");
    expect("urn:epc:id:sgtin:4012345.011111.%61%2fb", "https://id.gs1.org/01/04012345111118/21/a%2Fb");
    expect("https://example.com/01/04012345111118/21/%61%2fb", "https://id.gs1.org/01/04012345111118/21/a%2Fb");
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
        if (!gs1_uri_is_malformed(refused[i]))
            fail_msg("%s is taken", refused[i]);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        if (gs1_uri_canonical(others[i], out) || gs1_uri_is_malformed(others[i]))
            fail_msg("%s is taken for a key", others[i]);
    assert_true(gs1_uri_read("https://id.gs1.org/01/04012345111118/21/a%2Fb", &name));
    assert_string_equal(name.key, "04012345111118");
    assert_string_equal(name.serial, "a/b");
    gs1_uri_of_pack("04012345111118", "a/b(c)\"", out);
    assert_string_equal(out, "https://id.gs1.org/01/04012345111118/21/a%2Fb%28c%29%22");
}

/* ---- the dictionary ---- */

static const char set82[] = "!\"%&'()*+,-./0123456789:;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz";
static const char set39[] = "#-/0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

static unsigned long long seed = 1;

static unsigned pick(unsigned n)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(seed >> 33) % n;
}

static bool all_of(const char *s, const char *set)
{
    return s[strspn(s, set)] == 0;
}

/* The dictionary's linters, by its own words; false for one that is not known here. */
static bool lint(const char *linter, const char *s, bool *known)
{
    unsigned sum = 0;
    size_t n = strlen(s);

    if (strcmp(linter, "csum") == 0) {
        for (size_t i = 0; i < n; i++)
            sum += (unsigned)(s[n - 1 - i] - '0') * (i % 2 ? 3 : 1);
        return sum % 10 == 0;
    }
    if (strcmp(linter, "gcppos1") == 0)
        return strspn(s, "0123456789") >= 4;
    if (strcmp(linter, "gcppos2") == 0)
        return n > 1 && strspn(s + 1, "0123456789") >= 4;
    if (strcmp(linter, "yymmd0") == 0) {
        static const unsigned days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
        unsigned yy = (unsigned)(s[0] - '0') * 10 + (unsigned)(s[1] - '0');
        unsigned mm = (unsigned)(s[2] - '0') * 10 + (unsigned)(s[3] - '0');
        unsigned dd = (unsigned)(s[4] - '0') * 10 + (unsigned)(s[5] - '0');

        return mm >= 1 && mm <= 12 && dd <= days[mm - 1] + (mm == 2 && yy % 4 == 0);
    }
    if (strcmp(linter, "zero") == 0)
        return all_of(s, "0");
    if (strcmp(linter, "nozeroprefix") == 0)
        return *s != '0';
    if (strcmp(linter, "pieceoftotal") == 0)
        return memcmp(s, "00", 2) != 0 && memcmp(s, s + 2, 2) <= 0;
    *known = false;
    return false;
}

struct part {
    char type, linters[3][20];
    size_t min, max, linter_count;
    bool optional;
};

/* "N13,csum,gcppos1 [X..17]": the components of a specification; 0 for a linter that is not known here. */
static size_t parts_of(char *spec, struct part parts[4])
{
    char *rest = NULL;
    size_t n = 0;

    for (char *word = strtok_r(spec, " ", &rest); word && n < 4; word = strtok_r(NULL, " ", &rest)) {
        struct part *p = &parts[n++];
        char *inner = NULL, *piece;

        *p = (struct part){ .optional = *word == '[' };
        word += p->optional;
        word[strcspn(word, "]")] = word[strcspn(word, "]")] ? ',' : 0;
        piece = strtok_r(word, ",", &inner);
        p->type = *piece;
        p->max = (size_t)atoi(piece + (strstr(piece, "..") ? 3 : 1));
        p->min = strstr(piece, "..") ? 1 : p->max;
        while ((piece = strtok_r(NULL, ",", &inner)) != NULL)
            snprintf(p->linters[p->linter_count++], sizeof(p->linters[0]), "%s", piece);
    }
    return n;
}

static bool by_dictionary(const struct part *parts, size_t n, const char *value)
{
    char text[100];

    for (size_t i = 0; i < n; i++) {
        size_t have = strlen(value), take = have < parts[i].max ? have : parts[i].max;
        bool known = true;

        if (have == 0 && parts[i].optional)
            return true;
        snprintf(text, sizeof(text), "%.*s", (int)take, value);
        if (take < parts[i].min || !all_of(text, parts[i].type == 'N'   ? "0123456789"
                                                 : parts[i].type == 'X' ? set82
                                                                        : set39))
            return false;
        for (size_t l = 0; l < parts[i].linter_count; l++)
            if (!lint(parts[i].linters[l], text, &known))
                return false;
        value += take;
    }
    return *value == 0;
}

/* Something that is nearly right. */
static void sample(const struct part *parts, size_t n, char out[120])
{
    size_t len = 0;

    for (size_t i = 0; i < n; i++) {
        const char *set = parts[i].type == 'N' ? "0123456789" : parts[i].type == 'X' ? set82 : set39;
        size_t take = parts[i].min +
                      (parts[i].max > parts[i].min ? pick((unsigned)(parts[i].max - parts[i].min + 1)) : 0);
        size_t start = len;

        if (parts[i].optional && pick(3) == 0)
            break;
        for (size_t k = 0; k < take; k++)
            out[len++] = pick(40) == 0 ? set82[pick(sizeof(set82) - 1)] : set[pick((unsigned)strlen(set))];
        for (size_t l = 0; l < parts[i].linter_count && pick(8) != 0; l++) {
            if (strcmp(parts[i].linters[l], "csum") == 0)
                out[len - 1] = gs1_check_digit(out + start, len - 1 - start);
            else if (strcmp(parts[i].linters[l], "zero") == 0)
                out[start] = '0';
            else if (strncmp(parts[i].linters[l], "gcppos1", 7) == 0 && parts[i].type != 'N')
                for (size_t k = start; k < len && k < start + 4; k++)
                    out[k] = (char)('0' + pick(10));
            else if (strcmp(parts[i].linters[l], "yymmd0") == 0)
                out[start + 2] = (char)('0' + pick(2)), out[start + 4] = (char)('0' + pick(4));
        }
    }
    if (pick(30) == 0)
        out[len++] = set82[pick(sizeof(set82) - 1)];
    if (len && pick(30) == 0)
        len--;
    out[len] = 0;
}

static void compare_entry(tally *t, const char *ai, char *spec)
{
    static const char *const ours[] = { "00",   "01",   "02",   "10",   "11",   "17",   "21",  "22",
                                        "235",  "253",  "254",  "255",  "401",  "402",  "414", "417",
                                        "8003", "8004", "8006", "8010", "8011", "8017", "8018" };
    struct part parts[4];
    size_t n, right = 0, i = 0;
    char value[120];

    while (i < sizeof(ours) / sizeof(ours[0]) && strcmp(ours[i], ai) != 0)
        i++;
    if (i == sizeof(ours) / sizeof(ours[0])) {
        tally_skip(t, "on no pack, case, place or event of ours");
        return;
    }
    n = parts_of(spec, parts);
    for (i = 0; i < SAMPLES; i++) {
        bool want;

        sample(parts, n, value);
        want = by_dictionary(parts, n, value);
        right += want;
        if (gs1_is_value(ai, value) != want) {
            tally_fail(t, "AI %s: \"%s\" is %s by the dictionary", ai, value, want ? "right" : "wrong");
            return;
        }
    }
    if (right > SAMPLES / 20 && right < SAMPLES)
        tally_pass(t);
    else
        tally_fail(t, "AI %s: %zu of %d samples were right", ai, right, SAMPLES);
}

static void the_dictionarys_rules_hold(void **state)
{
    tally t = { .set = "gs1-syntax-dictionary" };
    char *text = shared_read(t.set, "gs1-syntax-dictionary.txt", NULL), *rest = NULL;

    if (!text)
        SKIP("no data in %s", shared_path(t.set, NULL));
    for (char *line = strtok_r(text, "\r\n", &rest); line; line = strtok_r(NULL, "\r\n", &rest)) {
        char ai[16], spec[64], *at;
        size_t n;

        if (*line < '0' || *line > '9')
            continue;
        n = strcspn(line, " ");
        snprintf(ai, sizeof(ai), "%.*s", (int)n, line);
        at = line + n;
        at += strspn(at, " *?");
        /* two blanks, or an attribute, end the specification */
        n = strstr(at, "  ") ? (size_t)(strstr(at, "  ") - at) : strlen(at);
        snprintf(spec, sizeof(spec), "%.*s", (int)n, at);
        compare_entry(&t, ai, spec);
    }
    free(text);
    assert_true(tally_print(&t));
    assert_int_equal(t.passed, 23);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_ends_with_its_check_digit),
        cmocka_unit_test(a_wrong_digit_is_noticed),
        cmocka_unit_test(serials_are_of_set_82),
        cmocka_unit_test(a_date_without_a_day_lasts_to_the_months_end),
        cmocka_unit_test(a_key_has_one_canonical_uri),
        cmocka_unit_test(the_dictionarys_rules_hold),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

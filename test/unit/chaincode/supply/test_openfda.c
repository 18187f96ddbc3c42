/*
 * supply: the products of the US National Drug Code directory and of drug labels, as openFDA has them, register. A package
 * code of ten digits is a GTIN: "003", the code, and the check digit.
 */
#include "test/unit/chaincode/supply/goods.h"

#include <ctype.h>

#include "test/support/shared_data.h"
#include "test/support/tally.h"

#include "lib/gs1.h"
#include "lib/value.h"

static int start(void **state)
{
    (void)state;
    health_start(supply_orgs);
    install_supply("supply", &supply_chaincode);
    as_maker();
    return 0;
}

/* The digits of "0009-0058-01"; false when they are not ten. */
static bool gtin_of(const char *package, char out[GS1_GTIN + 1])
{
    size_t n = 3;

    strcpy(out, "003");
    for (; *package; package++)
        if (isdigit((unsigned char)*package) && n < 13)
            out[n++] = *package;
        else if (*package != '-')
            return false;
    if (n != 13)
        return false;
    out[13] = gs1_check_digit(out, 13);
    out[14] = 0;
    return true;
}

/* Words as a code: "INJECTION, SOLUTION" is INJECTION-SOLUTION. */
static const char *code_of(const char *words, char out[65])
{
    size_t n = 0;

    for (; *words && n < 64; words++) {
        char one[2] = { *words, 0 };

        if (lib_is_id(one))
            out[n++] = *words;
        else if (n && out[n - 1] != '-')
            out[n++] = '-';
    }
    while (n && out[n - 1] == '-')
        n--;
    out[n] = 0;
    return out;
}

/* "48 VIAL, GLASS in 1 CONTAINER": how many; one where it isn't counted, as in "5.3 g in 1 TUBE". */
static const char *units_of(const char *description, char out[16])
{
    const size_t n = strspn(description, "0123456789");

    if (n == 0 || n > 6 || description[n] != ' ' || *description == '0')
        strcpy(out, "1");
    else
        snprintf(out, 16, "%.*s", (int)n, description);
    return out;
}

struct row {
    const char *package, *product, *ingredient, *strength, *form, *units, *display, *kind;
};

static void register_row(tally *t, const struct row *row)
{
    char gtin[GS1_GTIN + 1], drug[160], ingredient[65], strength[65], form[65], display[129], want[40];
    const bool otc = row->kind && strstr(row->kind, "OTC");
    fcc_test_result r;

    if (!gtin_of(row->package, gtin)) {
        tally_skip(t, "package codes without ten digits");
        return;
    }
    if (fcc_test_evaluate(world, "supply", "GetProduct", gtin, FCC_END).status == 200) {
        tally_skip(t, "packages that another row has as well");
        return;
    }
    snprintf(drug, sizeof(drug), "[{\"system\":\"http://hl7.org/fhir/sid/ndc\",\"code\":\"%s\"}]", row->product);
    snprintf(display, sizeof(display), "%.128s", *row->display ? row->display : row->product);
    r = fcc_test_submit(world, "supply", "RegisterProduct", gtin, drug, code_of(row->ingredient, ingredient),
                        code_of(row->strength, strength), code_of(row->form, form), row->units, "false",
                        otc ? "false" : "true", "[\"US\"]", display, FCC_END);
    if (r.status != 200 || r.code != FCC_TEST_VALID) {
        tally_fail(t, "%s: %d %s%s", row->package, (int)r.status, r.message, r.why);
        return;
    }
    r = fcc_test_evaluate(world, "supply", "GetProduct", gtin, FCC_END);
    snprintf(want, sizeof(want), "\"unitsPerPack\":%s", row->units);
    if (r.status == 200 && strstr(r.payload, row->product) && strstr(r.payload, want))
        tally_pass(t);
    else
        tally_fail(t, "%s is registered as %s", row->package, r.payload);
}

/* The lines of a table after its head, each cut at tabs. */
static void each_line(const char *file, char *text, void (*take)(tally *t, char *cells[24], size_t n), tally *t)
{
    char *rest = NULL, *cells[24], *line = text ? strtok_r(text, "\r\n", &rest) : NULL;

    if (!text) {
        tally_fail(t, "%s can't be read", file);
        return;
    }
    while ((line = strtok_r(NULL, "\r\n", &rest)) != NULL) {
        size_t n = 0;

        while (line && n < 24)
            cells[n++] = strsep(&line, "\t");
        take(t, cells, n);
    }
}

static void take_package(tally *t, char *cells[24], size_t n)
{
    char units[16];
    const struct row row = { cells[2], cells[1], "", "", "", n > 3 ? units_of(cells[3], units) : "1", "", NULL };

    if (n < 4)
        tally_fail(t, "a row of %zu cells", n);
    else
        register_row(t, &row);
}

/* The directory's products, whose packages are in another table: as the package "01" of each. */
static void take_product(tally *t, char *cells[24], size_t n)
{
    char package[32];
    struct row row = { package, cells[1], "", "", "", "1", "", NULL };

    if (n < 16) {
        tally_fail(t, "a row of %zu cells", n);
        return;
    }
    snprintf(package, sizeof(package), "%s-%s", cells[1], "99");
    row = (struct row){ package, cells[1], cells[13], cells[14], cells[6], "1", cells[3], cells[2] };
    register_row(t, &row);
}

static void take_label(tally *t, const char *line)
{
    json_t *label = json_loads(line, 0, NULL);
    const json_t *packages = json_object_get(label, "package_ndc"), *unii = json_object_get(label, "unii_indexing");
    char ingredient[256] = "";
    struct row row = { .product = lib_text(label, "product_ndc"),
                       .strength = "",
                       .form = lib_text(label, "dosage_form"),
                       .units = "1",
                       .display = lib_text(label, "brand_name"),
                       .kind = lib_text(label, "product_type") };

    /* the substances' own codes, as many as a code of ours can have */
    for (size_t i = 0; i < json_array_size(unii) && i < 5; i++) {
        const char *one = lib_text(json_array_get(unii, i), "unii");

        snprintf(ingredient + strlen(ingredient), sizeof(ingredient) - strlen(ingredient), "%s%s", i ? "-" : "",
                 one ? one : "");
    }
    row.ingredient = ingredient;
    if (!row.product || !*row.product || json_array_size(packages) == 0)
        tally_skip(t, "labels without a product's code or package");
    else if (!row.form || !row.display)
        tally_fail(t, "%s has no form or name", row.product);
    else
        for (size_t i = 0; i < json_array_size(packages); i++) {
            row.package = json_string_value(json_array_get(packages, i));
            register_row(t, &row);
        }
    json_decref(label);
}

static void products_register(void **state)
{
    tally t = { .set = "openfda" };
    char *text, *rest = NULL;

    shared_need(t.set);
    text = shared_read(t.set, "ndc-product_trimmed.txt", NULL);
    each_line("ndc-product_trimmed.txt", text, take_product, &t);
    free(text);
    text = shared_read(t.set, "ndc-package_trimmed.txt", NULL);
    each_line("ndc-package_trimmed.txt", text, take_package, &t);
    free(text);
    text = shared_read(t.set, "ndc-package-sample.tsv", NULL);
    each_line("ndc-package-sample.tsv", text, take_package, &t);
    free(text);
    text = shared_read(t.set, "drug-labels-harmonized.small.ndjson", NULL);
    assert_non_null(text);
    for (char *line = strtok_r(text, "\r\n", &rest); line; line = strtok_r(NULL, "\r\n", &rest))
        take_label(&t, line);
    free(text);
    assert_true(tally_print(&t));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(products_register, start, health_stop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* describe.c: what a chaincode's table says of itself, to people (README) and to clients (the contract's metadata). */
#include <stdlib.h>
#include <string.h>

#include "lib/call.h"
#include "lib/json.h"

/* ---- README's table ---- */

static void put_roles(FILE *out, unsigned roles)
{
    const char *name;
    bool first = true;

    if (roles == LIB_EVERY_ROLE) {
        fputs("anyone", out);
        return;
    }
    for (unsigned bit = 1; bit <= LIB_ADMIN; bit <<= 1)
        if (roles & bit && (name = lib_role_name(bit)) != NULL) {
            fprintf(out, "%s%s", first ? "" : ", ", name);
            first = false;
        }
}

static void put_callers(FILE *out, const lib_spec *spec)
{
    if (spec->flags & LIB_INTERNAL) {
        fputs("internal: ", out);
        for (const char *const *name = spec->sisters; name && *name; name++)
            fprintf(out, "%s%s", name == spec->sisters ? "" : ", ", *name);
    } else if (spec->callers) {
        fputs(spec->callers, out);
    } else {
        put_roles(out, spec->roles);
        if (spec->flags & LIB_CARE)
            fputs(" of H, C", out);
    }
}

static void put_names(FILE *out, const lib_field *fields, size_t count)
{
    if (count == 0)
        fputs("–", out);
    for (size_t i = 0; i < count; i++)
        fprintf(out, "%s`%s`%s", i ? ", " : "", fields[i].name, fields[i].optional ? "?" : "");
}

static void put_words(FILE *out, const lib_field *field)
{
    for (const char *const *word = field->words; word && *word; word++)
        fprintf(out, "%s`%s`", word == field->words ? "" : ", ", *word);
}

static void put_form(FILE *out, const lib_field *field)
{
    switch (field->type) {
    case LIB_ID:
        fputs("id: `[A-Za-z0-9._:-]{1,64}`", out);
        break;
    case LIB_PID:
        fputs("26 characters of `a-z2-7`", out);
        break;
    case LIB_HEX:
        fprintf(out, "%d lower-case hexadecimal digits", (int)field->max);
        break;
    case LIB_TIME:
        fputs("time: `YYYY-MM-DDTHH:MM:SSZ`", out);
        break;
    case LIB_DATE:
        fputs("date: `YYYY-MM-DD`", out);
        break;
    case LIB_INT:
        fprintf(out, "integer, %lld to %lld", (long long)field->min, (long long)field->max);
        break;
    case LIB_WORD:
        put_words(out, field);
        break;
    case LIB_WORDS:
        fprintf(out, "array of %d to %d of ", (int)field->min, (int)field->max);
        put_words(out, field);
        break;
    case LIB_IDS:
        fprintf(out, "array of %d to %d ids", (int)field->min, (int)field->max);
        break;
    case LIB_AREAS:
        fprintf(out, "array of %d to %d regions", (int)field->min, (int)field->max);
        break;
    case LIB_CID:
        fputs("CIDv1 in base32, sha2-256", out);
        break;
    case LIB_MIME:
        fputs("media type", out);
        break;
    case LIB_LETTERS:
        fprintf(out, "1 to %d letters", (int)field->max);
        break;
    case LIB_GRANTEE:
        fputs("`u:UID`, `r:ROLE@GLN` or `m:MSPID`", out);
        break;
    case LIB_GLN:
        fputs("GLN: 13 digits, the last one a check digit", out);
        break;
    case LIB_AREA:
        fputs("region: ISO 3166-2 (`DE-BE`) or a country (`DE`)", out);
        break;
    case LIB_DISPLAY:
        fprintf(out, "1 to %d bytes without control characters", (int)field->max);
        break;
    case LIB_TEXT:
        fprintf(out, "words, %d to %d bytes", (int)field->min, (int)field->max);
        break;
    case LIB_URI:
        fprintf(out, "a foreign identifier: URI, up to %d bytes", (int)field->max);
        break;
    case LIB_SIGNATURE:
        fputs("public key (SubjectPublicKeyInfo), `.`, signature: both DER in hexadecimal", out);
        break;
    case LIB_GTIN:
        fputs("GTIN: 14 digits, the last one a check digit", out);
        break;
    case LIB_SSCC:
        fputs("SSCC: 18 digits, the last one a check digit", out);
        break;
    case LIB_CSET82:
        fprintf(out, "1 to %d characters of GS1's set 82", (int)field->max);
        break;
    case LIB_EXPIRY:
        fputs("`YYMMDD`, DD 00: the last day of the month", out);
        break;
    case LIB_TOKEN:
        fputs("`next` of the page before", out);
        break;
    case LIB_OBJECT:
        fputs("object", out);
        break;
    case LIB_ARRAY:
        fprintf(out, "array of %d to %d", (int)field->min, (int)field->max);
        break;
    }
}

static bool same_form(const lib_field *a, const lib_field *b)
{
    return strcmp(a->name, b->name) == 0 && a->type == b->type && a->min == b->min && a->max == b->max &&
           a->words == b->words;
}

/* The i-th of all fields of all functions, arguments first; NULL behind the last. */
static const lib_field *field_at(const lib_table *table, size_t i)
{
    for (size_t f = 0; f < table->count; f++) {
        const lib_spec *spec = table->entries[f].spec;

        if (i < spec->arg_count)
            return &spec->args[i];
        i -= spec->arg_count;
        if (i < spec->field_count)
            return &spec->fields[i];
        i -= spec->field_count;
    }
    return NULL;
}

bool lib_describe(FILE *out, const lib_table *table)
{
    const lib_field *field;

    fputs(
        "| function | arguments | T | callers | reads | writes | end. | answer |\n|---|---|---|---|---|---|---|---|\n",
        out);
    for (size_t i = 0; i < table->count; i++) {
        const lib_spec *spec = table->entries[i].spec;
        const char *const texts[] = { spec->reads, spec->writes, spec->endorsers, spec->answer };

        fprintf(out, "| %s | ", table->entries[i].name);
        put_names(out, spec->args, spec->arg_count);
        fputs(" | ", out);
        put_names(out, spec->fields, spec->field_count);
        fputs(" | ", out);
        put_callers(out, spec);
        for (size_t t = 0; t < sizeof(texts) / sizeof(texts[0]); t++)
            fprintf(out, " | %s", texts[t] ? texts[t] : t == 2 && !(spec->flags & LIB_WRITES) ? "q" : "–");
        fputs(" |\n", out);
    }
    fputs("\n| field | form |\n|---|---|\n", out);
    for (size_t i = 0; (field = field_at(table, i)) != NULL; i++) {
        size_t before = 0;

        while (before < i && !same_form(field_at(table, before), field))
            before++;
        if (before < i)
            continue;
        fprintf(out, "| `%s` | ", field->name);
        put_form(out, field);
        fputs(" |\n", out);
    }
    return fflush(out) == 0;
}

/* ---- metadata ---- */

static json_t *schema_of(const lib_field *field)
{
    json_t *words = json_array();

    for (const char *const *word = field->words; word && *word; word++)
        json_array_append_new(words, json_string(*word));
    switch (field->type) {
    case LIB_INT:
        json_decref(words);
        return json_pack("{s:s,s:I,s:I}", "type", "integer", "minimum", field->min, "maximum", field->max);
    case LIB_WORD:
        return json_pack("{s:s,s:o}", "type", "string", "enum", words);
    case LIB_WORDS:
        return json_pack("{s:s,s:{s:s,s:o}}", "type", "array", "items", "type", "string", "enum", words);
    case LIB_IDS:
    case LIB_AREAS:
        json_decref(words);
        return json_pack("{s:s,s:{s:s}}", "type", "array", "items", "type", "string");
    case LIB_ARRAY:
        json_decref(words);
        return json_pack("{s:s}", "type", "array");
    case LIB_OBJECT:
        json_decref(words);
        return json_pack("{s:s}", "type", "object");
    default:
        json_decref(words);
        return json_pack("{s:s}", "type", "string");
    }
}

static json_t *transaction_of(const lib_entry *entry)
{
    bool writes = entry->spec->flags & LIB_WRITES;
    json_t *parameters = json_array();

    for (size_t i = 0; i < entry->spec->arg_count; i++)
        json_array_append_new(parameters, json_pack("{s:s,s:o}", "name", entry->spec->args[i].name, "schema",
                                                    schema_of(&entry->spec->args[i])));
    return json_pack("{s:s,s:[s,s],s:o}", "name", entry->name, "tag", writes ? "submit" : "evaluate",
                     writes ? "SUBMIT" : "EVALUATE", "parameters", parameters);
}

fcc_status lib_metadata(fcc_stub *stub, fcc_args args, const lib_table *table)
{
    json_t *transactions = json_array(), *whole;
    size_t len = 0;
    char *text;
    fcc_status st;

    for (size_t i = 0; i < table->count; i++)
        json_array_append_new(transactions, transaction_of(&table->entries[i]));
    whole = json_pack("{s:{s:s,s:s},s:{s:{s:s,s:b,s:{s:s,s:s},s:o}},s:{}}", "info", "title", table->name, "version",
                      "1", "contracts", table->name, "name", table->name, "default", 1, "info", "title", table->name,
                      "version", "1", "transactions", transactions, "components");
    text = lib_json_canonical(whole, &len);
    st = text ? fcc_reply(stub, fcc_bytes_of(text, len)) : FCC_ERR_NOMEM;
    free(text);
    json_decref(whole);
    return st;
}

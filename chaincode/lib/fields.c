/* fields.c: exactly the fields that a message may have, each of its form. */
#include <string.h>

#include "lib/call.h"
#include "lib/gs1.h"
#include "lib/json.h"

const char *const lib_scopes[] = { "consent", "records", "appointments", "prescriptions", NULL };
const char *const lib_purposes[] = { "TREAT", "HPAYMT", "HOPERAT", "HLEGAL", "HRESCH", NULL };
const char *const lib_categories[] = { "general", "lab",       "imaging",    "medication", "immunization",
                                       "allergy", "procedure", "psychiatry", "substance",  "sexual",
                                       "genetic", "social",    NULL };
const char *const lib_sensitivities[] = { "N", "R", "V", NULL };

int lib_sensitivity_rank(const char *s)
{
    return s[0] == 'V' ? 2 : s[0] == 'R' ? 1 : 0;
}

static bool one_of(const char *s, const char *const *words)
{
    for (; *words; words++)
        if (strcmp(s, *words) == 0)
            return true;
    return false;
}

/* Strings of one form, each once. */
static bool is_list(const json_t *value, const lib_field *field)
{
    size_t n = json_array_size(value);

    if (!json_is_array(value) || (int64_t)n < field->min || (int64_t)n > field->max)
        return false;
    for (size_t i = 0; i < n; i++) {
        const char *s = json_string_value(json_array_get(value, i));

        if (!s || !(field->type == LIB_IDS     ? lib_is_id(s)
                    : field->type == LIB_AREAS ? lib_is_region(s)
                                               : one_of(s, field->words)))
            return false;
        for (size_t j = 0; j < i; j++)
            if (strcmp(s, json_string_value(json_array_get(value, j))) == 0)
                return false;
    }
    return true;
}

static bool is_token(const char *s, size_t max)
{
    size_t n = strlen(s);

    for (size_t i = 0; i < n; i++) {
        char one[2] = { s[i], 0 };

        if (s[i] != '~' && s[i] != '@' && !lib_is_id(one))
            return false;
    }
    return n > 0 && n <= max;
}

static bool is_text(const char *s, const lib_field *field)
{
    size_t n = strlen(s);

    return s[strspn(s, " \t\r\n")] != 0 && (int64_t)n >= field->min && (int64_t)n <= field->max;
}

static bool has_form(const json_t *value, const lib_field *field)
{
    const char *s = json_string_value(value);
    uint8_t digest[LIB_SHA256_LEN];
    int64_t epoch;
    bool raw;

    switch (field->type) {
    case LIB_ID:
        return s && lib_is_id(s);
    case LIB_PID:
        return s && lib_is_pid(s);
    case LIB_HEX:
        return s && lib_is_hex(s, (size_t)field->max);
    case LIB_TIME:
        return s && lib_time_parse(s, &epoch);
    case LIB_INT:
        return json_is_integer(value) && json_integer_value(value) >= field->min &&
               json_integer_value(value) <= field->max;
    case LIB_WORD:
        return s && one_of(s, field->words);
    case LIB_WORDS:
    case LIB_IDS:
    case LIB_AREAS:
        return is_list(value, field);
    case LIB_CID:
        return s && lib_cid_parse(s, digest, &raw);
    case LIB_MIME:
        return s && lib_is_mime(s);
    case LIB_LETTERS:
        return s && lib_is_letters(s, (size_t)field->max);
    case LIB_GRANTEE:
        return s && lib_is_grantee(s);
    case LIB_TEXT:
        return s && is_text(s, field);
    case LIB_TOKEN:
        return s && is_token(s, (size_t)field->max);
    case LIB_GLN:
        return s && lib_is_gln(s);
    case LIB_AREA:
        return s && lib_is_region(s);
    case LIB_DATE:
        return s && lib_date_parse(s, &epoch);
    case LIB_URI:
        return s && lib_is_uri(s, (size_t)field->max);
    case LIB_SIGNATURE:
        return s && strlen(s) <= (size_t)field->max && s[strspn(s, "0123456789abcdef.")] == 0 && s[0];
    case LIB_DISPLAY:
        return s && lib_is_display(s, (size_t)field->max);
    case LIB_GTIN:
        return s && gs1_is_key(s, GS1_GTIN);
    case LIB_SSCC:
        return s && gs1_is_key(s, GS1_SSCC);
    case LIB_CSET82:
        return s && gs1_is_cset82(s, (size_t)field->max);
    case LIB_EXPIRY:
        return s && gs1_is_yymmd0(s);
    case LIB_OBJECT:
        return json_is_object(value);
    case LIB_ARRAY:
        return json_is_array(value) && (int64_t)json_array_size(value) >= field->min &&
               (int64_t)json_array_size(value) <= field->max;
    }
    return false;
}

/* An argument as the value of its type: lists and objects are JSON, integers decimal, everything else is the text. */
static json_t *read_arg(fcc_bytes text, lib_type type)
{
    const char *why;
    size_t i = 0;
    int64_t n = 0;

    switch (type) {
    case LIB_WORDS:
    case LIB_IDS:
    case LIB_AREAS:
    case LIB_OBJECT:
    case LIB_ARRAY:
        return lib_json_load(text, &why);
    case LIB_INT:
        for (; i < text.len && i < 15 && text.data[i] >= '0' && text.data[i] <= '9'; i++)
            n = n * 10 + (text.data[i] - '0');
        return i > 0 && i == text.len && (text.data[0] != '0' || i == 1) ? json_integer(n) : NULL;
    default:
        return text.len && memchr(text.data, 0, text.len) ? NULL : json_stringn((const char *)text.data, text.len);
    }
}

fcc_status lib_read_args(lib_call *call, const lib_field *fields, size_t count)
{
    json_t *public = lib_own(call, json_object());

    if (!public)
        return FCC_ERR_NOMEM;
    call->public = public;
    for (size_t i = 0; i < count; i++) {
        fcc_bytes text = call->args.v[i];
        json_t *value;

        if (text.len == 0 && fields[i].optional)
            continue;
        value = lib_own(call, read_arg(text, fields[i].type));
        if (!value || !has_form(value, &fields[i]))
            return lib_refuse(call, LIB_BAD_INPUT, "%s is not what it should be", fields[i].name);
        if (json_object_set(public, fields[i].name, value) != 0)
            return FCC_ERR_NOMEM;
    }
    return FCC_OK;
}

fcc_status lib_check_fields(lib_call *call, const json_t *object, const lib_field *fields, size_t count,
                            const char *where)
{
    size_t seen = 0, len = strlen(where);

    if (!json_is_object(object)) /* `where` ends with a dot */
        return lib_refuse(call, LIB_BAD_INPUT, "%.*s is not an object", len ? (int)len - 1 : 2, len ? where : "in");
    for (size_t i = 0; i < count; i++) {
        const json_t *value = json_object_get(object, fields[i].name);

        if (!value && !fields[i].optional)
            return lib_refuse(call, LIB_BAD_INPUT, "%s%s is missing", where, fields[i].name);
        if (value && !has_form(value, &fields[i]))
            return lib_refuse(call, LIB_BAD_INPUT, "%s%s is not what it should be", where, fields[i].name);
        seen += value != NULL;
    }
    /* its name is not repeated: who misplaces fields may misplace content too */
    if (seen != json_object_size(object))
        return lib_refuse(call, LIB_BAD_INPUT, "%sa field that is not known here", where);
    return FCC_OK;
}

/* fields.c: exactly the fields that a message may have, each of its form. */
#include <string.h>

#include "lib/call.h"

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

        if (!s || !(field->type == LIB_IDS ? lib_is_id(s) : one_of(s, field->words)))
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
    case LIB_OBJECT:
        return json_is_object(value);
    case LIB_ARRAY:
        return json_is_array(value) && (int64_t)json_array_size(value) >= field->min &&
               (int64_t)json_array_size(value) <= field->max;
    }
    return false;
}

fcc_status lib_check_fields(lib_call *call, const json_t *object, const lib_field *fields, size_t count,
                            const char *where)
{
    size_t seen = 0;

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

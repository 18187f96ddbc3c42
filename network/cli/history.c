/* medsync history: what happened to a key, as far as the chaincode tells. */
#include "cli/cli.h"

#include "base/hash.h"
#include "base/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char usage[] =
    "usage: medsync history [OPTION]... CHAINCODE KEY\n\n"
    "Lists what happened to KEY, oldest first. For ehr and consent KEY is the id of a public act (ActHistory, asked "
    "by\n"
    "auditor1 unless --user says otherwise); for other chaincodes it is a key of their state, if they answer\n"
    "`run [\"GetHistoryForKey\",KEY]` as probe does.";

static bool keeps_acts(const char *chaincode)
{
    return !strcmp(chaincode, "ehr") || !strcmp(chaincode, "consent");
}

/* {"history":[{"at","deleted","txId","value"}],"id"} */
static int show_acts(const cli_call *c, fcc_bytes payload)
{
    json_error_t why;
    json_t *root = json_loadb((const char *)payload.data, payload.len, JSON_REJECT_DUPLICATES, &why);
    json_t *item;
    size_t i;

    if (!json_is_array(json_object_get(root, "history"))) {
        json_decref(root);
        return cli_failed(c->command, FCC__E_CLI_ANSWER, "%s answered no history", c->call.chaincode);
    }
    json_array_foreach(json_object_get(root, "history"), i, item)
    {
        const char *at = json_string_value(json_object_get(item, "at"));
        const char *tx = json_string_value(json_object_get(item, "txId"));
        char *value = json_dumps(json_object_get(item, "value"), JSON_COMPACT | JSON_ENCODE_ANY);

        printf("%s  %s  %s\n", at ? at : "-", tx ? tx : "-",
               json_is_true(json_object_get(item, "deleted")) ? "deleted" : (value ? value : ""));
        free(value);
    }
    json_decref(root);
    return CLI_OK;
}

typedef struct version {
    char tx[65];
    char deleted[6];
    long long seconds;
    fcc_bytes hex;
} version;

static void show_version(const cli_call *c, const version *v)
{
    time_t at = (time_t)v->seconds;
    fcc_bytes value;
    struct tm tm;

    if (gmtime_r(&at, &tm))
        printf("%04d-%02d-%02dT%02d:%02d:%02dZ  ", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
               tm.tm_sec);
    printf("%s  ", v->tx);
    if (!strcmp(v->deleted, "true"))
        puts("deleted");
    else if (fcc__unhex(c->arena, v->hex, &value) == FCC_OK && fcc__utf8_valid(value))
        printf(FCC_FMT "\n", FCC_ARG(value));
    else
        printf("0x" FCC_FMT "\n", FCC_ARG(v->hex));
}

/* probe's ["txid:valuehex:isdelete:seconds.nanos;..."], the newest first as Fabric has it */
static int show_steps(const cli_call *c, fcc_bytes payload)
{
    json_error_t why;
    json_t *root = json_loadb((const char *)payload.data, payload.len, 0, &why);
    const char *text = json_string_value(json_array_get(root, 0)), *p;
    version *versions;
    size_t n = 0, most = 0;
    int status = CLI_OK, used;

    if (!text || text[0] == '!') {
        status = text ? cli_failed(c->command, FCC__E_TX_REFUSED, "%s", text + 1)
                      : cli_failed(c->command, FCC__E_CLI_ANSWER, "%s answered no history", c->call.chaincode);
        goto out;
    }
    for (p = text; *p; p++)
        most += *p == ';';
    versions = fcc__arena_zalloc(c->arena, most + 1, sizeof(*versions));
    if (!versions) {
        status = cli_failed(c->command, FCC__E_STAT_RES, "out of memory");
        goto out;
    }
    while (n < most && sscanf(text, "%64[^:]:", versions[n].tx) == 1) {
        const char *hex = text + strlen(versions[n].tx) + 1, *end = strchr(hex, ':');

        if (!end || sscanf(end, ":%5[a-z]:%lld.%*d;%n", versions[n].deleted, &versions[n].seconds, &used) != 2)
            break;
        versions[n++].hex = fcc_bytes_of(hex, (size_t)(end - hex));
        text = end + used;
    }
    while (n > 0)
        show_version(c, &versions[--n]);
out:
    json_decref(root);
    return status;
}

int cli_history(int argc, char **argv)
{
    cli_call c;
    client *who = NULL;
    client_answer answer = { 0 };
    fcc_error error = { 0 };
    fcc_bytes args[2];
    fcc_status st;
    json_t *step;
    char *text = NULL;
    int status = cli_call_parse(&c, "history", usage, argc, argv);

    if (status >= 0)
        goto out;
    if (c.call.arg_count != 1) {
        status = cli_usage(c.command, "history takes a chaincode and one key");
        goto out;
    }
    if (keeps_acts(c.call.chaincode)) {
        args[0] = fcc_str("ActHistory");
        args[1] = c.call.args[0];
        if (!c.open.user && !c.open.msp_dir)
            c.open.user = "auditor1";
    } else {
        step = json_pack("[s, o]", "GetHistoryForKey",
                         json_stringn((const char *)c.call.args[0].data, c.call.args[0].len));
        text = step ? json_dumps(step, JSON_COMPACT) : NULL;
        json_decref(step);
        if (!text) {
            status = cli_failed(c.command, FCC__E_STAT_USAGE, "the key is not UTF-8");
            goto out;
        }
        args[0] = fcc_str("run");
        args[1] = fcc_str(text);
    }
    c.call.args = args;
    c.call.arg_count = 2;
    st = client_open(&c.open, &who, &error);
    if (st == FCC_OK)
        st = client_query(who, &c.call, c.arena, &answer, &error);
    if (st != FCC_OK || c.json)
        status = cli_call_show(&c, st, &answer, &error, false);
    else
        status = keeps_acts(c.call.chaincode) ? show_acts(&c, answer.payload) : show_steps(&c, answer.payload);
out:
    free(text);
    client_close(who);
    cli_call_clear(&c);
    return status;
}

/* medsync appointments: a practice's calendar out of its old system onto the channel. */
#include "cli/cli.h"

#include "fhir/agenda.h"
#include "fhir/fhir.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char usage[] =
    "usage: medsync appointments import [OPTION]... --doctor REF=UID... FILE...\n\n"
    "Reads FHIR's Schedules, Slots and Appointments (a resource, a Bundle or NDJSON a file). Free slots are published "
    "as\n"
    "units of the doctor's time; appointments that are booked are held and booked, with the time that they need. Each "
    "is\n"
    "tried whatever is on the channel, and what is there already stays, so an import can be run again. What can't be "
    "taken\n"
    "over is counted, by the reason.\n\n"
    "  --doctor REF=UID  whose a schedule is: Practitioner/7=uid-h-0001, Location/2=…, Schedule/10=…; repeatable\n"
    "  --patient REF=PID who a patient is: Patient/1=…; repeatable\n"
    "  --patients FILE   the same from a file, REF=PID a line\n"
    "  --shift WEEKS     move everything by so many weeks\n"
    "  --dry-run         only say what it comes to\n"
    "  --user NAME       desk or administrator of the site; --org ORG, --dir DIR as elsewhere (" CLI_DEFAULT_DIR ")\n"
    "  --endorse A,B     who endorses (HospitalMSP,ClinicMSP)\n"
    "  --timeout SECONDS for each request (30)\n"
    "  --json            one JSON object\n";

enum { ORGS_MAX = 8, WEEK = 7 * 86400 };

typedef struct import_run {
    client_options open;
    client *who;
    fcc__arena *call;
    const char *orgs[ORGS_MAX];
    size_t org_count;
    json_t *names; /* reference to uid or pid */
    int64_t weeks;
    bool dry, json;
    size_t published, units, there, booked, refused;
    json_t *refusals;
    int status;
} import_run;

/* ---- whom references mean ---- */

static const char *named(void *ctx, const char *reference)
{
    const import_run *r = ctx;

    return json_string_value(json_object_get(r->names, reference));
}

static bool add_name(import_run *r, const char *pair)
{
    const char *equals = strchr(pair, '=');
    char reference[512];

    if (!equals || equals == pair || !equals[1] || (size_t)(equals - pair) >= sizeof(reference))
        return false;
    snprintf(reference, sizeof(reference), "%.*s", (int)(equals - pair), pair);
    return json_object_set_new(r->names, reference, json_string(equals + 1)) == 0;
}

static int add_doctor(void *to, char *pair)
{
    return add_name(to, pair) ? -1 : cli_usage("appointments", "--doctor %s: REF=UID is wanted", pair);
}

static int add_patient(void *to, char *pair)
{
    return add_name(to, pair) ? -1 : cli_usage("appointments", "--patient %s: REF=PID is wanted", pair);
}

static int add_patients(void *to, char *path)
{
    import_run *r = to;
    size_t len = 0, line = 0;
    char *text = cli_read_file(path, &len), *rest = NULL;

    if (!text)
        return cli_failed("appointments", FCC__E_CLI_FILE, "%s: %s", path, strerror(errno));
    for (char *at = strtok_r(text, "\r\n", &rest); at; at = strtok_r(NULL, "\r\n", &rest)) {
        line++;
        if (*at != '#' && !add_name(r, at)) {
            free(text);
            return cli_usage("appointments", "--patients %s, entry %zu: REF=PID is wanted", path, line);
        }
    }
    free(text);
    return -1;
}

/* ---- calls ---- */

/* Whether a call was committed, or had been done before (409 ALREADY). A refusal is noted, anything else ends it. */
static bool submit(import_run *r, const char *function, const char *about, json_t *in)
{
    char *text = in ? json_dumps(in, JSON_COMPACT) : NULL;
    const fcc_bytes name = fcc_str(function);
    const client_transient transient = { "in", text ? fcc_str(text) : fcc_bytes_of(NULL, 0) };
    const client_call call = { .chaincode = "appointments",
                               .args = &name,
                               .arg_count = 1,
                               .transient = &transient,
                               .transient_count = 1,
                               .orgs = r->orgs,
                               .org_count = r->org_count,
                               .retries = 5 };
    client_answer answer = { 0 };
    fcc_error error = { 0 };
    json_t *words = NULL;
    const char *code;
    fcc_status st;

    json_decref(in);
    fcc__arena_reset(r->call);
    if (!text) {
        r->status = cli_failed("appointments", FCC__E_STAT_RES, "out of memory");
        return false;
    }
    st = client_invoke(r->who, &call, r->call, &answer, &error);
    free(text);
    if (st == FCC_OK)
        return true;
    if (st != FCC_ERR_APP) {
        r->status = cli_failed("appointments", cli_code(st, &answer, &error, true), "%s, %s: %s", function, about,
                               error.text);
        return false;
    }
    words = json_loadb((const char *)answer.payload.data, answer.payload.len, 0, NULL);
    code = json_string_value(json_object_get(words, "code"));
    if (code && strcmp(code, "ALREADY") == 0) {
        json_decref(words);
        r->there++;
        return true;
    }
    r->refused++;
    json_array_append_new(r->refusals, json_pack("{s:s, s:s, s:s, s:i, s:O*}", "function", function, "about", about,
                                                 "error", error.text, "status", (int)answer.status, "answer", words));
    json_decref(words);
    if (!r->json)
        fprintf(stderr, "  %s, %s: %s\n", function, about, error.text);
    return false;
}

static bool salt_of(import_run *r, char out[33])
{
    if (fhir_random_id(out))
        return true;
    r->status = cli_failed("appointments", FCC__E_STAT_RES, "no random numbers");
    return false;
}

static void publish(import_run *r, const fhir_day *day)
{
    const time_t first = (time_t)day->starts[0];
    char salt[33], about[100], date[16];
    size_t there = r->there;
    struct tm tm;

    if (!salt_of(r, salt))
        return;
    if (!gmtime_r(&first, &tm) || !strftime(date, sizeof(date), "%F", &tm))
        date[0] = 0;
    snprintf(about, sizeof(about), "%.64s on %s", day->uid, date);
    if (submit(r, "PublishDay", about, fhir_day_json(day, salt)) && r->there == there) {
        r->published++;
        r->units += day->count;
    }
}

static void book(import_run *r, const fhir_visit *visit)
{
    char id[33], salt[33], about[300];
    size_t there = r->there;

    snprintf(about, sizeof(about), "Appointment/%.64s", visit->name);
    fhir_visit_id(visit, id);
    if (!salt_of(r, salt) || !submit(r, "Hold", about, fhir_visit_json(visit, id, salt)) || !salt_of(r, salt))
        return;
    if (submit(r, "Book", about, json_pack("{s:s, s:s}", "id", id, "salt", salt)) && r->there < there + 2) {
        r->booked++;
        r->there = there;
    } else if (r->there == there + 2) {
        r->there = there + 1; /* held and booked before */
    }
}

/* ---- what it came to ---- */

static int show(import_run *r, const fhir_agenda *a)
{
    json_t *reasons = json_object();

    for (size_t i = 0; i < a->reason_count; i++)
        json_object_set_new(reasons, a->reasons[i].text, json_integer((json_int_t)a->reasons[i].count));
    if (r->json) {
        cli_print_json(json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:O}", "resources",
                                 (json_int_t)a->resources, "taken", (json_int_t)a->taken, "days",
                                 (json_int_t)a->day_count, "visits", (json_int_t)a->visit_count, "published",
                                 (json_int_t)r->published, "booked", (json_int_t)r->booked, "alreadyThere",
                                 (json_int_t)r->there, "refused", (json_int_t)r->refused, "placesTooShort",
                                 (json_int_t)a->places_lost, "notTaken", reasons, "refusals", r->refusals));
    } else {
        printf("%zu Slots and Appointments: %zu taken, as %zu units in %zu calls and %zu visits\n", a->resources,
               a->taken, a->units, a->day_count, a->visit_count);
        for (size_t i = 0; i < a->reason_count; i++)
            printf("  %zu not: %s\n", a->reasons[i].count, a->reasons[i].text);
        if (a->places_lost)
            printf("  %zu places of slots with a capacity would be shorter than five minutes: left out\n",
                   a->places_lost);
        if (!r->dry)
            printf("published %zu days (%zu units), booked %zu visits; %zu were there, %zu refused\n", r->published,
                   r->units, r->booked, r->there, r->refused);
        json_decref(reasons);
    }
    if (r->status != CLI_OK)
        return r->status;
    return r->refused ? cli_failed("appointments", FCC__E_TX_REFUSED, "%zu calls were refused", r->refused) : CLI_OK;
}

static int run(import_run *r, int count, char **files)
{
    fhir_agenda_reader *reader = fhir_agenda_start();
    fhir_agenda *agenda = NULL;
    fcc_error error = { 0 };
    fcc_status st = reader ? FCC_OK : fcc_error_set(&error, FCC_ERR_NOMEM, "out of memory");
    int status;

    for (int i = 0; i < count && st == FCC_OK; i++) {
        size_t len = 0;
        char *text = cli_read_file(files[i], &len);

        if (!text) {
            fhir_agenda_drop(reader);
            return cli_failed("appointments", FCC__E_CLI_FILE, "%s: %s", files[i], strerror(errno));
        }
        st = fhir_agenda_add(reader, fcc_bytes_of(text, len), files[i], &error);
        free(text);
    }
    if (st != FCC_OK) {
        fhir_agenda_drop(reader);
        return cli_failed("appointments", FCC__E_CLI_FILE, "%s", error.text);
    }
    st = fhir_agenda_finish(reader, named, named, r, r->weeks * WEEK, (int64_t)time(NULL) + r->open.clock_offset_s,
                            &agenda, &error);
    if (st == FCC_OK && !r->dry)
        st = client_open(&r->open, &r->who, &error);
    if (st != FCC_OK) {
        fhir_agenda_free(agenda);
        return cli_failed("appointments", cli_code(st, NULL, &error, false), "%s", error.text);
    }
    for (size_t i = 0; !r->dry && i < agenda->day_count && r->status == CLI_OK; i++)
        publish(r, &agenda->days[i]);
    for (size_t i = 0; !r->dry && i < agenda->visit_count && r->status == CLI_OK; i++)
        book(r, &agenda->visits[i]);
    status = show(r, agenda);
    fhir_agenda_free(agenda);
    return status;
}

/* ---- options ---- */

static int parse(import_run *r, int argc, char **argv)
{
    cli_option options[] = {
        CLI_WHO(r->open),
        CLI_TIMEOUT(r->open),
        { "doctor", .each = add_doctor, .to = r },
        { "patient", .each = add_patient, .to = r },
        { "patients", .each = add_patients, .to = r },
        { "shift", .number = &r->weeks, .least = -5200, .most = 5200, .unit = "weeks" },
        { "endorse", .list = r->orgs, .count = &r->org_count, .most = ORGS_MAX, .commas = true },
        { "dry-run", .flag = &r->dry },
        { "json", .flag = &r->json },
        { 0 },
    };
    const int status = cli_options("appointments", usage, options, argc, argv);

    if (status >= 0)
        return status;
    if (optind == argc || strcmp(argv[optind], "import") != 0)
        return cli_usage("appointments", "what shall be done: import?");
    if (optind + 1 == argc)
        return cli_usage("appointments", "import: which files?");
    return -1;
}

int cli_appointments(int argc, char **argv)
{
    import_run r = { .open.dir = CLI_DEFAULT_DIR, .names = json_object(), .refusals = json_array() };
    int status = CLI_FAILED;

    r.call = fcc__arena_new(CLI_ARENA_MAX);
    if (!r.call || !r.names || !r.refusals)
        cli_failed("appointments", FCC__E_STAT_RES, "out of memory");
    else if ((status = parse(&r, argc, argv)) < 0) {
        if (r.org_count == 0) {
            r.orgs[r.org_count++] = "HospitalMSP";
            r.orgs[r.org_count++] = "ClinicMSP";
        }
        status = run(&r, argc - optind - 1, argv + optind + 1);
    }
    client_close(r.who);
    json_decref(r.names);
    json_decref(r.refusals);
    fcc__arena_free(r.call);
    return status;
}

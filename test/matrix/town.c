/* town.c: who lives in the town, and how the lines of acts.txt become calls. */
#include "test/matrix/town.h"

#include <ctype.h>

#include "test/support/health.h"

#include "appointments/appointments.h"
#include "config/config.h"
#include "consent/consent.h"
#include "credentials/credentials.h"
#include "ehr/ehr.h"
#include "prescriptions/prescriptions.h"
#include "supply/supply.h"

enum { MAX_ACTS = 300, MAX_LINES = 60, MAX_TEXT = 16384, MAX_WORDS = 16, MAX_SAVED = 64, MAX_FUNCTIONS = 64 };

/* clang-format off */
const char *const town_msps[TOWN_ORGS + 1] = { "HospitalMSP", "ClinicMSP", "PharmacyMSP", "ManufacturerMSP",
    "DistributorMSP", "InsurerMSP", "ResearchMSP", "RegulatorMSP", "InspectorMSP", NULL };
const char *const town_roles[TOWN_ROLES + 1] = { "patient", "doctor", "nurse", "labtech", "registrar", "desk",
    "privacy_officer", "custodian", "pharmacist", "supplychain", "insurer_agent", "researcher", "auditor", "admin", NULL };
static const char *const carried_by[TOWN_ROLES] = { "hc", "hc", "hc", "hc", "hc", "hc", "hc", "hc", "p", "mdp", "i", "s",
    "rv", "hcpmdisr" };
/* clang-format on */

const char *town_msp(char letter)
{
    const char *at = strchr(TOWN_LETTERS, letter);

    assert_true(letter && at);
    return town_msps[at - TOWN_LETTERS];
}

bool town_carries(char letter, const char *role)
{
    for (size_t i = 0; i < TOWN_ROLES; i++)
        if (strcmp(role, town_roles[i]) == 0)
            return strchr(carried_by[i], letter) != NULL;
    return false;
}

/* ---- names ---- */

static const char *print(char *out, size_t size, const char *format, ...)
{
    va_list ap;
    int n;

    va_start(ap, format);
    n = vsnprintf(out, size, format, ap);
    va_end(ap);
    assert_true(n >= 0 && (size_t)n < size);
    return out;
}

/* FNV-1a */
static unsigned long long hash_of(const char *name)
{
    unsigned long long hash = 14695981039346656037u;

    for (; *name; name++)
        hash = (hash ^ (unsigned char)*name) * 1099511628211u;
    return hash;
}

/* A GLN of this name, with GS1's check digit. */
static const char *gln_of(const char *name, char out[14])
{
    int sum = 0;

    print(out, 14, "40%010llu", hash_of(name) % 10000000000u);
    for (int i = 0; i < 12; i++)
        sum += (out[i] - '0') * (i % 2 ? 3 : 1);
    out[12] = (char)('0' + (10 - sum % 10) % 10);
    out[13] = 0;
    return out;
}

/* An SSCC of this name. */
static const char *sscc_of(const char *name, char out[27])
{
    int sum = 0;

    print(out, 27, "34%015llu", hash_of(name) % 1000000000000000u);
    for (int i = 0; i < 17; i++)
        sum += (out[i] - '0') * (i % 2 ? 1 : 3);
    out[17] = (char)('0' + (10 - sum % 10) % 10);
    out[18] = 0;
    return out;
}

static const char *pid_of(const char *name, char out[27])
{
    size_t n = 0;

    for (; *name && n < 26; name++)
        if (islower((unsigned char)*name) || (*name >= '2' && *name <= '7'))
            out[n++] = *name;
    while (n < 26)
        out[n++] = '7';
    out[26] = 0;
    return out;
}

struct person {
    char name[TOWN_NAME], role[TOWN_NAME], site[14];
    char letter;
};

static struct person person_of(const char *name)
{
    static const char *const workers[TOWN_ORGS] = { "nurse",       "nurse",       "pharmacist",
                                                    "supplychain", "supplychain", "insurer_agent",
                                                    "researcher",  "auditor",     "auditor" };
    const char *dot = strrchr(name, '.'), *dash = strchr(name, '-');
    struct person p = { .letter = dot ? dot[1] : 0 };
    size_t n = strcspn(name, "-.0123456789");
    char place[TOWN_NAME];

    if (!dot || !strchr(TOWN_LETTERS, p.letter) || strlen(name) >= TOWN_NAME)
        fail_msg("%s is no name of a person", name);
    print(p.name, sizeof(p.name), "%s", name);
    print(p.role, sizeof(p.role), "%.*s", (int)n, name);
    if (strcmp(p.role, "worker") == 0) /* whom the organisation typically employs */
        print(p.role, sizeof(p.role), "%s", workers[strchr(TOWN_LETTERS, p.letter) - TOWN_LETTERS]);
    print(place, sizeof(place), "%.*s.%c", dash ? (int)(dot - dash - 1) : 4, dash ? dash + 1 : "site", p.letter);
    gln_of(place, p.site);
    return p;
}

static void as_person(const struct person *p, const char *key)
{
    bool patient = strcmp(p->role, "patient") == 0;
    const char *attributes[] = { "role", p->role, patient ? NULL : "uid", p->name, "site", p->site, NULL };
    fcc_test_identity identity = { .msp_id = town_msp(p->letter),
                                   .role = strcmp(p->role, "admin") == 0 ? "admin" : NULL,
                                   .attributes = attributes,
                                   .key = key };

    fcc_test_as_identity(world, &identity);
}

/* ---- text with $words ---- */

#define RULE                                                                                                       \
    "{\"effect\":\"permit\",\"purpose\":[\"TREAT\"],\"ops\":[\"read\"],\"cat\":[\"lab\",\"general\"],\"maxSens\":" \
    "\"N\"}"
#define CID "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"
#define SHA "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define DEK FP("d0") FP("d1") "e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0"
#define RECORD                                                                                          \
    "{\"recId\":\"%s\",\"kind\":\"lab\",\"type\":\"Observation\",\"cid\":\"" CID "\",\"sha256\":\"" SHA \
    "\",\"size\":10,\"mime\":\"application/fhir+json\",\"category\":\"lab\",\"sens\":\"N\",\"date\":"   \
    "\"2025-06-01T00:00:00Z\",\"class\":\"general\",\"dek\":\"" DEK "\",\"salt\":\"" SALT1 "\"}"

#define RX_CODE "0123456789abcdef0123456789abcdef"
#define RX                                                                                                           \
    "\"rxId\":\"%s\",\"items\":[{\"drug\":{\"system\":\"http://fhir.de/CodeSystem/ifa/pzn\",\"code\":\"01234567\"}," \
    "\"dose\":\"1-0-1\",\"auth\":60}],\"codeHash\":"                                                                 \
    "\"3b2a3cb14a6932455ee313ac6bdbefbef8423ce8b9de3039a807ee8ad2db992d\","                                          \
    "\"codeSalt\":\"cccccccccccccccccccccccccccccccc\",\"validUntil\":\"%s\""

/* Ids that calls were answered with. */
static struct saved {
    char name[TOWN_NAME], id[80];
} saved[MAX_SAVED];
static size_t saved_count;

static const char *saved_id(const char *name)
{
    for (size_t i = 0; i < saved_count; i++)
        if (strcmp(saved[i].name, name) == 0)
            return saved[i].id;
    return "none";
}

/* Roles that others of this set stand in for, so that every caller names something that is there. */
static const char *one_of(const char *role, const char *const *set)
{
    for (size_t i = 0; set[i]; i++)
        if (strcmp(role, set[i]) == 0)
            return role;
    return set[0];
}

/* Hexadecimal digits that differ with the name. */
static void digits_of(const char *name, size_t count, char *out)
{
    unsigned long long number = hash_of(name);

    for (size_t i = 0; i < count; i++) {
        number = number * 6364136223846793005u + 1442695040888963407u;
        out[i] = "0123456789abcdef"[number >> 60];
    }
    out[count] = 0;
}

static void put_word(const struct person *p, const char *word, const char *about, char *out, size_t size)
{
    static const char *const authors[] = { "doctor", "nurse", "labtech", "registrar", "patient", NULL };
    static const char *const askers[] = {
        "doctor", "nurse", "labtech", "patient", "privacy_officer", "pharmacist", NULL
    };
    char text[27], time[LIB_TIME_SIZE];

    if (strcmp(word, "me") == 0)
        print(out, size, "%s", p->name);
    else if (strcmp(word, "mysite") == 0)
        print(out, size, "%s", p->site);
    else if (strcmp(word, "role") == 0)
        print(out, size, "%s", p->role);
    else if (strcmp(word, "author") == 0)
        print(out, size, "%s", one_of(p->role, authors));
    else if (strcmp(word, "asker") == 0)
        print(out, size, "%s.%c", one_of(p->role, askers),
              p->letter == 'c' || (p->letter == 'p' && strcmp(p->role, "pharmacist") == 0) ? p->letter : 'h');
    else if (strcmp(word, "rule") == 0)
        print(out, size, "%s", RULE);
    else if (strcmp(word, "record") == 0)
        print(out, size, RECORD, about);
    else if (strcmp(word, "rx") == 0) {
        lib_time_format(fcc_test_time(world) + (strncmp(about, "rx-brief", 8) == 0 ? 120 : 30 * 86400), time);
        print(out, size, RX, about, time);
    } else if (strcmp(word, "code") == 0)
        print(out, size, "%s", RX_CODE);
    else if (strcmp(word, "salt") == 0)
        digits_of(*about ? about : "salt", 32, out);
    else if (strcmp(word, "hash") == 0)
        print(out, size, "%s", SHA);
    else if (strcmp(word, "people") == 0)
        print(out, size, "{\"name\":\"Somebody\",\"birthDate\":\"1970-01-01\",\"address\":\"Somewhere 1\"}");
    else if (strcmp(word, "gln") == 0)
        print(out, size, "%s", gln_of(about, text));
    else if (strcmp(word, "sscc") == 0)
        print(out, size, "%s", sscc_of(about, text));
    else if (strcmp(word, "pid") == 0)
        print(out, size, "%s", pid_of(about, text));
    else if (strcmp(word, "fp") == 0)
        print(out, size, "%s", fcc_test_fingerprint(about));
    else if (strcmp(word, "saved") == 0)
        print(out, size, "%s", saved_id(about));
    else if (strcmp(word, "nid") == 0)
        digits_of(about, 64, out);
    else
        fail_msg("$%s is no word of acts.txt", word);
}

/* `@` is the caller's letter at Hospital and Clinic, else Hospital's; `~` the other one; `%` the caller's own. */
static const char *expand(const struct person *p, const char *text, char out[MAX_TEXT])
{
    char care = p->letter == 'c' ? 'c' : 'h', plain[MAX_TEXT];
    size_t n = 0, at;

    print(plain, sizeof(plain), "%s", text);
    for (at = 0; plain[at]; at++)
        plain[at] = plain[at] == '@'   ? care
                    : plain[at] == '~' ? (char)(care ^ 'h' ^ 'c')
                    : plain[at] == '%' ? p->letter
                                       : plain[at];
    for (at = 0; plain[at];) {
        char word[TOWN_NAME], about[TOWN_NAME] = "", inner[TOWN_NAME];
        size_t len;

        if (plain[at] != '$') {
            assert_true(n + 1 < MAX_TEXT);
            out[n++] = plain[at++];
            continue;
        }
        len = strspn(plain + ++at, "abcdefghijklmnopqrstuvwxyz");
        print(word, sizeof(word), "%.*s", (int)len, plain + at);
        at += len;
        if (plain[at] == ':') {
            len = strspn(plain + ++at, "abcdefghijklmnopqrstuvwxyz0123456789.-_$");
            print(about, sizeof(about), "%.*s", (int)len, plain + at);
            at += len;
            if (strchr(about, '$')) { /* $record:own-$author */
                char rest[TOWN_NAME];
                size_t cut = strcspn(about, "$"), more;

                more = strspn(about + cut + 1, "abcdefghijklmnopqrstuvwxyz");
                print(rest, sizeof(rest), "%.*s", (int)more, about + cut + 1);
                put_word(p, rest, "", inner, sizeof(inner));
                print(rest, sizeof(rest), "%s", about + cut + 1 + more);
                print(about + cut, sizeof(about) - cut, "%s%s", inner, rest);
            }
        }
        put_word(p, word, about, out + n, MAX_TEXT - n);
        n += strlen(out + n);
    }
    out[n] = 0;
    return out;
}

/* ---- calls ---- */

/* A chaincode that passes on what it is asked: CHAINCODE FUNCTION ARGS. It has the name of one that will be there. */
static fcc_status pass_on(fcc_stub *stub, fcc_args args)
{
    fcc_response response = { 0 };
    fcc_status st = fcc_invoke_chaincode(stub, args.v[0], args.v + 1, args.n - 1, fcc_bytes_of(NULL, 0), &response);

    return st == FCC_OK ? fcc_reply_status(stub, response.status, response.message, response.payload) : st;
}

static const fcc_function passing[] = { { "Ask", pass_on, FCC_ANY_ARGS } };
static const fcc_chaincode passing_chaincode = { .functions = passing, .count = 1 };

/* The chaincode as it is, which passes on as well. */
static const fcc_chaincode *also_passing(const fcc_chaincode *whole)
{
    static fcc_function functions[MAX_FUNCTIONS];
    static fcc_chaincode chaincode;

    assert_true(whole->count < MAX_FUNCTIONS);
    memcpy(functions, whole->functions, whole->count * sizeof(functions[0]));
    functions[whole->count] = passing[0];
    chaincode = *whole;
    chaincode.functions = functions;
    chaincode.count++;
    return &chaincode;
}

/* "ARGS | IN", expanded for p, as the call's arguments behind the function's name; "" is an empty argument. */
static fcc_test_result call_line(const struct person *p, const char *chaincode, const char *function, const char *line,
                                 fcc_test_how how, const char *at, const char *sister)
{
    static char text[MAX_TEXT];
    fcc_bytes args[MAX_WORDS];
    const char *asked = sister ? sister : chaincode;
    size_t count = 0;
    char *in, *word, *rest = NULL;

    expand(p, line, text);
    in = strstr(text, "| ");
    if (in) {
        *in = 0;
        put_in(in + 2);
    }
    if (sister) {
        args[count++] = fcc_str("Ask");
        args[count++] = fcc_str(chaincode);
    }
    args[count++] = fcc_str(function);
    for (word = strtok_r(text, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        assert_true(count < MAX_WORDS);
        args[count++] = fcc_str(strcmp(word, "\"\"") == 0 ? "" : word);
    }
    if (at)
        fcc_test_at(world, town_msp(at[0]), at[0] && at[1] ? town_msp(at[1]) : FCC_END,
                    at[0] && at[1] && at[2] ? town_msp(at[2]) : FCC_END, FCC_END);
    return fcc_test_call(world, how, asked, args, count);
}

static fcc_test_result submit(const char *name, const char *chaincode, const char *function, const char *line)
{
    struct person p = person_of(name);

    as_person(&p, p.name);
    return call_line(&p, chaincode, function, line, FCC_TEST_SUBMIT, NULL, NULL);
}

static void must(const char *name, const char *function, const char *line)
{
    fcc_test_result r = submit(name, "credentials", function, line);

    if (r.status != 200 || r.code != FCC_TEST_VALID)
        fail_msg("%s by %s: %d %s %s", function, name, (int)r.status, r.message, r.why);
}

/* The call for callers of this role: the first line that names it, or nobody. */
static const char *call_for(const town_act *act, const char *role)
{
    char names[4 * TOWN_NAME], wanted[TOWN_NAME];

    print(wanted, sizeof(wanted), " %s ", role);
    for (size_t i = 0; i < act->call_count; i++) {
        const char *line = act->calls[i], *colon = strchr(line, ':');

        assert_non_null(colon);
        print(names, sizeof(names), " %.*s ", (int)(colon - line), line);
        if (colon == line || strstr(names, wanted))
            return colon + 1;
    }
    fail_msg("%s %s has no call for %s", act->chaincode, act->function, role);
    return NULL;
}

fcc_test_result town_call(const town_act *act, const char *person, town_key key, fcc_test_how how, const char *at)
{
    struct person p = person_of(person);
    char name[TOWN_NAME];

    if (key == TOWN_SUSPENDED) {
        print(name, sizeof(name), "%s9.%c", p.role, p.letter);
        p = person_of(name);
    }
    print(name, sizeof(name), key == TOWN_STRAY ? "stray %s" : "%s", p.name);
    as_person(&p, name);
    return call_line(&p, act->chaincode, act->function, call_for(act, p.role), how, at, NULL);
}

fcc_test_result town_ask(const town_act *act)
{
    struct person p = person_of("doctor.h");

    as_person(&p, p.name);
    return call_line(&p, act->chaincode, act->function, call_for(act, p.role), FCC_TEST_EVALUATE, NULL, act->by);
}

/* ---- people ---- */

static void apply(const char *name)
{
    struct person p = person_of(name);
    char line[300];

    if (p.letter == 'v') {
        print(line, sizeof(line), "%s %s [\"%s\"] [] \"\" $fp:%s", name, p.site, p.role, name);
        must("admin.r", "RegisterPractitioner", line);
        return;
    }
    print(line, sizeof(line), "%s %s [\"%s\"] [%s] \"\" \"\"", name, p.site, p.role,
          strcmp(p.role, "doctor") == 0 ? "\"btg\"" : "");
    must(name, "RegisterPractitioner", line);
}

static void license(const char *name)
{
    static int index;
    char line[400];

    print(line, sizeof(line),
          "urn:licence:%d $hash MedicalLicence %s licences %d 2025-01-01T00:00:00Z 2027-01-01T00:00:00Z [\"DE-BE\"]",
          index, name, index);
    index++;
    must("admin-council.r", "IssueCredential", line);
}

static void hire(const char *name)
{
    struct person p = person_of(name);
    char line[200], approver[TOWN_NAME];

    apply(name);
    print(line, sizeof(line), "%s %s", name, p.site);
    print(approver, sizeof(approver), "admin.%c", strchr(name, '-') || p.letter == 'v' ? 'r' : p.letter);
    must(approver, "ApprovePractitioner", line);
    if (strcmp(p.role, "doctor") == 0)
        license(name);
}

static void suspend(const char *name)
{
    struct person p = person_of(name);
    char line[200];

    print(line, sizeof(line), "%s %s", name, p.site);
    must("admin.r", "SuspendPractitioner", line);
}

/* A patient with a key of that name, approved by the registrar of the organisation. */
static void admit(const char *name)
{
    char line[400], registrar[TOWN_NAME];

    print(line, sizeof(line), "| {\"pid\":\"$pid:%s\",\"demographics\":$people,\"salt\":\"$salt\"}", name);
    must(name, "RegisterPatient", line);
    print(registrar, sizeof(registrar), "registrar.%c", strrchr(name, '.')[1]);
    print(line, sizeof(line), "| {\"fp\":\"$fp:%s\",\"nid\":\"$nid:%s\"}", name, name);
    must(registrar, "ApprovePatient", line);
}

static void open_site(const char *who, const char *gln, const char *type)
{
    char line[200];

    print(line, sizeof(line), "%s %s DE-BE \"\" A-place", gln, type);
    must(who, "RegisterOrg", line);
    must("admin.r", "ApproveOrg", gln);
}

static void settle_people(void)
{
    static const char *const types[] = { "hospital", "practice", "pharmacy",  "manufacturer", "warehouse",
                                         "insurer",  "research", "authority", "inspectorate" };
    char name[TOWN_NAME], site[TOWN_NAME];

    for (size_t i = 0; i < TOWN_ORGS; i++) {
        char letter = TOWN_LETTERS[i];

        if (letter == 'r')
            continue;
        print(name, sizeof(name), "admin.%c", letter == 'v' ? 'r' : letter);
        print(site, sizeof(site), "$gln:site.%c", letter);
        open_site(name, site, types[i]);
    }
    open_site("admin.r", "$gln:council.r", "council");
    hire("admin-council.r");
    must("admin-council.r", "PutDid", "did:web:council.example $hash n1");
    must("admin.r", "Accredit", "did:web:council.example MedicalLicence");
    must("admin-council.r", "CreateStatusList", "licences revocation 131072");
    for (size_t r = 0; r < TOWN_ROLES; r++)
        for (const char *letter = carried_by[r]; *letter; letter++) {
            bool patient = r == 0;

            print(name, sizeof(name), "%s.%c", town_roles[r], *letter);
            if (!patient && strcmp(town_roles[r], "admin") != 0)
                hire(name);
            print(name, sizeof(name), "%s9.%c", town_roles[r], *letter);
            if (!patient) {
                hire(name);
                suspend(name);
            }
        }
    admit("patient.h");
    admit("patient.c");
}

/* ---- acts.txt ---- */

static town_act acts[MAX_ACTS];
static size_t act_count;

static char *read_whole(const char *path)
{
    FILE *f = fopen(path, "r");
    char *text = calloc(1, 1 << 18);
    size_t n;

    if (!f || !text)
        fail_msg("%s can't be read", path);
    n = fread(text, 1, (1 << 18) - 1, f);
    assert_true(n < (1 << 18) - 1);
    fclose(f);
    return text;
}

static void add_line(const char *const **lines, size_t *count, const char *line)
{
    const char **list = (const char **)*lines;

    if (!list)
        list = calloc(MAX_LINES, sizeof(*list));
    assert_true(list && *count < MAX_LINES);
    list[(*count)++] = line;
    *lines = list;
}

static void begin_act(char *line)
{
    static const char *const scenes[TOWN_SCENES] = { "bare", "first", "people", "all" };
    town_act *act = &acts[act_count++];
    char *rest = NULL, *word;

    assert_true(act_count < MAX_ACTS);
    act->chaincode = strtok_r(line, " ", &rest);
    act->function = strtok_r(NULL, " ", &rest);
    act->variant = "";
    act->scene = TOWN_ALL;
    while ((word = strtok_r(NULL, " ", &rest)) != NULL) {
        bool scene = false;

        for (size_t i = 0; i < TOWN_SCENES; i++)
            if (strcmp(word, scenes[i]) == 0) {
                act->scene = (town_scene)i;
                scene = true;
            }
        if (!scene)
            act->variant = word;
    }
}

const town_act *town_acts(size_t *count)
{
    char *rest = NULL, *line;

    if (!act_count)
        for (line = strtok_r(read_whole("test/matrix/acts.txt"), "\n", &rest); line;
             line = strtok_r(NULL, "\n", &rest)) {
            town_act *act = act_count ? &acts[act_count - 1] : NULL;

            if (*line == '#')
                continue;
            if (*line != ' ') {
                begin_act(line);
                continue;
            }
            line += strspn(line, " ");
            if (!act)
                fail_msg("acts.txt: %s stands before every function", line);
            else if (strncmp(line, "by ", 3) == 0)
                act->by = line + 3;
            else if (strncmp(line, "call", 4) == 0)
                add_line(&act->calls, &act->call_count, line + 4 + strspn(line + 4, " "));
            else
                add_line(&act->before, &act->before_count, line);
        }
    *count = act_count;
    return acts;
}

const town_act *town_find(const char *chaincode, const char *function, const char *variant)
{
    size_t count;
    const town_act *all = town_acts(&count);

    for (size_t i = 0; i < count; i++)
        if (strcmp(all[i].chaincode, chaincode) == 0 && strcmp(all[i].function, function) == 0 &&
            strcmp(all[i].variant, variant) == 0)
            return &all[i];
    return NULL;
}

/* One step: hire, apply, suspend, admit NAME; pass SECONDS; or PERSON CHAINCODE FUNCTION ARGS | IN, with save=NAME in front. */
static void take(const town_act *act, const struct person *p, const char *step)
{
    static char text[MAX_TEXT];
    char *word, *rest = NULL, save[TOWN_NAME] = "";
    const char *chaincode, *function;
    fcc_test_result r;

    expand(p, step, text);
    word = strtok_r(text, " ", &rest);
    if (strncmp(word, "save=", 5) == 0) {
        print(save, sizeof(save), "%s", word + 5);
        word = strtok_r(NULL, " ", &rest);
    }
    if (strcmp(word, "hire") == 0) {
        hire(rest);
    } else if (strcmp(word, "apply") == 0) {
        apply(rest);
    } else if (strcmp(word, "suspend") == 0) {
        suspend(rest);
    } else if (strcmp(word, "admit") == 0) {
        admit(rest);
    } else if (strcmp(word, "pass") == 0) {
        fcc_test_set_time(world, fcc_test_time(world) + atoi(rest));
    } else {
        chaincode = strtok_r(NULL, " ", &rest);
        function = strtok_r(NULL, " ", &rest);
        r = submit(word, chaincode, function, rest);
        if (r.status != 200 || r.code != FCC_TEST_VALID)
            fail_msg("before %s %s: %s: %d %s %s", act->chaincode, act->function, step, (int)r.status, r.message,
                     r.why);
        if (*save) {
            const char *id = strstr(r.payload, "\"id\":\"");

            assert_true(id && saved_count < MAX_SAVED);
            print(saved[saved_count].name, TOWN_NAME, "%s", save);
            print(saved[saved_count++].id, sizeof(saved[0].id), "%.*s", (int)strcspn(id + 6, "\""), id + 6);
        }
    }
}

/* "before STEP" once for Hospital and once for Clinic where it names either; "each LETTERS STEP" for each of these. */
static void prepare(const town_act *act)
{
    for (size_t i = 0; i < act->before_count; i++) {
        const char *line = act->before[i], *letters, *step;
        size_t n;

        if (strncmp(line, "before ", 7) == 0) {
            step = line + 7;
            letters = strpbrk(step, "@~") ? "hc" : "h";
        } else {
            if (strncmp(line, "each ", 5) != 0)
                fail_msg("acts.txt: %s", line);
            letters = line + 5;
            step = strchr(letters, ' ') + 1;
        }
        for (n = 0; letters[n] && letters[n] != ' '; n++) {
            char name[TOWN_NAME];
            struct person p;

            print(name, sizeof(name), "nobody.%c", letters[n]);
            p = person_of(name);
            take(act, &p, step);
        }
    }
}

/* ---- the channel ---- */

static town_scene now_at;

/* As network.yaml has it; that is read once and kept. */
static void install(const char *name, const fcc_chaincode *chaincode)
{
    static config_network *network;
    fcc_error error = { FCC_OK, "" };

    if (!network && config_load("network/network.yaml", &network, &error) != FCC_OK)
        fail_msg("%s", error.text);
    for (size_t i = 0; i < network->chaincode_count; i++) {
        const config_chaincode *said = &network->chaincodes[i];
        const char *at[TOWN_ORGS + 1] = { NULL };
        fcc_test_chaincode cc = { name, chaincode, said->policy, said->collections_path, at };

        if (strcmp(said->name, name) != 0)
            continue;
        assert_true(said->orgs.n <= TOWN_ORGS);
        memcpy(at, said->orgs.v, said->orgs.n * sizeof(at[0]));
        fcc_test_install(world, &cc);
        return;
    }
    fail_msg("network.yaml has no chaincode %s", name);
}

void town_open(void)
{
    static const char *const care[] = { "HospitalMSP", "ClinicMSP", NULL };
    const fcc_test_chaincode later = { .name = "claims", .chaincode = &passing_chaincode, .msp_ids = care };

    health_open(town_msps);
    install("credentials", &credentials_chaincode);
    install("consent", &consent_chaincode);
    install("ehr", &ehr_chaincode);
    install("appointments", &appointments_chaincode);
    install("supply", &supply_chaincode);
    install("prescriptions", also_passing(&prescriptions_chaincode));
    fcc_test_install(world, &later);
    saved_count = 0;
    now_at = TOWN_BARE;
}

int town_close(void **state)
{
    return health_stop(state);
}

fcc_test_block town_commit(void)
{
    return fcc_test_commit(world);
}

void town_go(town_scene scene)
{
    size_t count;
    const town_act *all = town_acts(&count);

    if (now_at < TOWN_FIRST && scene >= TOWN_FIRST)
        must("admin.r", "Bootstrap", "admin.r $gln:site.r");
    if (now_at < TOWN_PEOPLE && scene >= TOWN_PEOPLE)
        settle_people();
    if (now_at < TOWN_ALL && scene >= TOWN_ALL)
        for (size_t i = 0; i < count; i++)
            prepare(&all[i]);
    if (scene > now_at)
        now_at = scene;
}

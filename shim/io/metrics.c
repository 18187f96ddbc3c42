/* See metrics.h. */
#include "io/metrics.h"

#include "base/log.h"

#include "peer/chaincode_shim.pb-c.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

enum { SLOT_INIT = 0, SLOT_OTHER = FCC__COUNTED_FUNCTIONS - 1 };
_Static_assert(FCC__SHOWN == 64, "a bit each in `shown`");

/* The clock costs as much as a hundredth of a small transaction. */
static struct {
    int64_t ns;
    uint64_t waits;
    bool unused;
} last_look;

/* A handler gives way. */
static int64_t look(uint64_t waits)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    last_look.ns = (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
    last_look.waits = waits;
    last_look.unused = true;
    return last_look.ns;
}

/* The next one goes on: at once, unless the loop has waited, or one has gone to another thread. */
static int64_t look_again(uint64_t waits)
{
    int64_t ns = last_look.unused && last_look.waits == waits ? last_look.ns : look(waits);

    last_look.unused = false;
    return ns;
}

/* ---- the memory ---- */

/* Where each function of the table is counted; one name may stand there for several numbers of arguments. */
static uint8_t slots[FCC__COUNTED_FUNCTIONS];

static uint8_t choose_slot(const fcc_chaincode *chaincode, size_t function)
{
    for (size_t i = 0; i < function; i++)
        if (strcmp(chaincode->functions[i].name, chaincode->functions[function].name) == 0)
            return slots[i];
    return (uint8_t)(function + 1);
}

static void name_slots(fcc__counters *c, const fcc_chaincode *chaincode)
{
    const char *names[FCC__COUNTED_FUNCTIONS] = { [SLOT_INIT] = "INIT", [SLOT_OTHER] = "(other)" };

    for (size_t i = 0; i < chaincode->count && i + 1 < SLOT_OTHER; i++) {
        slots[i] = choose_slot(chaincode, i);
        names[slots[i]] = chaincode->functions[i].name;
    }
    for (size_t i = 0; i < FCC__COUNTED_FUNCTIONS; i++) {
        char name[FCC__NAME_BYTES] = "";

        if (names[i])
            fcc__counters_name(names[i], name);
        if (strncmp(name, c->functions[i].name, sizeof(name)) != 0) { /* another program counted another one here */
            memset(&c->functions[i], 0, sizeof(c->functions[i]));
            memcpy(c->functions[i].name, name, sizeof(name));
        }
    }
    for (int type = 1; type < FCC__COUNTED_CALLS; type++) {
        const ProtobufCEnumValue *value = protobuf_c_enum_descriptor_get_value(
            &protos__chaincode_message__type__descriptor, type);

        fcc__counters_name(value ? value->name : "", c->calls[type].name);
    }
}

fcc_status fcc__metrics_open(const fcc_chaincode *chaincode, int fd, fcc__counters **out, fcc_error *error)
{
    static fcc__counters own;
    fcc__counters *c = &own;
    struct stat file;

    if (fd >= 0) {
        if (fstat(fd, &file) != 0 || file.st_size != (off_t)sizeof(*c))
            return fcc_error_set(error, FCC_ERR_CONFIG,
                                 "FCC_COUNTERS_FD is %d: expected the memory that fcc-host shares, of %zu bytes; "
                                 "fcc-host and the chaincode must come from the same version",
                                 fd, sizeof(*c));
        c = mmap(NULL, sizeof(*c), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (c == MAP_FAILED)
            return fcc_error_set(error, FCC_ERR_CONFIG, "FCC_COUNTERS_FD is %d, which cannot be mapped: %s", fd,
                                 strerror(errno));
        if (fcc__counted(&c->layout) != FCC__COUNTERS_LAYOUT) {
            munmap(c, sizeof(*c));
            return fcc_error_set(error, FCC_ERR_CONFIG,
                                 "FCC_COUNTERS_FD is %d: fcc-host and the chaincode must come from the same version",
                                 fd);
        }
    }
    name_slots(c, chaincode);
    *out = c;
    return FCC_OK;
}

/* ---- counting ---- */

static fcc__function_counters *slot_of(fcc__counters *c, const fcc__seen *seen)
{
    if (seen->is_init)
        return &c->functions[SLOT_INIT];
    return &c->functions[seen->function < SLOT_OTHER - 1 ? slots[seen->function] : SLOT_OTHER];
}

static fcc__outcome outcome_of(const fcc__seen *seen)
{
    if (seen->lost)
        return FCC__ENDED_LOST;
    if (seen->status >= 500 || seen->status == 0)
        return FCC__ENDED_FAILED;
    return seen->status >= 400 ? FCC__ENDED_REFUSED : FCC__ENDED_OK;
}

static void count_answer(fcc__counters *c, const fcc__seen *seen, int64_t now)
{
    size_t type = seen->call > 0 && seen->call < FCC__COUNTED_CALLS ? (size_t)seen->call : 0;

    fcc__add(&c->calls[type].count, 1);
    fcc__add(&c->calls[type].took_ns, (uint64_t)(now - seen->asked));
    if (seen->call == PROTOS__CHAINCODE_MESSAGE__TYPE__WRITE_BATCH_STATE)
        fcc__add(&c->batched_writes, seen->writes);
}

static void log_end(const fcc_chaincode *chaincode, const fcc__seen *seen, fcc__outcome outcome, int64_t took_ns)
{
    enum { FIELDS = 5 };
    static const char *const words[] = { "transaction ended", "transaction refused", "transaction failed",
                                         "transaction lost: the stream is gone" };
    fcc__level level = outcome == FCC__ENDED_OK ? FCC__DEBUG : FCC__INFO;
    fcc__log_field fields[FIELDS];
    char status[16], ms[32];

    if (!fcc__log_wants(level))
        return;
    snprintf(status, sizeof(status), "%d", (int)seen->status);
    snprintf(ms, sizeof(ms), "%lld.%03d", (long long)(took_ns / 1000000), (int)(took_ns / 1000 % 1000));
    fields[0] = (fcc__log_field){ "channel", seen->channel, false };
    fields[1] = (fcc__log_field){ "tx", seen->tx_id, false };
    fields[2] = (fcc__log_field){ "function", fcc__function_of(chaincode, seen), false };
    fields[3] = (fcc__log_field){ "status", fcc_str(status), true };
    fields[4] = (fcc__log_field){ "ms", fcc_str(ms), true };
    if (outcome == FCC__ENDED_LOST)
        fcc__log_code_with(level, FCC__E_STREAM_LOST, words[outcome], fields, FIELDS);
    else
        fcc__log_with(level, words[outcome], fields, FIELDS);
}

static void count_end(fcc__counters *c, const fcc_chaincode *chaincode, const fcc__seen *seen, int64_t now)
{
    fcc__function_counters *slot = slot_of(c, seen);
    fcc__outcome outcome = outcome_of(seen);
    int64_t took_ns = now - seen->began;

    fcc__add(&slot->ended[outcome], 1);
    fcc__add(&slot->took_ns, (uint64_t)took_ns);
    for (size_t i = 0; i < FCC__BUCKETS_OF_TIME; i++)
        if ((uint64_t)took_ns <= fcc__bucket_us[i] * 1000) {
            fcc__add(&slot->within[i], 1);
            break;
        }
    fcc__add(&c->running, (uint64_t)-1);
    log_end(chaincode, seen, outcome, took_ns);
}

/* ---- showing what runs ---- */

static uint64_t shown; /* a bit for each place that is taken */

static void put_shown(char *to, fcc_bytes text)
{
    size_t n = text.len < FCC__SHOWN_BYTES ? text.len : FCC__SHOWN_BYTES - 1;

    if (n)
        memcpy(to, text.data, n);
    to[n] = 0;
}

/* The text first: who reads it while this process runs may find half of it, but nobody does. */
static void show(fcc__counters *c, fcc__seen *seen)
{
    fcc__shown *place;
    unsigned i;

    if (shown == UINT64_MAX)
        return;
    i = (unsigned)__builtin_ctzll(~shown);
    shown |= (uint64_t)1 << i;
    seen->shown = i + 1;
    place = &c->shown[i];
    put_shown(place->channel, seen->channel);
    put_shown(place->tx_id, seen->tx_id);
    fcc__set(&place->function, (seen->is_init ? SLOT_INIT : SLOT_OTHER) + 1);
}

static void show_function(fcc__counters *c, const fcc__seen *seen)
{
    if (seen->shown)
        fcc__set(&c->shown[seen->shown - 1].function, (uint64_t)(slot_of(c, seen) - c->functions) + 1);
}

static void hide(fcc__counters *c, const fcc__seen *seen)
{
    if (!seen->shown)
        return;
    shown &= ~((uint64_t)1 << (seen->shown - 1));
    fcc__set(&c->shown[seen->shown - 1].function, 0);
}

void fcc__metrics_observe(fcc__counters *c, const fcc_chaincode *chaincode, fcc__moment moment, fcc__seen *seen,
                          uint64_t waits)
{
    switch (moment) {
    case FCC__TX_BEGINS:
        seen->began = look_again(waits);
        fcc__add(&c->running, 1);
        show(c, seen);
        break;
    case FCC__TX_CALLS:
        show_function(c, seen);
        break;
    case FCC__TX_ASKS:
        seen->asked = look(waits);
        break;
    case FCC__TX_GOES_ON:
        count_answer(c, seen, look_again(waits));
        break;
    case FCC__TX_ENDS:
        count_end(c, chaincode, seen, look(waits));
        hide(c, seen);
        break;
    }
}

/*
 * wayward.c: a chaincode whose functions depend on what they must not, for tests of `devnet up --referee`.
 *
 *   steady          depends on nothing
 *   clock, zone, locale, heap, address, variable, random
 *                   write something of that to key "k"
 *   range           asks for a range whose end depends on the time zone
 *   policy          sets a key policy that does
 *   secret          writes it to collection c, key "p"
 *   event, answer   tell it in an event, in the response
 *   moment          writes what time it is
 *   window          refuses a proposal that is more than two minutes away from the clock
 *   refuse          refuses in some time zones
 *   crash           crashes in some
 *   differ_in, refuse_in MSPID...
 *                   answer otherwise, refuse, at the peers of these organisations
 */
#include <fcc/chaincode.h>

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static fcc_status put(fcc_stub *stub, const void *value, size_t len)
{
    fcc_status st = fcc_put_state(stub, FCC_LIT("k"), fcc_bytes_of(value, len));

    return st == FCC_OK ? fcc_reply(stub, FCC_LIT("")) : st;
}

/* A fixed moment in local time: "prefix 1970-01-12 13:46". */
static const char *local_time(char *text, size_t room)
{
    const time_t moment = 1000000;
    struct tm tm;

    tzset();
    localtime_r(&moment, &tm);
    strftime(text, room, "prefix %Y-%m-%d %H:%M", &tm);
    return text;
}

static bool far_east(void)
{
    tzset();
    return timezone < -13 * 3600;
}

static fcc_status steady(fcc_stub *stub, fcc_args args)
{
    return put(stub, "always", 6);
}

static fcc_status the_clock(fcc_stub *stub, fcc_args args)
{
    char text[32];
    const time_t now = time(NULL);
    struct tm tm;

    gmtime_r(&now, &tm);
    strftime(text, sizeof(text), "year %Y", &tm); /* the same in all processes but around New Year */
    return put(stub, text, strlen(text));
}

static fcc_status zone(fcc_stub *stub, fcc_args args)
{
    char text[64];

    local_time(text, sizeof(text));
    return put(stub, text, strlen(text));
}

static fcc_status the_locale(fcc_stub *stub, fcc_args args)
{
    char text[64];

    setlocale(LC_ALL, "");
    /* the decimal point, and how long a character may be */
    snprintf(text, sizeof(text), "%.1f %zu", 1.5, (size_t)MB_CUR_MAX);
    return put(stub, text, strlen(text));
}

static fcc_status heap(fcc_stub *stub, fcc_args args)
{
    enum { SIZE = 1 << 20 }; /* a block of its own: zeros unless somebody fills it */
    unsigned char *volatile block = malloc(SIZE);
    fcc_status st = block ? put(stub, block + SIZE / 2, 8) : FCC_ERR_NOMEM;

    free(block);
    return st;
}

static fcc_status address(fcc_stub *stub, fcc_args args)
{
    char text[32];

    snprintf(text, sizeof(text), "%p", (void *)stub);
    return put(stub, text, strlen(text));
}

static fcc_status variable(fcc_stub *stub, fcc_args args)
{
    const char *value = getenv("WAYWARD");

    return put(stub, value ? "set" : "not set", value ? 3 : 7);
}

static fcc_status chance(fcc_stub *stub, fcc_args args)
{
    unsigned char bytes[8];
    FILE *file = fopen("/dev/urandom", "re");
    size_t n = file ? fread(bytes, 1, sizeof(bytes), file) : 0;

    if (file)
        fclose(file);
    return put(stub, bytes, n);
}

static fcc_status range(fcc_stub *stub, fcc_args args)
{
    fcc_iter *iter;
    fcc_status st = fcc_get_state_by_range(stub, FCC_LIT("a"), far_east() ? FCC_LIT("m") : FCC_LIT("n"), &iter);

    if (st == FCC_OK)
        fcc_iter_close(iter);
    return st == FCC_OK ? put(stub, "v", 1) : st;
}

static fcc_status policy(fcc_stub *stub, fcc_args args)
{
    char text[64];
    fcc_status st = fcc_set_state_validation_parameter(stub, FCC_LIT("k"), fcc_str(local_time(text, sizeof(text))));

    return st == FCC_OK ? fcc_reply(stub, FCC_LIT("")) : st;
}

static fcc_status secret(fcc_stub *stub, fcc_args args)
{
    char text[64];
    fcc_status st = fcc_put_private_data(stub, FCC_LIT("c"), FCC_LIT("p"), fcc_str(local_time(text, sizeof(text))));

    return st == FCC_OK ? fcc_reply(stub, FCC_LIT("")) : st;
}

static fcc_status event(fcc_stub *stub, fcc_args args)
{
    char text[64];
    fcc_status st = fcc_set_event(stub, FCC_LIT("Done"), fcc_str(local_time(text, sizeof(text))));

    return st == FCC_OK ? fcc_reply(stub, FCC_LIT("")) : st;
}

static fcc_status answer(fcc_stub *stub, fcc_args args)
{
    char text[64];

    return fcc_reply(stub, fcc_str(local_time(text, sizeof(text))));
}

static fcc_status refuse(fcc_stub *stub, fcc_args args)
{
    return far_east() ? fcc_fail(stub, FCC_ERR_APP, "too late") : put(stub, "v", 1);
}

static fcc_status moment(fcc_stub *stub, fcc_args args)
{
    char text[32];

    snprintf(text, sizeof(text), "%lld", (long long)time(NULL) / 60);
    return put(stub, text, strlen(text));
}

static fcc_status window(fcc_stub *stub, fcc_args args)
{
    int64_t proposed;
    int32_t nanos;
    fcc_status st = fcc_tx_timestamp(stub, &proposed, &nanos);

    if (st == FCC_OK && llabs((long long)time(NULL) - proposed) > 120)
        st = fcc_fail(stub, FCC_ERR_APP, "not now");
    return st == FCC_OK ? put(stub, "v", 1) : st;
}

static fcc_status crash(fcc_stub *stub, fcc_args args)
{
    if (far_east())
        abort();
    return put(stub, "v", 1);
}

static bool is_among(fcc_args args)
{
    const char *mspid = getenv("CORE_PEER_LOCALMSPID");

    for (size_t i = 0; i < args.n; i++)
        if (mspid && fcc_bytes_equal(args.v[i], fcc_str(mspid)))
            return true;
    return false;
}

static fcc_status differ_in(fcc_stub *stub, fcc_args args)
{
    return is_among(args) ? put(stub, "another", 7) : put(stub, "value", 5);
}

static fcc_status refuse_in(fcc_stub *stub, fcc_args args)
{
    return is_among(args) ? fcc_fail(stub, FCC_ERR_APP, "not here") : put(stub, "value", 5);
}

static const fcc_function functions[] = {
    { "moment", moment, 0 },
    { "window", window, 0 },
    { "steady", steady, 0 },
    { "clock", the_clock, 0 },
    { "zone", zone, 0 },
    { "locale", the_locale, 0 },
    { "heap", heap, 0 },
    { "address", address, 0 },
    { "variable", variable, 0 },
    { "random", chance, 0 },
    { "range", range, 0 },
    { "policy", policy, 0 },
    { "secret", secret, 0 },
    { "event", event, 0 },
    { "answer", answer, 0 },
    { "refuse", refuse, 0 },
    { "crash", crash, 0 },
    { "differ_in", differ_in, FCC_ANY_ARGS },
    { "refuse_in", refuse_in, FCC_ANY_ARGS },
};

FCC_MAIN(functions)

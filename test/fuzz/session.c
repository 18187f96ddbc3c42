/*
 * A conversation: the bytes are what a peer says. The first one of each message chooses its form:
 *
 *     0x00-0x3f  TYPE           a message of this type; then a byte for its transaction, a length and the payload
 *     0x40-0x7f                 TRANSACTION of one of the functions; then a byte for its transaction
 *     0x80-0xbf                 the fitting answer to the oldest request that has none
 *     0xc0-0xff                 a length and raw bytes
 */
#include "fuzz.h"

#include "test/unit/shim/core/scenario.h"

struct input {
    const uint8_t *p, *end;
};

static uint8_t next_byte(struct input *in)
{
    return in->p < in->end ? *in->p++ : 0;
}

static fcc_bytes next_bytes(struct input *in)
{
    size_t len = next_byte(in), left = (size_t)(in->end - in->p);
    fcc_bytes bytes;

    if (len > left)
        len = left;
    bytes = fcc_bytes_of(in->p, len);
    in->p += len;
    return bytes;
}

static fcc_bytes transaction(uint8_t byte)
{
    static const char *const ids[] = { "", "a", "b", "c", "d" };

    return fcc_str(ids[byte % 5]);
}

/* The message that was queued last. */
static void deliver_new(struct play *p)
{
    play_deliver(p, p->queue[--p->queued]);
}

static void say_next(struct play *p, struct input *in, size_t *answered)
{
    uint8_t form = next_byte(in);
    fcc_bytes tx_id;

    if (form < 0x40) {
        tx_id = transaction(next_byte(in));
        play_say(p, (Protos__ChaincodeMessage__Type)form, tx_id, next_bytes(in));
        deliver_new(p);
    } else if (form < 0x80) {
        tx_id = transaction(next_byte(in));
        play_call(p, TYPE(TRANSACTION), (const char *)tx_id.data, play_functions[form % 4].name);
        deliver_new(p);
    } else if (form < 0xc0) {
        if (*answered < p->queued)
            play_deliver(p, p->queue[(*answered)++]);
    } else {
        play_deliver(p, next_bytes(in));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = { data, data + size };
    struct play p = { .session = NULL };
    size_t answered = 0;

    play_prepare(&p);
    FCC_REQUIRE(play_open(&p));
    while (in.p < in.end && !p.closed && p.queued < PLAY_QUEUE - 8)
        say_next(&p, &in, &answered);
    play_end(&p);
    play_clear(&p);
    return 0;
}

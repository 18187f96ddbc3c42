/*
 * misbehaving.c: a chaincode whose functions do to their process what a careless author's do, for tests from the outside.
 *
 *   echo X, rw N PREFIX     as probe's; rw reads once for any N and PREFIX
 *   spin                    never ends
 *   crash, fail             a wild pointer; an assertion that fails
 *   overflow                recursion without end
 *   greedy                  malloc until there is nothing left, and then uses what it did not get
 *   hoard                   malloc until there is nothing left, keeps it, and waits for the peer
 *   modest                  fcc_alloc until there is nothing left: the cap of one transaction
 */
#include <fcc/chaincode.h>

#include <stdlib.h>

static fcc_status echo(fcc_stub *stub, fcc_args args)
{
    return fcc_reply(stub, args.v[0]);
}

static fcc_status rw(fcc_stub *stub, fcc_args args)
{
    fcc_bytes value;
    fcc_status st = fcc_get_state(stub, args.v[1], &value);

    return st == FCC_OK || st == FCC_ERR_NOT_FOUND ? fcc_reply(stub, FCC_LIT("")) : st;
}

static volatile int never;

static fcc_status spin(fcc_stub *stub, fcc_args args)
{
    while (!never)
        ;
    return fcc_reply(stub, args.v[0]);
}

static fcc_status crash(fcc_stub *stub, fcc_args args)
{
    *(volatile int *)(args.n * 64) = 1;
    return FCC_OK;
}

static fcc_status fail(fcc_stub *stub, fcc_args args)
{
    if (!never)
        abort();
    return FCC_OK;
}

static unsigned go_deeper(unsigned depth)
{
    volatile unsigned char frame[1024];

    frame[0] = (unsigned char)depth;
    return never ? frame[0] : go_deeper(depth + 1) + frame[0];
}

static fcc_status overflow(fcc_stub *stub, fcc_args args)
{
    return go_deeper(0) ? FCC_OK : FCC_ERR_APP;
}

/* The last piece that there was, which holds on to the one before. */
static void **take_all(void)
{
    void **last = NULL;

    for (size_t size = 1 << 20; size >= 32; size /= 2) {
        void **piece;

        while ((piece = malloc(size)) != NULL) {
            *piece = last;
            last = piece;
        }
    }
    return last;
}

static fcc_status greedy(fcc_stub *stub, fcc_args args)
{
    volatile int *more;

    take_all();
    more = malloc(1 << 20);
    *more = 1;
    return FCC_OK;
}

static fcc_status hoard(fcc_stub *stub, fcc_args args)
{
    fcc_bytes value;
    void **all = take_all();
    fcc_status st = fcc_get_state(stub, FCC_LIT("key"), &value);

    while (all && never) {
        void **next = *all;

        free(all);
        all = next;
    }
    return st;
}

static fcc_status modest(fcc_stub *stub, fcc_args args)
{
    while (fcc_alloc(stub, 1 << 20))
        ;
    return fcc_fail(stub, FCC_ERR_NOMEM, "no more");
}

static const fcc_function functions[] = {
    { "echo", echo, 1 },     { "rw", rw, 2 },       { "spin", spin, FCC_ANY_ARGS },
    { "crash", crash, 0 },   { "fail", fail, 0 },   { "overflow", overflow, 0 },
    { "greedy", greedy, 0 }, { "hoard", hoard, 0 }, { "modest", modest, 0 },
};

FCC_MAIN(functions)

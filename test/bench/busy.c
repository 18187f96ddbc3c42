/* A chaincode for the driver in this folder: `noop`, and `burn US`, which computes for so many microseconds of CPU time. */
#include <fcc/chaincode.h>

#include <time.h>

static fcc_status noop(fcc_stub *stub, fcc_args args)
{
    return FCC_OK;
}

static double cpu_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
    return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static double microseconds(fcc_bytes digits)
{
    double n = 0;

    for (size_t i = 0; i < digits.len; i++)
        n = n * 10 + (digits.data[i] - '0');
    return n;
}

static fcc_status burn(fcc_stub *stub, fcc_args args)
{
    double until = cpu_us() + microseconds(args.v[0]);

    while (cpu_us() < until)
        ;
    return FCC_OK;
}

static const fcc_function functions[] = { { "noop", noop, 0 }, { "burn", burn, 1 } };
static const fcc_chaincode chaincode = { functions, 2, NULL, NULL, NULL };

int main(int argc, char **argv)
{
    return fcc_main(argc, argv, &chaincode);
}

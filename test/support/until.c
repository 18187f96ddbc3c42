/*
 * until.c: waits, by a system call of its own as Abseil's, until its clock has gone on by 50 ms. Prints whether that took
 * so long by a clock that nobody moves: for tests of a clock that is moved.
 */
#include <errno.h>
#include <linux/futex.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { WAIT_NS = 50 * 1000 * 1000, SECOND_NS = 1000 * 1000 * 1000 };

static int64_t now_ns(clockid_t clock)
{
    struct timespec ts;

    clock_gettime(clock, &ts);
    return (int64_t)ts.tv_sec * SECOND_NS + ts.tv_nsec;
}

int main(void)
{
    int64_t began = now_ns(CLOCK_MONOTONIC), end = now_ns(CLOCK_REALTIME) + WAIT_NS;
    struct timespec until = { .tv_sec = end / SECOND_NS, .tv_nsec = end % SECOND_NS };
    uint32_t word = 0;
    long woken = syscall(SYS_futex, &word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME, 0, &until,
                         NULL, FUTEX_BITSET_MATCH_ANY);

    if (woken != -1 || errno != ETIMEDOUT)
        perror("futex");
    else if (now_ns(CLOCK_MONOTONIC) - began < WAIT_NS / 2) /* the clocks may differ by a hair */
        puts("too early");
    else
        puts("in time");
    return 0;
}

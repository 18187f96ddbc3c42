/*
 * clock.c: a library that is loaded before a chaincode and moves the clock that it sees, by MEDSYNC_CLOCK_AHEAD seconds.
 *
 * Only the time of day: clocks that measure intervals run as they do. gRPC waits until moments of the real time of day and
 * hands them to the kernel, which knows the true one only. So it, and what it is made of, are told the truth where they
 * are libraries; where they are part of the program, whose clock is moved, the moment is moved back on its way.
 */
#include <dlfcn.h>
#include <linux/futex.h>
#include <link.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

enum { TRUTHFUL_MAX = 256 };

static time_t ahead;
static struct {
    uintptr_t from, to;
} truthful[TRUTHFUL_MAX];
static size_t truthful_count;

static int note_library(struct dl_phdr_info *info, size_t size, void *ctx)
{
    static const char *const names[] = { "libgrpc", "libgpr", "libabsl", "libaddress_sorting", "libupb", "libcares" };
    const char *slash = strrchr(info->dlpi_name, '/'), *name = slash ? slash + 1 : info->dlpi_name;
    int listed = 0;

    (void)size;
    (void)ctx;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        listed |= strncmp(name, names[i], strlen(names[i])) == 0;
    for (int i = 0; listed && i < info->dlpi_phnum && truthful_count < TRUTHFUL_MAX; i++)
        if (info->dlpi_phdr[i].p_type == PT_LOAD && (info->dlpi_phdr[i].p_flags & PF_X)) {
            truthful[truthful_count].from = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
            truthful[truthful_count].to = truthful[truthful_count].from + info->dlpi_phdr[i].p_memsz;
            truthful_count++;
        }
    return 0;
}

__attribute__((constructor)) static void start(void)
{
    const char *text = getenv("MEDSYNC_CLOCK_AHEAD");

    dl_iterate_phdr(note_library, NULL);
    ahead = text ? (time_t)strtoll(text, NULL, 10) : 0;
}

static time_t shift_for(const void *caller)
{
    for (size_t i = 0; i < truthful_count; i++)
        if ((uintptr_t)caller >= truthful[i].from && (uintptr_t)caller < truthful[i].to)
            return 0;
    return ahead;
}

/* Where the C library keeps it: with the kernel's page, so without a system call. */
static int real_clock_gettime(clockid_t clock, struct timespec *out)
{
    static int (*real)(clockid_t, struct timespec *);
    int (*found)(clockid_t, struct timespec *) = __atomic_load_n(&real, __ATOMIC_RELAXED);

    if (!found) {
        void *symbol = dlsym(RTLD_NEXT, "clock_gettime");

        memcpy(&found, &symbol, sizeof(found));
        if (!found)
            return (int)syscall(SYS_clock_gettime, clock, out);
        __atomic_store_n(&real, found, __ATOMIC_RELAXED);
    }
    return found(clock, out);
}

EXPORT int clock_gettime(clockid_t clock, struct timespec *out)
{
    int failed = real_clock_gettime(clock, out);

    if (!failed && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE || clock == CLOCK_TAI))
        out->tv_sec += shift_for(__builtin_return_address(0));
    return failed;
}

EXPORT int gettimeofday(struct timeval *restrict out, void *restrict zone)
{
    struct timespec now;

    (void)zone;
    if (real_clock_gettime(CLOCK_REALTIME, &now) != 0)
        return -1;
    out->tv_sec = now.tv_sec + shift_for(__builtin_return_address(0));
    out->tv_usec = now.tv_nsec / 1000;
    return 0;
}

EXPORT time_t time(time_t *out)
{
    struct timespec now;

    if (real_clock_gettime(CLOCK_REALTIME_COARSE, &now) != 0)
        return (time_t)-1;
    now.tv_sec += shift_for(__builtin_return_address(0));
    if (out)
        *out = now.tv_sec;
    return now.tv_sec;
}

EXPORT int timespec_get(struct timespec *out, int base)
{
    if (base != TIME_UTC || real_clock_gettime(CLOCK_REALTIME, out) != 0)
        return 0;
    out->tv_sec += shift_for(__builtin_return_address(0));
    return base;
}

/*
 * Abseil, on which gRPC waits, calls the kernel itself. Not all system calls have six arguments; what is passed on beyond
 * those they have is not looked at.
 */
EXPORT long syscall(long number, ...)
{
    static long (*real)(long, ...);
    long (*found)(long, ...) = __atomic_load_n(&real, __ATOMIC_RELAXED);
    long a[6];
    va_list args;
    struct timespec until;

    va_start(args, number);
    for (size_t i = 0; i < 6; i++)
        a[i] = va_arg(args, long);
    va_end(args);
    if (!found) {
        void *symbol = dlsym(RTLD_NEXT, "syscall");

        memcpy(&found, &symbol, sizeof(found));
        __atomic_store_n(&real, found, __ATOMIC_RELAXED);
    }
    if (number == SYS_futex && (a[1] & FUTEX_CLOCK_REALTIME) && a[3]) {
        until = *(const struct timespec *)a[3];
        until.tv_sec -= shift_for(__builtin_return_address(0));
        a[3] = (long)&until;
    }
    return found(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

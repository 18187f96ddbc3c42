/* switch.h: leaving one stack for another. Only coroutine.c includes it. */
#ifndef FCC_EXEC_SWITCH_H
#define FCC_EXEC_SWITCH_H

#include <stddef.h>

#if defined(__x86_64__) || defined(__aarch64__)

/* Where a stack was left: its stack pointer, everything else is saved on that stack. */
typedef void *fcc__context;

/* Save the caller's registers on its stack, its stack pointer in *from, and continue at `to`. switch_ARCH.S. */
void fcc__switch(fcc__context *from, fcc__context to);
/* Where a new stack starts: calls the function that fcc__context_init put there. Never returns. switch_ARCH.S. */
void fcc__switch_start(void);

#else
#define FCC__SWITCH_UCONTEXT 1
#include <ucontext.h>
typedef ucontext_t fcc__context;
#endif

#endif

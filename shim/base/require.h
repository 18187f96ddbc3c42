/* FCC_REQUIRE: a broken contract inside this process aborts with its place, in release builds too. */
#ifndef FCC_BASE_REQUIRE_H
#define FCC_BASE_REQUIRE_H

#include <stdio.h>
#include <stdlib.h>

/* Never for what can come from the wire, arguments, files or the environment: those get a status. */
#define FCC_REQUIRE(condition)                                                                             \
    do {                                                                                                   \
        if (!(condition)) {                                                                                \
            fprintf(stderr, "%s:%d: %s: broken contract: %s\n", __FILE__, __LINE__, __func__, #condition); \
            abort();                                                                                       \
        }                                                                                                  \
    } while (0)

#endif

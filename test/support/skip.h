/* SKIP(reason): leave a cmocka test, saying why. test/run.sh counts and prints the reason. Return afterwards is implied. */
#ifndef TEST_SUPPORT_SKIP_H
#define TEST_SUPPORT_SKIP_H

#include <stdio.h>

#define SKIP(...)                     \
    do {                              \
        fprintf(stderr, "# skip: ");  \
        fprintf(stderr, __VA_ARGS__); \
        fputc('\n', stderr);          \
        skip();                       \
    } while (0)

#endif

/*
 * fuzz.h: a target takes any bytes and must not crash, leak or break what it asserts. `make fuzz` lets libFuzzer look for
 * bytes that do; replay.c runs those that are kept in test/fuzz/corpus, in `make test`.
 */
#ifndef TEST_FUZZ_FUZZ_H
#define TEST_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif

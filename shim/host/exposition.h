/*
 * exposition.h: what /metrics answers, in Prometheus' text format.
 *
 * Source: prometheus.io, exposition formats, text-based format 0.0.4
 * Test: test/unit/shim/host/test_exposition.c
 */
#ifndef FCC_HOST_EXPOSITION_H
#define FCC_HOST_EXPOSITION_H

#include "base/buf.h"
#include "host/child.h"

void host_exposition(const host_child *children, size_t count, fcc__buf *out);

#endif

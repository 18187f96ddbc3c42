/* ops.h: the operations of `run`, one for each call of the stub. */
#ifndef PROBE_OPS_H
#define PROBE_OPS_H

#include <fcc/chaincode.h>

#include "probe/text.h"

typedef struct probe_op {
    const char *name;
    /* Writes the result to `out`; on failure the text is on the stub, and what was written is dropped. */
    fcc_status (*run)(fcc_stub *stub, fcc_args args, probe_text *out);
    size_t least; /* arguments */
    size_t most;
} probe_op;

/* NULL for a name that is none. */
const probe_op *probe_op_named(fcc_bytes name);

#endif

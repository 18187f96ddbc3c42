/* load.h: a YAML file into a document. */
#ifndef NETWORK_CONFIG_LOAD_H
#define NETWORK_CONFIG_LOAD_H

#include "config/reader.h"

#include "base/buf.h"

/* A whole file of at most 4 MiB. FCC_ERR_NOT_FOUND, FCC_ERR_IO, FCC_ERR_LIMIT. The buffer is the caller's to clear. */
fcc_status config_slurp(const char *path, fcc__buf *buf, fcc_error *error) FCC_MUST_CHECK;
/* Fills reader->document, which yaml_document_delete frees; reader->path and ->error are set before. */
fcc_status config_load_document(fcc_bytes yaml, config_reader *reader) FCC_MUST_CHECK;

#endif

/* newcomers.h: organisations that the network file marks as newcomers come onto a channel that runs. */
#ifndef MEDSYNC_NATIVE_NEWCOMERS_H
#define MEDSYNC_NATIVE_NEWCOMERS_H

#include "native/join.h"

/*
 * Those that the channel lacks are added by one update, signed by the administrators of all that are on it. As join_run; the
 * orderers have joined, and may not have a leader yet.
 */
fcc_status newcomers_add(const join_options *options, fcc_error *error) FCC_MUST_CHECK;

#endif

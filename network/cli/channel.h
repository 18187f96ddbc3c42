/* channel.h: the parts of `medsync channel`. */
#ifndef NETWORK_CLI_CHANNEL_H
#define NETWORK_CLI_CHANNEL_H

#include "cli/cli.h"

extern const char channel_update_usage[];
/* argv[0] is "update"; returns the exit status. */
int cli_channel_update(int argc, char **argv);
/* argv[0] is "genesis" */
int cli_channel_genesis(int argc, char **argv);

#endif

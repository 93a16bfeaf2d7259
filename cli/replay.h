#pragma once

#include "cli/options.h"

/* The verb replay: brings a spool into the database. Returns the exit status: 0
 * all is in it, 6 not all, 2 for what is no spool, 1. */
int replay_spool(const struct options *options);

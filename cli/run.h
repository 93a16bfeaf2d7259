#pragma once

#include "cli/options.h"

/*
 * The whole job: reads the host file, probes every host in the pool, stores and
 * prints each result, sums up. Returns the exit status of the process. Called
 * once, from main().
 */
int run_hosts(const struct options *options);

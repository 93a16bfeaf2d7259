#pragma once

/* For the files parts*.c alone: the hosts' side of a run. */

#include "cli/parts.h"

#include <limits.h>

/* How hosts are reached, and where they are named. */
bool parts_open_hosts(struct run *run, struct err *err);

/* Which of them the run is for, and its id. */
bool parts_open_choice(struct run *run, struct err *err);

/* The host file's absolute path, or what serves in its place; path is room. */
const char *parts_host_file(const struct run *run, char path[PATH_MAX]);

/* True when both name the same regular file. */
bool parts_same_file(const char *a, const char *b);

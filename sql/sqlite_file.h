#pragma once

#include "inventory/err.h"

#include <stdbool.h>

/* The file of a store, apart from what SQLite does with it. */

/* Whether others may have it on another machine: WAL shares memory among the
 * processes that use a file. FUSE may be anything, sshfs for one. */
bool sqlite_file_is_remote(const char *path);

/* Makes it where it is not there, for its owner alone, whatever the umask;
 * SQLite gives its permissions to its log. One that is there is not opened: to
 * close it would drop the locks that this process has on it. */
bool sqlite_file_make(const char *path, struct err *err);

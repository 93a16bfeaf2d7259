#pragma once

#include "inventory/err.h"
#include "sql/backend.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * A spool: an SQLite file with the tables of a store, which takes a run's rows
 * when its database was given up. One self-contained file, so that it can be
 * carried to another machine; every commit is on the disk. Its run and a replay
 * hold it against each other.
 */

/* What may become a part of a file's name and of a statement, for the tables
 * may have been written by others. */
bool spool_is_run_id(const char *text);

/* $XDG_STATE_HOME/sshinv/spool-RUN.db, else below $HOME/.local/state. Makes
 * nothing. ERR_STORE where neither is set or the path is too long. */
bool spool_path(const char *run_id, char *path, size_t size, struct err *err);

/* Makes the file (0600) and its folders, or opens the one that this run has
 * made. *db is connected and has its tables. */
bool spool_create(const char *path, struct db **db, struct err *err);

/* For a replay: ERR_INPUT where there is none, it is no spool, or it is held.
 */
bool spool_open(const char *path, struct db **db, struct err *err);

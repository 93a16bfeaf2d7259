#pragma once

#include "sql/backend.h"
#include "sql/store.h"

/* Spools as a run leaves them. Failures of these are failed assertions. */

/* A new one, or one that is there; held until spool_close(). */
struct db *spool_begin(const char *path);
void spool_put(struct db *spool, const struct record *record);
void spool_put_and_free(struct db *spool, struct record *record);
void spool_put_run(struct db *spool, const struct store_run *run);
void spool_exec(struct db *spool, const char *sql);
void spool_close(struct db *spool);

/* One with these rows in it: host-0 … and a run that has ended. */
void make_spool(const char *path, unsigned hosts, int64_t attempt);

/* A store's warn: a line each, until the test empties it. */
void hear(void *arg, const char *text);
extern char heard[4096];

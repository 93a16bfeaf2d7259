#pragma once

#include "inventory/deadline.h"
#include "inventory/err.h"
#include "sql/backend.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Writes batches of rows, each in one transaction, and does again what may go
 * well the next time: a deadlock, a lock that was not got, a lost connection.
 * Every write is an upsert, so doing one twice is harmless. A batch that is
 * refused for its data is redone row by row.
 *
 * Used by one thread at a time.
 */

/*
 * How long a lost server or locks held by others are waited for, in all, before
 * the store counts as lost: a restart takes less, and a run must not hang.
 */
#define WRITER_PATIENCE (60 * NS_PER_S)

/* Once the run is ending, less is waited for others' locks. */
#define WRITER_LAST_PATIENCE (5 * NS_PER_S)

struct writer {
	struct db *db;    /* connected */
	const char *name; /* in front of the reason why the store was lost */
	int cancel_fd;    /* readable: do not wait for a lost server; -1 none */
	void (*warn)(void *arg, const char *text); /* may be NULL */
	void *warn_arg;
	nanoseconds patience;
	unsigned seed; /* of the jitter */
	bool lost;     /* for ever; why is in reason */
	struct err reason;
};

/* One row to be written. */
struct writer_item {
	const struct row *row;
	struct err *err; /* written when it was not stored */
	bool stored;
};

#define WRITER_BATCH_MAX 128

/*
 * Sets stored or err of each item: ERR_STORE_DATA where the database refused
 * that row, ERR_STORE where the store is lost, now or since an earlier call.
 * count is at most WRITER_BATCH_MAX. Items are reordered by key.
 */
void writer_write(struct writer *writer, enum table table,
                  struct writer_item **items, size_t count);

#pragma once

#include "inventory/deadline.h"
#include "inventory/err.h"
#include "sql/backend.h"
#include "sql/limit.h"

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

struct writer {
	struct db *db;       /* connected */
	struct limit *limit; /* of its calls; may be NULL */
	const char *name;    /* in front of the reason why the store was lost */
	int cancel_fd;       /* readable: nothing is tried again; -1 none */
	void (*warn)(void *arg, const char *text); /* may be NULL */
	void *warn_arg;
	/* How long a lost server or locks of others are waited for, counted
	 * from the begin of the call that did not succeed. */
	nanoseconds patience;
	unsigned seed; /* of the jitter */
	bool lost;     /* for ever; why is in reason */
	struct err reason;

	/* The transaction under way. */
	nanoseconds called;   /* begin of its last call */
	nanoseconds deadline; /* 0 until a call did not succeed */
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

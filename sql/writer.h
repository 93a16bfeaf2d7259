#pragma once

#include "inventory/err.h"
#include "sql/backend.h"
#include "sql/patience.h"

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
	struct patience patience; /* with its db */
	const char *name; /* in front of the reason why the store was lost */
	bool lost;        /* for ever; why is in reason */
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

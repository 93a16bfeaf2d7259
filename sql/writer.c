#include "sql/writer.h"

#include "inventory/wait.h"

#include <assert.h>

/* Of one statement: with the longest row on top it stays well below the 1 MiB
 * of the smallest max_allowed_packet in use. */
#define STATEMENT_BYTES ((size_t)512 * 1024)

static int compare_items(const void *a, const void *b)
{
	const struct writer_item *const *x = a;
	const struct writer_item *const *y = b;

	return row_compare((*x)->row, (*y)->row);
}

/*
 * By key, so that several processes take their locks in one order. Rows of one
 * key stay in the order they came, the newest last: an insertion sort, because
 * qsort() keeps no order; batches are small.
 */
static void sort_items(struct writer_item **items, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		struct writer_item *item = items[i];
		size_t at = i;

		while (at > 0 && compare_items(&items[at - 1], &item) > 0) {
			items[at] = items[at - 1];
			at--;
		}
		items[at] = item;
	}
}

/* How many rows the next statement takes: a power of two, for there is one
 * prepared statement for each. */
static size_t statement_rows(const struct writer *writer,
                             struct writer_item *const *items, size_t count)
{
	size_t rows = writer->patience.db->ops->rows_max;

	for (; rows > 1; rows /= 2) {
		size_t bytes = 0;

		if (rows > count)
			continue;
		for (size_t i = 0; i < rows; i++)
			bytes += items[i]->row->bytes;
		if (bytes <= STATEMENT_BYTES)
			break;
	}
	return rows;
}

static enum db_result call_exec(struct writer *writer, const char *sql,
                                struct err *err)
{
	struct patience *patience = &writer->patience;
	struct db *db = patience->db;

	patience_call(patience);
	return patience_called(patience, db->ops->exec(db, sql, err), err);
}

static enum db_result write_rows(struct writer *writer, enum table table,
                                 struct writer_item *const *items, size_t count,
                                 struct err *err)
{
	struct patience *patience = &writer->patience;
	struct db *db = patience->db;
	const struct row *rows[WRITER_BATCH_MAX];
	enum db_result result = DB_OK;

	for (size_t i = 0; i < count; i++)
		rows[i] = items[i]->row;
	for (size_t done = 0; done < count && result == DB_OK;) {
		size_t some =
		    statement_rows(writer, items + done, count - done);

		patience_call(patience);
		result = db->ops->write(db, table, rows + done, some, err);
		result = patience_called(patience, result, err);
		done += some;
	}
	return result;
}

/* All or nothing. What fits one statement is a transaction by itself, and saves
 * two round trips. */
static enum db_result transaction(struct writer *writer, enum table table,
                                  struct writer_item *const *items,
                                  size_t count, struct err *err)
{
	enum db_result result;
	struct err ignored;

	if (statement_rows(writer, items, count) == count)
		return write_rows(writer, table, items, count, err);
	result = call_exec(writer, writer->patience.db->ops->begin, err);
	if (result == DB_OK)
		result = write_rows(writer, table, items, count, err);
	if (result == DB_OK)
		result = call_exec(writer, "COMMIT", err);
	if (result != DB_OK && result != DB_GONE)
		call_exec(writer, "ROLLBACK", &ignored);
	return result;
}

/* DB_OK, DB_DATA, or DB_FAILED, which is the end of the store. */
static enum db_result write_patiently(struct writer *writer, enum table table,
                                      struct writer_item *const *items,
                                      size_t count, struct err *err)
{
	struct patience *patience = &writer->patience;
	enum db_result result;

	patience_begin(patience);
	do
		result = transaction(writer, table, items, count, err);
	while (patience_again(patience, result, err));
	if (result == DB_OK || result == DB_DATA)
		return result;
	if ((result == DB_AGAIN || result == DB_GONE) &&
	    wait_cancelled(patience->cancel_fd))
		err_prefix(err, "not confirmed when the run ended");
	return DB_FAILED;
}

static void set_stored(struct writer_item *const *items, size_t count)
{
	for (size_t i = 0; i < count; i++)
		items[i]->stored = true;
}

static void set_refused(struct writer_item *const *items, size_t count,
                        const struct err *err)
{
	for (size_t i = 0; i < count; i++) {
		items[i]->stored = false;
		*items[i]->err = *err;
	}
}

static void lose(struct writer *writer, const struct err *reason)
{
	writer->lost = true;
	writer->reason = *reason;
	writer->reason.kind = ERR_STORE;
	err_prefix(&writer->reason, "%s", writer->name);
}

/* Tells the items what became of all of them. */
static void settle(struct writer *writer, struct writer_item *const *items,
                   size_t count, enum db_result result, struct err *err)
{
	switch (result) {
	case DB_OK:
		set_stored(items, count);
		break;
	case DB_DATA:
		err->kind = ERR_STORE_DATA;
		set_refused(items, count, err);
		break;
	case DB_AGAIN:
	case DB_GONE:
	case DB_EXISTS:
	case DB_DENIED:
	case DB_FAILED:
		lose(writer, err);
		set_refused(items, count, &writer->reason);
		break;
	}
}

/* The batch was refused for the data of some of its rows: who? */
static void write_one_by_one(struct writer *writer, enum table table,
                             struct writer_item *const *items, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct err err = { .kind = ERR_NONE };
		enum db_result result;

		if (writer->lost) {
			set_refused(&items[i], 1, &writer->reason);
			continue;
		}
		result = write_patiently(writer, table, &items[i], 1, &err);
		settle(writer, &items[i], 1, result, &err);
	}
}

void writer_write(struct writer *writer, enum table table,
                  struct writer_item **items, size_t count)
{
	struct err err = { .kind = ERR_NONE };
	enum db_result result;

	assert(count > 0 && count <= WRITER_BATCH_MAX);
	if (writer->lost) {
		set_refused(items, count, &writer->reason);
		return;
	}
	sort_items(items, count);
	db_thread_begin(writer->patience.db->ops);
	result = write_patiently(writer, table, items, count, &err);
	if (result == DB_DATA && count > 1)
		write_one_by_one(writer, table, items, count);
	else
		settle(writer, items, count, result, &err);
	db_thread_end(writer->patience.db->ops);
}

#include "sql/writer.h"

#include "inventory/wait.h"

#include <assert.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* Of one statement: with the longest row on top it stays well below the 1 MiB
 * of the smallest max_allowed_packet in use. */
#define STATEMENT_BYTES ((size_t)512 * 1024)

/* Waits between attempts: doubled each time, up to the longest. */
#define AGAIN_FIRST_MS 5
#define AGAIN_LONGEST_MS 500
#define GONE_FIRST_MS 100
#define GONE_LONGEST_MS 3000

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
	size_t rows = writer->db->ops->rows_max;

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

/* Around each call that may take long. */
static void begin_call(struct writer *writer)
{
	writer->called = monotonic_ns();
	limit_set(writer->limit, writer->deadline != 0
	                             ? writer->deadline
	                             : writer->called + writer->patience);
}

static enum db_result end_call(struct writer *writer, enum db_result result,
                               struct err *err)
{
	bool passed = limit_lift(writer->limit);

	if (passed && result == DB_GONE)
		err_set(err, ERR_STORE, "no answer in %.1f s",
		        (double)(monotonic_ns() - writer->called) / 1e9);
	if (writer->deadline == 0 && (result == DB_AGAIN || result == DB_GONE))
		writer->deadline = writer->called + writer->patience;
	return result;
}

static enum db_result call_exec(struct writer *writer, const char *sql,
                                struct err *err)
{
	begin_call(writer);
	return end_call(writer, writer->db->ops->exec(writer->db, sql, err),
	                err);
}

static enum db_result write_rows(struct writer *writer, enum table table,
                                 struct writer_item *const *items, size_t count,
                                 struct err *err)
{
	const struct db_ops *ops = writer->db->ops;
	const struct row *rows[WRITER_BATCH_MAX];
	enum db_result result = DB_OK;

	for (size_t i = 0; i < count; i++)
		rows[i] = items[i]->row;
	for (size_t done = 0; done < count && result == DB_OK;) {
		size_t some =
		    statement_rows(writer, items + done, count - done);

		begin_call(writer);
		result = end_call(
		    writer,
		    ops->write(writer->db, table, rows + done, some, err), err);
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
	result = call_exec(writer, writer->db->ops->begin, err);
	if (result == DB_OK)
		result = write_rows(writer, table, items, count, err);
	if (result == DB_OK)
		result = call_exec(writer, "COMMIT", err);
	if (result != DB_OK && result != DB_GONE)
		call_exec(writer, "ROLLBACK", &ignored);
	return result;
}

/* Between half and the whole of first << attempt, at most longest. */
static int jittered(struct writer *writer, unsigned attempt, int first,
                    int longest)
{
	int ms = longest;

	if (attempt < 8 && first << attempt < longest)
		ms = first << attempt;
	return ms / 2 + rand_r(&writer->seed) % (ms / 2 + 1);
}

/* True when nothing is waited for any longer. */
static bool is_over(const struct writer *writer)
{
	return wait_cancelled(writer->cancel_fd) ||
	       monotonic_ns() >= writer->deadline;
}

/* Waits before another try. False when it is time to give up: the run ends, or
 * patience does. */
static bool pause_before(struct writer *writer, unsigned attempt, int first,
                         int longest)
{
	struct pollfd pfd = { .fd = writer->cancel_fd, .events = POLLIN };
	int ms = jittered(writer, attempt, first, longest);
	int left = deadline_poll_ms(writer->deadline);

	/* poll() takes no notice of a negative descriptor. */
	poll(&pfd, 1, ms < left ? ms : left);
	return !is_over(writer);
}

static bool reconnect(struct writer *writer, struct err *err)
{
	const struct wait wait = {
		.deadline = writer->deadline,
		.limit_ms = (unsigned)(writer->patience / NS_PER_MS),
		.cancel_fd = writer->cancel_fd,
	};

	for (unsigned attempt = 0;; attempt++) {
		struct err failed;
		enum db_result result =
		    writer->db->ops->connect(writer->db, &wait, &failed);

		if (result == DB_OK)
			return true;
		/* The end of the run is not what is wrong with it. */
		if (failed.kind != ERR_CANCELLED)
			*err = failed;
		if (result != DB_GONE && result != DB_AGAIN)
			return false;
		if (!pause_before(writer, attempt, GONE_FIRST_MS,
		                  GONE_LONGEST_MS))
			return false;
	}
}

static void warn_lost(const struct writer *writer, const struct err *err)
{
	char text[ERR_TEXT_SIZE + 128];
	nanoseconds left = writer->deadline - monotonic_ns();

	if (writer->warn == NULL)
		return;
	snprintf(text, sizeof(text),
	         "the database was lost (%s); trying again for up to %lld s",
	         err->text, (long long)((left + NS_PER_S - 1) / NS_PER_S));
	writer->warn(writer->warn_arg, text);
}

static void warn_back(const struct writer *writer)
{
	char text[128];
	nanoseconds began = writer->deadline - writer->patience;

	if (writer->warn == NULL)
		return;
	snprintf(text, sizeof(text), "the database is back after %lld s",
	         (long long)((monotonic_ns() - began) / NS_PER_S));
	writer->warn(writer->warn_arg, text);
}

/* Prepares for another try at what failed. False when there is none. */
static bool try_again(struct writer *writer, unsigned attempt,
                      enum db_result result, struct err *err)
{
	if (result == DB_AGAIN)
		return pause_before(writer, attempt, AGAIN_FIRST_MS,
		                    AGAIN_LONGEST_MS);
	/* One that comes and goes at once is no better. */
	if (attempt > 0 &&
	    !pause_before(writer, attempt, GONE_FIRST_MS, GONE_LONGEST_MS))
		return false;
	return reconnect(writer, err);
}

/* DB_OK, DB_DATA, or DB_FAILED, which is the end of the store. */
static enum db_result write_patiently(struct writer *writer, enum table table,
                                      struct writer_item *const *items,
                                      size_t count, struct err *err)
{
	enum db_result result;
	bool warned = false;

	writer->deadline = 0;
	for (unsigned attempt = 0;; attempt++) {
		result = transaction(writer, table, items, count, err);
		if (result == DB_OK || result == DB_DATA) {
			if (warned)
				warn_back(writer);
			return result;
		}
		if (result != DB_AGAIN && result != DB_GONE)
			return DB_FAILED;
		if (is_over(writer))
			break;
		if (result == DB_GONE && !warned) {
			warn_lost(writer, err);
			warned = true;
		}
		if (!try_again(writer, attempt, result, err))
			break;
	}
	if (wait_cancelled(writer->cancel_fd))
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
	db_thread_begin(writer->db->ops);
	result = write_patiently(writer, table, items, count, &err);
	if (result == DB_DATA && count > 1)
		write_one_by_one(writer, table, items, count);
	else
		settle(writer, items, count, result, &err);
	db_thread_end(writer->db->ops);
}

#include "sql/store_private.h"

#include "inventory/wait.h"
#include "sql/row.h"
#include "sql/spool.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * A spool is read once, by key, and written in batches, the row of the run at
 * its end. All of it are upserts that leave what is newer, so that a replay
 * which ended anywhere is done again from the beginning.
 */

/* Of one batch's texts: rows with a long output are kept in memory as well. */
#define BATCH_BYTES ((size_t)1024 * 1024)

/* Refused rows that are told one by one. */
#define TOLD_MAX 10

struct replay {
	struct store *store;
	struct replay_counts counts;
	enum table table;
	/* The batch. */
	size_t count;
	size_t bytes;
	struct row rows[WRITER_BATCH_MAX];
	struct err errs[WRITER_BATCH_MAX];
	struct writer_item items[WRITER_BATCH_MAX];
	/* Why it cannot go on. */
	bool failed;
	struct err err;
};

/* The row is named by the first columns of its table. */
static void refuse(struct replay *replay, const char *key, const char *port,
                   const struct err *err)
{
	char text[ERR_TEXT_SIZE + 3 * HOST_IP_MAX + 64];
	bool is_host = replay->table != TABLE_REPLAYED_RUNS;

	replay->counts.refused++;
	if (replay->counts.refused > TOLD_MAX)
		return;
	snprintf(text, sizeof(text), "the row of %s %.*s%s%s was refused: %s",
	         is_host ? "host" : "run", 3 * HOST_IP_MAX, key,
	         is_host ? " port " : "", is_host ? port : "", err->text);
	store_tell(replay->store, text);
}

static void refuse_written(struct replay *replay, size_t index)
{
	const struct row_value *values = replay->rows[index].values;
	char key[3 * HOST_IP_MAX + 1] = "";
	char port[24];

	if (!values[0].is_null && values[0].length < sizeof(key))
		memcpy(key, values[0].text, values[0].length);
	snprintf(port, sizeof(port), "%lld", (long long)values[1].number);
	refuse(replay, key, port, &replay->errs[index]);
}

/* The first reason is the one that is told. */
static bool give_up(struct replay *replay, const struct err *err)
{
	if (!replay->failed)
		replay->err = *err;
	replay->failed = true;
	return false;
}

static bool settle(struct replay *replay)
{
	bool is_host = replay->table == TABLE_REPLAYED_STATUS;

	for (size_t i = 0; i < replay->count; i++) {
		if (replay->items[i].stored)
			replay->counts.stored += is_host;
		else if (replay->errs[i].kind != ERR_STORE_DATA)
			return give_up(replay, &replay->errs[i]);
		else
			refuse_written(replay, i);
	}
	return true;
}

static void drop_batch(struct replay *replay)
{
	for (size_t i = 0; i < replay->count; i++)
		row_release(&replay->rows[i]);
	replay->count = 0;
	replay->bytes = 0;
}

static bool flush(struct replay *replay)
{
	struct writer_item *items[WRITER_BATCH_MAX];
	bool ok = true;

	for (size_t i = 0; i < replay->count; i++) {
		items[i] = &replay->items[i];
		replay->items[i] =
		    (struct writer_item){ .row = &replay->rows[i],
			                  .err = &replay->errs[i] };
	}
	if (replay->count > 0) {
		writer_write(&replay->store->writer, replay->table, items,
		             replay->count);
		ok = settle(replay);
	}
	drop_batch(replay);
	return ok;
}

static bool take_row(void *arg, const char *const *values, size_t count)
{
	struct replay *replay = arg;
	struct row *row = &replay->rows[replay->count];
	struct err err;

	(void)count;
	if (wait_cancelled(replay->store->cancel_fd)) {
		err_set(&err, ERR_CANCELLED, "interrupted");
		return give_up(replay, &err);
	}
	if (replay->table == TABLE_REPLAYED_STATUS)
		replay->counts.rows++;
	if (!row_from_values(row, replay->table, values, &err)) {
		if (err.kind != ERR_STORE_DATA)
			return give_up(replay, &err);
		refuse(replay, values[0] != NULL ? values[0] : "",
		       values[1] != NULL ? values[1] : "", &err);
		return true;
	}
	replay->bytes += row->bytes;
	replay->count++;
	return (replay->count < WRITER_BATCH_MAX &&
	        replay->bytes < BATCH_BYTES) ||
	       flush(replay);
}

/* A spool is nobody's but ours: it is not busy, and nothing is tried again. */
static bool read_table(struct replay *replay, struct db *spool,
                       enum table table)
{
	struct err err = { .kind = ERR_SYSTEM, .text = "out of memory" };
	enum db_result result = DB_FAILED;
	char *sql = table_select(table);

	replay->table = table;
	if (sql != NULL)
		result = spool->ops->select(spool, sql, take_row, replay, &err);
	free(sql);
	if (result != DB_OK)
		give_up(replay, &err);
	if (!replay->failed)
		return flush(replay);
	drop_batch(replay);
	return false;
}

/*
 * What is removed here has to be on the disk there. With a write-ahead log
 * SQLite leaves that to the next checkpoint; told so, it syncs the log with
 * each commit. *before is what was set, 0 for a server, which decides itself.
 */
static bool set_durable(struct db *db, int64_t *before, struct err *err)
{
	*before = 0;
	return db->ops->dialect != DIALECT_SQLITE ||
	       (db->ops->number(db, "PRAGMA synchronous", before, err) ==
	            DB_OK &&
	        db->ops->exec(db, "PRAGMA synchronous=FULL", err) == DB_OK);
}

static void set_as_before(struct db *db, int64_t before)
{
	char sql[64];
	struct err ignored;

	if (before == 0)
		return;
	snprintf(sql, sizeof(sql), "PRAGMA synchronous=%d", (int)before);
	db->ops->exec(db, sql, &ignored);
}

/* Still held, so that nobody has begun to use it again. */
static void remove_spool(const struct store *store, const char *path)
{
	char text[DSN_PATH_SIZE + 128];

	snprintf(text, sizeof(text), "%s-journal", path);
	unlink(text);
	if (unlink(path) == 0 || errno == ENOENT)
		return;
	snprintf(text, sizeof(text),
	         "cannot remove the spool %s, which is in the database now",
	         path);
	store_tell(store, text);
}

static void tell_rest(const struct replay *replay)
{
	char text[128];

	if (replay->counts.refused <= TOLD_MAX)
		return;
	snprintf(text, sizeof(text), "%zu more rows were refused",
	         replay->counts.refused - TOLD_MAX);
	store_tell(replay->store, text);
}

static bool write_tables(struct replay *replay, struct db *spool,
                         const char *path)
{
	struct store *store = replay->store;
	int64_t before;
	bool ok;

	if (!set_durable(store->db, &before, &replay->err))
		return err_prefix(&replay->err, "%s", store->name);
	ok = read_table(replay, spool, TABLE_HISTORY) &&
	     read_table(replay, spool, TABLE_REPLAYED_STATUS) &&
	     read_table(replay, spool, TABLE_REPLAYED_RUNS);
	set_as_before(store->db, before);
	tell_rest(replay);
	if (!ok)
		return err_prefix(&replay->err, "replay of %s", path);
	if (replay->counts.refused == 0)
		remove_spool(store, path);
	return true;
}

bool store_replay(struct store *store, const char *path,
                  struct replay_counts *counts, struct err *err)
{
	struct replay *replay;
	struct db *spool;
	bool ok;

	*counts = (struct replay_counts){ 0 };
	if (!spool_open(path, &spool, err))
		return false;
	replay = calloc(1, sizeof(*replay));
	if (replay == NULL) {
		spool->ops->close(spool);
		return err_set(err, ERR_SYSTEM, "out of memory");
	}
	replay->store = store;
	ok = write_tables(replay, spool, path);
	spool->ops->close(spool);
	*counts = replay->counts;
	if (!ok)
		*err = replay->err;
	free(replay);
	return ok;
}

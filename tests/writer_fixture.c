#include "tests/writer_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct fake fake;
struct writer writer;
char warnings[2048];
struct batch batch;
static const size_t hostname_column = 6;

void note(const char *what)
{
	strncat(fake.log, what, sizeof(fake.log) - strlen(fake.log) - 1);
	strncat(fake.log, " ", sizeof(fake.log) - strlen(fake.log) - 1);
}

static enum db_result next(const enum db_result *script, size_t *at,
                           struct err *err)
{
	enum db_result result = *at < 8 ? script[(*at)++] : DB_OK;

	if (result != DB_OK)
		err_set(err, ERR_STORE, "told to fail");
	return result;
}

static enum db_result fake_connect(struct db *db, const struct wait *wait,
                                   struct err *err)
{
	(void)db;
	(void)wait;
	note("K");
	return next(fake.connects, &fake.connected, err);
}

static enum db_result fake_exec(struct db *db, const char *sql, struct err *err)
{
	(void)db;
	if (strcmp(sql, "COMMIT") == 0) {
		note("C");
		return next(fake.commits, &fake.committed, err);
	}
	note(strcmp(sql, "ROLLBACK") == 0 ? "R" : "B");
	return DB_OK;
}

enum db_result fake_write(struct db *db, enum table table,
                          const struct row *const *rows, size_t count,
                          struct err *err)
{
	enum db_result result;
	char text[32];

	(void)db;
	(void)table;
	snprintf(text, sizeof(text), "w%zu", count);
	note(text);
	if (fake.for_ever != DB_OK) {
		err_set(err, ERR_STORE, "for ever");
		return fake.for_ever;
	}
	result = next(fake.writes, &fake.written, err);
	for (size_t i = 0; i < count && result == DB_OK; i++) {
		const struct row_value *hostname =
		    &rows[i]->values[hostname_column];

		strncat(fake.order, rows[i]->values[0].text,
		        rows[i]->values[0].length);
		snprintf(text, sizeof(text), ":%d ",
		         (int)rows[i]->values[1].number);
		strncat(fake.order, text,
		        sizeof(fake.order) - strlen(fake.order) - 1);
		if (hostname->length == 3 &&
		    memcmp(hostname->text, "bad", 3) == 0) {
			err_set(err, ERR_STORE_DATA, "bad row");
			result = DB_DATA;
		}
	}
	return result;
}

const struct db_ops fake_ops = {
	.begin = "BEGIN",
	.rows_max = 128,
	.connect = fake_connect,
	.exec = fake_exec,
	.write = fake_write,
};

static void collect(void *arg, const char *warning)
{
	(void)arg;
	strncat(warnings, warning, sizeof(warnings) - strlen(warnings) - 1);
}

int set_up(void **state)
{
	(void)state;
	memset(&fake, 0, sizeof(fake));
	memset(&batch, 0, sizeof(batch));
	warnings[0] = '\0';
	fake.db.ops = &fake_ops;
	writer = (struct writer){
		.name = "fake://",
		.patience = { .db = &fake.db,
		              .cancel_fd = -1,
		              .warn = collect,
		              .length = 60 * NS_PER_S,
		              .seed = 1 },
	};
	return 0;
}

int tear_down(void **state)
{
	(void)state;
	for (size_t i = 0; i < batch.count; i++) {
		row_release(&batch.rows[i]);
		record_free(batch.records[i]);
	}
	return 0;
}

void add(const char *ip, uint16_t port, const char *hostname)
{
	size_t at = batch.count++;
	struct record *record = record_new();

	assert_non_null(record);
	batch.records[at] = record;
	snprintf(record->host.ip, sizeof(record->host.ip), "%s", ip);
	record->host.port = port;
	snprintf(record->hostname, sizeof(record->hostname), "%s", hostname);
}

void add_many(size_t count)
{
	char ip[32];

	for (size_t i = 0; i < count; i++) {
		snprintf(ip, sizeof(ip), "127.0.1.%zu", 100 + i);
		add(ip, 22, "good");
	}
}

void write_batch(void)
{
	struct writer_item *items[ITEMS_MAX];
	struct err err;

	for (size_t i = 0; i < batch.count; i++) {
		row_release(&batch.rows[i]);
		assert_true(row_from_record(&batch.rows[i], batch.records[i],
		                            false, &err));
		batch.items[i] = (struct writer_item){ &batch.rows[i],
			                               &batch.errs[i], false };
		items[i] = &batch.items[i];
	}
	writer_write(&writer, TABLE_SERVER_STATUS, items, batch.count);
}

void assert_all_stored(void)
{
	for (size_t i = 0; i < batch.count; i++)
		assert_true(batch.items[i].stored);
}

void assert_all_lost(void)
{
	for (size_t i = 0; i < batch.count; i++) {
		assert_false(batch.items[i].stored);
		assert_int_equal(batch.errs[i].kind, ERR_STORE);
	}
	assert_true(writer.lost);
}

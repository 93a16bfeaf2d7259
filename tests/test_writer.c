#include "sql/writer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

/*
 * A database that keeps a log ("B" begin, "w<rows>" write, "C" commit, "R"
 * rollback, "K" connect), fails when told to, and refuses rows whose hostname
 * is "bad".
 */
struct fake {
	struct db db;
	char log[4096];
	/* Results of the calls to come; DB_OK when they are used up. */
	enum db_result writes[8];
	enum db_result commits[8];
	enum db_result connects[8];
	size_t written, committed, connected;
	enum db_result for_ever; /* of every write, unless DB_OK */
	char order[4096];        /* ip:port of each row written */
};

static struct fake fake;
static struct writer writer;
static char warnings[2048];
static const size_t hostname_column = 6;

static void note(const char *what)
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

static enum db_result fake_connect(struct db *db, struct err *err)
{
	(void)db;
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

static enum db_result fake_write(struct db *db, enum table table,
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

static const struct db_ops fake_ops = {
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

#define ITEMS_MAX WRITER_BATCH_MAX

static struct {
	struct record *records[ITEMS_MAX];
	struct row rows[ITEMS_MAX];
	struct err errs[ITEMS_MAX];
	struct writer_item items[ITEMS_MAX];
	size_t count;
} batch;

static int set_up(void **state)
{
	(void)state;
	memset(&fake, 0, sizeof(fake));
	memset(&batch, 0, sizeof(batch));
	warnings[0] = '\0';
	fake.db.ops = &fake_ops;
	writer = (struct writer){ .db = &fake.db,
		                  .name = "fake://",
		                  .cancel_fd = -1,
		                  .warn = collect,
		                  .patience = WRITER_PATIENCE,
		                  .seed = 1 };
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	for (size_t i = 0; i < batch.count; i++) {
		row_release(&batch.rows[i]);
		record_free(batch.records[i]);
	}
	return 0;
}

static void add(const char *ip, uint16_t port, const char *hostname)
{
	size_t at = batch.count++;
	struct record *record = record_new();

	assert_non_null(record);
	batch.records[at] = record;
	snprintf(record->host.ip, sizeof(record->host.ip), "%s", ip);
	record->host.port = port;
	snprintf(record->hostname, sizeof(record->hostname), "%s", hostname);
}

static void add_many(size_t count)
{
	char ip[32];

	for (size_t i = 0; i < count; i++) {
		snprintf(ip, sizeof(ip), "127.0.1.%zu", 100 + i);
		add(ip, 22, "good");
	}
}

static void write_batch(void)
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

static void assert_all_stored(void)
{
	for (size_t i = 0; i < batch.count; i++)
		assert_true(batch.items[i].stored);
}

static void assert_all_lost(void)
{
	for (size_t i = 0; i < batch.count; i++) {
		assert_false(batch.items[i].stored);
		assert_int_equal(batch.errs[i].kind, ERR_STORE);
	}
	assert_true(writer.lost);
}

static void one_row_is_one_statement(void **state)
{
	(void)state;
	add("127.0.0.1", 22, "a");
	write_batch();
	assert_all_stored();
	assert_string_equal(fake.log, "w1 ");
}

static void several_statements_are_one_transaction(void **state)
{
	(void)state;
	add_many(7);
	write_batch();
	assert_all_stored();
	assert_string_equal(fake.log, "B w4 w2 w1 C ");
}

static void a_full_batch_is_one_statement(void **state)
{
	(void)state;
	add_many(WRITER_BATCH_MAX);
	write_batch();
	assert_all_stored();
	assert_string_equal(fake.log, "w128 ");
}

static void long_rows_get_statements_of_their_own(void **state)
{
	(void)state;
	add_many(4);
	for (size_t i = 0; i < 4; i++) {
		/* Each invalid byte is three in the database. */
		batch.records[i]->output_length = RECORD_OUTPUT_MAX;
		batch.records[i]->output = malloc(RECORD_OUTPUT_MAX);
		assert_non_null(batch.records[i]->output);
		memset(batch.records[i]->output, 0xBF, RECORD_OUTPUT_MAX);
	}
	write_batch();
	assert_all_stored();
	assert_string_equal(fake.log, "B w2 w2 C ");
}

static void rows_are_sorted_by_key(void **state)
{
	(void)state;
	add("127.0.0.2", 22, "a");
	add("127.0.0.1", 2222, "b");
	add("127.0.0.10", 22, "c");
	add("127.0.0.1", 22, "d");
	write_batch();
	assert_string_equal(fake.order, "127.0.0.1:22 127.0.0.1:2222 "
	                                "127.0.0.10:22 127.0.0.2:22 ");
}

static void rows_of_one_key_stay_in_order(void **state)
{
	struct writer_item *items[4];

	(void)state;
	for (size_t i = 0; i < 4; i++)
		add("127.0.0.1", 22, "a");
	add("127.0.0.0", 22, "a");
	write_batch();
	for (size_t i = 0; i < 4; i++)
		items[i] = &batch.items[i];
	writer_write(&writer, TABLE_SERVER_STATUS, items, 4);
	for (size_t i = 0; i < 4; i++)
		assert_ptr_equal(items[i], &batch.items[i]);
}

static void a_deadlock_is_rolled_back_and_redone(void **state)
{
	(void)state;
	add_many(3);
	fake.writes[1] = DB_AGAIN;
	write_batch();
	assert_all_stored();
	assert_string_equal(fake.log, "B w2 w1 R B w2 w1 C ");
	assert_string_equal(warnings, "");
}

static void a_refused_row_fails_alone(void **state)
{
	(void)state;
	add("127.0.0.1", 22, "good");
	add("127.0.0.2", 22, "bad");
	add("127.0.0.3", 22, "good");
	write_batch();
	assert_true(batch.items[0].stored);
	assert_false(batch.items[1].stored);
	assert_true(batch.items[2].stored);
	assert_int_equal(batch.errs[1].kind, ERR_STORE_DATA);
	assert_string_equal(batch.errs[1].text, "bad row");
	assert_string_equal(fake.log, "B w2 R w1 w1 w1 ");
	assert_false(writer.lost);
}

static void a_lost_connection_is_made_again(void **state)
{
	(void)state;
	add_many(3);
	fake.writes[0] = DB_GONE;
	write_batch();
	assert_all_stored();
	assert_string_equal(fake.log, "B w2 K B w2 w1 C ");
	assert_non_null(strstr(warnings, "told to fail"));
}

static void a_connection_lost_in_commit_is_written_again(void **state)
{
	(void)state;
	add_many(3);
	fake.commits[0] = DB_GONE;
	write_batch();
	assert_all_stored();
	assert_string_equal(fake.log, "B w2 w1 C K B w2 w1 C ");
}

static void a_server_that_does_not_come_back_is_the_end(void **state)
{
	(void)state;
	add_many(3);
	writer.patience = 0;
	fake.writes[0] = DB_GONE;
	fake.connects[0] = DB_GONE;
	write_batch();
	assert_all_lost();
	assert_string_equal(batch.errs[0].text, "fake://: told to fail");
}

/* Returns what the test closes. */
static int end_the_run(void)
{
	int fd = eventfd(1, EFD_CLOEXEC);

	assert_true(fd >= 0);
	writer.cancel_fd = fd;
	return fd;
}

static void the_end_of_the_run_ends_the_wait_for_a_server(void **state)
{
	int fd = end_the_run();

	(void)state;
	add_many(3);
	fake.writes[0] = DB_GONE;
	fake.connects[0] = DB_GONE;
	write_batch();
	/* One attempt it had. */
	assert_all_lost();
	assert_string_equal(fake.log, "B w2 K ");
	close(fd);
}

static void the_end_of_the_run_does_not_end_a_deadlock(void **state)
{
	int fd = end_the_run();

	(void)state;
	add_many(3);
	fake.writes[0] = DB_AGAIN;
	fake.writes[1] = DB_AGAIN;
	write_batch();
	assert_all_stored();
	close(fd);
}

static void locks_that_are_never_given_are_the_end(void **state)
{
	(void)state;
	add_many(1);
	writer.patience = 0;
	fake.for_ever = DB_AGAIN;
	write_batch();
	assert_all_lost();
}

static void a_connection_that_comes_and_goes_is_the_end(void **state)
{
	(void)state;
	add_many(1);
	writer.patience = 0;
	fake.for_ever = DB_GONE;
	write_batch();
	assert_all_lost();
}

static void after_the_end_nothing_is_tried(void **state)
{
	(void)state;
	add_many(3);
	fake.writes[0] = DB_FAILED;
	write_batch();
	assert_all_lost();
	assert_string_equal(fake.log, "B w2 R ");
	write_batch();
	assert_all_lost();
	assert_string_equal(fake.log, "B w2 R ");
	assert_string_equal(batch.errs[2].text, "fake://: told to fail");
}

static void a_store_lost_in_the_middle_keeps_what_was_stored(void **state)
{
	(void)state;
	add("127.0.0.1", 22, "good");
	add("127.0.0.2", 22, "bad");
	add("127.0.0.3", 22, "good");
	/* w2 refused, w1 stored, w1 refused, w1 the end */
	fake.writes[3] = DB_FAILED;
	write_batch();
	assert_true(batch.items[0].stored);
	assert_int_equal(batch.errs[1].kind, ERR_STORE_DATA);
	assert_false(batch.items[2].stored);
	assert_int_equal(batch.errs[2].kind, ERR_STORE);
	assert_true(writer.lost);
}

static void the_row_that_loses_the_store_names_it_too(void **state)
{
	(void)state;
	add("127.0.0.1", 22, "bad");
	add("127.0.0.2", 22, "good");
	add("127.0.0.3", 22, "good");
	/* w2 refused, w1 refused, w1 the end */
	fake.writes[2] = DB_FAILED;
	write_batch();
	assert_int_equal(batch.errs[0].kind, ERR_STORE_DATA);
	assert_string_equal(batch.errs[0].text, "bad row");
	assert_string_equal(batch.errs[1].text, "fake://: told to fail");
	assert_string_equal(batch.errs[2].text, "fake://: told to fail");
}

static void a_single_refused_row_is_tried_once(void **state)
{
	(void)state;
	add("127.0.0.1", 22, "bad");
	write_batch();
	assert_int_equal(batch.errs[0].kind, ERR_STORE_DATA);
	assert_string_equal(fake.log, "w1 ");
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_row_is_one_statement),
		TEST(several_statements_are_one_transaction),
		TEST(a_full_batch_is_one_statement),
		TEST(long_rows_get_statements_of_their_own),
		TEST(rows_are_sorted_by_key),
		TEST(rows_of_one_key_stay_in_order),
		TEST(a_deadlock_is_rolled_back_and_redone),
		TEST(a_refused_row_fails_alone),
		TEST(a_lost_connection_is_made_again),
		TEST(a_connection_lost_in_commit_is_written_again),
		TEST(a_server_that_does_not_come_back_is_the_end),
		TEST(the_end_of_the_run_ends_the_wait_for_a_server),
		TEST(the_end_of_the_run_does_not_end_a_deadlock),
		TEST(locks_that_are_never_given_are_the_end),
		TEST(a_connection_that_comes_and_goes_is_the_end),
		TEST(after_the_end_nothing_is_tried),
		TEST(a_store_lost_in_the_middle_keeps_what_was_stored),
		TEST(the_row_that_loses_the_store_names_it_too),
		TEST(a_single_refused_row_is_tried_once),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}

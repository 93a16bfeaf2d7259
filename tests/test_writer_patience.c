#include "sql/lock.h"
#include "sql/store_private.h"
#include "tests/writer_fixture.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

/* How long the writer goes on, and what ends its waiting. */

/* Returns what the test closes. */
static int end_the_run(void)
{
	int fd = eventfd(1, EFD_CLOEXEC);

	assert_true(fd >= 0);
	writer.patience.cancel_fd = fd;
	return fd;
}

static void once_the_run_ends_nothing_is_tried_again(void **state)
{
	static const enum db_result results[] = { DB_GONE, DB_AGAIN };
	int fd = end_the_run();

	(void)state;
	add_many(3);
	for (size_t i = 0; i < 2; i++) {
		memset(&fake.writes, 0, sizeof(fake.writes));
		fake.written = 0;
		fake.log[0] = '\0';
		fake.writes[0] = results[i];
		writer.lost = false;
		write_batch();
		assert_all_lost();
		assert_string_equal(fake.log, i == 0 ? "B w2 " : "B w2 R ");
		assert_string_equal(batch.errs[0].text,
		                    "fake://: not confirmed when the run "
		                    "ended: told to fail");
	}
	assert_string_equal(warnings, "");
	close(fd);
}

/* It ends while the connection is made. */
static enum db_result
connect_until_the_end(struct db *db, const struct wait *wait, struct err *err)
{
	uint64_t one = 1;

	(void)db;
	note("K");
	assert_int_equal(write(wait->cancel_fd, &one, sizeof(one)),
	                 sizeof(one));
	assert_false(wait_check(wait, err));
	return DB_GONE;
}

static void the_end_of_the_run_is_seen_while_connecting(void **state)
{
	struct db_ops ops = fake_ops;

	(void)state;
	ops.connect = connect_until_the_end;
	fake.db.ops = &ops;
	writer.patience.cancel_fd = eventfd(0, EFD_CLOEXEC);
	assert_true(writer.patience.cancel_fd >= 0);
	add_many(1);
	fake.writes[0] = DB_GONE;
	write_batch();
	assert_all_lost();
	assert_string_equal(fake.log, "w1 K ");
	/* What is wrong with it is what was wrong before. */
	assert_string_equal(batch.errs[0].text,
	                    "fake://: not confirmed when the run ended: told "
	                    "to fail");
	close(writer.patience.cancel_fd);
}

static enum db_result
connect_by_the_deadline(struct db *db, const struct wait *wait, struct err *err)
{
	(void)db;
	(void)err;
	note("K");
	assert_true(wait->deadline == writer.patience.deadline);
	assert_true(writer.patience.deadline ==
	            writer.patience.called + writer.patience.length);
	return DB_OK;
}

static void connecting_takes_no_longer_than_patience(void **state)
{
	struct db_ops ops = fake_ops;

	(void)state;
	ops.connect = connect_by_the_deadline;
	fake.db.ops = &ops;
	add_many(1);
	fake.writes[0] = DB_GONE;
	write_batch();
	assert_all_stored();
	assert_string_equal(fake.log, "w1 K w1 ");
}

static size_t count_of(const char *word)
{
	size_t count = 0;

	for (const char *at = warnings; (at = strstr(at, word)) != NULL; at++)
		count++;
	return count;
}

static void an_outage_is_told_once_and_its_end_too(void **state)
{
	(void)state;
	add_many(1);
	fake.writes[0] = DB_GONE;
	fake.connects[0] = DB_GONE;
	fake.writes[1] = DB_GONE;
	write_batch();
	assert_all_stored();
	assert_string_equal(fake.log, "w1 K K w1 K w1 ");
	assert_int_equal(count_of("was lost"), 1);
	assert_int_equal(count_of("is back after"), 1);
}

static void each_outage_is_told(void **state)
{
	(void)state;
	add_many(1);
	for (size_t i = 0; i < 2; i++) {
		fake.written = 0;
		fake.writes[0] = DB_GONE;
		write_batch();
		assert_all_stored();
	}
	assert_int_equal(count_of("was lost"), 2);
	assert_int_equal(count_of("is back after"), 2);
}

/* Writes that come back only when they are interrupted. */
static struct {
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	bool hanging, interrupted;
	struct limit limit;
	struct db_ops ops;
} hang = { .mutex = PTHREAD_MUTEX_INITIALIZER,
	   .changed = PTHREAD_COND_INITIALIZER };

static enum db_result hanging_write(struct db *db, enum table table,
                                    const struct row *const *rows, size_t count,
                                    struct err *err)
{
	enum db_result result = fake_write(db, table, rows, count, err);

	/* The first one only fails, if it was told to. */
	if (result != DB_OK)
		return result;
	pthread_mutex_lock(&hang.mutex);
	hang.hanging = true;
	pthread_cond_broadcast(&hang.changed);
	while (!hang.interrupted)
		pthread_cond_wait(&hang.changed, &hang.mutex);
	hang.hanging = false;
	pthread_mutex_unlock(&hang.mutex);
	err_set(err, ERR_STORE, "cut off");
	return DB_GONE;
}

static void interrupt(struct db *db)
{
	(void)db;
	pthread_mutex_lock(&hang.mutex);
	hang.interrupted = true;
	pthread_cond_broadcast(&hang.changed);
	pthread_mutex_unlock(&hang.mutex);
}

static void let_writes_hang(nanoseconds patience)
{
	hang.hanging = false;
	hang.interrupted = false;
	hang.ops = fake_ops;
	hang.ops.write = hanging_write;
	hang.ops.cut = interrupt;
	fake.db.ops = &hang.ops;
	writer.patience.length = patience;
	limit_open(&hang.limit, &fake.db, patience);
	assert_true(hang.limit.running);
	writer.patience.limit = &hang.limit;
}

static void a_call_that_hangs_is_interrupted_when_patience_ends(void **state)
{
	nanoseconds begin = monotonic_ns();

	(void)state;
	let_writes_hang(200 * NS_PER_MS);
	add_many(1);
	write_batch();
	assert_all_lost();
	assert_true(monotonic_ns() - begin >= 200 * NS_PER_MS);
	assert_string_equal(fake.log, "w1 ");
	assert_non_null(strstr(batch.errs[0].text, "no answer in "));
	/* Nothing is tried any more, so nobody needs to hear of it. */
	assert_string_equal(warnings, "");
	limit_close(&hang.limit);
}

static void a_redone_call_that_hangs_gets_what_is_left_of_patience(void **state)
{
	(void)state;
	let_writes_hang(300 * NS_PER_MS);
	add_many(1);
	fake.writes[0] = DB_GONE;
	write_batch();
	assert_all_lost();
	assert_string_equal(fake.log, "w1 K w1 ");
	/* Less than patience: it was counted from the first call's begin. */
	assert_true(writer.patience.called >
	            writer.patience.deadline - writer.patience.length);
	limit_close(&hang.limit);
}

static void *interrupt_when_it_hangs(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&hang.mutex);
	while (!hang.hanging)
		pthread_cond_wait(&hang.changed, &hang.mutex);
	pthread_mutex_unlock(&hang.mutex);
	eventfd_write(writer.patience.cancel_fd, 1);
	interrupt(&fake.db);
	return NULL;
}

static void an_interrupted_call_ends_at_once(void **state)
{
	pthread_t thread;

	(void)state;
	let_writes_hang(3600 * NS_PER_S);
	writer.patience.cancel_fd = eventfd(0, EFD_CLOEXEC);
	assert_true(writer.patience.cancel_fd >= 0);
	add_many(3);
	assert_int_equal(
	    pthread_create(&thread, NULL, interrupt_when_it_hangs, NULL), 0);
	write_batch();
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_all_lost();
	assert_string_equal(fake.log, "B w2 ");
	limit_close(&hang.limit);
	close(writer.patience.cancel_fd);
}

/* Answers well, but only when it was cut off: both came at once. */
static enum db_result write_as_it_is_cut(struct db *db, enum table table,
                                         const struct row *const *rows,
                                         size_t count, struct err *err)
{
	if (hanging_write(db, table, rows, count, err) != DB_GONE)
		return DB_FAILED;
	/* The connection is no more; the next one is good. */
	hang.ops.write = fake_write;
	fake.writes[fake.written] = DB_GONE;
	return DB_OK;
}

static void a_limit_that_comes_with_the_answer_costs_a_connection(void **state)
{
	(void)state;
	let_writes_hang(200 * NS_PER_MS);
	hang.ops.write = write_as_it_is_cut;
	add_many(1);
	write_batch();
	assert_all_stored();
	assert_string_equal(warnings, "");
	writer.patience.length = 60 * NS_PER_S;
	write_batch();
	assert_all_stored();
	assert_string_equal(fake.log, "w1 w1 K w1 ");
	/* That call had an answer, and a bad one. */
	assert_null(strstr(warnings, "no answer"));
	assert_int_equal(count_of("was lost (told to fail)"), 1);
	limit_close(&hang.limit);
}

/* Answers with a failure, but late. */
static enum db_result slow_write(struct db *db, enum table table,
                                 const struct row *const *rows, size_t count,
                                 struct err *err)
{
	(void)db;
	(void)table;
	(void)rows;
	(void)count;
	note("w");
	writer.patience.called -= writer.patience.length;
	err_set(err, ERR_STORE, "late");
	return DB_AGAIN;
}

static void patience_is_counted_from_the_begin_of_the_call(void **state)
{
	struct db_ops ops = fake_ops;

	(void)state;
	ops.write = slow_write;
	fake.db.ops = &ops;
	add_many(1);
	write_batch();
	assert_all_lost();
	assert_string_equal(fake.log, "w ");
}

static enum db_result late_again(struct db *db, enum table table,
                                 const struct row *const *rows, size_t count,
                                 struct err *err)
{
	enum db_result result = fake_write(db, table, rows, count, err);

	/* As if what came before had taken that long. */
	if (result == DB_AGAIN)
		writer.patience.called -= 3 * NS_PER_S;
	return result;
}

static void locks_that_stay_are_told_once_and_their_end_too(void **state)
{
	struct db_ops ops = fake_ops;

	(void)state;
	ops.write = late_again;
	fake.db.ops = &ops;
	add_many(1);
	for (size_t i = 0; i < 3; i++)
		fake.writes[i] = DB_AGAIN;
	write_batch();
	assert_all_stored();
	assert_string_equal(fake.log, "w1 w1 w1 w1 ");
	assert_int_equal(count_of("does not go on (told to fail)"), 1);
	assert_int_equal(count_of("goes on after 3 s"), 1);
}

static void locks_that_come_and_go_are_not_worth_a_word(void **state)
{
	(void)state;
	add_many(1);
	for (size_t i = 0; i < 3; i++)
		fake.writes[i] = DB_AGAIN;
	write_batch();
	assert_all_stored();
	assert_string_equal(warnings, "");
}

static bool take_nothing(void *arg, const char *const *values, size_t count)
{
	(void)values;
	(void)count;
	++*(unsigned *)arg;
	return true;
}

static nanoseconds limit_now(void)
{
	nanoseconds deadline;

	mutex_lock(&hang.limit.mutex);
	deadline = hang.limit.deadline;
	mutex_unlock(&hang.limit.mutex);
	return deadline;
}

/* Three rows, then nothing until it is cut off. */
static enum db_result hanging_select(struct db *db, const char *sql,
                                     db_row_function *row, void *arg,
                                     struct err *err)
{
	static const char *const values[] = { "a" };

	(void)sql;
	for (unsigned i = 0; i < 3; i++) {
		nanoseconds before = limit_now();

		/* Otherwise a long result would be cut off. */
		assert_true(row(arg, values, 1));
		assert_true(limit_now() > before);
	}
	return hanging_write(db, TABLE_RUNS, NULL, 0, err);
}

static void a_reading_that_hangs_is_cut_off_when_patience_ends(void **state)
{
	static struct store store;
	struct err err;
	unsigned rows = 0;

	(void)state;
	let_writes_hang(200 * NS_PER_MS);
	hang.ops.select = hanging_select;
	store.db = &fake.db;
	store.writer = writer;
	assert_false(store_select(&store, "SELECT", take_nothing, &rows, &err));
	assert_int_equal(err.kind, ERR_STORE);
	assert_non_null(strstr(err.text, "no answer in "));
	assert_int_equal(rows, 3);
	limit_close(&hang.limit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(once_the_run_ends_nothing_is_tried_again),
		TEST(the_end_of_the_run_is_seen_while_connecting),
		TEST(connecting_takes_no_longer_than_patience),
		TEST(an_outage_is_told_once_and_its_end_too),
		TEST(each_outage_is_told),
		TEST(patience_is_counted_from_the_begin_of_the_call),
		TEST(a_call_that_hangs_is_interrupted_when_patience_ends),
		TEST(a_redone_call_that_hangs_gets_what_is_left_of_patience),
		TEST(an_interrupted_call_ends_at_once),
		TEST(a_limit_that_comes_with_the_answer_costs_a_connection),
		TEST(a_reading_that_hangs_is_cut_off_when_patience_ends),
		TEST(locks_that_stay_are_told_once_and_their_end_too),
		TEST(locks_that_come_and_go_are_not_worth_a_word),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}

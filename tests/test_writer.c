#include "tests/writer_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

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
	assert_non_null(strstr(warnings, "for up to 60 s"));
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
	writer.patience.length = 0;
	fake.writes[0] = DB_GONE;
	fake.connects[0] = DB_GONE;
	write_batch();
	assert_all_lost();
	assert_string_equal(batch.errs[0].text, "fake://: told to fail");
}

static void locks_that_are_never_given_are_the_end(void **state)
{
	(void)state;
	add_many(1);
	writer.patience.length = 0;
	fake.for_ever = DB_AGAIN;
	write_batch();
	assert_all_lost();
}

static void a_connection_that_comes_and_goes_is_the_end(void **state)
{
	(void)state;
	add_many(1);
	writer.patience.length = 0;
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
		TEST(locks_that_are_never_given_are_the_end),
		TEST(a_connection_that_comes_and_goes_is_the_end),
		TEST(after_the_end_nothing_is_tried),
		TEST(a_store_lost_in_the_middle_keeps_what_was_stored),
		TEST(the_row_that_loses_the_store_names_it_too),
		TEST(a_single_refused_row_is_tried_once),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}

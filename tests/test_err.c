#include "inventory/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <string.h>

#include <cmocka.h>

static void fill(char *text, size_t length, char c)
{
	memset(text, c, length);
	text[length] = '\0';
}

static void set_stores_kind_and_sentence_and_is_false(void **state)
{
	struct err err;

	(void)state;
	assert_false(err_set(&err, ERR_AUTH, "password refused for '%s'", "x"));
	assert_int_equal(err.kind, ERR_AUTH);
	assert_string_equal(err.text, "password refused for 'x'");
}

static void a_sentence_that_does_not_fit_is_cut(void **state)
{
	struct {
		struct err err;
		char canary;
	} box = { .canary = 'c' };
	char text[2 * ERR_TEXT_SIZE];

	(void)state;
	fill(text, sizeof(text) - 1, 'x');
	err_set(&box.err, ERR_INPUT, "%s", text);
	assert_int_equal(strlen(box.err.text), ERR_TEXT_SIZE - 1);
	assert_int_equal(box.canary, 'c');
}

static void errno_text_stands_at_the_end(void **state)
{
	struct err err;

	(void)state;
	assert_false(
	    err_errno(&err, ERR_SYSTEM, ENOENT, "cannot open '%s'", "a"));
	assert_int_equal(err.kind, ERR_SYSTEM);
	assert_string_equal(err.text,
	                    "cannot open 'a': No such file or directory");
}

static void an_errno_value_nobody_knows_is_named_by_its_number(void **state)
{
	struct err err;

	(void)state;
	err_errno(&err, ERR_SYSTEM, 99999, "x");
	assert_string_equal(err.text, "x: Unknown error 99999");
}

static void errno_text_without_room_is_left_out(void **state)
{
	struct err err;
	char text[ERR_TEXT_SIZE];

	(void)state;
	fill(text, sizeof(text) - 1, 'x');
	err_errno(&err, ERR_SYSTEM, ENOENT, "%s", text);
	assert_string_equal(err.text, text);
	/* And one that half fits is cut. */
	text[ERR_TEXT_SIZE - 5] = '\0';
	err_errno(&err, ERR_SYSTEM, ENOENT, "%s", text);
	assert_string_equal(err.text + ERR_TEXT_SIZE - 5, ": No");
}

static void prefixes_stand_in_front_and_keep_the_kind(void **state)
{
	struct err err;

	(void)state;
	err_set(&err, ERR_TIMEOUT, "no answer");
	assert_false(err_prefix(&err, "line %d", 7));
	assert_false(err_prefix(&err, "%s", "hosts.txt"));
	assert_int_equal(err.kind, ERR_TIMEOUT);
	assert_string_equal(err.text, "hosts.txt: line 7: no answer");
}

static void a_prefix_without_room_cuts_the_tail(void **state)
{
	struct {
		struct err err;
		char canary;
	} box = { .canary = 'c' };
	char text[2 * ERR_TEXT_SIZE];

	(void)state;
	fill(text, ERR_TEXT_SIZE - 1, 'x');
	err_set(&box.err, ERR_INPUT, "%s", text);
	err_prefix(&box.err, "ab");
	assert_int_equal(strlen(box.err.text), ERR_TEXT_SIZE - 1);
	assert_memory_equal(box.err.text, "ab: xxx", 7);

	fill(text, sizeof(text) - 1, 'p');
	err_prefix(&box.err, "%s", text);
	assert_int_equal(strlen(box.err.text), ERR_TEXT_SIZE - 1);
	assert_memory_equal(box.err.text + ERR_TEXT_SIZE - 4, "p: ", 4);
	assert_int_equal(box.canary, 'c');
}

static void a_prefix_may_be_made_of_the_old_sentence(void **state)
{
	struct err err;

	(void)state;
	err_set(&err, ERR_INPUT, "a");
	err_prefix(&err, "%s", err.text);
	assert_string_equal(err.text, "a: a");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(set_stores_kind_and_sentence_and_is_false),
		cmocka_unit_test(a_sentence_that_does_not_fit_is_cut),
		cmocka_unit_test(errno_text_stands_at_the_end),
		cmocka_unit_test(
		    an_errno_value_nobody_knows_is_named_by_its_number),
		cmocka_unit_test(errno_text_without_room_is_left_out),
		cmocka_unit_test(prefixes_stand_in_front_and_keep_the_kind),
		cmocka_unit_test(a_prefix_without_room_cuts_the_tail),
		cmocka_unit_test(a_prefix_may_be_made_of_the_old_sentence),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}

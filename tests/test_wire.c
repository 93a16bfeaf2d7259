#include "inventory/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ARRAY_LENGTH(a) (sizeof(a) / sizeof((a)[0]))

static void what_is_put_comes_out(void **state)
{
	struct wire_out out = { 0 };
	struct wire_string string;
	const unsigned char *byte;
	uint32_t number;
	struct wire from;

	(void)state;
	wire_put_u32(&out, 0x01020304);
	wire_put_text(&out, "text");
	wire_put_string(&out, "", 0);
	wire_put_bytes(&out, "x", 1);
	assert_false(out.failed);
	assert_memory_equal(out.bytes, "\1\2\3\4\0\0\0\4text\0\0\0\0x", 17);
	from = (struct wire){ out.bytes, out.length };
	assert_true(wire_take_u32(&from, &number));
	assert_int_equal(number, 0x01020304);
	assert_true(wire_take_string(&from, &string));
	assert_true(wire_is_text(&string, "text"));
	assert_false(wire_is_text(&string, "texts"));
	assert_true(wire_take_string(&from, &string));
	assert_int_equal(string.length, 0);
	assert_true(wire_take_bytes(&from, 1, &byte));
	assert_int_equal(*byte, 'x');
	assert_int_equal(from.left, 0);
	wire_out_release(&out);
}

static void nothing_is_taken_from_what_is_too_short(void **state)
{
	static const unsigned char bytes[] = { 0, 0, 0, 3, 'a', 'b' };

	struct wire_string string;
	const unsigned char *taken;
	uint32_t number;

	(void)state;
	for (size_t left = 0; left <= sizeof(bytes); left++) {
		struct wire from = { bytes, left };

		assert_false(wire_take_string(&from, &string));
		assert_false(wire_take_bytes(&from, left + 1, &taken));
		assert_int_equal(wire_take_u32(&from, &number), left >= 4);
		assert_int_equal(from.left, left >= 4 ? left - 4 : left);
	}
}

static void a_length_near_the_limit_is_no_length(void **state)
{
	static const unsigned char bytes[] = { 0xff, 0xff, 0xff, 0xff, 'a' };

	struct wire from = { bytes, sizeof(bytes) };
	struct wire_string string;

	(void)state;
	assert_false(wire_take_string(&from, &string));
	assert_int_equal(from.left, sizeof(bytes));
}

static void numbers_are_short_and_not_negative(void **state)
{
	static const struct {
		const char *number;
		size_t length;
		const char *want;
		size_t want_length;
	} cases[] = {
		{ "", 0, "\0\0\0\0", 4 },
		{ "\0\0", 2, "\0\0\0\0", 4 },
		{ "\x7f", 1, "\0\0\0\1\x7f", 5 },
		{ "\x80", 1, "\0\0\0\2\0\x80", 6 },
		{ "\0\0\x80\1", 4, "\0\0\0\3\0\x80\1", 7 },
		{ "\0\1\2", 3, "\0\0\0\2\1\2", 6 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct wire_out out = { 0 };

		wire_put_mpint(&out, (const unsigned char *)cases[i].number,
		               cases[i].length);
		assert_int_equal(out.length, cases[i].want_length);
		assert_memory_equal(out.bytes, cases[i].want, out.length);
		wire_out_release(&out);
	}
}

static void much_is_put_in_many_pieces(void **state)
{
	struct wire_out out = { 0 };

	(void)state;
	for (int i = 0; i < 10000; i++)
		wire_put_bytes(&out, "0123456789", 10);
	assert_false(out.failed);
	assert_int_equal(out.length, 100000);
	for (size_t i = 0; i < out.length; i++)
		assert_int_equal(out.bytes[i], '0' + i % 10);
	wire_out_release(&out);
	assert_null(out.bytes);
}

static void base64_is_read_across_lines(void **state)
{
	static const struct {
		const char *text;
		const char *want; /* NULL: refused */
	} cases[] = {
		{ "YWJj", "abc" },        { "YWI=", "ab" },
		{ "YQ==", "a" },          { " Y W\r\nJ\tj\n", "abc" },
		{ "YWJjZGVm", "abcdef" }, { "", NULL },
		{ "\n", NULL },           { "=", NULL },
		{ "==", NULL },           { "====", NULL },
		{ "YWJ", NULL },          { "YW!j", NULL },
		{ "YQ=", NULL },          { "Y", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		const char *text = cases[i].text;
		unsigned char *bytes = NULL;
		size_t length = 0;

		assert_int_equal(
		    wire_from_base64(text, strlen(text), &bytes, &length),
		    cases[i].want != NULL);
		if (cases[i].want == NULL)
			continue;
		assert_int_equal(length, strlen(cases[i].want));
		assert_memory_equal(bytes, cases[i].want, length);
		free(bytes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_put_comes_out),
		cmocka_unit_test(nothing_is_taken_from_what_is_too_short),
		cmocka_unit_test(a_length_near_the_limit_is_no_length),
		cmocka_unit_test(numbers_are_short_and_not_negative),
		cmocka_unit_test(much_is_put_in_many_pieces),
		cmocka_unit_test(base64_is_read_across_lines),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}

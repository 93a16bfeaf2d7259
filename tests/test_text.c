#include "cli/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ARRAY_LENGTH(a) (sizeof(a) / sizeof((a)[0]))

static bool realloc_fails;

void *__real_realloc(void *memory, size_t size);
void *__wrap_realloc(void *memory, size_t size);

void *__wrap_realloc(void *memory, size_t size)
{
	return realloc_fails ? NULL : __real_realloc(memory, size);
}

static void assert_text(const struct text *text, const char *is)
{
	assert_false(text->out_of_memory);
	assert_int_equal(text->length, strlen(is));
	assert_memory_equal(text->data, is, text->length);
}

static void a_text_grows_by_what_is_added(void **state)
{
	struct text text = { 0 };

	(void)state;
	text_add(&text, NULL, 0);
	text_puts(&text, "");
	assert_null(text.data);
	text_add(&text, "abcdef", 3);
	text_puts(&text, "-");
	text_printf(&text, "%d%s%%", 42, "x");
	text_printf(&text, "%s", "");
	assert_text(&text, "abc-42x%");
	text_release(&text);
	assert_null(text.data);
	text_release(&text);
}

static void it_grows_far_and_byte_by_byte(void **state)
{
	struct text text = { 0 };
	char *big = malloc(100000);

	(void)state;
	assert_non_null(big);
	memset(big, 'x', 100000);
	for (size_t i = 0; i < 70000; i++)
		text_add(&text, "x", 1);
	text_add(&text, big, 100000);
	text_printf(&text, "%.*s", 1000, big);
	assert_int_equal(text.length, 171000);
	for (size_t i = 0; i < text.length; i++)
		assert_int_equal(text.data[i], 'x');
	free(big);
	text_release(&text);
}

/* The NUL that vsnprintf() writes has room at every size. */
static void printing_fills_up_to_the_last_byte(void **state)
{
	(void)state;
	for (int width = 250; width < 260; width++) {
		struct text text = { 0 };

		text_printf(&text, "%*d", width, 7);
		assert_int_equal(text.length, width);
		assert_int_equal(text.data[width - 1], '7');
		text_release(&text);
	}
}

static void a_released_text_begins_anew(void **state)
{
	struct text text = { 0 };

	(void)state;
	text_puts(&text, "abc");
	text_release(&text);
	assert_int_equal(text.length, 0);
	text_puts(&text, "de");
	assert_text(&text, "de");
	text_release(&text);
}

static void without_memory_it_remembers_that(void **state)
{
	struct text text = { 0 };

	(void)state;
	realloc_fails = true;
	text_puts(&text, "lost");
	text_printf(&text, "%d", 1);
	text_escape(&text, "\n", 1);
	realloc_fails = false;
	assert_true(text.out_of_memory);
	assert_int_equal(text.length, 0);
	/* Nothing is added behind a hole. */
	text_puts(&text, "later");
	text_printf(&text, "later");
	assert_true(text.out_of_memory);
	assert_int_equal(text.length, 0);
	text_release(&text);
	text_puts(&text, "anew");
	assert_text(&text, "anew");
	text_release(&text);
}

static const struct {
	const char *why, *bytes, *escaped;
} cases[] = {
	{ "nothing", "", "" },
	{ "ASCII", " !\"#~\\x41", " !\"#~\\x41" },
	{ "C0", "\x01\x1b\x1f", "\\x01\\x1b\\x1f" },
	{ "tab and line ends", "a\tb\r\nc", "a\\x09b\\x0d\\x0ac" },
	{ "DEL", "a\x7f", "a\\x7f" },
	{ "UTF-8", "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x90\xA7",
	  "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x90\xA7" },
	{ "C1, first", "\xC2\x80", "\\xc2\\x80" },
	{ "C1, CSI",
	  "\xC2\x9B"
	  "31m",
	  "\\xc2\\x9b31m" },
	{ "C1, last", "\xC2\x9F", "\\xc2\\x9f" },
	{ "no-break space is none", "\xC2\xA0", "\xC2\xA0" },
	{ "raw C1", "\x9B", "\\x9b" },
	{ "Arabic letter mark", "\xD8\x9C", "\\xd8\\x9c" },
	{ "left-to-right mark", "\xE2\x80\x8E", "\\xe2\\x80\\x8e" },
	{ "right-to-left mark", "\xE2\x80\x8F", "\\xe2\\x80\\x8f" },
	/* Each is closed: the sources are no trap either. */
	{ "embedding", "\xE2\x80\xAA\xE2\x80\xAC",
	  "\\xe2\\x80\\xaa\\xe2\\x80\\xac" },
	{ "override", "x\xE2\x80\xAEy\xE2\x80\xAC",
	  "x\\xe2\\x80\\xaey\\xe2\\x80\\xac" },
	{ "isolate", "\xE2\x81\xA6\xE2\x81\xA9",
	  "\\xe2\\x81\\xa6\\xe2\\x81\\xa9" },
	{ "pop isolate", "\xE2\x81\xA9", "\\xe2\\x81\\xa9" },
	{ "their neighbours",
	  "\xE2\x80\x8D\xE2\x80\x90\xE2\x81\xA5\xE2\x81\xAA",
	  "\xE2\x80\x8D\xE2\x80\x90\xE2\x81\xA5\xE2\x81\xAA" },
	{ "Latin-1", "caf\xE9", "caf\\xe9" },
	{ "overlong", "\xC0\xAF", "\\xc0\\xaf" },
	{ "surrogate", "\xED\xA0\x80", "\\xed\\xa0\\x80" },
	{ "beyond Unicode", "\xF4\x90\x80\x80", "\\xf4\\x90\\x80\\x80" },
	{ "cut character", "a\xE2\x82", "a\\xe2\\x82" },
	{ "bad byte, then good", "\xFFok\xFE", "\\xffok\\xfe" },
};

static void remote_bytes_are_escaped_by_class(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		size_t length = strlen(cases[i].bytes);
		struct text text = { 0 };

		text_escape(&text, cases[i].bytes, length);
		if (text.length != strlen(cases[i].escaped) ||
		    (text.length > 0 &&
		     memcmp(text.data, cases[i].escaped, text.length) != 0))
			fail_msg("%s: %.*s", cases[i].why, (int)text.length,
			         text.data);
		assert_int_equal(text_needs_escape(cases[i].bytes, length),
		                 text.length != length);
		text_release(&text);
	}
}

static void a_nul_byte_is_escaped_too(void **state)
{
	struct text text = { 0 };

	(void)state;
	assert_true(text_needs_escape("a\0b", 3));
	text_escape(&text, "a\0b", 3);
	assert_text(&text, "a\\x00b");
	text_release(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_text_grows_by_what_is_added),
		cmocka_unit_test(it_grows_far_and_byte_by_byte),
		cmocka_unit_test(printing_fills_up_to_the_last_byte),
		cmocka_unit_test(a_released_text_begins_anew),
		cmocka_unit_test(without_memory_it_remembers_that),
		cmocka_unit_test(remote_bytes_are_escaped_by_class),
		cmocka_unit_test(a_nul_byte_is_escaped_too),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}

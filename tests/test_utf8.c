#include "inventory/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ARRAY_LENGTH(a) (sizeof(a) / sizeof((a)[0]))

/* In memory of exactly that size: the sanitizer sees a byte too far. */
static size_t decode(const char *bytes, size_t length, uint32_t *code)
{
	char *exact = malloc(length);
	size_t step;

	assert_non_null(exact);
	memcpy(exact, bytes, length);
	step = utf8_decode(exact, length, code);
	free(exact);
	return step;
}

static size_t encode(char *to, uint32_t code)
{
	if (code < 0x80) {
		to[0] = (char)code;
		return 1;
	}
	if (code < 0x800) {
		to[0] = (char)(0xC0 | code >> 6);
		to[1] = (char)(0x80 | (code & 0x3F));
		return 2;
	}
	if (code < 0x10000) {
		to[0] = (char)(0xE0 | code >> 12);
		to[1] = (char)(0x80 | (code >> 6 & 0x3F));
		to[2] = (char)(0x80 | (code & 0x3F));
		return 3;
	}
	to[0] = (char)(0xF0 | code >> 18);
	to[1] = (char)(0x80 | (code >> 12 & 0x3F));
	to[2] = (char)(0x80 | (code >> 6 & 0x3F));
	to[3] = (char)(0x80 | (code & 0x3F));
	return 4;
}

static void every_character_is_read_and_no_surrogate(void **state)
{
	(void)state;
	for (uint32_t code = 0; code < 0x1FFFFF; code++) {
		char bytes[4];
		size_t length = encode(bytes, code);
		uint32_t got = UINT32_MAX;
		bool valid =
		    code <= 0x10FFFF && (code < 0xD800 || code > 0xDFFF);
		size_t step = utf8_decode(bytes, length, &got);

		if (step != (valid ? length : 0) || (valid && got != code))
			fail_msg("U+%X: length %zu, U+%X", (unsigned)code, step,
			         (unsigned)got);
	}
}

static void what_rfc_3629_forbids_is_refused(void **state)
{
	static const struct {
		const char *why, *bytes;
	} cases[] = {
		{ "a continuation alone", "\x80" },
		{ "the last continuation", "\xBF" },
		{ "overlong /", "\xC0\xAF" },
		{ "overlong DEL", "\xC1\xBF" },
		{ "overlong /, 3 bytes", "\xE0\x80\xAF" },
		{ "overlong U+07FF", "\xE0\x9F\xBF" },
		{ "overlong /, 4 bytes", "\xF0\x80\x80\xAF" },
		{ "overlong U+FFFF", "\xF0\x8F\xBF\xBF" },
		{ "first surrogate", "\xED\xA0\x80" },
		{ "last surrogate", "\xED\xBF\xBF" },
		{ "U+110000", "\xF4\x90\x80\x80" },
		{ "begins with F5", "\xF5\x80\x80\x80" },
		{ "5 bytes", "\xF8\x88\x80\x80\x80" },
		{ "6 bytes", "\xFC\x84\x80\x80\x80\x80" },
		{ "FE", "\xFE" },
		{ "FF", "\xFF" },
		{ "2 bytes, then ASCII", "\xC3(" },
		{ "3 bytes, ASCII second", "\xE2(\xA1" },
		{ "3 bytes, ASCII third", "\xE2\x82(" },
		{ "4 bytes, ASCII last", "\xF0\x9F\x90(" },
		{ "continuation too large", "\xC3\xC3" },
		{ "Latin-1", "\xE9t\xE9" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		uint32_t code;

		if (decode(cases[i].bytes, strlen(cases[i].bytes), &code) != 0)
			fail_msg("%s was read", cases[i].why);
	}
}

static void a_character_cut_short_is_refused_at_every_length(void **state)
{
	static const char *const whole[] = { "\xC3\xA9", "\xE2\x82\xAC",
		                             "\xF0\x9F\x90\xA7" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(whole); i++) {
		uint32_t code;

		for (size_t cut = 1; cut < strlen(whole[i]); cut++)
			assert_int_equal(decode(whole[i], cut, &code), 0);
		assert_int_equal(decode(whole[i], strlen(whole[i]), &code),
		                 strlen(whole[i]));
	}
}

static void cleaning_keeps_what_is_valid(void **state)
{
	static const char text[] = "g\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x90\xA7\n";
	char dst[64];

	(void)state;
	assert_int_equal(utf8_clean(dst, sizeof(dst), text, strlen(text)),
	                 strlen(text));
	assert_string_equal(dst, text);
}

static void cleaning_replaces_each_bad_byte_and_nul(void **state)
{
	char dst[64];
	static const char text[] = "a\xFF\xE2\x82(\0b\xED\xA0\x80";
	static const char clean[] = "a\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD("
				    "\xEF\xBF\xBD"
				    "b\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD";

	(void)state;
	assert_int_equal(utf8_clean(dst, sizeof(dst), text, sizeof(text) - 1),
	                 sizeof(clean) - 1);
	assert_string_equal(dst, clean);
}

static void cleaning_cuts_at_a_character(void **state)
{
	static const struct {
		size_t size;
		const char *text, *clean;
	} cases[] = {
		{ 1, "abc", "" },
		{ 3, "abc", "ab" },
		{ 4, "abc", "abc" },
		{ 3, "a\xE2\x82\xAC", "a" },
		{ 4, "a\xE2\x82\xAC", "a" },
		{ 5, "a\xE2\x82\xAC", "a\xE2\x82\xAC" },
		{ 3, "\xFF", "" },
		{ 4, "\xFF", "\xEF\xBF\xBD" },
		{ 1, "", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		char *dst = malloc(cases[i].size);

		assert_non_null(dst);
		assert_int_equal(utf8_clean(dst, cases[i].size, cases[i].text,
		                            strlen(cases[i].text)),
		                 strlen(cases[i].clean));
		assert_string_equal(dst, cases[i].clean);
		free(dst);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_character_is_read_and_no_surrogate),
		cmocka_unit_test(what_rfc_3629_forbids_is_refused),
		cmocka_unit_test(
		    a_character_cut_short_is_refused_at_every_length),
		cmocka_unit_test(cleaning_keeps_what_is_valid),
		cmocka_unit_test(cleaning_replaces_each_bad_byte_and_nul),
		cmocka_unit_test(cleaning_cuts_at_a_character),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}

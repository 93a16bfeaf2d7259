#include "inventory/range.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ARRAY_LENGTH(a) (sizeof(a) / sizeof((a)[0]))

/* In memory of exactly that size, without a NUL. */
static bool parse_exact(struct range *range, const char *text, size_t length,
                        enum range_style style, struct err *err)
{
	char *exact = malloc(length > 0 ? length : 1);
	bool ok;

	assert_non_null(exact);
	memcpy(exact, text, length);
	ok = range_parse(range, exact, length, style, err);
	free(exact);
	return ok;
}

static bool parse(struct range *range, const char *text, enum range_style style,
                  struct err *err)
{
	return parse_exact(range, text, strlen(text), style, err);
}

/* All names, with blanks between them. */
static void names_of(const struct range *range, char *to, size_t size)
{
	size_t used = 0;

	to[0] = '\0';
	for (uint64_t n = 0; n < range->count; n++) {
		char name[64];
		size_t length = range_name(range, n, name, sizeof(name));

		assert_int_equal(strlen(name), length);
		assert_true(range_has(range, name));
		used += (size_t)snprintf(to + used, size - used, "%s%s",
		                         n > 0 ? " " : "", name);
		assert_true(used < size);
	}
}

struct good {
	const char *text, *names;
};

static void assert_names(const struct good *cases, size_t count,
                         enum range_style style)
{
	for (size_t i = 0; i < count; i++) {
		struct range range;
		struct err err;
		char names[1024];

		if (!parse(&range, cases[i].text, style, &err))
			fail_msg("%s: %s", cases[i].text, err.text);
		names_of(&range, names, sizeof(names));
		assert_string_equal(names, cases[i].names);
		range_release(&range);
	}
}

static void ranges_with_dashes_are_counted_out(void **state)
{
	static const struct good cases[] = {
		{ "web", "web" },
		{ "", "" },
		{ "web[1-3]", "web1 web2 web3" },
		{ "web[3]", "web3" },
		{ "web[0-0]x", "web0x" },
		{ "web[08-11]", "web08 web09 web10 web11" },
		{ "web[098-101]", "web098 web099 web100 web101" },
		{ "web[8-11]", "web8 web9 web10 web11" },
		{ "web[01-3]", "web01 web02 web03" },
		{ "web[1,3,5-7]", "web1 web3 web5 web6 web7" },
		{ "web[1,01,001]", "web1 web01 web001" },
		{ "[1-2].a", "1.a 2.a" },
		{ "a[1-2]b[1-3]c", "a1b1c a1b2c a1b3c a2b1c a2b2c a2b3c" },
		{ "[1-2][01-02]", "101 102 201 202" },
		{ "10.0.[0-1].[254-255]",
		  "10.0.0.254 10.0.0.255 10.0.1.254 10.0.1.255" },
		{ "[999999998-999999999]", "999999998 999999999" },
	};

	(void)state;
	assert_names(cases, ARRAY_LENGTH(cases), RANGE_DASH);
}

static void ranges_with_colons_are_ansibles(void **state)
{
	static const struct good cases[] = {
		{ "web[1:3]", "web1 web2 web3" },
		{ "web[01:03]", "web01 web02 web03" },
		{ "web[01:10:3]", "web01 web04 web07 web10" },
		{ "web[1:10:4]", "web1 web5 web9" },
		{ "web[:2]", "web0 web1 web2" },
		{ "db-[a:c]", "db-a db-b db-c" },
		{ "db-[y:B]", "db-y db-z db-A db-B" },
		{ "db-[a:f:2].x", "db-a.x db-c.x db-e.x" },
		{ "a[1:2]b[a:b]", "a1ba a1bb a2ba a2bb" },
	};

	(void)state;
	assert_names(cases, ARRAY_LENGTH(cases), RANGE_COLON);
}

#define DASHES "in brackets stand numbers, as in [1-20] and [01-20,30]"
#define COLONS "in brackets stands one range, as in [1:20], [01:20:2] and [a:f]"
#define LARGE "a number in brackets is too large (over 9 digits)"
#define DOWN "a range that counts down in brackets"
#define MANY "more than 16777216 hosts"

static void assert_refused(const char *text, enum range_style style,
                           const char *reason)
{
	struct range range;
	struct err err;

	if (parse(&range, text, style, &err))
		fail_msg("taken: %s", text);
	assert_int_equal(err.kind, ERR_INPUT);
	assert_string_equal(err.text, reason);
}

static void a_number_that_is_too_large_is_called_so(void **state)
{
	(void)state;
	assert_refused("web[0-9999999999]", RANGE_DASH, LARGE);
	assert_refused("web[1000000000-1]", RANGE_DASH, LARGE);
	assert_refused("web[1,9999999999]", RANGE_DASH, LARGE);
	assert_refused("web[1:9999999999]", RANGE_COLON, LARGE);
	assert_refused("web[1:2:9999999999]", RANGE_COLON, LARGE);
}

static void what_is_no_range_is_refused(void **state)
{
	static const struct {
		const char *text;
		enum range_style style;
		const char *reason;
	} cases[] = {
		{ "web[1-3", RANGE_DASH, "'[' without ']'" },
		{ "web[", RANGE_DASH, "'[' without ']'" },
		{ "web1-3]", RANGE_DASH, "']' without '['" },
		{ "web[]", RANGE_DASH, DASHES },
		{ "web[1-]", RANGE_DASH, DASHES },
		{ "web[-3]", RANGE_DASH, DASHES },
		{ "web[1-2-3]", RANGE_DASH, DASHES },
		{ "web[1,]", RANGE_DASH, DASHES },
		{ "web[,1]", RANGE_DASH, DASHES },
		{ "web[a-c]", RANGE_DASH, DASHES },
		{ "web[1:3]", RANGE_DASH, DASHES },
		{ "web[ 1-3]", RANGE_DASH, DASHES },
		{ "web[[1-3]]", RANGE_DASH, DASHES },
		{ "web[1-2x]", RANGE_DASH, DASHES },
		{ "web[1-99999999999x]", RANGE_DASH, DASHES },
		{ "web[3-1]", RANGE_DASH, DOWN },
		{ "web[0-16777216]", RANGE_DASH, MANY },
		{ "[0-9999][0-9999]", RANGE_DASH, MANY },
		{ "[0-999999999][0-999999999]", RANGE_DASH, MANY },
		{ "[1][1][1][1][1][1][1][1][1]", RANGE_DASH,
		  "more than 8 brackets" },
		{ "web[1-3]", RANGE_COLON, COLONS },
		{ "web[1]", RANGE_COLON, COLONS },
		{ "web[1:]", RANGE_COLON, COLONS },
		{ "web[1:2:3:4]", RANGE_COLON, COLONS },
		{ "web[1:2:0]", RANGE_COLON, COLONS },
		{ "web[1:c]", RANGE_COLON, COLONS },
		{ "web[aa:c]", RANGE_COLON, COLONS },
		{ "web[1,2]", RANGE_COLON, COLONS },
		{ "web[3:1]", RANGE_COLON, DOWN },
		{ "web[c:a]", RANGE_COLON, DOWN },
		{ "web[01:100]", RANGE_COLON,
		  "a padded range has ends of one length, as in [01:20]" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++)
		assert_refused(cases[i].text, cases[i].style, cases[i].reason);
}

static void a_name_is_known_by_how_it_is_written(void **state)
{
	static const struct {
		const char *text, *name;
		bool has;
	} cases[] = {
		{ "web[01-20]", "web07", true },
		{ "web[01-20]", "web7", false },
		{ "web[01-20]", "web007", false },
		{ "web[01-20]", "web21", false },
		{ "web[01-20]", "web00", false },
		{ "web[01-20]", "web", false },
		{ "web[01-20]", "web01a", false },
		{ "web[01-20]", "aweb01", false },
		{ "web[1-20]", "web07", false },
		{ "web[1-20]", "web20", true },
		{ "web[98-101]", "web100", true },
		{ "web[1,30]", "web3", false },
		{ "[1-9]0", "10", true },
		{ "[1-99]0", "100", true },
		{ "[1-99][0-9]", "123", true },
		{ "[1-99][0-9]", "1234", false },
		{ "10.0.0.[1-254]", "10.0.0.254", true },
		{ "10.0.0.[1-254]", "10.0.0.255", false },
		{ "10.0.0.[1-254]", "", false },
		{ "web", "web", true },
		{ "web", "web1", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct range range;
		struct err err;

		assert_true(parse(&range, cases[i].text, RANGE_DASH, &err));
		if (range_has(&range, cases[i].name) != cases[i].has)
			fail_msg("%s and %s", cases[i].text, cases[i].name);
		range_release(&range);
	}
}

static void the_largest_range_takes_no_memory_for_its_names(void **state)
{
	struct range range;
	struct err err;
	char name[32];

	(void)state;
	assert_true(
	    parse(&range, "10.[0-255].[0-255].[0-255]", RANGE_DASH, &err));
	assert_int_equal(range.count, 1 << 24);
	assert_int_equal(range.item_count, 3);
	range_name(&range, range.count - 1, name, sizeof(name));
	assert_string_equal(name, "10.255.255.255");
	range_name(&range, (1 << 16) + 2, name, sizeof(name));
	assert_string_equal(name, "10.1.0.2");
	range_release(&range);
}

static void a_name_that_does_not_fit_is_cut_and_measured(void **state)
{
	struct range range;
	struct err err;
	char name[6];

	(void)state;
	assert_true(parse(&range, "web[01-20].a", RANGE_DASH, &err));
	assert_int_equal(range_name(&range, 6, name, sizeof(name)), 7);
	assert_string_equal(name, "web07");
	assert_int_equal(range_name(&range, 6, name, 1), 7);
	assert_string_equal(name, "");
	range_release(&range);
	range_release(&range);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranges_with_dashes_are_counted_out),
		cmocka_unit_test(ranges_with_colons_are_ansibles),
		cmocka_unit_test(a_number_that_is_too_large_is_called_so),
		cmocka_unit_test(what_is_no_range_is_refused),
		cmocka_unit_test(a_name_is_known_by_how_it_is_written),
		cmocka_unit_test(
		    the_largest_range_takes_no_memory_for_its_names),
		cmocka_unit_test(a_name_that_does_not_fit_is_cut_and_measured),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}

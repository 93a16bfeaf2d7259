#include "inventory/pattern.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <string.h>

#include <cmocka.h>

static void lists_match_as_openssh_has_them(void **state)
{
	static const struct {
		const char *names, *name;
		bool matches;
	} cases[] = {
		{ "web1", "web1", true },
		{ "web1", "web10", false },
		{ "web10", "web1", false },
		{ "web?", "web1", true },
		{ "web?", "web", false },
		{ "*", "", true },
		{ "*", "anything", true },
		{ "**", "anything", true },
		{ "*.example.com", "a.b.example.com", true },
		{ "*.example.com", "example.com", false },
		{ "a*b*c", "a-b-b-c", true },
		{ "a*b*c", "a-b-c-", false },
		{ "10.0.*,10.1.*", "10.1.2.3", true },
		{ "*.example.com,!bad.example.com", "bad.example.com", false },
		{ "!bad.example.com,*.example.com", "bad.example.com", false },
		{ "*.example.com,!bad.example.com", "good.example.com", true },
		{ "!bad", "good", false },
		{ "[*]:2200", "[web1]:2200", true },
		{ "[*]:2200", "web1", false },
		{ ",,web1,", "web1", true },
		{ "*a*a*a*a*a*a*a*a*a*b",
		  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		  false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(
		    pattern_list_matches(cases[i].name, cases[i].names,
		                         strlen(cases[i].names), false),
		    cases[i].matches);
}

static void case_counts_unless_it_is_folded(void **state)
{
	(void)state;
	assert_false(pattern_matches("web1", "WEB?", 4, false));
	assert_true(pattern_matches("web1", "WEB?", 4, true));
	assert_true(pattern_list_matches("WEB1", "db*,web*", 8, true));
	assert_false(pattern_list_matches("WEB1", "web*,!wEb1", 10, true));
}

static void only_the_length_given_is_looked_at(void **state)
{
	(void)state;
	assert_true(pattern_matches("web1", "web1,db", 4, false));
	assert_true(pattern_list_matches("web1", "web1,!web1", 5, false));
}

/* Takes minutes where each star looks at all that follow it again. */
static void many_stars_are_no_trouble(void **state)
{
	char text[300], pattern[200];

	(void)state;
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	for (size_t i = 0; i < sizeof(pattern); i++)
		pattern[i] = i % 2 == 0 ? '*' : 'a';
	pattern[sizeof(pattern) - 2] = 'b';
	pattern[sizeof(pattern) - 1] = '\0';
	assert_false(pattern_matches(text, pattern, strlen(pattern), false));
	assert_true(pattern_matches(text, pattern, strlen(pattern) - 1, false));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_match_as_openssh_has_them),
		cmocka_unit_test(case_counts_unless_it_is_folded),
		cmocka_unit_test(only_the_length_given_is_looked_at),
		cmocka_unit_test(many_stars_are_no_trouble),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}

#include "cli/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define ARRAY_LENGTH(a) (sizeof(a) / sizeof((a)[0]))

static void durations_have_units(void **state)
{
	static const struct {
		const char *text;
		unsigned ms;
	} cases[] = {
		{ "5", 5000 },
		{ "0.5", 500 },
		{ "500ms", 500 },
		{ "30s", 30000 },
		{ "2m", 120000 },
		{ "1h", 3600000 },
		{ "0", 0 },
		{ "1.5m", 90000 },
		{ "0.0004", 0 },
		{ "0.0006", 1 },
		{ "5.", 5000 },
		{ "007", 7000 },
		{ "1000000s", 1000000000 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		unsigned ms = 12345;

		if (!duration_parse(cases[i].text, &ms))
			fail_msg("%s", cases[i].text);
		assert_int_equal(ms, cases[i].ms);
	}
}

static void what_is_no_duration_is_refused(void **state)
{
	static const char *const texts[] = {
		"",
		" 5",
		"5 ",
		"-5",
		"+5",
		"5x",
		"5sec",
		"s",
		".5",
		"inf",
		"nan",
		"0x10",
		"0X10",
		"0x1p3",
		"1e3",
		"1E3",
		"1e3s",
		"1.2.3",
		"5,0",
		"5 s",
		"5ms2",
		"1000001s",
		"999999999999999999999",
		"5M",
		"5mss",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
		unsigned ms = 12345;

		if (duration_parse(texts[i], &ms))
			fail_msg("taken: '%s'", texts[i]);
		assert_int_equal(ms, 12345);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(durations_have_units),
		cmocka_unit_test(what_is_no_duration_is_refused),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}

#include "cli/tally.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <string.h>

#include <cmocka.h>

/* More hosts than there are IPv4 addresses. */
#define MOST 9999999999

#define ARRAY_LENGTH(a) (sizeof(a) / sizeof((a)[0]))

static void each_cause_alone_has_its_exit_status(void **state)
{
	static const struct {
		struct tally tally;
		int signal, status;
	} cases[] = {
		{ { .counts = { [STATUS_OK] = 9 } }, 0, 0 },
		{ { .repeats = 1 }, 0, 0 },
		{ { .counts = { [STATUS_COMMAND] = 1 } }, 0, 5 },
		{ { .counts = { [STATUS_UNRESOLVED] = 1 } }, 0, 4 },
		{ { .counts = { [STATUS_UNREACHABLE] = 1 } }, 0, 4 },
		{ { .counts = { [STATUS_REFUSED] = 1 } }, 0, 4 },
		{ { .counts = { [STATUS_PROTOCOL] = 1 } }, 0, 4 },
		{ { .counts = { [STATUS_HOSTKEY] = 1 } }, 0, 4 },
		{ { .counts = { [STATUS_AUTH] = 1 } }, 0, 4 },
		{ { .counts = { [STATUS_SKIPPED] = 1 } }, 0, 4 },
		{ { .counts = { [STATUS_TIMEOUT] = 1 } }, 0, 3 },
		{ { .bad_lines = 1 }, 0, 2 },
		{ { .not_stored = 1 }, 0, 6 },
		{ { .spooled = true }, 0, 6 },
		{ { .end_not_stored = true }, 0, 6 },
		{ { .out_of_time = true }, 0, 4 },
		{ { .passed_over = 1 }, 0, 0 },
		{ { .before = { [STATUS_OK] = 1 } }, 0, 0 },
		{ { .before = { [STATUS_TIMEOUT] = 1 } }, 0, 3 },
		{ { .before = { [STATUS_AUTH] = 1 } }, 0, 4 },
		{ { .before = { [STATUS_COMMAND] = 1 } }, 0, 5 },
		{ { .before = { [STATUS_ERROR] = 1 } }, 0, 1 },
		{ { .failures = 1 }, 0, 1 },
		{ { .counts = { [STATUS_ERROR] = 1 } }, 0, 1 },
		{ { .counts = { [STATUS_OK] = 1 } }, 1, 129 },
		{ { .counts = { [STATUS_OK] = 1 } }, 2, 130 },
		{ { .counts = { [STATUS_OK] = 1 } }, 15, 143 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		int status =
		    tally_exit_status(&cases[i].tally, cases[i].signal);

		if (status != cases[i].status)
			fail_msg("case %zu: %d", i, status);
	}
}

/* All causes at once; the one that counts is taken away, one by one. */
static void of_several_causes_the_first_counts(void **state)
{
	struct tally tally = {
		.bad_lines = 1, .repeats = 1, .not_stored = 1, .failures = 1
	};

	(void)state;
	for (size_t i = 0; i < STATUS_COUNT; i++)
		tally.counts[i] = 1;
	assert_int_equal(tally_exit_status(&tally, 2), 130);
	assert_int_equal(tally_exit_status(&tally, 0), 1);
	tally.failures = 0;
	assert_int_equal(tally_exit_status(&tally, 0), 1);
	tally.counts[STATUS_ERROR] = 0;
	assert_int_equal(tally_exit_status(&tally, 0), 6);
	tally.not_stored = 0;
	assert_int_equal(tally_exit_status(&tally, 0), 2);
	tally.bad_lines = 0;
	assert_int_equal(tally_exit_status(&tally, 0), 3);
	tally.counts[STATUS_TIMEOUT] = 0;
	for (size_t i = STATUS_OK + 1; i < STATUS_COUNT; i++) {
		if (i == STATUS_COMMAND)
			continue;
		assert_int_equal(tally_exit_status(&tally, 0), 4);
		tally.counts[i] = i == STATUS_SKIPPED;
	}
	assert_int_equal(tally_exit_status(&tally, 0), 4);
	tally.counts[STATUS_SKIPPED] = 0;
	assert_int_equal(tally_exit_status(&tally, 0), 5);
	tally.counts[STATUS_COMMAND] = 0;
	assert_int_equal(tally_exit_status(&tally, 0), 0);
}

static void hosts_are_those_with_a_result(void **state)
{
	struct tally tally = {
		.not_stored = 2, .bad_lines = 5, .repeats = 7, .unfinished = 1
	};

	(void)state;
	tally.counts[STATUS_OK] = 10;
	tally.counts[STATUS_SKIPPED] = 1;
	assert_int_equal(tally_hosts(&tally), 13);
}

static void the_summary_names_what_there_is(void **state)
{
	static const struct {
		struct tally tally;
		double seconds;
		const char *text;
	} cases[] = {
		{ { .repeats = 0 }, 0.001, "0 hosts in 0.00 s" },
		{ { .counts = { [STATUS_OK] = 1 } },
		  0.5,
		  "1 host in 0.50 s (2.0/s): 1 ok" },
		{ { .counts = { [STATUS_OK] = 1 } },
		  0,
		  "1 host in 0.00 s: 1 ok" },
		{ { .counts = { [STATUS_OK] = 58, [STATUS_TIMEOUT] = 2 },
		    .bad_lines = 1 },
		  5.21,
		  "60 hosts in 5.21 s (11.5/s): 58 ok, 2 timeout; 1 bad line" },
		{ { .counts = { [STATUS_SKIPPED] = 3 },
		    .unfinished = 3,
		    .not_stored = 1,
		    .bad_lines = 2,
		    .repeats = 2 },
		  2,
		  "4 hosts in 2.00 s (2.0/s): 3 skipped; 3 unfinished; 1 not "
		  "stored; 2 bad lines; 2 repeated lines" },
		{ { .repeats = 1 }, 1, "0 hosts in 1.00 s; 1 repeated line" },
		{ { .counts = { [STATUS_OK] = 1 },
		    .before = { [STATUS_OK] = 7 },
		    .excluded = 2,
		    .passed_over = 7,
		    .out_of_time = true },
		  0,
		  "1 host in 0.00 s: 1 ok; 2 excluded; 7 passed over; no time "
		  "to read all lines" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {

		struct text text = { 0 };

		tally_summary(&cases[i].tally, cases[i].seconds, &text);
		text_add(&text, "", 1);
		assert_string_equal(text.data, cases[i].text);
		text_release(&text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_cause_alone_has_its_exit_status),
		cmocka_unit_test(of_several_causes_the_first_counts),
		cmocka_unit_test(hosts_are_those_with_a_result),
		cmocka_unit_test(the_summary_names_what_there_is),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}

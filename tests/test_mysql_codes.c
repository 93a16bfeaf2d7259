#include "sql/mysql_codes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void assert_meaning(const unsigned *codes, size_t count,
                           enum db_result meaning)
{
	for (size_t i = 0; i < count; i++) {
		if (mysql_meaning(codes[i]) != meaning)
			fail_msg("%u", codes[i]);
	}
}

#define ASSERT_MEANING(codes, meaning)                                         \
	assert_meaning(codes, sizeof(codes) / sizeof((codes)[0]), meaning)

static void what_passes_on_another_connection_is_tried_on_one(void **state)
{
	static const unsigned codes[] = {
		1290, 1792, 1836, 1874, /* read-only after a failover */
		1040, 1203, 1226, 1135, /* too many connections */
		1053, 1080, 3032,       /* shutting down, offline */
		1927, 3169, 4031,       /* killed */
		2001, 2002, 2003, 2004, 2005, 2006, 2012, 2013, 2055, /* lost */
	};

	(void)state;
	ASSERT_MEANING(codes, DB_GONE);
}

static void what_passes_by_itself_is_tried_again(void **state)
{
	static const unsigned codes[] = {
		1205, 1213, 1206, 1614, 1615, 1020, 3101, /* locks, conflicts */
		1317, 1969, 3024,                         /* statement ended */
		1021, 1037, 1041, 1114, 2008,             /* disk, memory */
	};

	(void)state;
	ASSERT_MEANING(codes, DB_AGAIN);
}

/* So that the spool is not waited for. */
static void what_does_not_pass_is_not_tried_again(void **state)
{
	static const unsigned codes[] = {
		1044, 1142,  1143, 1049,             /* rights, no database */
		1054, 1064,  1146, 1364, 1390, 1461, /* tables, statements */
		0,    99999,
	};

	(void)state;
	ASSERT_MEANING(codes, DB_FAILED);
	assert_int_equal(mysql_meaning(1045), DB_DENIED);
}

static void what_is_wrong_with_a_row_costs_that_row(void **state)
{
	static const unsigned codes[] = { 1048, 1062, 1153, 1264, 1265,
		                          1292, 1366, 1406, 3140, 3819,
		                          3854, 3988, 4025, 2020 };

	(void)state;
	ASSERT_MEANING(codes, DB_DATA);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    what_passes_on_another_connection_is_tried_on_one),
		cmocka_unit_test(what_passes_by_itself_is_tried_again),
		cmocka_unit_test(what_does_not_pass_is_not_tried_again),
		cmocka_unit_test(what_is_wrong_with_a_row_costs_that_row),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}

#include "cli/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <limits.h>
#include <sys/resource.h>

#include <cmocka.h>

/* What the system says. */
static struct rlimit faked;
static int fails;

int __wrap_getrlimit(int resource, struct rlimit *limit);

int __wrap_getrlimit(int resource, struct rlimit *limit)
{
	assert_int_equal(resource, RLIMIT_NOFILE);
	errno = fails;
	*limit = faked;
	return fails != 0 ? -1 : 0;
}

static void a_host_in_flight_needs_its_descriptors(void **state)
{
	static const struct {
		rlim_t limit;
		unsigned wanted;
		struct limits_need need;
		unsigned fanout;
	} cases[] = {
		{ 1024, 64, { 2, 0, 0 }, 64 },
		{ 1024, 4096, { 2, 0, 0 }, 496 },
		{ 1024, 4096, { 1, 0, 0 }, 992 },
		{ 1024, 4096, { 3, 0, 0 }, 330 },
		{ 1024, 4096, { 2, 92, 0 }, 450 },
		{ 64, 500, { 2, 0, 0 }, 16 },
		{ 64, 500, { 2, 29, 0 }, 1 },
		{ 64, 500, { 2, 30, 0 }, 1 },
		{ 64, 500, { 2, 1000, 0 }, 1 },
		{ 34, 500, { 2, 0, 0 }, 1 },
		{ 33, 500, { 2, 0, 0 }, 1 },
		{ 3, 500, { 2, 0, 0 }, 1 },
		{ 3, 1, { 2, UINT_MAX, 0 }, 1 },
		{ 0, 500, { 2, 0, 0 }, 1 },
		{ 1 << 20, 4096, { 2, 0, 0 }, 4096 },
		/* Commands: some of the hosts have one, or all of them. */
		{ 1024, 4096, { 2, 0, 8 }, 488 },
		{ 1024, 4096, { 2, 92, 16 }, 434 },
		{ 1024, 4096, { 2, 0, 512 }, 248 },
		{ 1024, 4096, { 2, 0, 248 }, 248 },
		{ 64, 500, { 2, 0, 8 }, 8 },
		{ 64, 500, { 2, 0, 9 }, 8 },
		{ 64, 500, { 3, 0, UINT_MAX }, 6 },
		{ 35, 500, { 2, 0, 8 }, 1 },
		{ 1 << 20, 4096, { 2, 0, 512 }, 4096 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		unsigned fanout;

		faked.rlim_cur = cases[i].limit;
		fanout = limits_fanout(cases[i].wanted, &cases[i].need);
		if (fanout != cases[i].fanout)
			fail_msg("case %zu: %u", i, fanout);
	}
}

static void without_a_limit_there_are_as_many_as_wanted(void **state)
{
	static const struct limits_need need = { 4, 1000, 1000 };

	(void)state;
	faked.rlim_cur = RLIM_INFINITY;
	assert_int_equal(limits_fanout(4096, &need), 4096);
	faked.rlim_cur = 10;
	fails = EPERM;
	assert_int_equal(limits_fanout(4096, &need), 4096);
	fails = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_host_in_flight_needs_its_descriptors),
		cmocka_unit_test(without_a_limit_there_are_as_many_as_wanted),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}

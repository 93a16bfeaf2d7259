#include "inventory/hostset.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static bool calloc_fails;

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);

void *__wrap_calloc(size_t count, size_t size)
{
	return calloc_fails ? NULL : __real_calloc(count, size);
}

static void address(char text[16], unsigned i)
{
	snprintf(text, 16, "127.%u.%u.%u", i >> 16 & 255, i >> 8 & 255,
	         i & 255);
}

static void an_empty_set_has_no_host(void **state)
{
	struct hostset set = HOSTSET_INIT;

	(void)state;
	assert_int_equal(hostset_find(&set, "127.0.0.1", 22), 0);
	hostset_release(&set);
}

static void address_and_port_make_the_host(void **state)
{
	struct hostset set = HOSTSET_INIT;
	uint32_t before = 1;

	(void)state;
	assert_true(hostset_add(&set, "127.0.0.1", 22, 7, &before));
	assert_int_equal(before, 0);
	assert_int_equal(hostset_find(&set, "127.0.0.1", 22), 7);
	assert_int_equal(hostset_find(&set, "127.0.0.1", 2), 0);
	assert_int_equal(hostset_find(&set, "127.0.0.12", 2), 0);
	assert_int_equal(hostset_find(&set, "127.0.0.2", 22), 0);
	hostset_release(&set);
}

static void the_first_number_stays(void **state)
{
	struct hostset set = HOSTSET_INIT;
	uint32_t before;

	(void)state;
	assert_true(hostset_add(&set, "::1", 22, 7, &before));
	assert_true(hostset_add(&set, "::1", 22, 8, &before));
	assert_int_equal(before, 7);
	assert_int_equal(hostset_find(&set, "::1", 22), 7);
	hostset_release(&set);
}

static void a_hundred_thousand_hosts_are_found_and_no_other(void **state)
{
	struct hostset set = HOSTSET_INIT;
	char ip[16];
	uint32_t before;

	(void)state;
	for (unsigned i = 1; i <= 100000; i++) {
		address(ip, i);
		assert_true(hostset_add(&set, ip, 22, i, &before));
		assert_int_equal(before, 0);
	}
	for (unsigned i = 1; i <= 100000; i++) {
		address(ip, i);
		assert_int_equal(hostset_find(&set, ip, 22), i);
		assert_int_equal(hostset_find(&set, ip, 23), 0);
	}
	assert_int_equal(set.used, 100000);
	hostset_release(&set);
}

static void without_memory_the_set_stays_as_it_is(void **state)
{
	struct hostset set = HOSTSET_INIT;
	char ip[16];
	uint32_t before;
	unsigned i = 1;

	(void)state;
	calloc_fails = true;
	assert_false(hostset_add(&set, "127.0.0.1", 22, 1, &before));
	calloc_fails = false;
	assert_int_equal(hostset_find(&set, "127.0.0.1", 22), 0);
	for (;; i++) {
		address(ip, i);
		calloc_fails = set.used > 0;
		if (!hostset_add(&set, ip, 22, i, &before))
			break;
	}
	calloc_fails = false;
	assert_int_equal(set.used, i - 1);
	assert_int_equal(hostset_find(&set, ip, 22), 0);
	address(ip, 1);
	assert_int_equal(hostset_find(&set, ip, 22), 1);
	hostset_release(&set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_set_has_no_host),
		cmocka_unit_test(address_and_port_make_the_host),
		cmocka_unit_test(the_first_number_stays),
		cmocka_unit_test(
		    a_hundred_thousand_hosts_are_found_and_no_other),
		cmocka_unit_test(without_memory_the_set_stays_as_it_is),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}

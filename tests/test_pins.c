#include "inventory/pins.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>

#include <cmocka.h>

static int set_up(void **state)
{
	struct err err;

	return pins_open((struct pins **)state, &err) ? 0 : -1;
}

static int tear_down(void **state)
{
	pins_close(*state);
	return 0;
}

static enum pins_verdict look(struct pins *pins, const char *ip, unsigned port,
                              const char *sha256)
{
	struct pin pinned;
	bool in_history;

	return pins_look(pins, ip, port, "ssh-ed25519", sha256, &pinned,
	                 &in_history);
}

static void a_host_of_the_store_keeps_its_key(void **state)
{
	struct pin pinned = { .type = "" };
	bool in_history = true;

	assert_true(pins_add(*state, "127.0.0.1", 22, "ssh-rsa", "AAAA"));
	assert_int_equal(look(*state, "127.0.0.1", 22, "AAAA"), PINS_KNOWN);
	assert_int_equal(pins_look(*state, "127.0.0.1", 22, "ssh-ed25519",
	                           "BBBB", &pinned, &in_history),
	                 PINS_CHANGED);
	assert_string_equal(pinned.type, "ssh-rsa");
	assert_string_equal(pinned.sha256, "AAAA");
	assert_false(in_history);
	assert_int_equal(look(*state, "127.0.0.1", 22, "AAAA"), PINS_KNOWN);
}

static void a_new_host_is_remembered(void **state)
{
	assert_int_equal(look(*state, "127.0.0.1", 22, "AAAA"), PINS_NEW);
	assert_int_equal(look(*state, "127.0.0.1", 22, "AAAA"), PINS_KNOWN);
	assert_int_equal(look(*state, "127.0.0.1", 22, "BBBB"), PINS_CHANGED);
	assert_int_equal(look(*state, "127.0.0.1", 23, "BBBB"), PINS_NEW);
}

static void a_refusal_is_for_the_history_once(void **state)
{
	struct pin pinned;
	bool in_history = true;

	assert_true(pins_add(*state, "h", 22, "t", "AAAA"));
	assert_true(pins_add_refused(*state, "h", 22, "t", "BBBB"));
	pins_look(*state, "h", 22, "t", "BBBB", &pinned, &in_history);
	assert_true(in_history);
	pins_look(*state, "h", 22, "t", "CCCC", &pinned, &in_history);
	assert_false(in_history);
	pins_look(*state, "h", 22, "t", "CCCC", &pinned, &in_history);
	assert_true(in_history);
}

/* A reading of the store that began anew hands them out again. */
static void the_later_row_counts(void **state)
{
	char type[RECORD_KEY_TYPE_MAX + 1];

	assert_true(pins_add(*state, "h", 22, "old", "AAAA"));
	assert_true(pins_add(*state, "h", 22, "new", "BBBB"));
	assert_int_equal(look(*state, "h", 22, "BBBB"), PINS_KNOWN);
	pins_type(*state, "h", 22, type);
	assert_string_equal(type, "new");
	pins_type(*state, "other", 22, type);
	assert_string_equal(type, "");
}

static void many_hosts_are_held(void **state)
{
	char ip[32];

	for (unsigned i = 0; i < 5000; i++) {
		snprintf(ip, sizeof(ip), "127.%u.%u.1", i / 250, i % 250);
		assert_true(pins_add(*state, ip, 22, "t", ip));
	}
	for (unsigned i = 0; i < 5000; i++) {
		snprintf(ip, sizeof(ip), "127.%u.%u.1", i / 250, i % 250);
		assert_int_equal(look(*state, ip, 22, ip), PINS_KNOWN);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_host_of_the_store_keeps_its_key),
		TEST(a_new_host_is_remembered),
		TEST(a_refusal_is_for_the_history_once),
		TEST(the_later_row_counts),
		TEST(many_hosts_are_held),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}

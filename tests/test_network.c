#include "inventory/network.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ARRAY_LENGTH(a) (sizeof(a) / sizeof((a)[0]))

static struct network network_of(const char *text)
{
	struct network network;
	struct err err;

	if (!network_parse(&network, text, strlen(text), &err))
		fail_msg("%s: %s", text, err.text);
	return network;
}

static bool has(const struct network *network, const char *text)
{
	struct network address;

	return network_of_address(&address, text) &&
	       network_has(network, &address);
}

static void a_network_is_counted_out_without_its_ends(void **state)
{
	static const struct {
		const char *text;
		uint64_t count;
		const char *first, *last;
	} cases[] = {
		{ "10.0.0.0/24", 254, "10.0.0.1", "10.0.0.254" },
		{ "10.0.0.77/24", 254, "10.0.0.1", "10.0.0.254" },
		{ "10.0.0.4/30", 2, "10.0.0.5", "10.0.0.6" },
		{ "10.0.0.4/31", 2, "10.0.0.4", "10.0.0.5" },
		{ "10.0.0.4/32", 1, "10.0.0.4", "10.0.0.4" },
		{ "10.0.0.0/8", 16777214, "10.0.0.1", "10.255.255.254" },
		{ "0.0.0.0/0", 4294967294, "0.0.0.1", "255.255.255.254" },
		{ "2001:db8::/126", 4, "2001:db8::", "2001:db8::3" },
		{ "2001:db8::5/112", 65536, "2001:db8::", "2001:db8::ffff" },
		{ "2001:db8::/127", 2, "2001:db8::", "2001:db8::1" },
		{ "::1/128", 1, "::1", "::1" },
		{ "::ffff:10.0.0.0/120", 254, "10.0.0.1", "10.0.0.254" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct network network = network_of(cases[i].text);
		char host[64];

		assert_int_equal(network_count(&network), cases[i].count);
		network_host(&network, 0, host, sizeof(host));
		assert_string_equal(host, cases[i].first);
		network_host(&network, cases[i].count - 1, host, sizeof(host));
		assert_string_equal(host, cases[i].last);
		assert_true(has(&network, host));
	}
}

static void an_address_is_compared_by_its_first_bits(void **state)
{
	static const struct {
		const char *text, *address;
		bool has;
	} cases[] = {
		{ "10.0.0.0/24", "10.0.0.0", true },
		{ "10.0.0.0/24", "10.0.0.255", true },
		{ "10.0.0.0/24", "10.0.1.0", false },
		{ "10.0.0.0/23", "10.0.1.255", true },
		{ "10.0.0.0/23", "10.0.2.0", false },
		{ "10.0.0.0/8", "10.255.255.255", true },
		{ "10.0.0.0/8", "11.0.0.0", false },
		{ "10.0.0.4/31", "10.0.0.5", true },
		{ "10.0.0.4/31", "10.0.0.6", false },
		{ "10.0.0.4/32", "10.0.0.4", true },
		{ "10.0.0.4/32", "10.0.0.5", false },
		{ "::1/128", "::1", true },
		{ "::1/128", "::2", false },
		{ "0.0.0.0/0", "192.0.2.1", true },
		{ "0.0.0.0/0", "::1", false },
		{ "::/0", "192.0.2.1", false },
		{ "::/0", "2001:db8::1", true },
		{ "fe80::/10", "fe80::1%eth0", true },
		{ "2001:db8::/33", "2001:db8:7fff::1", true },
		{ "2001:db8::/33", "2001:db8:8000::1", false },
		{ "10.0.0.0/24", "web1", false },
		{ "0.0.0.0/0", "", false },
		{ "0.0.0.0/0", "10.0.0", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct network network = network_of(cases[i].text);

		if (has(&network, cases[i].address) != cases[i].has)
			fail_msg("%s and %s", cases[i].text, cases[i].address);
	}
}

static void an_ipv6_network_that_cannot_be_counted_is_compared(void **state)
{
	struct network network = network_of("2001:db8::/32");

	(void)state;
	assert_true(network_count(&network) == UINT64_MAX);
	network = network_of("2001:db8::/65");
	assert_true(network_count(&network) == (uint64_t)1 << 63);
	network = network_of("2001:db8::/64");
	assert_true(network_count(&network) == UINT64_MAX);
	assert_true(has(&network, "2001:db8::ffff"));
	assert_false(has(&network, "2001:db8:0:1::"));
}

static void what_is_no_network_is_refused(void **state)
{
	static const struct {
		const char *text, *reason;
	} cases[] = {
		{ "10.0.0.0/", "no length from 0 to 32 behind the '/'" },
		{ "10.0.0.0/33", "no length from 0 to 32 behind the '/'" },
		{ "10.0.0.0/+8", "no length from 0 to 32 behind the '/'" },
		{ "10.0.0.0/0008", "no length from 0 to 32 behind the '/'" },
		{ "10.0.0.0/24/8", "no length from 0 to 32 behind the '/'" },
		{ "::/129", "no length from 0 to 128 behind the '/'" },
		{ "10.0.0/24", "no address in front of the '/'" },
		{ "web1/24", "no address in front of the '/'" },
		{ "/24", "no address in front of the '/'" },
		{ "fe80::%eth0/64", "no address in front of the '/'" },
		{ "10.0.0.0", "no network" },
		{ "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000/8",
		  "no address in front of the '/'" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct network network;
		struct err err;

		if (network_parse(&network, cases[i].text,
		                  strlen(cases[i].text), &err))
			fail_msg("taken: %s", cases[i].text);
		assert_int_equal(err.kind, ERR_INPUT);
		assert_string_equal(err.text, cases[i].reason);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_network_is_counted_out_without_its_ends),
		cmocka_unit_test(an_address_is_compared_by_its_first_bits),
		cmocka_unit_test(
		    an_ipv6_network_that_cannot_be_counted_is_compared),
		cmocka_unit_test(what_is_no_network_is_refused),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}

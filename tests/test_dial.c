#include "inventory/dial.h"

#include "tests/net_fixture.h"

#include <string.h>

#define ARRAY_LENGTH(a) (sizeof(a) / sizeof((a)[0]))

static struct address addresses[DIAL_ADDRESSES_MAX];

static bool find(const struct dial *dial, const char *host, struct err *err)
{
	struct wait wait = wait_ms(PLENTY_MS, -1);
	size_t count = 0;

	if (!dial_find(dial, host, 22, addresses, &count, &wait, err))
		return false;
	assert_int_equal(count, 1);
	return true;
}

static void a_literal_of_the_other_family_is_unresolved(void **state)
{
	static const struct {
		int family;
		const char *host, *text; /* NULL: it is found */
	} cases[] = {
		{ AF_UNSPEC, "127.0.0.1", NULL },
		{ AF_UNSPEC, "::1", NULL },
		{ AF_INET, "127.0.0.1", NULL },
		{ AF_INET6, "::1", NULL },
		{ AF_INET, "::1", "not an IPv4 address (-4)" },
		{ AF_INET6, "127.0.0.1", "not an IPv6 address (-6)" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct dial dial = { .family = cases[i].family };
		struct err err = { .kind = ERR_NONE };

		assert_int_equal(find(&dial, cases[i].host, &err),
		                 cases[i].text == NULL);
		if (cases[i].text == NULL)
			continue;
		assert_int_equal(err.kind, ERR_UNRESOLVED);
		assert_string_equal(err.text, cases[i].text);
	}
}

static void a_link_local_address_needs_its_zone(void **state)
{
	struct dial dial = { .family = AF_UNSPEC };
	struct err err;

	(void)state;
	assert_true(find(&dial, "fe80::1%lo", &err));
	assert_int_not_equal(addresses[0].v6.sin6_scope_id, 0);
	assert_false(find(&dial, "fe80::1", &err));
	assert_int_equal(err.kind, ERR_UNREACHABLE);
	assert_string_equal(
	    err.text, "a link-local address needs its zone (fe80::1%eth0)");
	/* The source's names the link as well. */
	assert_true(address_parse(&dial.source, "fe80::2%lo", 0, &err));
	assert_true(find(&dial, "fe80::1", &err));
}

static void a_source_has_to_be_an_address_of_this_machine(void **state)
{
	static const struct {
		const char *address;
		int family;
		const char *text;
	} cases[] = {
		{ "web1", AF_UNSPEC, "--bind web1: not an address" },
		{ "", AF_UNSPEC, "--bind : not an address" },
		{ "127.0.0.1", AF_INET6,
		  "--bind 127.0.0.1 is no IPv6 address (-6)" },
		{ "::1", AF_INET, "--bind ::1 is no IPv4 address (-4)" },
		{ "192.0.2.77", AF_UNSPEC,
		  "--bind 192.0.2.77: Cannot assign requested address" },
		{ "fe80::1", AF_UNSPEC,
		  "--bind fe80::1: a link-local address needs its zone "
		  "(fe80::1%eth0)" },
		{ "fe80::1%no-such-if", AF_UNSPEC,
		  "--bind fe80::1%no-such-if: no network interface "
		  "'no-such-if'" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct dial dial = { .family = cases[i].family };
		struct err err;

		assert_false(dial_from(&dial, cases[i].address, &err));
		assert_int_equal(err.kind, ERR_INPUT);
		assert_string_equal(err.text, cases[i].text);
		assert_int_equal(dial.family, cases[i].family);
		assert_int_equal(dial.source.length, 0);
	}
}

/* Connects to a listener at the address; the peer that it sees. */
static void assert_seen_as(const struct dial *dial, const char *server_address,
                           const char *peer_address)
{
	struct wait wait = wait_ms(PLENTY_MS, -1);
	struct address server, peer;
	socklen_t size = sizeof(int);
	int late_port = 0, fd = -1, accepted;
	size_t which = 0, count = 0;
	char text[64];
	struct err err;
	int listening;

	assert_true(address_parse(&server, server_address, 0, &err));
	listening = socket(server.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(listening >= 0);
	assert_int_equal(bind(listening, &server.any, server.length), 0);
	assert_int_equal(listen(listening, 1), 0);
	assert_int_equal(getsockname(listening, &server.any, &server.length),
	                 0);
	assert_true(dial_find(dial, server_address, ntohs(server.v4.sin_port),
	                      addresses, &count, &wait, &err));
	assert_true(
	    dial_connect(dial, addresses, count, &fd, &which, &wait, &err));
	/* Else bind() itself would take one of the 28,000 ports there are. */
	assert_int_equal(getsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT,
	                            &late_port, &size),
	                 0);
	assert_int_equal(late_port, dial->source.length > 0);
	peer.length = sizeof(peer.v6);
	accepted = accept4(listening, &peer.any, &peer.length, SOCK_CLOEXEC);
	assert_true(accepted >= 0);
	address_format(&peer, text, sizeof(text));
	assert_string_equal(text, peer_address);
	close(accepted);
	close(fd);
	close(listening);
}

static void the_server_sees_the_source(void **state)
{
	struct dial dial = { .connect_timeout_ms = PLENTY_MS };
	struct err err;

	(void)state;
	assert_seen_as(&dial, "127.0.0.1", "127.0.0.1");
	assert_true(dial_from(&dial, "127.0.0.77", &err));
	assert_int_equal(dial.family, AF_INET);
	assert_seen_as(&dial, "127.0.0.1", "127.0.0.77");
	assert_seen_as(&dial, "127.0.0.2", "127.0.0.77");
}

static void the_server_sees_the_ipv6_source(void **state)
{
	struct dial dial = { .connect_timeout_ms = PLENTY_MS };
	struct err err;

	(void)state;
	if (!dial_from(&dial, "::1", &err))
		skip(); /* a machine without IPv6 */
	assert_int_equal(dial.family, AF_INET6);
	assert_seen_as(&dial, "::1", "::1");
}

/* As with `ssh -b`. */
static void from_a_source_only_its_family_is_connected_to(void **state)
{
	struct dial dial = { .connect_timeout_ms = PLENTY_MS };
	struct err err;

	(void)state;
	assert_true(dial_from(&dial, "127.0.0.77", &err));
	assert_false(find(&dial, "::1", &err));
	assert_int_equal(err.kind, ERR_UNRESOLVED);
	assert_string_equal(err.text, "not an IPv4 address (--bind)");
}

/* It was there when the run began. */
static void a_source_that_is_gone_is_a_failure_of_this_machine(void **state)
{
	struct dial dial = { .connect_timeout_ms = PLENTY_MS };
	struct wait wait = wait_ms(PLENTY_MS, -1);
	size_t which = 0;
	struct err err;
	int fd = -1;

	(void)state;
	assert_true(address_parse(&dial.source, "192.0.2.77", 0, &err));
	assert_true(find(&dial, "127.0.0.1", &err));
	assert_false(
	    dial_connect(&dial, addresses, 1, &fd, &which, &wait, &err));
	assert_int_equal(err.kind, ERR_SYSTEM);
	assert_string_equal(err.text, "cannot connect from 192.0.2.77: Cannot "
	                              "assign requested address");
	assert_int_equal(fd, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_literal_of_the_other_family_is_unresolved),
		cmocka_unit_test(a_link_local_address_needs_its_zone),
		cmocka_unit_test(a_source_has_to_be_an_address_of_this_machine),
		cmocka_unit_test(the_server_sees_the_source),
		cmocka_unit_test(the_server_sees_the_ipv6_source),
		cmocka_unit_test(from_a_source_only_its_family_is_connected_to),
		cmocka_unit_test(
		    a_source_that_is_gone_is_a_failure_of_this_machine),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}

#include "tests/tcp_watch.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <string.h>

#define ARRAY_LENGTH(a) (sizeof(a) / sizeof((a)[0]))

static void literals_are_read_and_written(void **state)
{
	static const struct {
		const char *text, *canonical;
		int family;
	} cases[] = {
		{ "127.0.0.1", "127.0.0.1", AF_INET },
		{ "255.255.255.255", "255.255.255.255", AF_INET },
		{ "::1", "::1", AF_INET6 },
		{ "2001:DB8::0:1", "2001:db8::1", AF_INET6 },
		{ "::ffff:127.0.0.1", "::ffff:127.0.0.1", AF_INET6 },
		{ "fe80::1%lo", "fe80::1%lo", AF_INET6 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct address address = parsed(cases[i].text, 2200);
		char text[64];

		assert_int_equal(address.any.sa_family, cases[i].family);
		assert_int_equal(address.length, cases[i].family == AF_INET
		                                     ? sizeof(address.v4)
		                                     : sizeof(address.v6));
		assert_int_equal(ntohs(cases[i].family == AF_INET
		                           ? address.v4.sin_port
		                           : address.v6.sin6_port),
		                 2200);
		address_format(&address, text, sizeof(text));
		assert_string_equal(text, cases[i].canonical);
	}
	assert_int_not_equal(parsed("fe80::1%lo", 22).v6.sin6_scope_id, 0);
	assert_int_equal(parsed("fe80::1", 22).v6.sin6_scope_id, 0);
}

static void what_is_no_literal_is_refused(void **state)
{
	static const char *const texts[] = {
		"",
		"web1",
		"1.2.3",
		"1.2.3.4.5",
		":::",
		"fe80::1%",
		"fe80::1%no-such-if",
		"1.2.3.4%lo",
		"0000:0000:0000:0000:0000:0000:0000:0000:0000:0000",
		"0000:0000:0000:0000:0000:0000:0000:0000:0000:0000%lo",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
		struct address address;
		struct err err = { .kind = ERR_NONE };

		assert_false(address_parse(&address, texts[i], 22, &err));
		assert_int_not_equal(err.kind, ERR_NONE);
	}
}

static void a_zone_this_machine_has_not_is_unreachable(void **state)
{
	struct address address;
	struct err err;

	(void)state;
	assert_false(address_parse(&address, "fe80::1%no-such-if", 22, &err));
	assert_int_equal(err.kind, ERR_UNREACHABLE);
	assert_string_equal(err.text, "no network interface 'no-such-if'");
}

static void an_address_without_room_is_empty(void **state)
{
	struct address address = parsed("127.0.0.1", 22);
	char text[9];

	(void)state;
	address_format(&address, text, sizeof(text));
	assert_string_equal(text, "");
}

static bool connect_one(int *fd, const struct address *address,
                        const struct wait *wait, struct err *err)
{
	size_t which = 99;
	bool ok =
	    tcp_connect(fd, &which, NULL, address, 1, PLENTY_MS, wait, err);

	assert_int_equal(which, 0);
	return ok;
}

static void a_connection_is_ready_for_a_session(void **state)
{
	uint16_t port;
	int server = listener(1, &port);
	struct address address = parsed("127.0.0.1", port);
	struct wait wait = wait_ms(PLENTY_MS, -1);
	socklen_t size = sizeof(int);
	struct err err;
	int fd = -1, no_delay = 0;

	(void)state;
	assert_true(connect_one(&fd, &address, &wait, &err));
	assert_true((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
	assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
	assert_int_equal(
	    getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &no_delay, &size), 0);
	assert_true(no_delay != 0);
	close(fd);
	close(server);
}

static void nobody_listens_is_refused(void **state)
{
	uint16_t port;
	int taken = bound_socket(SOCK_STREAM, &port);
	struct address address = parsed("127.0.0.1", port);
	struct wait wait = wait_ms(PLENTY_MS, -1);
	struct err err;
	int fd = -1;

	(void)state;
	assert_false(connect_one(&fd, &address, &wait, &err));
	assert_int_equal(err.kind, ERR_REFUSED);
	assert_string_equal(err.text, "connection refused");
	assert_int_equal(fd, -1);
	close(taken);
}

static void silence_is_a_timeout_and_leaves_no_descriptor(void **state)
{
	struct silent silent;
	struct wait wait;
	struct err err;
	int fd = -1, next;

	(void)state;
	silent_open(&silent);
	next = next_free_descriptor();
	wait = wait_ms(100, -1);
	assert_false(connect_one(&fd, &silent.address, &wait, &err));
	assert_int_equal(err.kind, ERR_TIMEOUT);
	assert_string_equal(err.text, "no answer in 0.1 s");
	assert_int_equal(next_free_descriptor(), next);
	silent_close(&silent);
}

static void a_cancel_ends_connecting(void **state)
{
	struct silent silent;
	struct poll_trap set;
	struct wait wait;
	struct err err;
	int fd = -1;

	(void)state;
	silent_open(&silent);
	poll_trap_set(&set);
	wait = wait_ms(PLENTY_MS, set.cancel);
	tcp_watch.trap = &set;
	assert_false(connect_one(&fd, &silent.address, &wait, &err));
	tcp_watch.trap = NULL;
	assert_int_equal(err.kind, ERR_CANCELLED);
	poll_trap_clear(&set);
	silent_close(&silent);
}

static void errno_values_become_kinds(void **state)
{
	static const struct {
		int errnum;
		enum err_kind kind;
	} cases[] = {
		{ ECONNREFUSED, ERR_REFUSED },
		{ ECONNRESET, ERR_DROPPED },
		{ ECONNABORTED, ERR_DROPPED },
		{ ENETUNREACH, ERR_UNREACHABLE },
		{ EHOSTUNREACH, ERR_UNREACHABLE },
		{ EHOSTDOWN, ERR_UNREACHABLE },
		{ ENETDOWN, ERR_UNREACHABLE },
		{ EAFNOSUPPORT, ERR_UNREACHABLE },
		{ EACCES, ERR_UNREACHABLE },
		{ EPERM, ERR_UNREACHABLE },
		{ EINVAL, ERR_UNREACHABLE },
		{ ETIMEDOUT, ERR_TIMEOUT },
		{ EADDRNOTAVAIL, ERR_SCARCE }, /* no port left */
		{ ENOBUFS, ERR_SCARCE },
		{ ENOMEM, ERR_SCARCE },
		{ EMFILE, ERR_SCARCE },
		{ ENFILE, ERR_SCARCE },
		{ EBADF, ERR_SYSTEM },
	};
	struct address address = parsed("127.0.0.1", 22);
	struct wait wait = wait_ms(PLENTY_MS, -1);
	int next = next_free_descriptor();

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct err err = { .kind = ERR_NONE };
		int fd = -1;

		tcp_watch.connect_fails = cases[i].errnum;
		assert_false(connect_one(&fd, &address, &wait, &err));
		tcp_watch.connect_fails = 0;
		if (err.kind != cases[i].kind)
			fail_msg("errno %d: %s", cases[i].errnum, err.text);
	}
	assert_int_equal(next_free_descriptor(), next);
}

static void no_socket_is_a_local_failure_but_no_ipv6_is_not(void **state)
{
	struct address address = parsed("::1", 22);
	struct wait wait = wait_ms(PLENTY_MS, -1);
	struct err err;
	int fd = -1;

	(void)state;
	tcp_watch.socket_fails = EMFILE;
	assert_false(connect_one(&fd, &address, &wait, &err));
	assert_int_equal(err.kind, ERR_SCARCE);
	tcp_watch.socket_fails = EAFNOSUPPORT;
	assert_false(connect_one(&fd, &address, &wait, &err));
	assert_int_equal(err.kind, ERR_UNREACHABLE);
	tcp_watch.socket_fails = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(literals_are_read_and_written),
		cmocka_unit_test(what_is_no_literal_is_refused),
		cmocka_unit_test(a_zone_this_machine_has_not_is_unreachable),
		cmocka_unit_test(an_address_without_room_is_empty),
		cmocka_unit_test(a_connection_is_ready_for_a_session),
		cmocka_unit_test(nobody_listens_is_refused),
		cmocka_unit_test(silence_is_a_timeout_and_leaves_no_descriptor),
		cmocka_unit_test(a_cancel_ends_connecting),
		cmocka_unit_test(errno_values_become_kinds),
		cmocka_unit_test(
		    no_socket_is_a_local_failure_but_no_ipv6_is_not),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}

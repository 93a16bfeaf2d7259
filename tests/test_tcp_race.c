/* The first of several addresses that answers: RFC 8305. */
#include "tests/tcp_watch.h"

/* No address of 127.0.0.0/8 but 127.0.0.1 has a listener. */
static struct address refusing(uint16_t port)
{
	return parsed("127.0.0.9", port);
}

/* Of ::1 or 127.0.0.1, like listener(). */
static int listener_v6(uint16_t *port)
{
	struct sockaddr_in6 address = { .sin6_family = AF_INET6,
		                        .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) != 0) {
		if (fd >= 0)
			close(fd);
		return -1; /* a machine without IPv6 */
	}
	assert_int_equal(listen(fd, 4), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size),
	                 0);
	*port = ntohs(address.sin6_port);
	return fd;
}

/* Connects within the one time that there is, so that a silent address that is
 * waited for to its end leaves none for the next. */
static bool connects(const struct address *addresses, size_t count,
                     size_t *which, struct err *err)
{
	struct wait wait = wait_ms(PLENTY_MS, -1);
	int next = next_free_descriptor();
	int fd = -1;
	bool ok = tcp_connect(&fd, which, NULL, addresses, count, PLENTY_MS,
	                      &wait, err);

	assert_int_equal(ok, fd >= 0);
	if (ok)
		close(fd);
	assert_int_equal(next_free_descriptor(), next);
	return ok;
}

static void an_address_that_refuses_is_followed_by_the_next(void **state)
{
	uint16_t port;
	int server = listener(4, &port);
	const struct address addresses[] = { refusing(port), refusing(port),
		                             parsed("127.0.0.1", port) };
	struct err err = { .kind = ERR_NONE };
	size_t which = 99;

	(void)state;
	assert_true(connects(addresses, 3, &which, &err));
	assert_int_equal(which, 2);
	assert_int_equal(err.kind, ERR_NONE); /* it did not fail */
	close(server);
}

static void a_silent_address_is_overtaken_by_the_next(void **state)
{
	uint16_t port;
	int server = listener(4, &port);
	struct silent silent;
	struct address addresses[3];
	struct err err;
	size_t which = 99;

	(void)state;
	silent_open(&silent);
	addresses[0] = silent.address;
	addresses[1] = parsed("127.0.0.1", port);
	addresses[2] = parsed("127.0.0.1", port);
	assert_true(connects(addresses, 3, &which, &err));
	assert_int_equal(which, 1);
	/* Also when one that refuses stands between. */
	addresses[1] = refusing(port);
	assert_true(connects(addresses, 3, &which, &err));
	assert_int_equal(which, 2);
	silent_close(&silent);
	close(server);
}

static void the_other_family_has_its_turn(void **state)
{
	uint16_t port = 0;
	int server = listener_v6(&port);
	struct silent silent;
	struct address addresses[2];
	struct err err;
	size_t which = 99;

	(void)state;
	if (server < 0)
		skip();
	silent_open(&silent);
	addresses[0] = silent.address;
	addresses[1] = parsed("::1", port);
	assert_true(connects(addresses, 2, &which, &err));
	assert_int_equal(which, 1);
	addresses[0] = parsed("127.0.0.1", port); /* refuses */
	assert_true(connects(addresses, 2, &which, &err));
	assert_int_equal(which, 1);
	silent_close(&silent);
	close(server);
}

/* Of a silent address: so much longer than the quarter of a second after which
 * the next one has its turn, that this comes first on a busy machine, too. */
#define SILENCE_MS 2500

/* The third begins when the first has ended, and has got its number. */
static void no_more_than_two_are_under_way(void **state)
{
	uint16_t port;
	int server = listener(4, &port);
	struct wait wait = wait_ms(PLENTY_MS, -1);
	struct silent silent;
	struct address addresses[3];
	struct err err;
	size_t which = 99;
	int fd = -1;

	(void)state;
	silent_open(&silent);
	addresses[0] = silent.address;
	addresses[1] = silent.address;
	addresses[2] = parsed("127.0.0.1", port);
	tcp_watch = (struct tcp_watch){ .connects = 0 };
	assert_true(tcp_connect(&fd, &which, NULL, addresses, 3, SILENCE_MS,
	                        &wait, &err));
	assert_int_equal(which, 2);
	assert_int_equal(tcp_watch.connects, 3);
	assert_int_not_equal(tcp_watch.connecting[1], tcp_watch.connecting[0]);
	assert_int_equal(tcp_watch.connecting[2], tcp_watch.connecting[0]);
	close(fd);
	silent_close(&silent);
	close(server);
}

static void without_a_second_descriptor_they_take_turns(void **state)
{
	uint16_t port;
	int server = listener(4, &port);
	struct wait wait = wait_ms(PLENTY_MS, -1);
	struct silent silent;
	struct address addresses[2];
	struct err err;
	size_t which = 99;
	int fd = -1;

	(void)state;
	silent_open(&silent);
	addresses[0] = silent.address;
	addresses[1] = parsed("127.0.0.1", port);
	tcp_watch =
	    (struct tcp_watch){ .few_sockets = true, .sockets_left = 1 };
	/* What is told is the first one's silence, not our poverty. */
	assert_false(
	    tcp_connect(&fd, &which, NULL, addresses, 2, 400, &wait, &err));
	assert_int_equal(err.kind, ERR_TIMEOUT);
	assert_int_equal(which, 0);
	/* When there is one again, the second has its turn. */
	tcp_watch = (struct tcp_watch){ .few_sockets = true,
		                        .sockets_left = 1,
		                        .one_later = true };
	assert_true(tcp_connect(&fd, &which, NULL, addresses, 2, SILENCE_MS,
	                        &wait, &err));
	assert_int_equal(which, 1);
	tcp_watch = (struct tcp_watch){ .connects = 0 };
	close(fd);
	silent_close(&silent);
	close(server);
}

static void the_most_telling_failure_is_told(void **state)
{
	uint16_t port;
	int taken = bound_socket(SOCK_STREAM, &port);
	struct address nowhere = parsed("::ffff:0:0:1", port);
	struct address addresses[2] = { parsed("127.0.0.1", port), nowhere };
	struct silent silent;
	struct wait wait = wait_ms(PLENTY_MS, -1);
	struct err err;
	size_t which = 99;
	int fd = -1;

	(void)state;
	silent_open(&silent);
	assert_false(connects(addresses, 2, &which, &err));
	assert_int_equal(err.kind, ERR_REFUSED);
	assert_int_equal(which, 0);
	addresses[0] = nowhere;
	addresses[1] = parsed("127.0.0.1", port);
	assert_false(connects(addresses, 2, &which, &err));
	assert_int_equal(err.kind, ERR_REFUSED);
	assert_int_equal(which, 1);
	addresses[0] = silent.address;
	assert_false(
	    tcp_connect(&fd, &which, NULL, addresses, 2, 400, &wait, &err));
	assert_int_equal(err.kind, ERR_REFUSED);
	assert_int_equal(which, 1);
	addresses[1] = nowhere;
	assert_false(
	    tcp_connect(&fd, &which, NULL, addresses, 2, 400, &wait, &err));
	assert_int_equal(err.kind, ERR_TIMEOUT);
	assert_string_equal(err.text, "no answer in 0.4 s");
	assert_int_equal(which, 0);
	silent_close(&silent);
	close(taken);
}

static void the_whole_deadline_ends_all_of_them(void **state)
{
	struct wait wait = wait_ms(400, -1);
	struct silent silent;
	struct address addresses[3];
	struct err err;
	size_t which = 99;
	int fd = -1, next;

	(void)state;
	silent_open(&silent);
	next = next_free_descriptor();
	for (size_t i = 0; i < 3; i++)
		addresses[i] = silent.address;
	assert_false(tcp_connect(&fd, &which, NULL, addresses, 3, PLENTY_MS,
	                         &wait, &err));
	assert_int_equal(err.kind, ERR_TIMEOUT);
	assert_string_equal(err.text, "no answer in 0.4 s");
	assert_int_equal(next_free_descriptor(), next);
	silent_close(&silent);
}

static void a_cancel_ends_all_of_them(void **state)
{
	struct silent silent;
	struct address addresses[2];
	struct poll_trap set;
	struct wait wait;
	struct err err;
	size_t which = 99;
	int fd = -1, next;

	(void)state;
	silent_open(&silent);
	addresses[0] = silent.address;
	addresses[1] = silent.address;
	poll_trap_set(&set);
	next = next_free_descriptor();
	wait = wait_ms(PLENTY_MS, set.cancel);
	tcp_watch.trap = &set;
	assert_false(tcp_connect(&fd, &which, NULL, addresses, 2, PLENTY_MS,
	                         &wait, &err));
	tcp_watch.trap = NULL;
	assert_int_equal(err.kind, ERR_CANCELLED);
	assert_true(which < 2);
	assert_int_equal(next_free_descriptor(), next);
	poll_trap_clear(&set);
	silent_close(&silent);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    an_address_that_refuses_is_followed_by_the_next),
		cmocka_unit_test(a_silent_address_is_overtaken_by_the_next),
		cmocka_unit_test(the_other_family_has_its_turn),
		cmocka_unit_test(no_more_than_two_are_under_way),
		cmocka_unit_test(without_a_second_descriptor_they_take_turns),
		cmocka_unit_test(the_most_telling_failure_is_told),
		cmocka_unit_test(the_whole_deadline_ends_all_of_them),
		cmocka_unit_test(a_cancel_ends_all_of_them),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}

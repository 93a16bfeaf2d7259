#include "tests/ssh_watch.h"

#include "inventory/tcp.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* What ends a session that would not end by itself. */

#define NO_BANNER "127.40.0.1"
#define DRIP "127.42.0.1"
#define NO_KEX_REPLY "127.46.0.1"
#define LINE_FLOOD "127.50.0.1"
#define ENDLESS_LINE "127.51.0.1"
#define IGNORE_FLOOD "127.57.0.1"
#define HTTP "127.55.0.1"
#define BIG_OUTPUT "127.73.0.1"
#define ENDLESS_STDERR "127.74.0.1"

/* Of looks at the clock: each time bytes are received there is one. Floods are
 * far longer. */
#define AMID_A_FLOOD 20

/* How a handshake fails, and in which words. */
static void assert_fails(const char *ip, enum err_kind kind, const char *words)
{
	const struct wait wait = wait_ms(PLENTY_MS, -1);
	struct ssh *ssh = connected(&near, ip, &wait);
	struct err err;

	assert_false(ssh_handshake(ssh, &err));
	ssh_close(ssh);
	if (err.kind != kind || strstr(err.text, words) == NULL)
		fail_msg("%s: %s", ip, err.text);
}

static void a_connection_that_is_dropped_may_pass(void **state)
{
	(void)state;
	watch_anew();
	assert_fails("127.52.0.1", ERR_DROPPED, "closed the connection");
	assert_fails("127.60.0.1", ERR_DROPPED, "no version string");
	assert_fails("127.61.0.1", ERR_DROPPED,
	             "the server says \"Exceeded MaxStartups\"");
	assert_fails("127.62.0.1", ERR_DROPPED,
	             "the server says \"Not allowed at this time\" "
	             "(PerSourcePenalties or MaxStartups)");
	assert_fails("127.64.0.1", ERR_DROPPED, "key exchange");
}

static enum err_kind visit_fails(const char *ip, const struct wait *wait)
{
	struct address address;
	struct ssh *ssh = NULL;
	struct err err;
	size_t which;
	int fd = -1;

	assert_true(address_parse(&address, ip, near.port, &err));
	if (tcp_connect(&fd, &which, NULL, &address, 1, PLENTY_MS, wait,
	                &err)) {
		assert_true(ssh_open(&ssh, fd, wait, &err));
		assert_false(ssh_handshake(ssh, &err));
		ssh_close(ssh);
	}
	return err.kind;
}

/* Which may be seen while connecting, or after it. */
static void a_connection_that_is_reset_may_pass(void **state)
{
	const struct wait wait = wait_ms(PLENTY_MS, -1);

	(void)state;
	watch_anew();
	for (int i = 0; i < 20; i++) {
		assert_int_equal(visit_fails("127.53.0.1", &wait), ERR_DROPPED);
		assert_int_equal(visit_fails("127.63.0.1", &wait), ERR_DROPPED);
	}
}

static void what_will_be_the_same_again_may_not_pass(void **state)
{
	(void)state;
	watch_anew();
	assert_fails("127.54.0.1", ERR_PROTOCOL, "key exchange");
	assert_fails(HTTP, ERR_PROTOCOL, "not an SSH server");
	assert_fails("127.58.0.1", ERR_PROTOCOL, "no common key exchange");
	assert_fails("127.59.0.1", ERR_PROTOCOL, "no common cipher");
	assert_fails(LINE_FLOOD, ERR_PROTOCOL, "before a version string");
	assert_fails(ENDLESS_LINE, ERR_PROTOCOL, "before a version string");
	assert_fails(IGNORE_FLOOD, ERR_PROTOCOL, "512 KiB");
}

/* What becomes of a server that says this and hangs up. */
static enum err_kind says(const char *version, struct err *err)
{
	const struct wait wait = wait_ms(PLENTY_MS, -1);
	struct ssh *ssh = NULL;
	int fds[2];

	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	assert_int_equal(write(fds[1], version, strlen(version)),
	                 strlen(version));
	assert_int_equal(shutdown(fds[1], SHUT_WR), 0);
	assert_true(ssh_open(&ssh, fds[0], &wait, err));
	assert_false(ssh_handshake(ssh, err));
	ssh_close(ssh);
	close(fds[1]);
	return err->kind;
}

static void a_server_of_protocol_1_is_told(void **state)
{
	struct err err;

	(void)state;
	watch_anew();
	assert_int_equal(says("SSH-1.5-Cisco-1.25\n", &err), ERR_PROTOCOL);
	assert_string_equal(err.text, "the server speaks SSH protocol 1 only");
	assert_int_equal(says("SSH-1.99-Cisco-1.25\n", &err), ERR_DROPPED);
}

/* libssh2 1.10 would read beyond it. */
static void a_malformed_host_key_does_not_reach_the_library(void **state)
{
	(void)state;
	watch_anew();
	assert_fails("127.67.0.1", ERR_PROTOCOL, "malformed host key");
	assert_fails("127.68.0.1", ERR_PROTOCOL,
	             "key exchange: a malformed packet from the server");
}

static void a_flood_ends_at_the_limit(void **state)
{
	static const char *const ips[] = { LINE_FLOOD, ENDLESS_LINE,
		                           IGNORE_FLOOD };
	const struct wait wait = wait_ms(PLENTY_MS, -1);

	(void)state;
	watch_anew();
	for (size_t i = 0; i < sizeof(ips) / sizeof(ips[0]); i++)
		assert_int_equal(handshake_fails(ips[i], &wait), ERR_PROTOCOL);
	assert_int_equal(exec_fails(BIG_OUTPUT, 65536, &wait), ERR_COMMAND);
	assert_int_equal(exec_fails(ENDLESS_STDERR, 65536, &wait), ERR_COMMAND);
	/* There is one where the caller has none, too. */
	assert_int_equal(exec_fails(ENDLESS_STDERR, SIZE_MAX, &wait),
	                 ERR_COMMAND);
}

static void the_deadline_ends_silence_and_single_bytes(void **state)
{
	static const char *const ips[] = { NO_BANNER, DRIP, NO_KEX_REPLY };

	(void)state;
	watch_anew();
	for (size_t i = 0; i < 3; i++) {
		const struct wait wait = wait_ms(1000, -1);

		assert_int_equal(handshake_fails(ips[i], &wait), ERR_TIMEOUT);
	}
}

static void the_deadline_ends_a_flood(void **state)
{
	static const char *const ips[] = { LINE_FLOOD, ENDLESS_LINE,
		                           IGNORE_FLOOD };
	const struct wait wait = wait_ms(PLENTY_MS, -1);
	struct ssh_answer answer;
	struct ssh *ssh;
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(ips) / sizeof(ips[0]); i++) {
		watch_anew();
		ssh = connected(&near, ips[i], &wait);
		watch_leaps(AMID_A_FLOOD);
		assert_false(ssh_handshake(ssh, &err));
		assert_int_equal(err.kind, ERR_TIMEOUT);
		ssh_close(ssh);
	}
	watch_anew();
	ssh = logged_in(&near, ENDLESS_STDERR, &wait);
	watch_leaps(AMID_A_FLOOD);
	assert_false(
	    ssh_exec(ssh, "hostname", NULL, 0, SIZE_MAX, &answer, &err));
	assert_int_equal(err.kind, ERR_TIMEOUT);
	ssh_answer_release(&answer);
	ssh_close(ssh);
}

static void the_end_of_the_run_ends_a_handshake(void **state)
{
	struct poll_trap trap;
	struct wait wait;
	struct ssh *ssh;
	struct err err;

	(void)state;
	watch_anew();
	poll_trap_set(&trap);
	wait = wait_ms(PLENTY_MS, trap.cancel);
	ssh = connected(&near, NO_BANNER, &wait);
	watch.trap = &trap;
	assert_false(ssh_handshake(ssh, &err));
	assert_int_equal(err.kind, ERR_CANCELLED);
	watch.trap = NULL;
	ssh_close(ssh);
	poll_trap_clear(&trap);
}

static void the_end_of_the_run_ends_a_flood(void **state)
{
	static const char *const ips[] = { LINE_FLOOD, ENDLESS_LINE,
		                           IGNORE_FLOOD };
	struct ssh_answer answer;
	struct wait wait;
	struct ssh *ssh;
	struct err err;
	int cancel;

	(void)state;
	for (size_t i = 0; i < sizeof(ips) / sizeof(ips[0]); i++) {
		watch_anew();
		cancel = eventfd(0, EFD_CLOEXEC);
		assert_true(cancel >= 0);
		wait = wait_ms(PLENTY_MS, cancel);
		ssh = connected(&near, ips[i], &wait);
		watch_fires(cancel, AMID_A_FLOOD);
		assert_false(ssh_handshake(ssh, &err));
		assert_int_equal(err.kind, ERR_CANCELLED);
		ssh_close(ssh);
		close(cancel);
	}
	watch_anew();
	cancel = eventfd(0, EFD_CLOEXEC);
	assert_true(cancel >= 0);
	wait = wait_ms(PLENTY_MS, cancel);
	ssh = logged_in(&near, ENDLESS_STDERR, &wait);
	watch_fires(cancel, AMID_A_FLOOD);
	assert_false(
	    ssh_exec(ssh, "hostname", NULL, 0, SIZE_MAX, &answer, &err));
	assert_int_equal(err.kind, ERR_CANCELLED);
	ssh_answer_release(&answer);
	ssh_close(ssh);
	close(cancel);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_connection_that_is_dropped_may_pass),
		cmocka_unit_test(a_connection_that_is_reset_may_pass),
		cmocka_unit_test(what_will_be_the_same_again_may_not_pass),
		cmocka_unit_test(a_server_of_protocol_1_is_told),
		cmocka_unit_test(
		    a_malformed_host_key_does_not_reach_the_library),
		cmocka_unit_test(a_flood_ends_at_the_limit),
		cmocka_unit_test(the_deadline_ends_silence_and_single_bytes),
		cmocka_unit_test(the_deadline_ends_a_flood),
		cmocka_unit_test(the_end_of_the_run_ends_a_handshake),
		cmocka_unit_test(the_end_of_the_run_ends_a_flood),
	};

	return !!cmocka_run_group_tests(tests, fleets_start, fleets_stop);
}

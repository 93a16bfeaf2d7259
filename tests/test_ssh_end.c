#include "tests/ssh_watch.h"

/* What ends a session that would not end by itself. */

#define NO_BANNER "127.40.0.1"
#define DRIP "127.42.0.1"
#define LINE_FLOOD "127.50.0.1"
#define ENDLESS_LINE "127.51.0.1"
#define IGNORE_FLOOD "127.57.0.1"
#define BIG_OUTPUT "127.73.0.1"
#define ENDLESS_STDERR "127.74.0.1"

/* Of looks at the clock: each time bytes are received there is one. Floods are
 * far longer. */
#define AMID_A_FLOOD 20

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
	static const char *const ips[] = { NO_BANNER, DRIP };

	(void)state;
	watch_anew();
	for (size_t i = 0; i < 2; i++) {
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
		cmocka_unit_test(a_flood_ends_at_the_limit),
		cmocka_unit_test(the_deadline_ends_silence_and_single_bytes),
		cmocka_unit_test(the_deadline_ends_a_flood),
		cmocka_unit_test(the_end_of_the_run_ends_a_handshake),
		cmocka_unit_test(the_end_of_the_run_ends_a_flood),
	};

	return !!cmocka_run_group_tests(tests, fleets_start, fleets_stop);
}

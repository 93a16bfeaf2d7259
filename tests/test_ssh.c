#include "tests/ssh_watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WELL "127.1.0.1"
#define OTHER_WELL "127.1.0.2"
#define MOTD "127.3.0.1"
#define HASTY "127.16.0.1"
#define KEYS_ONLY "127.22.0.1"
#define HTTP "127.55.0.1"
#define BIG_OUTPUT "127.73.0.1"

#define ROUNDS 60

/* Asks the host's name, which the fleet's hosts have of their address. */
static void answers(struct ssh *ssh, const char *ip)
{
	char name[32];
	struct ssh_answer answer;
	struct err err = { .kind = ERR_NONE };

	snprintf(name, sizeof(name), "host-%s", ip);
	if (!ssh_exec(ssh, "hostname", NULL, 0, 65536, &answer, &err))
		fail_msg("%s: %s", ip, err.text);
	assert_non_null(
	    memmem(answer.out, answer.out_length, name, strlen(name)));
	ssh_answer_release(&answer);
}

static void each_wait_for_a_channel_has_quick_acknowledgements(void **state)
{
	const struct wait wait = wait_ms(PLENTY_MS, -1);

	(void)state;
	watch_anew();
	/* Unless this machine stops us for longer than the round trip between
	 * sending and looking, there is a wait. */
	while (watch.waits < 3) {
		struct ssh *ssh = logged_in(&distant, WELL, &wait);

		answers(ssh, WELL);
		ssh_close(ssh);
	}
	assert_int_equal(watch.slow_waits, 0);
}

static void the_session_is_freed_before_its_socket_is_closed(void **state)
{
	const struct wait wait = wait_ms(PLENTY_MS, -1);
	struct ssh *ssh;
	struct err err;

	(void)state;
	watch_anew();
	ssh = logged_in(&near, WELL, &wait);
	answers(ssh, WELL);
	ssh_close(ssh);
	assert_string_equal(watch.order, "sfc");

	watch_anew();
	assert_int_equal(handshake_fails(HTTP, &wait), ERR_PROTOCOL);
	assert_string_equal(watch.order, "sfc");

	watch_anew();
	ssh = shaken(&near, WELL, &wait);
	assert_false(log_in(ssh, WRONG_PASSWORD, &err));
	ssh_close(ssh);
	assert_string_equal(watch.order, "sfc");

	watch_anew();
	assert_int_equal(exec_fails(BIG_OUTPUT, 1000, &wait), ERR_COMMAND);
	assert_string_equal(watch.order, "sfc");
}

static void a_session_that_cannot_begin_closes_its_socket(void **state)
{
	const struct wait wait = wait_ms(PLENTY_MS, -1);
	struct ssh *ssh = NULL;
	struct err err;

	(void)state;
	watch_anew();
	watch.no_session = true;
	watch.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(watch.fd >= 0);
	assert_false(ssh_open(&ssh, watch.fd, &wait, &err));
	assert_int_equal(err.kind, ERR_SCARCE);
	assert_string_equal(watch.order, "sc");
}

static void a_login_that_works_asks_for_no_list(void **state)
{
	const struct wait wait = wait_ms(PLENTY_MS, -1);
	struct ssh *ssh;

	(void)state;
	watch_anew();
	ssh = logged_in(&near, WELL, &wait);
	assert_int_equal(watch.lists, 0);
	ssh_close(ssh);
}

static void a_refused_password_is_sent_once_and_explained(void **state)
{
	static const struct {
		const char *ip, *password, *why;
	} cases[] = {
		{ OTHER_WELL, WRONG_PASSWORD, "password refused" },
		{ KEYS_ONLY, PASSWORD, "the server wants publickey" },
	};
	const struct wait wait = wait_ms(PLENTY_MS, -1);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ssh *ssh;
		struct err err;

		watch_anew();
		ssh = shaken(&near, cases[i].ip, &wait);
		assert_false(log_in(ssh, cases[i].password, &err));
		assert_int_equal(err.kind, ERR_AUTH);
		assert_non_null(strstr(err.text, cases[i].why));
		/* The refusal says what there is. */
		assert_int_equal(watch.lists, 0);
		assert_true(secrets_sent(cases[i].ip) <= 1);
		ssh_close(ssh);
	}
	assert_int_equal(secrets_sent(OTHER_WELL), 1);
}

static void freed_memory_holds_no_password(void **state)
{
	static const char *const passwords[] = { PASSWORD, WRONG_PASSWORD };
	const struct wait wait = wait_ms(PLENTY_MS, -1);

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct ssh *ssh;
		struct err err;

		watch_anew();
		ssh = shaken(&near, WELL, &wait);
		watch.secret = passwords[i];
		assert_int_equal(log_in(ssh, passwords[i], &err), i == 0);
		assert_true(watch.blocks > 0);
		ssh_close(ssh);
		assert_int_equal(watch.blocks_with_secret, 0);
		/* The eye does see. */
		free(strdup(passwords[i]));
		assert_int_equal(watch.blocks_with_secret, 1);
		watch.secret = NULL;
	}
}

static void memory_that_moves_leaves_no_password_behind(void **state)
{
	const struct wait wait = wait_ms(PLENTY_MS, -1);
	struct ssh *ssh;
	void *abstract;
	char *block;

	(void)state;
	watch_anew();
	ssh = connected(&near, WELL, &wait);
	abstract = ssh;
	block = watch.allocate(sizeof(PASSWORD), &abstract);
	assert_non_null(block);
	memcpy(block, PASSWORD, sizeof(PASSWORD));
	watch.secret = PASSWORD;
	/* In steps, so that it cannot stay where it is. */
	for (size_t size = 64; size <= 65536; size *= 4) {
		block = watch.reallocate(block, size, &abstract);
		assert_non_null(block);
		assert_string_equal(block, PASSWORD);
	}
	block = watch.reallocate(block, sizeof(PASSWORD), &abstract);
	assert_non_null(block);
	assert_string_equal(block, PASSWORD);
	watch.release(block, &abstract);
	assert_true(watch.blocks > 0);
	assert_int_equal(watch.blocks_with_secret, 0);
	watch.secret = NULL;
	ssh_close(ssh);
}

/* Where the library keeps something back, poll() waits for a byte that has come
 * already, until the deadline. */
static void what_is_queued_is_not_waited_for(void **state)
{
	static const char *const ips[] = { HASTY, MOTD, WELL };
	const struct process *const fleets[] = { &near, &distant };

	(void)state;
	watch_anew();
	for (size_t i = 0; i < ROUNDS; i++) {
		const struct wait wait = wait_ms(PLENTY_MS, -1);
		const char *ip = ips[i % 3];
		struct ssh *ssh = logged_in(fleets[i / 3 % 2], ip, &wait);

		answers(ssh, ip);
		ssh_close(ssh);
	}
}

/* Reading the one stream takes in all of the other, and the end. */
static void what_came_in_with_the_other_stream_is_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < 5; i++) {
		const struct wait wait = wait_ms(PLENTY_MS, -1);
		struct ssh *ssh;

		watch_anew();
		ssh = logged_in(&distant, HASTY, &wait);
		watch.stderr_is_late = true;
		answers(ssh, HASTY);
		ssh_close(ssh);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    each_wait_for_a_channel_has_quick_acknowledgements),
		cmocka_unit_test(
		    the_session_is_freed_before_its_socket_is_closed),
		cmocka_unit_test(a_session_that_cannot_begin_closes_its_socket),
		cmocka_unit_test(a_login_that_works_asks_for_no_list),
		cmocka_unit_test(a_refused_password_is_sent_once_and_explained),
		cmocka_unit_test(freed_memory_holds_no_password),
		cmocka_unit_test(memory_that_moves_leaves_no_password_behind),
		cmocka_unit_test(what_is_queued_is_not_waited_for),
		cmocka_unit_test(what_came_in_with_the_other_stream_is_read),
	};

	return !!cmocka_run_group_tests(tests, fleets_start, fleets_stop);
}

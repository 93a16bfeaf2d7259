#include "inventory/agent.h"

#include "tests/agent_fixture.h"
#include "tests/net_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cmocka.h>

#define ARRAY_LENGTH(a) (sizeof(a) / sizeof((a)[0]))

/* --- An eye on poll(), and a hand on the clock ---------------------------- */

/* Of this thread alone: the agent in the test polls too. */
static _Thread_local const struct poll_trap *trap;
static _Thread_local bool time_flies; /* over each wait */
static _Thread_local long seconds_gone;

int __real_poll(struct pollfd *fds, nfds_t count, int timeout);
int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout);
int __real_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now);

int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout)
{
	poll_trap_spring(trap, timeout);
	if (time_flies && timeout > 0) {
		seconds_gone += 3;
		timeout = 0;
	}
	return __real_poll(fds, count, timeout);
}

int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
	int result = __real_clock_gettime(clock, now);

	now->tv_sec += seconds_gone;
	return result;
}

/* -------------------------------------------------------------------------- */

static void its_keys_are_known_and_sign(void **state)
{
	struct agent_fixture *fixture =
	    agent_fixture_start(AGENT_WELL, AGENT_WELL);
	struct agent *agent = opened(fixture);
	size_t length;

	(void)state;
	assert_int_equal(agent_key_count(agent), AGENT_FIXTURE_KEYS);
	assert_memory_equal(agent_key(agent, 2, &length), "key2", 4);
	assert_int_equal(length, 4);
	assert_string_equal(agent_key_comment(agent, 1), "its comment");
	signs(agent, "one");
	signs(agent, "two");
	assert_int_equal(agent_fixture_connections(fixture), 1);
	assert_int_equal(agent_fixture_requests(fixture), 3);
	agent_close(agent);
	agent_fixture_stop(fixture);
}

static void rsa_is_asked_for_with_its_flags(void **state)
{
	static const struct {
		const char *algorithm;
		unsigned flags;
	} cases[] = { { "rsa-sha2-256", 2 }, { "rsa-sha2-512", 4 } };

	const struct wait wait = wait_ms(PLENTY_MS, -1);
	struct agent_fixture *fixture =
	    agent_fixture_start(AGENT_WELL, AGENT_WELL);
	struct agent *agent = opened(fixture);

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct signing signing = { .algorithm = cases[i].algorithm };

		assert_true(sign(agent, &signing, &wait));
		assert_true(is_own(&signing));
		assert_int_equal(agent_fixture_flags(fixture), cases[i].flags);
	}
	agent_fixture_signs(fixture, AGENT_OLD);
	{
		struct signing signing = { .algorithm = "rsa-sha2-512" };

		assert_false(sign(agent, &signing, &wait));
		assert_string_equal(signing.err.text,
		                    "ssh-agent: does not sign with "
		                    "rsa-sha2-512");
	}
	agent_close(agent);
	agent_fixture_stop(fixture);
}

static void a_slow_one_is_waited_for(void **state)
{
	struct agent_fixture *fixture =
	    agent_fixture_start(AGENT_SLOW, AGENT_SLOW);
	struct agent *agent = opened(fixture);

	(void)state;
	signs(agent, "one");
	agent_close(agent);
	agent_fixture_stop(fixture);
}

static void one_that_hangs_up_is_called_again(void **state)
{
	struct agent_fixture *fixture =
	    agent_fixture_start(AGENT_FLEETING, AGENT_FLEETING);
	struct agent *agent = opened(fixture);

	(void)state;
	signs(agent, "one");
	signs(agent, "two");
	assert_int_equal(agent_fixture_connections(fixture), 3);
	agent_close(agent);
	agent_fixture_stop(fixture);
}

/* --- Ill ones ------------------------------------------------------------- */

static const struct {
	enum manner manner;
	bool hangs;
	const char *says; /* unless it hangs */
} ill[] = {
	{ AGENT_REFUSING, false, "refuses" },
	{ AGENT_SILENT, true, NULL },
	{ AGENT_HALF, false, "closed the connection" },
	{ AGENT_GARBAGE, false, "no answer" },
	{ AGENT_HUGE, false, "no answer" },
	{ AGENT_DRIP, true, NULL },
	{ AGENT_EMPTY, false, "no answer" },
	{ AGENT_LYING, false, "no answer" },
	{ AGENT_SIGNS_VOID, false, "no answer" },
};

/* How an agent that lists its keys in this manner is not opened. */
static void is_not_opened(size_t i)
{
	struct agent_fixture *fixture =
	    agent_fixture_start(ill[i].manner, AGENT_WELL);
	const char *socket = agent_fixture_socket(fixture);
	struct agent *agent = NULL;
	struct err err;

	time_flies = ill[i].hangs;
	assert_false(agent_open(&agent, socket, -1, &err));
	time_flies = false;
	seconds_gone = 0; /* other threads would be late */
	assert_null(agent);
	assert_int_equal(err.kind, ill[i].hangs ? ERR_TIMEOUT : ERR_SYSTEM);
	if (!ill[i].hangs)
		assert_non_null(strstr(err.text, ill[i].says));
	agent_fixture_stop(fixture);
}

static void an_ill_one_is_not_opened(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(ill); i++) {
		if (ill[i].manner != AGENT_SIGNS_VOID)
			is_not_opened(i);
	}
}

static void one_that_is_not_there_is_not_opened(void **state)
{
	char path[200];
	struct agent *agent = NULL;
	struct err err;

	(void)state;
	assert_false(agent_open(&agent, "/nowhere/to/be/found", -1, &err));
	assert_int_equal(err.kind, ERR_SYSTEM);
	assert_non_null(strstr(err.text, "/nowhere"));
	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_false(agent_open(&agent, path, -1, &err));
	assert_int_equal(err.kind, ERR_SYSTEM);
	assert_null(agent);
}

/* Whoever comes after one that went wrong finds it well again. */
static void one_that_signs_ill_does_no_lasting_harm(void **state)
{
	struct agent_fixture *fixture =
	    agent_fixture_start(AGENT_WELL, AGENT_WELL);
	struct agent *agent = opened(fixture);

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(ill); i++) {
		const struct wait wait =
		    wait_ms(ill[i].hangs ? 30 : PLENTY_MS, -1);
		struct signing signing = { .algorithm = NULL };

		if (ill[i].manner == AGENT_LYING)
			continue;
		agent_fixture_signs(fixture, ill[i].manner);
		assert_false(sign(agent, &signing, &wait));
		assert_null(signing.signature);
		assert_int_equal(signing.err.kind,
		                 ill[i].hangs ? ERR_TIMEOUT : ERR_SYSTEM);
		if (!ill[i].hangs)
			assert_non_null(strstr(signing.err.text, ill[i].says));
		agent_fixture_signs(fixture, AGENT_WELL);
		signs(agent, "well again");
	}
	assert_false(agent_fixture_crowded(fixture));
	agent_close(agent);
	agent_fixture_stop(fixture);
}

/* Nobody accepts, and there is no room to wait in. */
static void a_deaf_one_is_left_when_the_run_ends(void **state)
{
	struct agent_fixture *fixture =
	    agent_fixture_start(AGENT_DEAF, AGENT_WELL);
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fds[4];
	struct agent *agent = NULL;
	struct poll_trap set;
	struct err err;

	(void)state;
	strncpy(address.sun_path, agent_fixture_socket(fixture),
	        sizeof(address.sun_path) - 1);
	for (size_t round = 0; round < 2; round++) {
		poll_trap_set(&set);
		trap = &set;
		assert_false(
		    agent_open(&agent, address.sun_path, set.cancel, &err));
		trap = NULL;
		assert_int_equal(err.kind, ERR_CANCELLED);
		poll_trap_clear(&set);
		/* And now with a full backlog. */
		for (size_t i = 0; round == 0 && i < ARRAY_LENGTH(fds); i++) {
			fds[i] =
			    socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
			assert_true(fds[i] >= 0);
			(void)connect(fds[i], (struct sockaddr *)&address,
			              sizeof(address));
		}
	}
	for (size_t i = 0; i < ARRAY_LENGTH(fds); i++)
		close(fds[i]);
	agent_fixture_stop(fixture);
}

static void the_end_of_the_run_ends_a_signature(void **state)
{
	struct agent_fixture *fixture =
	    agent_fixture_start(AGENT_WELL, AGENT_SILENT);
	struct agent *agent = opened(fixture);
	struct signing signing = { .algorithm = NULL };
	struct poll_trap set;
	struct wait wait;

	(void)state;
	poll_trap_set(&set);
	wait = wait_ms(PLENTY_MS, set.cancel);
	trap = &set;
	assert_false(sign(agent, &signing, &wait));
	trap = NULL;
	assert_int_equal(signing.err.kind, ERR_CANCELLED);
	poll_trap_clear(&set);
	agent_close(agent);
	agent_fixture_stop(fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(its_keys_are_known_and_sign),
		cmocka_unit_test(rsa_is_asked_for_with_its_flags),
		cmocka_unit_test(a_slow_one_is_waited_for),
		cmocka_unit_test(one_that_hangs_up_is_called_again),
		cmocka_unit_test(an_ill_one_is_not_opened),
		cmocka_unit_test(one_that_is_not_there_is_not_opened),
		cmocka_unit_test(one_that_signs_ill_does_no_lasting_harm),
		cmocka_unit_test(a_deaf_one_is_left_when_the_run_ends),
		cmocka_unit_test(the_end_of_the_run_ends_a_signature),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}

#include "inventory/agent.h"

#include "tests/agent_fixture.h"
#include "tests/key_fixture.h"
#include "tests/net_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ARRAY_LENGTH(a) (sizeof(a) / sizeof((a)[0]))

/* --- Threads -------------------------------------------------------------- */

#define THREADS 50
#define ROUNDS 20

struct worker {
	pthread_t thread;
	struct agent *agent;
	struct wait wait;
	unsigned number, good, timeouts, cancelled, others;
};

static void *work(void *arg)
{
	struct worker *worker = arg;

	for (int i = 0; i < ROUNDS; i++) {
		struct signing signing = { .algorithm = NULL };

		snprintf((char *)signing.data, sizeof(signing.data), "%u %d",
		         worker->number, i);
		if (sign(worker->agent, &signing, &worker->wait))
			worker->good += is_own(&signing);
		else if (signing.err.kind == ERR_TIMEOUT)
			worker->timeouts++;
		else if (signing.err.kind == ERR_CANCELLED)
			worker->cancelled++;
		else
			worker->others++;
	}
	return NULL;
}

/* Together; the sum of what became of it. */
static struct worker all_work(struct agent *agent, const struct wait *wait)
{
	struct worker *workers = calloc(THREADS, sizeof(*workers));
	struct worker sum = { .number = 0 };

	assert_non_null(workers);
	for (unsigned i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){ .agent = agent,
			                      .wait = *wait,
			                      .number = i };
		assert_int_equal(
		    pthread_create(&workers[i].thread, NULL, work, &workers[i]),
		    0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
		sum.good += workers[i].good;
		sum.timeouts += workers[i].timeouts;
		sum.cancelled += workers[i].cancelled;
		sum.others += workers[i].others;
	}
	free(workers);
	return sum;
}

static void many_threads_ask_one_after_the_other(void **state)
{
	const struct wait wait = wait_ms(PLENTY_MS, -1);
	struct agent_fixture *fixture =
	    agent_fixture_start(AGENT_WELL, AGENT_WELL);
	struct agent *agent = opened(fixture);
	struct worker sum;

	(void)state;
	sum = all_work(agent, &wait);
	assert_int_equal(sum.good, THREADS * ROUNDS);
	assert_int_equal(agent_fixture_connections(fixture), 1);
	assert_false(agent_fixture_crowded(fixture));
	agent_close(agent);
	agent_fixture_stop(fixture);
}

static void many_threads_give_up_on_a_silent_one(void **state)
{
	const struct wait wait = wait_ms(100, -1);
	struct agent_fixture *fixture =
	    agent_fixture_start(AGENT_WELL, AGENT_SILENT);
	struct agent *agent = opened(fixture);
	struct worker sum;

	(void)state;
	sum = all_work(agent, &wait);
	assert_int_equal(sum.timeouts, THREADS * ROUNDS);
	agent_fixture_signs(fixture, AGENT_WELL);
	signs(agent, "well again");
	agent_close(agent);
	agent_fixture_stop(fixture);
}

static void many_threads_leave_when_the_run_ends(void **state)
{
	struct agent_fixture *fixture =
	    agent_fixture_start(AGENT_WELL, AGENT_SILENT);
	struct agent *agent = opened(fixture);
	int cancel = eventfd(1, EFD_CLOEXEC);
	const struct wait wait = wait_ms(PLENTY_MS, cancel);
	struct worker sum;

	(void)state;
	assert_true(cancel >= 0);
	sum = all_work(agent, &wait);
	assert_int_equal(sum.cancelled, THREADS * ROUNDS);
	close(cancel);
	agent_close(agent);
	agent_fixture_stop(fixture);
}

/* --- The real one --------------------------------------------------------- */

static void the_real_one_signs_with_every_kind(void **state)
{
	static const struct {
		const char *type, *algorithm;
	} kinds[] = {
		{ "ed25519", "ssh-ed25519" },
		{ "ecdsa-256", "ecdsa-sha2-nistp256" },
		{ "ecdsa-521", "ecdsa-sha2-nistp521" },
		{ "rsa-2048", "rsa-sha2-512" },
		{ "rsa-1024", "rsa-sha2-256" },
	};
	const struct wait wait = wait_ms(PLENTY_MS, -1);
	const char *const start[] = { "ssh-agent", "-s", "-a",
		                      key_path("agent"), NULL };
	struct agent *agent = NULL;
	struct err err;
	size_t length;
	char *said;
	pid_t pid;

	(void)state;
	assert_int_equal(run_program(start), 0);
	said = read_file("said", &length);
	assert_non_null(strstr(said, "SSH_AGENT_PID="));
	pid = (pid_t)strtol(strstr(said, "SSH_AGENT_PID=") + 14, NULL, 10);
	free(said);
	for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
		char socket[200];
		const char *const add[] = {
			"env", socket, "ssh-add", "-q", key_path(kinds[i].type),
			NULL
		};

		snprintf(socket, sizeof(socket), "SSH_AUTH_SOCK=%.150s",
		         key_path("agent"));
		make_key(kinds[i].type, kinds[i].type, "RFC4716", "");
		assert_int_equal(run_program(add), 0);
	}
	assert_true(agent_open(&agent, key_path("agent"), -1, &err));
	assert_int_equal(agent_key_count(agent), ARRAY_LENGTH(kinds));
	for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
		size_t data_length, blob_length;
		const unsigned char *data = sshsig_data(&data_length);
		const unsigned char *blob = agent_key(agent, i, &blob_length);
		unsigned char *signature;

		assert_true(agent_sign(
		    agent, i, kinds[i].algorithm, strlen(kinds[i].algorithm),
		    data, data_length, &signature, &length, &wait, &err));
		assert_true(sshsig_is_good(
		    blob, blob_length, kinds[i].algorithm, signature, length));
		free(signature);
	}
	agent_close(agent);
	assert_int_equal(kill(pid, SIGTERM), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_threads_ask_one_after_the_other),
		cmocka_unit_test(many_threads_give_up_on_a_silent_one),
		cmocka_unit_test(many_threads_leave_when_the_run_ends),
		cmocka_unit_test(the_real_one_signs_with_every_kind),
	};

	return !!cmocka_run_group_tests(tests, keys_start, keys_stop);
}

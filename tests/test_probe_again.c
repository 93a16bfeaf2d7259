#include "tests/probe_fixture.h"

/* A probe that fails in a way that may pass, and its next attempts. */

#define ARRAY_LENGTH(a) (sizeof(a) / sizeof((a)[0]))

/* Leaves one attempt behind that may pass. */
static void dropped_once(struct fixture *f,
                         const struct probe_settings *settings)
{
	fixture_open(f, settings);
	fake_ssh.handshake =
	    (struct fake_step){ ERR_DROPPED, "the server hung up" };
	assert_false(fixture_run(f, -1));
	assert_ended(f, STATUS_PROTOCOL, PHASE_HANDSHAKE, "the server hung up");
	assert_string_equal(f->record->host.password, "S3cr3t!");
	assert_int_equal(f->progress.attempts, 1);
	assert_true(f->progress.begin > 0);
}

static void what_may_pass_can_be_tried_again(void **state)
{
	static const struct {
		enum end end;
		enum err_kind kind;
		enum status status;
	} cases[] = {
		{ END_OPEN, ERR_SCARCE, STATUS_ERROR },
		{ END_HANDSHAKE, ERR_SCARCE, STATUS_ERROR },
		{ END_HANDSHAKE, ERR_DROPPED, STATUS_PROTOCOL },
		{ END_HOST_KEY, ERR_DROPPED, STATUS_PROTOCOL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct fixture f;

		fixture_open(&f, &usual_settings);
		set_end(cases[i].end, cases[i].kind);
		assert_false(fixture_run(&f, -1));
		assert_ended(&f, cases[i].status, phase_of[cases[i].end],
		             "words of the session");
		assert_string_equal(f.record->host.password, "S3cr3t!");
		set_end(cases[i].end, ERR_NONE);
		assert_true(fixture_run(&f, -1));
		assert_ended(&f, STATUS_OK, PHASE_NONE, "");
		assert_forgotten(&f);
		assert_int_equal(f.progress.attempts, 2);
		fixture_close(&f);
	}
}

static void nothing_is_tried_again_once_the_login_began(void **state)
{
	static const enum err_kind may_pass[] = { ERR_REFUSED, ERR_DROPPED,
		                                  ERR_SCARCE };

	(void)state;
	for (int end = END_LOGIN; end < ENDS; end++) {
		for (size_t i = 0; i < ARRAY_LENGTH(may_pass); i++) {
			struct fixture f;

			fixture_open(&f, &usual_settings);
			fake_ssh.answers[0].out = "";
			set_end((enum end)end, may_pass[i]);
			assert_true(fixture_run(&f, -1));
			assert_forgotten(&f);
			fixture_close(&f);
		}
	}
}

static void an_attempt_starts_from_a_clean_record(void **state)
{
	struct fixture f;

	(void)state;
	dropped_once(&f, &usual_settings);
	assert_string_equal(f.record->ssh_version, "SSH-2.0-fake");
	strcpy(f.record->run_id, "run");
	close(f.server);
	f.server = bound_socket(SOCK_STREAM, &f.record->host.port);
	assert_false(fixture_run(&f, -1));
	assert_ended(&f, STATUS_REFUSED, PHASE_CONNECT,
	             "connection refused (2 attempts)");
	assert_string_equal(f.record->ssh_version, "");
	assert_true(f.record->connect_ms == RECORD_UNKNOWN);
	assert_string_equal(f.record->run_id, "run");
	assert_string_equal(f.record->host.ip, "127.0.0.1");
	fixture_close(&f);
}

static void a_failure_says_after_how_many_attempts(void **state)
{
	struct fixture f;

	(void)state;
	dropped_once(&f, &usual_settings);
	assert_false(fixture_run(&f, -1));
	assert_ended(&f, STATUS_PROTOCOL, PHASE_HANDSHAKE,
	             "the server hung up (2 attempts)");
	set_end(END_HANDSHAKE, ERR_PROTOCOL);
	assert_true(fixture_run(&f, -1));
	assert_ended(&f, STATUS_PROTOCOL, PHASE_HANDSHAKE,
	             "words of the session (3 attempts)");
	assert_forgotten(&f);
	fixture_close(&f);
}

static void all_attempts_have_the_one_time_together(void **state)
{
	struct probe_settings settings = usual_settings;
	struct fixture f;

	(void)state;
	settings.host_timeout_ms = 5000;
	dropped_once(&f, &settings);
	/* The pause was longer than what was left. */
	f.progress.begin -= 5000 * NS_PER_MS;
	fake_ssh.handshake = (struct fake_step){ ERR_NONE, NULL };
	assert_true(fixture_run(&f, -1));
	assert_ended(&f, STATUS_PROTOCOL, PHASE_HANDSHAKE,
	             "the server hung up");
	assert_int_equal(f.progress.attempts, 1);
	assert_int_equal(fake_ssh.opened, 1);
	assert_forgotten(&f);
	fixture_close(&f);
}

static void the_time_counts_from_the_first_attempt(void **state)
{
	struct fixture f;

	(void)state;
	dropped_once(&f, &usual_settings);
	f.progress.begin -= 7000 * NS_PER_MS;
	fake_ssh.handshake = (struct fake_step){ ERR_NONE, NULL };
	assert_true(fixture_run(&f, -1));
	assert_ended(&f, STATUS_OK, PHASE_NONE, "");
	assert_true(f.record->total_ms >= 7000);
	assert_true(f.record->connect_ms < 7000);
	fixture_close(&f);
}

static void giving_up_keeps_the_result_and_wipes_the_password(void **state)
{
	struct probe_settings settings = usual_settings;
	struct fixture f;

	(void)state;
	dropped_once(&f, &usual_settings);
	probe_give_up(&f.probe, f.record, &f.progress);
	assert_ended(&f, STATUS_PROTOCOL, PHASE_HANDSHAKE,
	             "the server hung up");
	assert_forgotten(&f);
	fixture_close(&f);

	settings.keep_password = true;
	dropped_once(&f, &settings);
	probe_give_up(&f.probe, f.record, &f.progress);
	assert_string_equal(f.record->host.password, "S3cr3t!");
	fixture_close(&f);
}

static void after_the_end_of_the_run_nothing_is_tried_again(void **state)
{
	int cancel = eventfd(1, EFD_CLOEXEC);
	struct fixture f;

	(void)state;
	dropped_once(&f, &usual_settings);
	assert_true(fixture_run(&f, cancel));
	assert_ended(&f, STATUS_SKIPPED, PHASE_NONE, "interrupted");
	assert_forgotten(&f);
	fixture_close(&f);
	close(cancel);
}

/* The run ends while the server hangs up. */
static void a_failure_at_the_end_of_the_run_is_the_result(void **state)
{
	int cancel = eventfd(0, EFD_CLOEXEC);
	struct fixture f;

	(void)state;
	fixture_open(&f, &usual_settings);
	fake_ssh.handshake =
	    (struct fake_step){ ERR_DROPPED, "the server hung up" };
	fake_ssh.fires = cancel;
	assert_true(fixture_run(&f, cancel));
	assert_ended(&f, STATUS_PROTOCOL, PHASE_HANDSHAKE,
	             "the server hung up");
	assert_forgotten(&f);
	fixture_close(&f);
	close(cancel);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_may_pass_can_be_tried_again),
		cmocka_unit_test(nothing_is_tried_again_once_the_login_began),
		cmocka_unit_test(an_attempt_starts_from_a_clean_record),
		cmocka_unit_test(a_failure_says_after_how_many_attempts),
		cmocka_unit_test(all_attempts_have_the_one_time_together),
		cmocka_unit_test(the_time_counts_from_the_first_attempt),
		cmocka_unit_test(
		    giving_up_keeps_the_result_and_wipes_the_password),
		cmocka_unit_test(
		    after_the_end_of_the_run_nothing_is_tried_again),
		cmocka_unit_test(a_failure_at_the_end_of_the_run_is_the_result),
	};

	return !!cmocka_run_group_tests(tests, libraries_set_up,
	                                libraries_tear_down);
}

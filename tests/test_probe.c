#include "tests/probe_fixture.h"

#include "inventory/access.h"
#include "inventory/guard.h"
#include "inventory/hostkey.h"

#include <stdio.h>

#define ARRAY_LENGTH(a) (sizeof(a) / sizeof((a)[0]))

/* From the first step to the login, and the hostname alone. */

static void a_host_that_answers_is_ok(void **state)
{
	struct fixture f;

	(void)state;
	fixture_open(&f, &usual_settings);
	fixture_run(&f, -1);
	assert_ended(&f, STATUS_OK, PHASE_NONE, "");
	assert_string_equal(f.record->hostname, "web1");
	assert_string_equal(f.record->address, "127.0.0.1");
	assert_string_equal(f.record->ssh_version, "SSH-2.0-fake");
	assert_string_equal(f.record->host_key_type, "ssh-ed25519");
	assert_string_equal(f.record->host_key_sha256, "fingerprint");
	assert_true(f.record->connect_ms >= 0);
	assert_true(f.record->exit_code == RECORD_UNKNOWN);
	assert_null(f.record->output);
	/* One exec, by its command alone. */
	assert_int_equal(fake_ssh.execs, 1);
	assert_false(fake_ssh.had_input);
	assert_string_equal(fake_ssh.commands[0],
	                    f.probe.frame.hostname_command);
	fixture_close(&f);
}

static void the_login_gets_what_the_line_has(void **state)
{
	struct fixture f;

	(void)state;
	fixture_open(&f, &usual_settings);
	fixture_run(&f, -1);
	assert_int_equal(fake_ssh.logins, 1);
	assert_string_equal(fake_ssh.user, "root");
	assert_true(fake_ssh.had_password);
	assert_string_equal(fake_ssh.password, "S3cr3t!");
	fixture_close(&f);

	fixture_open(&f, &usual_settings);
	f.record->host.has_password = false;
	f.record->host.password[0] = '\0';
	fixture_run(&f, -1);
	assert_false(fake_ssh.had_password);
	fixture_close(&f);
}

static const struct {
	enum err_kind kind;
	enum status status;
} kinds[] = {
	{ ERR_TIMEOUT, STATUS_TIMEOUT }, { ERR_CANCELLED, STATUS_SKIPPED },
	{ ERR_SYSTEM, STATUS_ERROR },    { ERR_PROTOCOL, STATUS_PROTOCOL },
	{ ERR_HOSTKEY, STATUS_HOSTKEY }, { ERR_AUTH, STATUS_AUTH },
	{ ERR_COMMAND, STATUS_COMMAND },
};

/* keep or forget: the password is there after the end, or it is not. */
static void each_end(bool keep)
{
	struct probe_settings settings = usual_settings;

	settings.keep_password = keep;
	for (int end = 0; end < ENDS; end++) {
		for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
			struct fixture f;

			fixture_open(&f, &settings);
			fake_ssh.answers[0].out = "";
			set_end((enum end)end, kinds[i].kind);
			fixture_run(&f, -1);
			assert_ended(&f, kinds[i].status, phase_of[end],
			             "words of the session");
			assert_int_equal(fake_ssh.watched_was_there,
			                 keep && end == END_EXEC);
			if (keep)
				assert_string_equal(f.record->host.password,
				                    "S3cr3t!");
			else
				assert_forgotten(&f);
			assert_string_equal(f.record->ssh_version,
			                    end == END_OPEN ? ""
			                                    : "SSH-2.0-fake");
			fixture_close(&f);
		}
	}
}

static void each_end_has_its_status_and_forgets_the_password(void **state)
{
	(void)state;
	each_end(false);
}

static void a_password_to_be_stored_is_kept_in_each_end(void **state)
{
	(void)state;
	each_end(true);
}

/* Gone before the command is sent, not only at the end. */
static void the_password_is_forgotten_right_after_the_login(void **state)
{
	struct fixture f;

	(void)state;
	fixture_open(&f, &usual_settings);
	fixture_run(&f, -1);
	assert_int_equal(fake_ssh.execs, 1);
	assert_false(fake_ssh.watched_was_there);
	assert_forgotten(&f);
	fixture_close(&f);
}

static void nobody_listening_is_refused(void **state)
{
	struct fixture f;

	(void)state;
	fixture_open(&f, &usual_settings);
	close(f.server);
	f.server = bound_socket(SOCK_STREAM, &f.record->host.port);
	assert_false(fixture_run(&f, -1)); /* it may pass */
	probe_give_up(&f.probe, f.record, &f.progress);
	assert_ended(&f, STATUS_REFUSED, PHASE_CONNECT, "connection refused");
	assert_string_equal(f.record->address, "127.0.0.1");
	assert_true(f.record->connect_ms == RECORD_UNKNOWN);
	assert_int_equal(fake_ssh.opened, 0);
	assert_forgotten(&f);
	fixture_close(&f);
}

static void a_name_nobody_knows_is_unresolved(void **state)
{
	struct probe_settings settings = usual_settings;
	struct fixture f;
	uint16_t port;
	int taken = bound_socket(SOCK_STREAM, &port); /* no DNS: TCP */
	char servers[32];

	(void)state;
	snprintf(servers, sizeof(servers), "127.0.0.1:%u", (unsigned)port);
	settings.dial.name_servers = servers;
	fixture_open(&f, &settings);
	strcpy(f.record->host.ip, "nobody.test");
	f.record->host.is_name = true;
	fixture_run(&f, -1);
	assert_string_equal(status_name(f.record->status), "unresolved");
	assert_string_equal(phase_name(f.record->phase), "resolve");
	assert_string_equal(f.record->address, "");
	assert_forgotten(&f);
	fixture_close(&f);
	close(taken);
}

static void a_name_is_resolved_and_its_address_recorded(void **state)
{
	struct fixture f;

	(void)state;
	fixture_open(&f, &usual_settings);
	strcpy(f.record->host.ip, "localhost");
	f.record->host.is_name = true;
	fixture_run(&f, -1);
	/* Where ::1 comes first, it refuses and 127.0.0.1 is tried next. */
	assert_ended(&f, STATUS_OK, PHASE_NONE, "");
	assert_string_equal(f.record->address, "127.0.0.1");
	assert_string_equal(f.record->host.ip, "localhost");
	fixture_close(&f);
}

static void no_time_at_all_is_a_timeout(void **state)
{
	struct probe_settings settings = usual_settings;
	struct fixture f;

	(void)state;
	settings.host_timeout_ms = 0;
	fixture_open(&f, &settings);
	fixture_run(&f, -1);
	assert_string_equal(status_name(f.record->status), "timeout");
	assert_int_equal(fake_ssh.opened, 0);
	assert_forgotten(&f);
	fixture_close(&f);
}

static void after_the_end_of_the_run_a_host_is_skipped(void **state)
{
	int cancel = eventfd(1, EFD_CLOEXEC);
	struct fixture f;

	(void)state;
	fixture_open(&f, &usual_settings);
	fixture_run(&f, cancel);
	assert_string_equal(status_name(f.record->status), "skipped");
	assert_string_equal(f.record->error, "interrupted");
	assert_int_equal(fake_ssh.opened, 0);
	assert_forgotten(&f);
	fixture_close(&f);
	close(cancel);
}

static void the_clock_of_the_results_is_the_walls(void **state)
{
	struct fixture f;
	struct timespec before, after;
	int64_t now;

	(void)state;
	clock_gettime(CLOCK_REALTIME, &before);
	fixture_open(&f, &usual_settings);
	fixture_run(&f, -1);
	now = probe_now(&f.probe);
	clock_gettime(CLOCK_REALTIME, &after);
	assert_true(f.record->last_attempt <= now);
	/* A second each way: the wall clock may be slewed meanwhile. */
	assert_true(f.record->last_attempt / 1000000 >= before.tv_sec - 1);
	assert_true(now / 1000000 <= after.tv_sec + 1);
	fixture_close(&f);
}

static void the_phase_can_be_watched(void **state)
{
	struct fixture f;

	(void)state;
	fixture_open(&f, &usual_settings);
	assert_int_equal(f.progress.phase, PHASE_NONE);
	fake_ssh.phase = &f.progress.phase;
	fixture_run(&f, -1);
	assert_int_equal(fake_ssh.phase_in_handshake, PHASE_HANDSHAKE);
	assert_int_equal(fake_ssh.phase_in_login, PHASE_AUTH);
	assert_int_equal(fake_ssh.phase_in_exec, PHASE_COMMAND);
	assert_int_equal(f.progress.phase, PHASE_NONE);
	fixture_close(&f);
}

static void the_databases_clock_may_be_given(void **state)
{
	struct probe_settings settings = usual_settings;
	struct fixture f;

	(void)state;
	settings.now_us = INT64_C(1000000000000000); /* 2001 */
	fixture_open(&f, &settings);
	fixture_run(&f, -1);
	assert_true(f.record->last_attempt >= settings.now_us);
	assert_true(f.record->last_attempt <
	            settings.now_us + 10 * INT64_C(1000) * PLENTY_MS);
	fixture_close(&f);
}

/* --- a password that nobody sends any more ---------------------------------
 */

static bool tell(void *arg, const struct host *host, char *password,
                 size_t size, const struct wait *wait, struct err *err)
{
	unsigned *asked = arg;

	(void)host;
	(void)wait;
	(void)err;
	(*asked)++;
	snprintf(password, size, "S3cr3t!");
	return true;
}

/* After one refusal of it. */
static struct guard *closed_guard(void)
{
	struct wait wait = wait_ms(PLENTY_MS, -1);
	struct guard_place place = { .credential = NULL };
	struct guard *guard;
	struct err err;

	assert_true(guard_open(&guard, 1, &err));
	assert_true(
	    guard_enter(guard, &place, "root", "S3cr3t!", &wait, 0, &err));
	guard_leave(guard, &place, GUARD_REFUSED);
	return guard;
}

/* A password of the option's was once no reason not to call ten thousand. A
 * command per host is asked when there is a host that wants it. */
static void who_has_nothing_else_to_show_is_not_called(void **state)
{
	static const struct {
		bool of_line, one_password;
		unsigned asked, opened;
	} cases[] = {
		{ true, true, 0, 0 },
		{ true, false, 0, 0 },
		{ false, true, 1, 0 },
		{ false, false, 0, 1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct probe_settings settings = usual_settings;
		struct hostkeys any_key = { .mode = HOSTKEYS_OFF };
		struct access access = { .hostkeys = &any_key };
		unsigned asked = 0;
		struct fixture f;

		settings.ask = tell;
		settings.ask_arg = &asked;
		settings.one_password = cases[i].one_password;
		fixture_open(&f, &settings);
		access.login.guard = closed_guard();
		f.record->host.access = &access;
		f.record->host.has_password = cases[i].of_line;
		fixture_run(&f, -1);
		assert_int_equal(asked, cases[i].asked);
		assert_int_equal(fake_ssh.opened, cases[i].opened);
		if (cases[i].opened == 0)
			assert_ended(&f, STATUS_SKIPPED, PHASE_NONE,
			             "not tried: 1 host refused this user and "
			             "password (--max-auth-failures)");
		guard_close(access.login.guard);
		fixture_close(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_host_that_answers_is_ok),
		cmocka_unit_test(the_login_gets_what_the_line_has),
		cmocka_unit_test(
		    each_end_has_its_status_and_forgets_the_password),
		cmocka_unit_test(a_password_to_be_stored_is_kept_in_each_end),
		cmocka_unit_test(
		    the_password_is_forgotten_right_after_the_login),
		cmocka_unit_test(nobody_listening_is_refused),
		cmocka_unit_test(a_name_nobody_knows_is_unresolved),
		cmocka_unit_test(a_name_is_resolved_and_its_address_recorded),
		cmocka_unit_test(no_time_at_all_is_a_timeout),
		cmocka_unit_test(after_the_end_of_the_run_a_host_is_skipped),
		cmocka_unit_test(the_clock_of_the_results_is_the_walls),
		cmocka_unit_test(the_phase_can_be_watched),
		cmocka_unit_test(the_databases_clock_may_be_given),
		cmocka_unit_test(who_has_nothing_else_to_show_is_not_called),
	};

	return !!cmocka_run_group_tests(tests, libraries_set_up,
	                                libraries_tear_down);
}

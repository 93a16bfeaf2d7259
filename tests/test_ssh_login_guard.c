#include "tests/login_fixture.h"

#include <errno.h>
#include <string.h>

/* What the guard learns of a login, and what a login heeds of it. */

enum guard_state { IS_FREE, IS_OPEN, IS_CLOSED };

/* Of a guard that lets one refusal happen. */
static enum guard_state state_of(struct guard *guard, const char *password)
{
	struct guard_place place = { .credential = NULL },
			   more = { .credential = NULL };
	struct wait wait = wait_ms(PLENTY_MS, -1);
	enum guard_state state = IS_OPEN;
	struct err err;

	if (!guard_enter(guard, &place, USER, password, &wait, 0, &err)) {
		/* A place that was not given back is another sentence. */
		assert_non_null(strstr(err.text, "refused"));
		return IS_CLOSED;
	}
	if (!guard_enter(guard, &more, USER, password, &wait, 0, &err))
		state = IS_FREE;
	guard_leave(guard, &place, GUARD_UNUSED);
	guard_leave(guard, &more, GUARD_UNUSED);
	return state;
}

static struct guard *guard_of_one(void)
{
	struct guard *guard = NULL;
	struct err err;

	assert_true(guard_open(&guard, 1, &err));
	return guard;
}

static void the_guard_learns_how_each_login_ended(void **state)
{
	static const struct {
		const char *ip, *password;
		unsigned deadline_ms;
		enum guard_state after;
	} cases[] = {
		{ WELL, PASSWORD, PLENTY_MS, IS_OPEN },
		{ WELL, WRONG_PASSWORD, PLENTY_MS, IS_CLOSED },
		{ PROMPT, PASSWORD, PLENTY_MS, IS_OPEN },
		{ PROMPT, WRONG_PASSWORD, PLENTY_MS, IS_CLOSED },
		{ ZERO_PROMPTS, PASSWORD, PLENTY_MS, IS_OPEN },
		{ EITHER, WRONG_PASSWORD, PLENTY_MS, IS_CLOSED },
		/* They did not look at it. */
		{ KEYS_ONLY, PASSWORD, PLENTY_MS, IS_FREE },
		{ CODE, PASSWORD, PLENTY_MS, IS_FREE },
		{ ASKS_AGAIN, PASSWORD, PLENTY_MS, IS_CLOSED },
		{ NEW_PASSWORD, PASSWORD, PLENTY_MS, IS_CLOSED },
		{ TOO_MANY, PASSWORD, PLENTY_MS, IS_CLOSED },
		/* The verdict never came. */
		{ ACCOUNT, PASSWORD, PLENTY_MS, IS_CLOSED },
		{ HANGS_UP, PASSWORD, PLENTY_MS, IS_CLOSED },
		{ SILENT, PASSWORD, 5000, IS_CLOSED },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct guard *guard = guard_of_one();
		struct login_settings settings = usual;
		struct login login;
		enum guard_state after;
		struct err err;
		bool ok;

		settings.guard = guard;
		login = login_with(&settings, cases[i].password);
		visit(cases[i].ip, &login, cases[i].deadline_ms, &ok, &err);
		after = state_of(guard, cases[i].password);
		if (after != cases[i].after)
			fail_msg("%s: %d", cases[i].ip, (int)after);
		guard_close(guard);
	}
}

static void what_the_guard_has_closed_is_not_sent(void **state)
{
	static const char *const ips[] = { WELL, PROMPT };
	const struct login_settings *const ways[] = { &usual, &prompts_first };

	(void)state;
	for (size_t i = 0; i < COUNT(ips); i++) {
		struct guard *guard = guard_of_one();
		struct guard_place place = { .credential = NULL };
		struct wait wait = wait_ms(PLENTY_MS, -1);
		struct login_settings settings = *ways[i];
		struct login login;
		struct guard_counts counts;
		struct err err;
		bool ok;

		assert_true(
		    guard_enter(guard, &place, USER, PASSWORD, &wait, 0, &err));
		guard_leave(guard, &place, GUARD_REFUSED);
		settings.guard = guard;
		login = login_with(&settings, PASSWORD);
		assert_int_equal(visit(ips[i], &login, PLENTY_MS, &ok, &err),
		                 0);
		assert_false(ok);
		assert_int_equal(err.kind, ERR_SKIPPED);
		assert_string_equal(err.text,
		                    "not tried: 1 host refused this user and "
		                    "password (--max-auth-failures)");
		guard_counts(guard, &counts);
		assert_int_equal(counts.hosts, 1);
		guard_close(guard);
	}
}

/* The host's own time stands still meanwhile. What there is of it is enough for
 * a key exchange on a busy machine. */
static void who_waits_for_a_verdict_has_his_time_afterwards(void **state)
{
	const unsigned limit_ms = 5500, deadline_ms = 5000;
	struct guard *guard = guard_of_one();
	struct guard_place place = { .credential = NULL };
	struct wait wait = wait_ms(PLENTY_MS, -1);
	struct login_settings settings = usual;
	struct login login;
	struct err err;
	bool ok;

	(void)state;
	assert_true(guard_enter(guard, &place, USER, PASSWORD, &wait, 0, &err));
	settings.guard = guard;
	settings.guard_wait_ms = limit_ms;
	login = login_with(&settings, PASSWORD);
	assert_int_equal(visit(WELL, &login, deadline_ms, &ok, &err), 0);
	assert_false(ok);
	assert_int_equal(err.kind, ERR_SKIPPED);
	assert_string_equal(err.text, "not tried: no verdict on this user and "
	                              "password in 5.5 s "
	                              "(--max-auth-failures)");
	guard_leave(guard, &place, GUARD_UNUSED);
	guard_close(guard);
}

/* Frees the place when somebody waits for it, whose server has gone. */
struct relief {
	struct guard *guard;
	struct guard_place place;
	struct poll_trap trap;
	int fd; /* of the session */
};

static void *relieve(void *arg)
{
	struct relief *relief = arg;
	eventfd_t ignored;

	if (eventfd_read(relief->trap.in_poll, &ignored) == 0)
		(void)shutdown(relief->fd, SHUT_RD);
	guard_leave(relief->guard, &relief->place, GUARD_UNUSED);
	return NULL;
}

static void a_server_that_left_meanwhile_has_refused_nothing(void **state)
{
	const struct wait wait = wait_ms(PLENTY_MS, -1);
	unsigned long before = secrets_sent(WELL);
	struct relief relief = { .guard = guard_of_one() };
	struct login_settings settings = usual;
	struct wait other = wait;
	struct login login;
	pthread_t thread;
	struct ssh *ssh;
	struct err err;

	(void)state;
	watch_anew();
	assert_true(guard_enter(relief.guard, &relief.place, USER, PASSWORD,
	                        &other, 0, &err));
	settings.guard = relief.guard;
	settings.guard_wait_ms = PLENTY_MS;
	login = login_with(&settings, PASSWORD);
	ssh = shaken(&near, WELL, &wait);
	relief.fd = dup(watch.fd);
	relief.trap.in_poll = eventfd(0, EFD_CLOEXEC);
	assert_true(relief.fd >= 0 && relief.trap.in_poll >= 0);
	watch.trap = &relief.trap;
	assert_int_equal(pthread_create(&thread, NULL, relieve, &relief), 0);
	assert_false(ssh_login(ssh, &login, &err));
	watch.trap = NULL;
	assert_int_equal(pthread_join(thread, NULL), 0);
	close(relief.fd);
	close(relief.trap.in_poll);
	ssh_close(ssh);
	assert_int_equal(err.kind, ERR_PROTOCOL);
	assert_non_null(strstr(err.text, "closed the connection while"));
	assert_int_equal(secrets_sent(WELL), before);
	assert_int_equal(state_of(relief.guard, PASSWORD), IS_FREE);
	guard_close(relief.guard);
}

static struct guard *guard_of_two(void)
{
	struct guard *guard = NULL;
	struct err err;

	assert_true(guard_open(&guard, 2, &err));
	return guard;
}

/* --- a password that does not get away ------------------------------------ */

/* How many bytes the session's socket takes before it fails; -1: all. */
static ssize_t takes = -1;

ssize_t __real_send(int fd, const void *bytes, size_t length, int flags);
ssize_t __wrap_send(int fd, const void *bytes, size_t length, int flags);

ssize_t __wrap_send(int fd, const void *bytes, size_t length, int flags)
{
	if (takes < 0 || fd != watch.fd)
		return __real_send(fd, bytes, length, flags);
	if (takes == 0) {
		errno = EPIPE;
		return -1;
	}
	if (length > (size_t)takes)
		length = (size_t)takes;
	takes -= (ssize_t)length;
	return __real_send(fd, bytes, length, flags);
}

static size_t refusals_left(struct guard *guard)
{
	struct guard_place places[2] = { { .credential = NULL } };
	struct wait wait = wait_ms(PLENTY_MS, -1);
	size_t left = 0;
	struct err err;

	while (left < 2 && guard_enter(guard, &places[left], USER, PASSWORD,
	                               &wait, 0, &err))
		left++;
	for (size_t i = 0; i < left; i++)
		guard_leave(guard, &places[i], GUARD_UNUSED);
	return left;
}

/* libssh2's error for it may come after the last byte, too: it also sends when
 * the server wants new keys. */
static void a_password_that_did_not_leave_was_not_refused(void **state)
{
	static const struct {
		ssize_t takes;
		size_t left;
	} cases[] = { { 0, 2 }, { 1, 1 }, { 20, 1 } };
	const struct wait wait = wait_ms(PLENTY_MS, -1);

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct login_settings settings = usual;
		struct guard *guard = guard_of_two();
		struct login login;
		struct ssh *ssh;
		struct err err;

		settings.guard = guard;
		login = login_with(&settings, PASSWORD);
		watch_anew();
		ssh = shaken(&near, WELL, &wait);
		takes = cases[i].takes;
		assert_false(ssh_login(ssh, &login, &err));
		takes = -1;
		ssh_close(ssh);
		assert_int_equal(err.kind, ERR_PROTOCOL);
		assert_int_equal(refusals_left(guard), cases[i].left);
		guard_close(guard);
	}
}

/* --- between a password and its prompt ------------------------------------ */

/* Another host refuses it then; or it is sent it, and says nothing. */
static struct guard *refuses;
static bool verdict_stays_away;
static struct guard_place others;

int __real_libssh2_userauth_keyboard_interactive_ex(
    LIBSSH2_SESSION *session, const char *user, unsigned length,
    LIBSSH2_USERAUTH_KBDINT_RESPONSE_FUNC((*respond)));
int __wrap_libssh2_userauth_keyboard_interactive_ex(
    LIBSSH2_SESSION *session, const char *user, unsigned length,
    LIBSSH2_USERAUTH_KBDINT_RESPONSE_FUNC((*respond)));

int __wrap_libssh2_userauth_keyboard_interactive_ex(
    LIBSSH2_SESSION *session, const char *user, unsigned length,
    LIBSSH2_USERAUTH_KBDINT_RESPONSE_FUNC((*respond)))
{
	struct wait wait = wait_ms(PLENTY_MS, -1);
	struct err err;

	if (refuses != NULL &&
	    guard_enter(refuses, &others, USER, PASSWORD, &wait, 0, &err) &&
	    !verdict_stays_away)
		guard_leave(refuses, &others, GUARD_REFUSED);
	refuses = NULL;
	return __real_libssh2_userauth_keyboard_interactive_ex(session, user,
	                                                       length, respond);
}

/* It was: "skipped: not tried". */
static void who_was_sent_the_password_is_not_said_to_be_skipped(void **state)
{
	struct login_settings settings = usual;
	struct guard *guard = guard_of_two();
	struct guard_counts counts;
	struct login login;
	struct err err;
	bool ok;

	(void)state;
	settings.guard = refuses = guard;
	login = login_with(&settings, PASSWORD);
	assert_int_equal(visit(PROMPT, &login, PLENTY_MS, &ok, &err), 1);
	assert_false(ok);
	assert_int_equal(err.kind, ERR_AUTH);
	assert_string_equal(err.text,
	                    "password refused for 'root', and at a prompt: not "
	                    "tried: 2 hosts refused this user and password "
	                    "(--max-auth-failures)");
	guard_counts(guard, &counts);
	assert_int_equal(counts.credentials, 1);
	assert_int_equal(counts.hosts, 0);
	guard_close(guard);
}

/* It was said that others had refused it. */
static void who_gets_no_place_for_a_prompt_in_time_is_told_so(void **state)
{
	struct login_settings settings = usual;
	struct guard *guard = guard_of_two();
	struct login login;
	struct err err;
	bool ok;

	(void)state;
	settings.guard = refuses = guard;
	settings.guard_wait_ms = 1;
	verdict_stays_away = true;
	login = login_with(&settings, PASSWORD);
	assert_int_equal(visit(PROMPT, &login, PLENTY_MS, &ok, &err), 1);
	verdict_stays_away = false;
	assert_false(ok);
	assert_int_equal(err.kind, ERR_AUTH);
	assert_string_equal(err.text,
	                    "password refused for 'root', and at a prompt: not "
	                    "tried: no verdict on this user and password in "
	                    "0.001 s (--max-auth-failures)");
	guard_leave(guard, &others, GUARD_REFUSED);
	guard_close(guard);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_guard_learns_how_each_login_ended),
		cmocka_unit_test(what_the_guard_has_closed_is_not_sent),
		cmocka_unit_test(
		    who_waits_for_a_verdict_has_his_time_afterwards),
		cmocka_unit_test(
		    a_server_that_left_meanwhile_has_refused_nothing),
		cmocka_unit_test(a_password_that_did_not_leave_was_not_refused),
		cmocka_unit_test(
		    who_was_sent_the_password_is_not_said_to_be_skipped),
		cmocka_unit_test(
		    who_gets_no_place_for_a_prompt_in_time_is_told_so),
	};

	return !!cmocka_run_group_tests(tests, fleets_start, fleets_stop);
}

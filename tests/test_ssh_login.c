#include "tests/ssh_watch.h"

#include "inventory/guard.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WELL "127.1.0.1"
#define TWO_PROMPTS "127.17.0.1"
#define ZERO_PROMPTS "127.18.0.1"
#define EITHER "127.19.0.1"
#define PROMPT "127.21.0.1"
#define KEYS_ONLY "127.22.0.1"
#define CODE "127.23.0.1"
#define ASKS_AGAIN "127.24.0.1"
#define NEW_PASSWORD "127.25.0.1"
#define TOO_MANY "127.26.0.1"
#define ACCOUNT "127.27.0.1"
#define SILENT "127.45.0.1"
#define HANGS_UP "127.69.0.1"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct login_settings usual = {
	.ways = { LOGIN_KEYS, LOGIN_AGENT, LOGIN_PASSWORD, LOGIN_PROMPTS },
	.way_count = 4,
};
static const struct login_settings prompts_first = {
	.ways = { LOGIN_PROMPTS, LOGIN_PASSWORD },
	.way_count = 2,
};

/* Logs in with a session of its own; how many secrets that took. */
static unsigned long visit(const char *ip, const struct login *login,
                           unsigned deadline_ms, bool *ok, struct err *err)
{
	const struct wait wait = wait_ms(deadline_ms, -1);
	unsigned long before = secrets_sent(ip);
	struct ssh *ssh;

	watch_anew();
	ssh = shaken(&near, ip, &wait);
	*ok = ssh_login(ssh, login, err);
	ssh_close(ssh);
	return secrets_sent(ip) - before;
}

static struct login login_with(const struct login_settings *settings,
                               const char *password)
{
	return (struct login){ .settings = settings,
		               .user = USER,
		               .password = password };
}

static void assert_in(const char *ip, const struct login *login,
                      unsigned long secrets)
{
	struct err err = { .kind = ERR_NONE };
	unsigned long sent;
	bool ok;

	sent = visit(ip, login, PLENTY_MS, &ok, &err);
	if (!ok)
		fail_msg("%s: %s", ip, err.text);
	assert_int_equal(err.kind, ERR_NONE);
	assert_int_equal(sent, secrets);
	assert_int_equal(watch.lists, 0);
}

static void prompts_are_answered_with_the_password(void **state)
{
	static const struct {
		const char *ip;
		unsigned long usually, prompts_first;
	} cases[] = {
		/* That the server does not take it as such is known when it
		 * was offered; it has not looked at it. */
		{ PROMPT, 2, 1 }, { TWO_PROMPTS, 2, 1 }, { ZERO_PROMPTS, 2, 1 },
		{ EITHER, 1, 1 }, { WELL, 1, 1 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct login login = login_with(&usual, PASSWORD);

		assert_in(cases[i].ip, &login, cases[i].usually);
		login.settings = &prompts_first;
		assert_in(cases[i].ip, &login, cases[i].prompts_first);
	}
}

static void no_way_is_tried_twice_with_the_same_secret(void **state)
{
	const struct login_settings *const settings[] = { &usual,
		                                          &prompts_first };

	(void)state;
	for (size_t i = 0; i < COUNT(settings); i++) {
		struct login login = login_with(settings[i], WRONG_PASSWORD);
		struct err err;
		bool ok;

		assert_int_equal(visit(EITHER, &login, PLENTY_MS, &ok, &err),
		                 1);
		assert_false(ok);
		assert_int_equal(err.kind, ERR_AUTH);
		assert_string_equal(err.text, "password refused for 'root'");
	}
}

static void each_refusal_has_its_sentence(void **state)
{
	static const struct {
		const char *ip, *password;
		unsigned long secrets;
		enum err_kind kind;
		const char *text;
	} cases[] = {
		{ WELL, WRONG_PASSWORD, 1, ERR_AUTH,
		  "password refused for 'root'" },
		{ PROMPT, WRONG_PASSWORD, 2, ERR_AUTH,
		  "password refused for 'root'" },
		{ KEYS_ONLY, PASSWORD, 1, ERR_AUTH,
		  "no way in for 'root': the server wants publickey; given: "
		  "password" },
		{ KEYS_ONLY, NULL, 0, ERR_AUTH,
		  "no way in for 'root': the server wants publickey; given: "
		  "nothing" },
		{ CODE, PASSWORD, 1, ERR_AUTH,
		  "the server asks 'root' \"Verification code:\", which no "
		  "password answers" },
		{ ASKS_AGAIN, PASSWORD, 2, ERR_AUTH,
		  "password refused for 'root'" },
		{ NEW_PASSWORD, PASSWORD, 2, ERR_AUTH,
		  "the server asks 'root' \"New password:\": the password has "
		  "expired" },
		{ TOO_MANY, PASSWORD, 1, ERR_AUTH,
		  "login: the server says \"Too many authentication "
		  "failures\"" },
		{ ACCOUNT, PASSWORD, 1, ERR_AUTH,
		  "login: the server says \"Your account has expired; please "
		  "contact your system administrator.\" and closed the "
		  "connection" },
		{ HANGS_UP, PASSWORD, 1, ERR_PROTOCOL,
		  "login: the server closed the connection" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct login login = login_with(&usual, cases[i].password);
		struct err err;
		bool ok;

		assert_int_equal(
		    visit(cases[i].ip, &login, PLENTY_MS, &ok, &err),
		    cases[i].secrets);
		assert_false(ok);
		assert_string_equal(err.text, cases[i].text);
		assert_int_equal(err.kind, cases[i].kind);
	}
}

static void a_way_that_is_not_named_is_not_tried(void **state)
{
	static const struct login_settings password_only = {
		.ways = { LOGIN_PASSWORD },
		.way_count = 1,
	};
	static const struct login_settings prompts_only = {
		.ways = { LOGIN_PROMPTS },
		.way_count = 1,
	};
	struct login login = login_with(&password_only, PASSWORD);
	struct err err;
	bool ok;

	(void)state;
	assert_int_equal(visit(PROMPT, &login, PLENTY_MS, &ok, &err), 1);
	assert_false(ok);
	assert_string_equal(err.text, "no way in for 'root': the server wants "
	                              "keyboard-interactive; given: password");
	login.settings = &prompts_only;
	assert_int_equal(visit(WELL, &login, PLENTY_MS, &ok, &err), 0);
	assert_false(ok);
	assert_string_equal(err.text, "no way in for 'root': the server wants "
	                              "password; given: password");
}

/* --- somebody to ask ------------------------------------------------------ */

struct asked {
	unsigned times;
	const char *password; /* NULL: there is none */
};

static bool tell(void *arg, char *password, size_t size,
                 const struct wait *wait, struct err *err)
{
	struct asked *asked = arg;

	assert_non_null(wait);
	asked->times++;
	if (asked->password == NULL)
		return err_set(err, ERR_SYSTEM, "nobody knows");
	snprintf(password, size, "%s", asked->password);
	return true;
}

static void the_password_is_asked_for_once_and_when_it_is_needed(void **state)
{
	static const char *const ips[] = { WELL, PROMPT, ZERO_PROMPTS };

	(void)state;
	for (size_t i = 0; i < COUNT(ips); i++) {
		struct asked asked = { .password = PASSWORD };
		struct login login = { .settings = &usual,
			               .user = USER,
			               .ask = tell,
			               .arg = &asked };

		assert_in(ips[i], &login, i == 0 ? 1 : 2);
		assert_int_equal(asked.times, 1);
	}
}

static void without_an_answer_nothing_is_sent(void **state)
{
	const struct login_settings *const settings[] = { &usual,
		                                          &prompts_first };

	(void)state;
	for (size_t i = 0; i < COUNT(settings); i++) {
		struct asked asked = { .password = NULL };
		struct login login = { .settings = settings[i],
			               .user = USER,
			               .ask = tell,
			               .arg = &asked };
		struct err err;
		bool ok;

		assert_int_equal(visit(EITHER, &login, PLENTY_MS, &ok, &err),
		                 0);
		assert_false(ok);
		assert_int_equal(err.kind, ERR_SYSTEM);
		assert_string_equal(err.text, "nobody knows");
		assert_int_equal(asked.times, 1);
	}
}

/* A prompt for a code is no reason to ask for a password. */
static void it_is_not_asked_for_in_vain(void **state)
{
	struct asked asked = { .password = PASSWORD };
	struct login login = { .settings = &prompts_first,
		               .user = USER,
		               .ask = tell,
		               .arg = &asked };
	struct err err;
	bool ok;

	(void)state;
	assert_int_equal(visit(CODE, &login, PLENTY_MS, &ok, &err), 0);
	assert_false(ok);
	assert_int_equal(asked.times, 0);
}

static void freed_memory_holds_no_answer_to_a_prompt(void **state)
{
	const struct wait wait = wait_ms(PLENTY_MS, -1);
	struct login login = login_with(&prompts_first, PASSWORD);
	struct ssh *ssh;
	struct err err;

	(void)state;
	watch_anew();
	ssh = shaken(&near, TWO_PROMPTS, &wait);
	watch.secret = PASSWORD;
	assert_true(ssh_login(ssh, &login, &err));
	assert_true(watch.blocks > 0);
	ssh_close(ssh);
	assert_int_equal(watch.blocks_with_secret, 0);
	watch.secret = NULL;
}

/* --- the guard ------------------------------------------------------------ */

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
		{ SILENT, PASSWORD, 1000, IS_CLOSED },
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

/* The host's own time stands still meanwhile. */
static void who_waits_for_a_verdict_has_his_time_afterwards(void **state)
{
	const unsigned limit_ms = 1500, deadline_ms = 1000;
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
	                              "password in 1.5 s "
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prompts_are_answered_with_the_password),
		cmocka_unit_test(no_way_is_tried_twice_with_the_same_secret),
		cmocka_unit_test(each_refusal_has_its_sentence),
		cmocka_unit_test(a_way_that_is_not_named_is_not_tried),
		cmocka_unit_test(
		    the_password_is_asked_for_once_and_when_it_is_needed),
		cmocka_unit_test(without_an_answer_nothing_is_sent),
		cmocka_unit_test(it_is_not_asked_for_in_vain),
		cmocka_unit_test(freed_memory_holds_no_answer_to_a_prompt),
		cmocka_unit_test(the_guard_learns_how_each_login_ended),
		cmocka_unit_test(what_the_guard_has_closed_is_not_sent),
		cmocka_unit_test(
		    who_waits_for_a_verdict_has_his_time_afterwards),
		cmocka_unit_test(
		    a_server_that_left_meanwhile_has_refused_nothing),
	};

	return !!cmocka_run_group_tests(tests, fleets_start, fleets_stop);
}

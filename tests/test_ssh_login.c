#include "tests/login_fixture.h"

#include <stdio.h>
#include <string.h>

/* Passwords and prompts; with the guard: test_ssh_login_guard.c. */

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

/* It fails in this way, after so many secrets were sent. */
static void assert_out(const char *ip, const struct login *login,
                       unsigned long secrets, enum err_kind kind,
                       const char *text)
{
	struct err err;
	bool ok;

	assert_int_equal(visit(ip, login, PLENTY_MS, &ok, &err), secrets);
	assert_false(ok);
	assert_string_equal(err.text, text);
	assert_int_equal(err.kind, kind);
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

		assert_out(EITHER, &login, 1, ERR_AUTH,
		           "password refused for 'root'");
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

		assert_out(cases[i].ip, &login, cases[i].secrets, cases[i].kind,
		           cases[i].text);
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

	(void)state;
	assert_out(PROMPT, &login, 1, ERR_AUTH,
	           "no way in for 'root': the server wants "
	           "keyboard-interactive; given: password");
	login.settings = &prompts_only;
	assert_out(WELL, &login, 0, ERR_AUTH,
	           "no way in for 'root': the server wants password; given: "
	           "password");
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

static struct login login_asking(const struct login_settings *settings,
                                 struct asked *asked)
{
	return (struct login){
		.settings = settings, .user = USER, .ask = tell, .arg = asked
	};
}

static void the_password_is_asked_for_once_and_when_it_is_needed(void **state)
{
	static const char *const ips[] = { WELL, PROMPT, ZERO_PROMPTS };

	(void)state;
	for (size_t i = 0; i < COUNT(ips); i++) {
		struct asked asked = { .password = PASSWORD };
		struct login login = login_asking(&usual, &asked);

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
		struct login login = login_asking(settings[i], &asked);

		assert_out(EITHER, &login, 0, ERR_SYSTEM, "nobody knows");
		assert_int_equal(asked.times, 1);
	}
}

/* A prompt for a code is no reason to ask for a password. */
static void it_is_not_asked_for_in_vain(void **state)
{
	struct asked asked = { .password = PASSWORD };
	struct login login = login_asking(&prompts_first, &asked);
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
	};

	return !!cmocka_run_group_tests(tests, fleets_start, fleets_stop);
}

#include "inventory/prompt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <string.h>

#include <cmocka.h>

struct example {
	const char *text;
	enum prompt only, among; /* others that are hidden */
};

static void assert_read(const struct example *examples, size_t count, bool echo)
{
	for (size_t i = 0; i < count; i++) {
		const struct example *e = &examples[i];
		size_t length = strlen(e->text);

		if (prompt_read(e->text, length, echo, true) != e->only ||
		    prompt_read(e->text, length, echo, false) != e->among)
			fail_msg(
			    "\"%s\": %d, and %d among others", e->text,
			    (int)prompt_read(e->text, length, echo, true),
			    (int)prompt_read(e->text, length, echo, false));
	}
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void a_prompt_with_the_word_is_for_the_password(void **state)
{
	static const struct example examples[] = {
		{ "Password: ", PROMPT_PASSWORD, PROMPT_PASSWORD },
		{ "password:", PROMPT_PASSWORD, PROMPT_PASSWORD },
		{ "UNIX password: ", PROMPT_PASSWORD, PROMPT_PASSWORD },
		{ "LDAP Password:", PROMPT_PASSWORD, PROMPT_PASSWORD },
		{ "Password for root@web1:", PROMPT_PASSWORD, PROMPT_PASSWORD },
		{ "Password for x@new.token.example:", PROMPT_PASSWORD,
		  PROMPT_PASSWORD },
		{ "(root@otp) Password:", PROMPT_PASSWORD, PROMPT_PASSWORD },
		{ "Enter passphrase", PROMPT_PASSWORD, PROMPT_PASSWORD },
	};

	(void)state;
	assert_read(examples, COUNT(examples), false);
}

static void what_is_of_one_use_is_not_the_password(void **state)
{
	static const struct example examples[] = {
		{ "Verification code: ", PROMPT_OTHER, PROMPT_OTHER },
		{ "One-time password (OATH) for `root': ", PROMPT_OTHER,
		  PROMPT_OTHER },
		{ "One time password: ", PROMPT_OTHER, PROMPT_OTHER },
		{ "Enter PASSCODE:", PROMPT_OTHER, PROMPT_OTHER },
		{ "OTP:", PROMPT_OTHER, PROMPT_OTHER },
		{ "PIN+Token: ", PROMPT_OTHER, PROMPT_OTHER },
		{ "Password or token: ", PROMPT_OTHER, PROMPT_OTHER },
		{ "s/key 99 host1\nResponse: ", PROMPT_OTHER, PROMPT_OTHER },
		{ "Challenge 12-34: ", PROMPT_OTHER, PROMPT_OTHER },
		{ "Duo two-factor login for root", PROMPT_OTHER, PROMPT_OTHER },
	};

	(void)state;
	assert_read(examples, COUNT(examples), false);
	assert_read(examples, COUNT(examples), true);
}

static void a_change_is_told_from_the_password(void **state)
{
	static const struct example examples[] = {
		{ "New password: ", PROMPT_NEW_PASSWORD, PROMPT_NEW_PASSWORD },
		{ "Retype new password: ", PROMPT_NEW_PASSWORD,
		  PROMPT_NEW_PASSWORD },
		{ "(current) UNIX password: ", PROMPT_NEW_PASSWORD,
		  PROMPT_NEW_PASSWORD },
		{ "Current password: ", PROMPT_NEW_PASSWORD,
		  PROMPT_NEW_PASSWORD },
		{ "Old Password:", PROMPT_NEW_PASSWORD, PROMPT_NEW_PASSWORD },
	};

	(void)state;
	assert_read(examples, COUNT(examples), false);
}

static void without_known_words_the_only_one_is_for_the_password(void **state)
{
	static const struct example examples[] = {
		{ "Passwort: ", PROMPT_PASSWORD, PROMPT_OTHER },
		{ "Mot de passe :", PROMPT_PASSWORD, PROMPT_OTHER },
		{ "Contrase\xc3\xb1"
		  "a:",
		  PROMPT_PASSWORD, PROMPT_OTHER },
		{ "\xe5\xaf\x86\xe7\xa0\x81\xef\xbc\x9a", PROMPT_PASSWORD,
		  PROMPT_OTHER },
		{ "", PROMPT_PASSWORD, PROMPT_OTHER },
		{ "pinafore: ", PROMPT_PASSWORD, PROMPT_OTHER },
	};

	(void)state;
	assert_read(examples, COUNT(examples), false);
}

static void what_is_shown_is_never_the_password(void **state)
{
	static const struct example examples[] = {
		{ "login: ", PROMPT_USER, PROMPT_USER },
		{ "Username:", PROMPT_USER, PROMPT_USER },
		{ "User name: ", PROMPT_USER, PROMPT_USER },
		{ "Password: ", PROMPT_NOTHING, PROMPT_NOTHING },
		{ "Location: ", PROMPT_NOTHING, PROMPT_NOTHING },
		{ "", PROMPT_NOTHING, PROMPT_NOTHING },
	};

	(void)state;
	assert_read(examples, COUNT(examples), true);
}

static void a_text_has_no_end_but_its_length(void **state)
{
	static const char text[] = { 'P', 'a', 's', 's', 'w', 'o', 'r', 'd' };
	char long_text[4096];

	(void)state;
	assert_int_equal(prompt_read(text, 8, false, false), PROMPT_PASSWORD);
	assert_int_equal(prompt_read(text, 4, false, false), PROMPT_OTHER);
	assert_int_equal(prompt_read(NULL, 0, false, true), PROMPT_PASSWORD);
	memset(long_text, 'a', sizeof(long_text));
	assert_int_equal(
	    prompt_read(long_text, sizeof(long_text), false, false),
	    PROMPT_OTHER);
	memset(long_text, '@', sizeof(long_text));
	assert_int_equal(prompt_read(long_text, sizeof(long_text), false, true),
	                 PROMPT_PASSWORD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_prompt_with_the_word_is_for_the_password),
		cmocka_unit_test(what_is_of_one_use_is_not_the_password),
		cmocka_unit_test(a_change_is_told_from_the_password),
		cmocka_unit_test(
		    without_known_words_the_only_one_is_for_the_password),
		cmocka_unit_test(what_is_shown_is_never_the_password),
		cmocka_unit_test(a_text_has_no_end_but_its_length),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}

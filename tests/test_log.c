#include "cli/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

/* What a test says is caught in memory in place of standard error. */
static int stderr_was = -1;
static int caught = -1;

static int catch_stderr(void **state)
{
	(void)state;
	stderr_was = dup(STDERR_FILENO);
	caught = memfd_create("stderr", MFD_CLOEXEC);
	return dup2(caught, STDERR_FILENO) == STDERR_FILENO ? 0 : -1;
}

static int release_stderr(void **state)
{
	(void)state;
	log_set_level(LOG_NOTICE);
	(void)dup2(stderr_was, STDERR_FILENO);
	close(stderr_was);
	close(caught);
	return 0;
}

static void assert_said(const char *text)
{
	char is[4096];
	ssize_t got = pread(caught, is, sizeof(is) - 1, 0);

	assert_true(got >= 0);
	is[got] = '\0';
	assert_string_equal(is, text);
}

static void a_line_begins_with_the_program_and_is_escaped(void **state)
{
	(void)state;
	log_say(LOG_ERROR, "%s port %d", "a\x1b[2J\nb\xFF", 22);
	log_say(LOG_NOTICE, "gr\xC3\xBCn");
	assert_said("sshinv: a\\x1b[2J\\x0ab\\xff port 22\n"
	            "sshinv: gr\xC3\xBCn\n");
}

static void a_level_lets_pass_what_is_as_grave(void **state)
{
	static const enum log_level levels[] = { LOG_ERROR, LOG_NOTICE,
		                                 LOG_INFO, LOG_DEBUG };

	(void)state;
	for (int i = 0; i < 4; i++) {
		log_set_level(levels[i]);
		for (int j = 0; j < 4; j++)
			log_say(levels[j], "%d%d", i, j);
	}
	assert_said("sshinv: 00\nsshinv: 10\nsshinv: 11\nsshinv: 20\n"
	            "sshinv: 21\nsshinv: 22\nsshinv: 30\nsshinv: 31\n"
	            "sshinv: 32\nsshinv: 33\n");
}

static void until_told_notices_pass(void **state)
{
	(void)state;
	log_say(LOG_NOTICE, "seen");
	log_say(LOG_INFO, "not seen");
	assert_said("sshinv: seen\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(until_told_notices_pass,
		                                catch_stderr, release_stderr),
		cmocka_unit_test_setup_teardown(
		    a_line_begins_with_the_program_and_is_escaped, catch_stderr,
		    release_stderr),
		cmocka_unit_test_setup_teardown(
		    a_level_lets_pass_what_is_as_grave, catch_stderr,
		    release_stderr),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}

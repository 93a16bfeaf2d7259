#include "inventory/askpass.h"

#include <pty.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <cmocka.h>

/* A terminal of its own and a process that asks on it. How that ended is its
 * exit status: the kind of its err, ERR_NONE for the answer "secret". */
static int terminal;
static pid_t child;

enum { OTHER_ANSWER = 99 };

static int exit_status(void)
{
	char answer[8];
	struct err err = { .kind = ERR_NONE };

	if (!askpass("password for somebody: ", answer, sizeof(answer), -1,
	             &err))
		return (int)err.kind;
	return strcmp(answer, "secret") == 0 ? (int)ERR_NONE : OTHER_ANSWER;
}

static bool echoes(void)
{
	struct termios now;

	assert_int_equal(tcgetattr(terminal, &now), 0);
	return (now.c_lflag & ECHO) != 0;
}

/* Returns when the terminal is silent, that is, when it is asked on. */
static void begin(void)
{
	child = forkpty(&terminal, NULL, NULL, NULL);
	assert_true(child >= 0);
	if (child == 0)
		_exit(exit_status());
	while (echoes())
		usleep(1000);
}

/* The status as waitpid() has it. */
static int end(void)
{
	int status;

	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(echoes());
	close(terminal);
	return status;
}

static int end_after(const char *keys)
{
	int status;

	begin();
	assert_int_equal(write(terminal, keys, strlen(keys)), strlen(keys));
	status = end();
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void an_answer_ends_with_its_line(void **state)
{
	(void)state;
	assert_int_equal(end_after("secret\r"), ERR_NONE);
	assert_int_equal(end_after("wrong\025secres\177t\r"), ERR_NONE);
}

static void an_interrupt_key_cancels(void **state)
{
	(void)state;
	assert_int_equal(end_after("sec\003"), ERR_CANCELLED);
}

static void an_answer_that_does_not_fit_is_told_apart(void **state)
{
	(void)state;
	assert_int_equal(end_after("12345678"), ERR_INPUT);
}

static void a_signal_at_the_prompt_leaves_the_echo_on(void **state)
{
	static const int numbers[] = { SIGHUP, SIGINT, SIGTERM, SIGQUIT };

	(void)state;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		int status;

		begin();
		assert_int_equal(kill(child, numbers[i]), 0);
		status = end();
		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), numbers[i]);
	}
}

static void an_ignored_signal_stays_ignored(void **state)
{
	int status;

	(void)state;
	signal(SIGHUP, SIG_IGN);
	begin();
	signal(SIGHUP, SIG_DFL);
	assert_int_equal(kill(child, SIGHUP), 0);
	assert_int_equal(write(terminal, "secret\r", 7), 7);
	status = end();
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), ERR_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_ends_with_its_line),
		cmocka_unit_test(an_interrupt_key_cancels),
		cmocka_unit_test(an_answer_that_does_not_fit_is_told_apart),
		cmocka_unit_test(a_signal_at_the_prompt_leaves_the_echo_on),
		cmocka_unit_test(an_ignored_signal_stays_ignored),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}

#include "cli/secret.h"

#include <pty.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <utmp.h>

#include <cmocka.h>

/* A terminal of its own, and a process that has its password from a command
 * which asks there. How that ended is its exit status: the kind of its err, or
 * ERR_NONE for "secret". */
static int terminal;
static pid_t child;
static struct termios before;

enum { OTHER_ANSWER = 99 };

static int exit_status(const struct secret_settings *settings)
{
	const struct wait wait = { .cancel_fd = -1 };
	char password[HOST_PASSWORD_MAX + 1];
	struct secret *secret;
	struct err err;

	if (!secret_open(&secret, settings, &err))
		return (int)err.kind;
	if (!secret_get(secret, "h", "u", password, sizeof(password), &wait,
	                &err))
		return (int)err.kind;
	secret_close(secret);
	return strcmp(password, "secret") == 0 ? (int)ERR_NONE : OTHER_ANSWER;
}

static bool echoes(void)
{
	struct termios now;

	assert_int_equal(tcgetattr(terminal, &now), 0);
	return (now.c_lflag & ECHO) != 0;
}

/* Returns when the terminal is silent, that is, when it is asked on. */
static void begin(const char *command)
{
	struct secret_settings settings = { .fd = -1,
		                            .cancel_fd = -1,
		                            .command = command };
	int slave;

	settings.ask = command == NULL;
	/* Not forkpty(): the child may be quicker than a look at it. */
	assert_int_equal(openpty(&terminal, &slave, NULL, NULL, NULL), 0);
	assert_int_equal(tcgetattr(terminal, &before), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		close(terminal);
		/* NOLINTNEXTLINE(concurrency-mt-unsafe): there is one thread */
		_exit(login_tty(slave) == 0 ? exit_status(&settings)
		                            : OTHER_ANSWER);
	}
	close(slave);
	while (echoes())
		usleep(1000);
}

static int end(void)
{
	struct termios now;
	int status;

	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(tcgetattr(terminal, &now), 0);
	assert_int_equal(now.c_lflag, before.c_lflag);
	assert_int_equal(now.c_iflag, before.c_iflag);
	close(terminal);
	return status;
}

static int end_after(const char *command, const char *keys)
{
	begin(command);
	assert_int_equal(write(terminal, keys, strlen(keys)), strlen(keys));
	return end();
}

/* As age(1), gpg(1) and pass(1) do it; this one leaves the echo off. */
static const char asks[] =
    "stty -echo </dev/tty; read answer </dev/tty; echo \"$answer\"";

static void a_command_asks_on_the_terminal(void **state)
{
	int status = end_after(asks, "secret\n");

	(void)state;
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), ERR_NONE);
}

static void the_terminal_s_interrupt_ends_both(void **state)
{
	int status = end_after(asks, "sec\003");

	(void)state;
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGINT);
}

/* What the command has said on the terminal: its number. */
static pid_t said_pid(void)
{
	char text[64] = "";

	assert_true(read(terminal, text, sizeof(text) - 1) > 0);
	return (pid_t)strtol(text, NULL, 10);
}

static void a_signal_for_us_alone_ends_the_command_too(void **state)
{
	static const int numbers[] = { SIGTERM, SIGHUP, SIGINT };

	(void)state;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		int status;
		pid_t pid;

		begin("echo $$ >/dev/tty; stty -echo </dev/tty; "
		      "read answer </dev/tty");
		pid = said_pid();
		assert_int_equal(kill(pid, 0), 0);
		assert_int_equal(kill(child, numbers[i]), 0);
		status = end();
		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), numbers[i]);
		assert_int_equal(kill(pid, 0), -1);
	}
}

static void an_interrupt_key_at_our_own_question_cancels(void **state)
{
	int status = end_after(NULL, "sec\003");

	(void)state;
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), ERR_CANCELLED);
}

static void our_own_question_takes_an_answer(void **state)
{
	int status = end_after(NULL, "secret\r");

	(void)state;
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), ERR_NONE);
	status = end_after(NULL, "\r");
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), ERR_INPUT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_command_asks_on_the_terminal),
		cmocka_unit_test(the_terminal_s_interrupt_ends_both),
		cmocka_unit_test(a_signal_for_us_alone_ends_the_command_too),
		cmocka_unit_test(an_interrupt_key_at_our_own_question_cancels),
		cmocka_unit_test(our_own_question_takes_an_answer),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}

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

static bool is_utf8;

/* Returns when the terminal is silent, that is, when it is asked on. */
static void begin(void)
{
	struct termios termios;

	child = forkpty(&terminal, NULL, NULL, NULL);
	assert_true(child >= 0);
	if (child == 0) {
		if (tcgetattr(0, &termios) != 0)
			_exit(OTHER_ANSWER);
		termios.c_iflag &= ~(tcflag_t)IUTF8;
		termios.c_iflag |= is_utf8 ? IUTF8 : 0;
		tcsetattr(0, TCSANOW, &termios);
		_exit(exit_status());
	}
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

/* The rest of one went to 10,000 hosts as part of the password. */
static void a_character_of_two_bytes_is_erased_with_one_key(void **state)
{
	(void)state;
	is_utf8 = true;
	assert_int_equal(end_after("secr\303\251\177et\r"), ERR_NONE);
	assert_int_equal(end_after("\342\202\254\177\177secret\r"), ERR_NONE);
	is_utf8 = false;
	assert_int_equal(end_after("secr\251\177et\r"), ERR_NONE);
}

static void an_interrupt_key_cancels(void **state)
{
	(void)state;
	assert_int_equal(end_after("sec\003"), ERR_CANCELLED);
	assert_int_equal(end_after("sec\034"), ERR_CANCELLED);
}

/* It cannot stop us while the terminal is silent. */
static void a_stop_key_is_no_part_of_the_answer(void **state)
{
	(void)state;
	assert_int_equal(end_after("sec\032ret\r"), ERR_NONE);
}

static void an_answer_that_does_not_fit_is_told_apart(void **state)
{
	(void)state;
	assert_int_equal(end_after("12345678"), ERR_INPUT);
}

static void a_signal_at_the_prompt_leaves_the_echo_on(void **state)
{
	const int numbers[] = {
		SIGHUP,  SIGINT,  SIGTERM,   SIGQUIT,   SIGUSR1,  SIGUSR2,
		SIGALRM, SIGPIPE, SIGPROF,   SIGVTALRM, SIGXCPU,  SIGXFSZ,
		SIGPOLL, SIGPWR,  SIGSTKFLT, SIGRTMIN,  SIGRTMAX,
	};

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

/* As the program blocks SIGUSR1, which its run answers later. */
static void a_blocked_signal_does_not_end_the_question(void **state)
{
	sigset_t set, before;
	int status;

	(void)state;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, &before);
	begin();
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	assert_int_equal(kill(child, SIGUSR1), 0);
	assert_int_equal(write(terminal, "secret\r", 7), 7);
	status = end();
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), ERR_NONE);
}

/* --- started in the background -------------------------------------------- */

/* As a shell does it: its line editor has the terminal without echo, while a
 * job that wants it is stopped; then the job is brought to the foreground. */
static int run_as_shell(void)
{
	struct termios usual, editing;
	int status = 0;
	pid_t job;

	signal(SIGTTOU, SIG_IGN);
	if (tcgetattr(0, &usual) != 0)
		return OTHER_ANSWER;
	editing = usual;
	editing.c_lflag &= ~(tcflag_t)(ECHO | ICANON);
	tcsetattr(0, TCSANOW, &editing);
	job = fork();
	if (job == 0) {
		setpgid(0, 0);
		signal(SIGTTOU, SIG_DFL);
		_exit(exit_status());
	}
	if (job < 0 || waitpid(job, &status, WUNTRACED) != job ||
	    !WIFSTOPPED(status))
		return OTHER_ANSWER;
	tcsetattr(0, TCSANOW, &usual);
	tcsetpgrp(0, job);
	kill(job, SIGCONT);
	if (waitpid(job, &status, 0) != job || !WIFEXITED(status))
		return OTHER_ANSWER;
	tcsetpgrp(0, getpgrp());
	return WEXITSTATUS(status);
}

static void wait_for_question(void)
{
	static const char question[] = "somebody: ";
	char text[256];
	size_t length = 0;

	do {
		ssize_t got =
		    read(terminal, text + length, sizeof(text) - 1 - length);

		assert_true(got > 0);
		length += (size_t)got;
		text[length] = '\0';
	} while (strstr(text, question) == NULL);
}

/* The line editor's settings were once left behind: no echo. */
static void who_comes_from_the_background_leaves_the_echo_on(void **state)
{
	int status;

	(void)state;
	child = forkpty(&terminal, NULL, NULL, NULL);
	assert_true(child >= 0);
	if (child == 0)
		_exit(run_as_shell());
	wait_for_question();
	assert_int_equal(write(terminal, "secret\r", 7), 7);
	status = end();
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), ERR_NONE);
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
		cmocka_unit_test(
		    a_character_of_two_bytes_is_erased_with_one_key),
		cmocka_unit_test(an_interrupt_key_cancels),
		cmocka_unit_test(a_stop_key_is_no_part_of_the_answer),
		cmocka_unit_test(an_answer_that_does_not_fit_is_told_apart),
		cmocka_unit_test(a_signal_at_the_prompt_leaves_the_echo_on),
		cmocka_unit_test(an_ignored_signal_stays_ignored),
		cmocka_unit_test(a_blocked_signal_does_not_end_the_question),
		cmocka_unit_test(
		    who_comes_from_the_background_leaves_the_echo_on),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}

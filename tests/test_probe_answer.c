#include "tests/probe_fixture.h"

#include <stdlib.h>

#define ARRAY_LENGTH(a) (sizeof(a) / sizeof((a)[0]))

/* What the probe makes of an answer, with and without a command. */

static const struct probe_settings command_settings = {
	.dial.connect_timeout_ms = PLENTY_MS,
	.host_timeout_ms = PLENTY_MS,
	.command = "uptime",
};

struct answer_case {
	const char *why;
	struct fake_answer answers[2];
	enum status status;
	const char *error, *hostname;
	size_t execs;
};

#define ANSWER(text)                                                           \
	{                                                                      \
		.out = (text)                                                  \
	}

static const struct answer_case hostnames[] = {
	{ "trimmed",
	  { ANSWER("%B\n \t web1\x0b\r\n\n%E\n") },
	  STATUS_OK,
	  "",
	  "web1",
	  1 },
	{ "any bytes inside",
	  { ANSWER("%B\na b\x1b[1m\xff\n%E\n") },
	  STATUS_OK,
	  "",
	  "a b\x1b[1m\xff",
	  1 },
	{ "noise around",
	  { ANSWER("motd %B\nweb1\n%E\nbye") },
	  STATUS_OK,
	  "",
	  "web1",
	  1 },
	{ "errors, but exit status 0",
	  { { .out = "%B\nweb1\n%E\n", .errors = "locale: cannot set\n" } },
	  STATUS_OK,
	  "",
	  "web1",
	  1 },
	{ "empty",
	  { ANSWER("%B\n%E\n") },
	  STATUS_COMMAND,
	  "empty hostname",
	  "",
	  1 },
	{ "blanks",
	  { ANSWER("%B\n \t\r\n%E\n") },
	  STATUS_COMMAND,
	  "empty hostname",
	  "",
	  1 },
	{ "255 bytes",
	  { { .out = "%B\n", .zeros = 255, .after = "\n%E\n" } },
	  STATUS_OK,
	  "",
	  NULL,
	  1 },
	{ "256 bytes",
	  { { .out = "%B\n", .zeros = 256, .after = "\n%E\n" } },
	  STATUS_COMMAND,
	  "hostname over 255 bytes",
	  "",
	  1 },
	{ "exit status",
	  { { .out = "%B\nweb1\n%E\n", .exit_status = 1 } },
	  STATUS_COMMAND,
	  "exit status 1",
	  "",
	  1 },
	{ "exit status and words",
	  { { .out = "%B\n%E\n",
	      .exit_status = 127,
	      .errors = "sh: uname: not found\r\nmore\n" } },
	  STATUS_COMMAND,
	  "exit status 127: sh: uname: not found",
	  "",
	  1 },
	{ "signal",
	  { { .out = "%B\nweb1\n%E\n", .signal = "KILL" } },
	  STATUS_COMMAND,
	  "ended by signal KILL",
	  "",
	  1 },
	{ "signal and words",
	  { { .out = "%B\nweb1\n%E\n", .signal = "TERM", .errors = "bye" } },
	  STATUS_COMMAND,
	  "ended by signal TERM: bye",
	  "",
	  1 },
	{ "cut",
	  { ANSWER("%B\nweb") },
	  STATUS_COMMAND,
	  "the answer was cut off",
	  "",
	  1 },
	{ "cut, with its cause",
	  { { .out = "%B\nweb", .exit_status = 137, .errors = "killed" } },
	  STATUS_COMMAND,
	  "exit status 137: killed",
	  "",
	  1 },

	{ "no shell: asked plainly",
	  { ANSWER("% Unknown command\n"), ANSWER("switch1\r\n") },
	  STATUS_OK,
	  "",
	  "switch1",
	  2 },
	{ "no shell, exit status 1: asked plainly",
	  { { .exit_status = 1 }, ANSWER("win1\r\n") },
	  STATUS_OK,
	  "",
	  "win1",
	  2 },
	{ "echo of the command: asked plainly",
	  { ANSWER("> sh -c 'echo %B; echo %E; exit'\n"), ANSWER("sw\n") },
	  STATUS_OK,
	  "",
	  "sw",
	  2 },
	{ "nothing twice",
	  { ANSWER(""), ANSWER("") },
	  STATUS_COMMAND,
	  "empty hostname",
	  "",
	  2 },
	{ "the second refused",
	  { ANSWER(""),
	    { .step = { ERR_COMMAND,
	                "the server refused to run a command" } } },
	  STATUS_COMMAND,
	  "the server refused to run a command",
	  "",
	  2 },
	{ "the second's exit status",
	  { ANSWER(""), { .out = "x", .exit_status = 2, .errors = "usage" } },
	  STATUS_COMMAND,
	  "exit status 2: usage",
	  "",
	  2 },
	{ "the first had said why",
	  { { .exit_status = 1, .errors = "This account is not available.\n" },
	    { .exit_status = 1, .errors = "other words" } },
	  STATUS_COMMAND,
	  "exit status 1: This account is not available.",
	  "",
	  2 },
	{ "the first had said why, and the connection is gone",
	  { { .exit_status = 1, .errors = "Your password has expired." },
	    { .step = { ERR_COMMAND, "exec: the server closed it" } } },
	  STATUS_COMMAND,
	  "exit status 1: Your password has expired.",
	  "",
	  2 },
	{ "the first spoke, but ended well",
	  { { .errors = "a warning" }, { .exit_status = 3 } },
	  STATUS_COMMAND,
	  "exit status 3",
	  "",
	  2 },
	{ "a timeout of the second is none of the first",
	  { { .exit_status = 1, .errors = "no" },
	    { .step = { ERR_TIMEOUT, "no answer in 30 s" } } },
	  STATUS_TIMEOUT,
	  "no answer in 30 s",
	  "",
	  2 },
	{ "an over-long plain answer",
	  { ANSWER(""), { .zeros = 300 } },
	  STATUS_COMMAND,
	  "hostname over 255 bytes",
	  "",
	  2 },

	{ "timeout before the answer",
	  { { .step = { ERR_TIMEOUT, "no answer in 30 s" }, .out = "%B\nw" } },
	  STATUS_TIMEOUT,
	  "no answer in 30 s",
	  "",
	  1 },
	{ "timeout after the answer",
	  { { .step = { ERR_TIMEOUT, "no answer in 30 s" },
	      .out = "%B\nweb1\n%E\n" } },
	  STATUS_TIMEOUT,
	  "answered, but did not end the session: no answer in 30 s",
	  "",
	  1 },
	{ "interrupted after the answer",
	  { { .step = { ERR_CANCELLED, "interrupted" },
	      .out = "%B\nweb1\n%E\n" } },
	  STATUS_SKIPPED,
	  "interrupted",
	  "",
	  1 },
};

static void each_answer_has_its_end(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(hostnames); i++) {
		const struct answer_case *c = &hostnames[i];
		struct fixture f;

		print_message("%s\n", c->why);
		fixture_open(&f, &usual_settings);
		memcpy(fake_ssh.answers, c->answers, sizeof(c->answers));
		fixture_run(&f, -1);
		assert_ended(&f, c->status,
		             c->status == STATUS_OK ? PHASE_NONE
		                                    : PHASE_COMMAND,
		             c->error);
		if (c->hostname != NULL)
			assert_string_equal(f.record->hostname, c->hostname);
		else
			assert_int_equal(strlen(f.record->hostname), 255);
		assert_int_equal(fake_ssh.execs, c->execs);
		if (c->execs == 2)
			assert_string_equal(fake_ssh.commands[1], "hostname");
		fixture_close(&f);
	}
}

static void a_nul_byte_is_no_hostname(void **state)
{
	struct fixture f;

	(void)state;
	fixture_open(&f, &usual_settings);
	fake_ssh.answers[0].out = "%B\nweb%Z1\n%E\n";
	fixture_run(&f, -1);
	assert_ended(&f, STATUS_COMMAND, PHASE_COMMAND,
	             "hostname with a NUL byte");
	assert_string_equal(f.record->hostname, "");
	fixture_close(&f);
}

static void assert_output(const struct fixture *f, const char *output)
{
	assert_non_null(f->record->output);
	assert_int_equal(f->record->output_length, strlen(output));
	assert_memory_equal(f->record->output, output, strlen(output));
}

static void a_command_goes_by_standard_input(void **state)
{
	struct fixture f;

	(void)state;
	fixture_open(&f, &command_settings);
	fake_ssh.answers[0].out = "%B\nweb1\n%E\n%O\nup 3 days\n\n%D\n";
	fixture_run(&f, -1);
	assert_ended(&f, STATUS_OK, PHASE_NONE, "");
	assert_string_equal(f.record->hostname, "web1");
	assert_output(&f, "up 3 days");
	assert_true(f.record->exit_code == 0);
	assert_int_equal(fake_ssh.execs, 1);
	assert_string_equal(fake_ssh.commands[0], "exec /bin/sh");
	assert_true(fake_ssh.had_input);
	assert_string_equal(fake_ssh.input, f.probe.script);
	assert_non_null(strstr(fake_ssh.input, "(eval 'uptime')"));
	fixture_close(&f);
}

/* probe_init() has copied what it needs. */
static void the_command_is_borrowed_for_the_start_alone(void **state)
{
	struct probe_settings settings = usual_settings;
	char command[] = "uptime";
	struct fixture f;

	(void)state;
	settings.command = command;
	fixture_open(&f, &settings);
	memset(command, 'x', sizeof(command) - 1);
	fake_ssh.answers[0].out = "%B\nweb1\n%E\n%O\n\n%D\n";
	fixture_run(&f, -1);
	assert_non_null(strstr(fake_ssh.input, "'uptime'"));
	fixture_close(&f);
}

struct command_case {
	const char *why;
	struct fake_answer answer, second;
	enum status status;
	const char *error, *hostname, *output; /* NULL: none */
	int64_t exit_code;
};

static const struct command_case commands[] = {
	{ "no output", ANSWER("%B\nw\n%E\n%O\n\n%D\n"), ANSWER(""), STATUS_OK,
	  "", "w", "", 0 },
	{ "newlines at the end only",
	  ANSWER("%B\nw\n%E\n%O\n\n a \n\nb \n\n\n%D\n"), ANSWER(""), STATUS_OK,
	  "", "w", "\n a \n\nb ", 0 },
	{ "its exit status",
	  { .out = "%B\nw\n%E\n%O\nno\n\n%D\n",
	    .exit_status = 3,
	    .errors = "why\n" },
	  ANSWER(""),
	  STATUS_COMMAND,
	  "exit status 3: why",
	  "w",
	  "no",
	  3 },
	{ "cut",
	  { .out = "%B\nw\n%E\n%O\nhalf" },
	  ANSWER(""),
	  STATUS_COMMAND,
	  "the command's output was cut off",
	  "w",
	  NULL,
	  RECORD_UNKNOWN },
	{ "no hostname", ANSWER("%B\n%E\n%O\nx\n\n%D\n"), ANSWER(""),
	  STATUS_COMMAND, "empty hostname", "", NULL, RECORD_UNKNOWN },
	{ "markers of the hostname in the output",
	  ANSWER("%B\nw\n%E\n%O\n%B\nx\n%E\n\n%D\n"), ANSWER(""), STATUS_OK, "",
	  "w", NULL, 0 },
	{ "no POSIX shell", ANSWER("% Unknown command\n"), ANSWER("sw1\n"),
	  STATUS_COMMAND, "no POSIX shell: the command was not run", "sw1",
	  NULL, RECORD_UNKNOWN },
	{ "timeout while it runs",
	  { .step = { ERR_TIMEOUT, "no answer in 1 s" },
	    .out = "%B\nw\n%E\n%O\nhalf" },
	  ANSWER(""),
	  STATUS_TIMEOUT,
	  "no answer in 1 s",
	  "w",
	  NULL,
	  RECORD_UNKNOWN },
	{ "timeout after its end",
	  { .step = { ERR_TIMEOUT, "no answer in 1 s" },
	    .out = "%B\nw\n%E\n%O\nx\n\n%D\n" },
	  ANSWER(""),
	  STATUS_TIMEOUT,
	  "answered, but did not end the session: no answer in 1 s",
	  "w",
	  NULL,
	  RECORD_UNKNOWN },
	{ "65536 bytes",
	  { .out = "%B\nw\n%E\n%O\n", .zeros = 65536, .after = "\n%D\n" },
	  ANSWER(""),
	  STATUS_OK,
	  "",
	  "w",
	  NULL,
	  0 },
	{ "65537 bytes",
	  { .out = "%B\nw\n%E\n%O\n", .zeros = 65537, .after = "\n%D\n" },
	  ANSWER(""),
	  STATUS_COMMAND,
	  "more than 65536 bytes of output",
	  "w",
	  NULL,
	  0 },
};

static void each_command_has_its_end(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(commands); i++) {
		const struct command_case *c = &commands[i];
		struct fixture f;

		print_message("%s\n", c->why);
		fixture_open(&f, &command_settings);
		fake_ssh.answers[0] = c->answer;
		fake_ssh.answers[1] = c->second;
		fixture_run(&f, -1);
		assert_ended(&f, c->status,
		             c->status == STATUS_OK ? PHASE_NONE
		                                    : PHASE_COMMAND,
		             c->error);
		assert_string_equal(f.record->hostname, c->hostname);
		if (c->output != NULL)
			assert_output(&f, c->output);
		assert_true(f.record->exit_code == c->exit_code);
		fixture_close(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_answer_has_its_end),
		cmocka_unit_test(a_nul_byte_is_no_hostname),
		cmocka_unit_test(a_command_goes_by_standard_input),
		cmocka_unit_test(the_command_is_borrowed_for_the_start_alone),
		cmocka_unit_test(each_command_has_its_end),
	};

	return !!cmocka_run_group_tests(tests, libraries_set_up,
	                                libraries_tear_down);
}

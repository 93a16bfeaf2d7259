#include "cli/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/scratch.h"

/* NOLINTBEGIN(concurrency-mt-unsafe): the environment is changed while there is
 * one thread. */

static char folder[64];
static char path[128];
static char warning[1024];

static void warn(const char *sentence)
{
	snprintf(warning, sizeof(warning), "%s", sentence);
}

#define SETTINGS .fd = -1, .cancel_fd = -1, .warn = warn

/* What comes of settings: the password, or "" with err filled. */
static const char *get(const struct secret_settings *settings, struct err *err)
{
	static char password[HOST_PASSWORD_MAX + 1];
	const struct wait wait = { .deadline = INT64_MAX, .cancel_fd = -1 };
	struct secret *secret;

	memset(password, 0, sizeof(password));
	err->kind = ERR_NONE;
	warning[0] = '\0';
	if (!secret_open(&secret, settings, err)) {
		assert_null(secret);
		return password;
	}
	assert_non_null(secret);
	assert_true(secret_get(secret, "web1", "bob", password,
	                       sizeof(password), &wait, err));
	secret_close(secret);
	return password;
}

static void write_file(const char *bytes, size_t length)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(chmod(path, 0600), 0);
	assert_int_equal(fwrite(bytes, 1, length, file), length);
	assert_int_equal(fclose(file), 0);
}

static void settings_that_name_none_make_none(void **state)
{
	const struct secret_settings settings = { SETTINGS };
	struct secret *secret;
	struct err err;

	(void)state;
	assert_true(secret_open(&secret, &settings, &err));
	assert_null(secret);
	secret_close(secret);
}

static void a_file_s_first_line_is_the_password(void **state)
{
	static const struct {
		const char *text, *password;
	} cases[] = {
		{ "secret\n", "secret" },
		{ "secret", "secret" },
		{ "secret\r\n", "secret" },
		{ "secret\nother\n", "secret" },
		{ "  with blanks \t\n", "  with blanks \t" },
		{ "#-%h%u\\\n", "#-%h%u\\" },
		{ "secret\r", "secret\r" },
	};
	const struct secret_settings settings = { SETTINGS, .file = path };
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		write_file(cases[i].text, strlen(cases[i].text));
		assert_string_equal(get(&settings, &err), cases[i].password);
		assert_string_equal(warning, "");
	}
}

static void a_line_that_is_no_password_is_refused(void **state)
{
	static const struct {
		const char *text;
		size_t length;
		const char *part;
	} cases[] = {
		{ "", 0, "no password" },
		{ "\n", 1, "no password" },
		{ "\r\n", 2, "no password" },
		{ "\nsecret\n", 8, "no password" },
		{ "sec\0ret\n", 8, "NUL" },
	};
	const struct secret_settings settings = { SETTINGS, .file = path };
	char text[HOST_PASSWORD_MAX + 2];
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		write_file(cases[i].text, cases[i].length);
		assert_string_equal(get(&settings, &err), "");
		assert_int_equal(err.kind, ERR_INPUT);
		assert_non_null(strstr(err.text, cases[i].part));
		assert_non_null(strstr(err.text, path));
		assert_null(strstr(err.text, "sec"));
	}
	memset(text, 'x', sizeof(text));
	write_file(text, HOST_PASSWORD_MAX);
	assert_int_equal(strlen(get(&settings, &err)), HOST_PASSWORD_MAX);
	write_file(text, HOST_PASSWORD_MAX + 1);
	assert_string_equal(get(&settings, &err), "");
	assert_int_equal(err.kind, ERR_INPUT);
	assert_null(strstr(err.text, "xx"));
}

static void a_file_that_cannot_be_read_is_named(void **state)
{
	const struct secret_settings missing = { SETTINGS,
		                                 .file = "/nowhere/x" };
	const struct secret_settings is_folder = { SETTINGS, .file = folder };
	struct err err;

	(void)state;
	get(&missing, &err);
	assert_int_equal(err.kind, ERR_INPUT);
	assert_non_null(strstr(err.text, "/nowhere/x"));
	get(&is_folder, &err);
	assert_int_equal(err.kind, ERR_INPUT);
	assert_non_null(strstr(err.text, folder));
}

static void a_file_that_others_can_read_is_warned_of(void **state)
{
	const struct secret_settings settings = { SETTINGS, .file = path };
	struct err err;

	(void)state;
	write_file("secret\n", 7);
	assert_int_equal(chmod(path, 0644), 0);
	assert_string_equal(get(&settings, &err), "secret");
	assert_non_null(strstr(warning, path));
	assert_null(strstr(warning, "secret "));
}

static void what_follows_the_line_stays_in_the_descriptor(void **state)
{
	struct secret_settings settings = { SETTINGS };
	int ends[2], copy;
	char rest[8] = "";
	struct err err;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], "secret\nrest", 11), 11);
	copy = dup(ends[0]);
	settings.fd = ends[0];
	assert_string_equal(get(&settings, &err), "secret");
	assert_int_equal(fcntl(ends[0], F_GETFD), -1); /* it is closed */
	assert_int_equal(read(copy, rest, sizeof(rest)), 4);
	assert_string_equal(rest, "rest");
	close(copy);
	close(ends[1]);
}

static void standard_input_stays_open(void **state)
{
	const struct secret_settings by_name = { SETTINGS, .file = "-" };
	struct secret_settings by_number = { SETTINGS };
	int before = dup(STDIN_FILENO), ends[2];
	struct err err;

	(void)state;
	by_number.fd = STDIN_FILENO;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], "one\ntwo\nrest", 12), 12);
	assert_int_equal(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
	assert_string_equal(get(&by_number, &err), "one");
	assert_string_equal(get(&by_name, &err), "two");
	assert_true(fcntl(STDIN_FILENO, F_GETFD) >= 0);
	assert_int_equal(dup2(before, STDIN_FILENO), STDIN_FILENO);
	close(before);
	close(ends[0]);
	close(ends[1]);
}

static void a_descriptor_that_nobody_gave_is_refused(void **state)
{
	struct secret_settings settings = { SETTINGS };
	struct err err;
	int fd;

	(void)state;
	settings.fd = 777;
	get(&settings, &err);
	assert_int_equal(err.kind, ERR_INPUT);
	assert_non_null(strstr(err.text, "777"));
	/* One of the program's own. */
	write_file("secret\n", 7);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd > 0);
	settings.fd = fd;
	get(&settings, &err);
	assert_int_equal(err.kind, ERR_INPUT);
	assert_int_equal(close(fd), 0);
}

static void the_run_s_end_wakes_who_reads(void **state)
{
	struct secret_settings settings = { SETTINGS };
	int ends[2], end[2];
	struct err err;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(pipe(end), 0);
	assert_int_equal(write(end[1], "x", 1), 1);
	settings.fd = ends[0];
	settings.cancel_fd = end[0];
	get(&settings, &err);
	assert_int_equal(err.kind, ERR_CANCELLED);
	close(ends[1]);
	close(end[0]);
	close(end[1]);
}

static void a_variable_is_gone_from_the_environment(void **state)
{
	static char variable[] = "SSHINV_TEST_SECRET=open sesame";
	const struct secret_settings settings = { SETTINGS,
		                                  .env = "SSHINV_TEST_SECRET" };
	char *value = strchr(variable, '=') + 1;
	struct err err;

	(void)state;
	/* Where it stands is ours, so that we can look there. */
	assert_int_equal(putenv(variable), 0);
	assert_string_equal(get(&settings, &err), "open sesame");
	assert_null(getenv("SSHINV_TEST_SECRET"));
	for (size_t i = 0; i < strlen("open sesame"); i++)
		assert_int_equal(value[i], '\0');
	get(&settings, &err);
	assert_int_equal(err.kind, ERR_INPUT);
	assert_non_null(strstr(err.text, "SSHINV_TEST_SECRET"));
}

static void a_variable_that_is_no_password_is_gone_too(void **state)
{
	const struct secret_settings settings = { SETTINGS,
		                                  .env = "SSHINV_TEST_SECRET" };
	char text[HOST_PASSWORD_MAX + 2];
	struct err err;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(setenv("SSHINV_TEST_SECRET", text, 1), 0);
	get(&settings, &err);
	assert_int_equal(err.kind, ERR_INPUT);
	assert_null(strstr(err.text, "xx"));
	assert_null(getenv("SSHINV_TEST_SECRET"));
	assert_int_equal(setenv("SSHINV_TEST_SECRET", "", 1), 0);
	get(&settings, &err);
	assert_int_equal(err.kind, ERR_INPUT);
}

static void the_password_is_in_memory_of_its_own(void **state)
{
	const struct secret_settings settings = { SETTINGS, .file = path };
	char line[512], password[HOST_PASSWORD_MAX + 1];
	const struct wait wait = { .cancel_fd = -1 };
	struct secret *secret;
	bool dumped = true;
	struct err err;
	FILE *maps;

	(void)state;
	write_file("secret\n", 7);
	assert_true(secret_open(&secret, &settings, &err));
	maps = fopen("/proc/self/smaps", "r");
	assert_non_null(maps);
	while (fgets(line, sizeof(line), maps) != NULL) {
		if (strncmp(line, "VmFlags:", 8) == 0 &&
		    strstr(line, " dd") != NULL && strstr(line, " wr") != NULL)
			dumped = false;
	}
	fclose(maps);
	assert_false(dumped);
	assert_true(secret_get(secret, "h", "u", password, sizeof(password),
	                       &wait, &err));
	assert_string_equal(password, "secret");
	secret_close(secret);
}

static void a_command_s_first_line_is_the_password(void **state)
{
	static const struct {
		const char *command, *password;
	} cases[] = {
		{ "echo secret", "secret" },
		{ "printf secret", "secret" },
		{ "printf 'secret\\r\\nmore\\n'", "secret" },
		{ "echo secret; seq 2000", "secret" },
		{ "echo 100%%", "100%" },
		{ "echo '%%h'", "%h" },
		{ "date +secret%%%%", "secret%" },
		{ "echo sec; sleep 0; exit 0", "sec" },
		/* What holds its output open is not waited for. */
		{ "sleep 1000 & echo $! >&2; echo held", "held" },
	};
	struct secret_settings settings = { SETTINGS };
	int before = dup(STDERR_FILENO);
	char pid[16] = "";
	FILE *file;
	struct err err;

	(void)state;
	write_file("", 0);
	assert_non_null(freopen(path, "w+", stderr));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		settings.command = cases[i].command;
		assert_string_equal(get(&settings, &err), cases[i].password);
	}
	dup2(before, STDERR_FILENO);
	close(before);
	file = fopen(path, "r");
	assert_non_null(file);
	assert_non_null(fgets(pid, sizeof(pid), file));
	fclose(file);
	assert_int_equal(kill((pid_t)strtol(pid, NULL, 10), SIGKILL), 0);
}

static void a_command_that_fails_gives_no_password(void **state)
{
	static const struct {
		const char *command, *text;
	} cases[] = {
		{ "echo secret; exit 3",
		  "--password-command 'echo': exit status 3" },
		{ "/bin/false secret",
		  "--password-command '/bin/false': exit status 1" },
		{ "SECRET=secret sh -c 'exit 2'",
		  "--password-command: exit status 2" },
		{ "kill -9 $$",
		  "--password-command 'kill': ended by signal 9" },
		{ ":", "no password" },
		{ "echo; echo secret", "no password" },
		{ "printf 'sec\\0ret'", "NUL" },
		{ "head -c 2000 /dev/zero | tr '\\0' s", "longer than" },
		{ "yes secret", "too much output" },
		{ "no-such-program-of-ours 2>&-", "exit status 127" },
	};
	struct secret_settings settings = { SETTINGS };
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		settings.command = cases[i].command;
		assert_string_equal(get(&settings, &err), "");
		assert_int_equal(err.kind, ERR_INPUT);
		assert_non_null(strstr(err.text, cases[i].text));
		assert_null(strstr(err.text, "secret"));
	}
}

static int begin(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/sshinv-words.XXXXXX");
	if (!scratch_make(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/file", folder);
	return 0;
}

static int end(void **state)
{
	(void)state;
	return scratch_remove(folder) ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(settings_that_name_none_make_none),
		cmocka_unit_test(a_file_s_first_line_is_the_password),
		cmocka_unit_test(a_line_that_is_no_password_is_refused),
		cmocka_unit_test(a_file_that_cannot_be_read_is_named),
		cmocka_unit_test(a_file_that_others_can_read_is_warned_of),
		cmocka_unit_test(what_follows_the_line_stays_in_the_descriptor),
		cmocka_unit_test(standard_input_stays_open),
		cmocka_unit_test(a_descriptor_that_nobody_gave_is_refused),
		cmocka_unit_test(the_run_s_end_wakes_who_reads),
		cmocka_unit_test(a_variable_is_gone_from_the_environment),
		cmocka_unit_test(a_variable_that_is_no_password_is_gone_too),
		cmocka_unit_test(the_password_is_in_memory_of_its_own),
		cmocka_unit_test(a_command_s_first_line_is_the_password),
		cmocka_unit_test(a_command_that_fails_gives_no_password),
	};

	return !!cmocka_run_group_tests(tests, begin, end);
}
/* NOLINTEND(concurrency-mt-unsafe) */

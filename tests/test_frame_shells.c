#include "inventory/frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* The frame in real shells: those of this machine. */

#define ARRAY_LENGTH(a) (sizeof(a) / sizeof((a)[0]))

/* What child() makes of a failed exec, as waitpid() has it. */
#define NO_SUCH_SHELL (126 << 8)

struct result {
	int status; /* of waitpid() */
	char text[65536];
	size_t length;
};

static int memory(const char *bytes)
{
	int fd = memfd_create("shell", MFD_CLOEXEC);
	size_t length = strlen(bytes);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, length), length);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

static void child(char *const *argv, char *const *environment, int in, int out)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0 ||
	    dup2(null, 2) < 0)
		_exit(125);
	execvpe(argv[0], argv, environment);
	_exit(126);
}

static void run(struct result *result, char *const *argv, const char *input,
                char *path)
{
	/* A home where no shell can write. */
	char *environment[] = { path, (char[]){ "LC_ALL=C" },
		                (char[]){ "HOME=/dev/null" }, NULL };
	int in = memory(input), out = memory("");
	pid_t pid = fork();
	ssize_t got;

	assert_true(pid >= 0);
	if (pid == 0)
		child(argv, environment, in, out);
	assert_int_equal(waitpid(pid, &result->status, 0), pid);
	got = pread(out, result->text, sizeof(result->text) - 1, 0);
	assert_true(got >= 0);
	result->length = (size_t)got;
	result->text[got] = '\0';
	close(in);
	close(out);
}

static char usual_path[] =
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

static char sh[] = "/bin/sh", dash[] = "dash", bash[] = "bash",
	    busybox[] = "busybox", busybox_sh[] = "sh", csh[] = "csh",
	    tcsh[] = "tcsh", zsh[] = "zsh", fish[] = "fish", ksh[] = "ksh",
	    dash_c[] = "-c";

/* With room for -c, the command and the end. */
#define ARGV_MAX 5
static char *const posix_shells[][ARGV_MAX] = {
	{ sh },
	{ dash },
	{ bash },
	{ busybox, busybox_sh },
};
static char *const login_shells[][ARGV_MAX] = {
	{ sh },  { dash }, { bash }, { busybox, busybox_sh }, { csh }, { tcsh },
	{ zsh }, { fish }, { ksh },
};

/* Adds -c and a command. */
static void with_command(char **to, char *const *shell, char *command)
{
	size_t count = 0;

	while (shell[count] != NULL) {
		to[count] = shell[count];
		count++;
	}
	to[count++] = dash_c;
	to[count++] = command;
	to[count] = NULL;
}

/* The shell itself must be there; others may not be installed. */
static bool is_missing(const struct result *result, char *const *shell)
{
	if (result->status != NO_SUCH_SHELL)
		return false;
	assert_ptr_not_equal(shell[0], sh);
	print_message("no %s here\n", shell[0]);
	return true;
}

static void assert_part(const struct frame *frame, enum frame_part which,
                        const struct result *result, const char *text)
{
	const char *part = NULL;
	size_t length = 0;

	assert_int_equal(frame_find(frame, which, result->text, result->length,
	                            &part, &length),
	                 FRAME_FOUND);
	assert_int_equal(length, strlen(text));
	assert_memory_equal(part, text, length);
}

static void own_hostname(char *line, size_t size)
{
	char name[256];

	assert_int_equal(gethostname(name, sizeof(name)), 0);
	snprintf(line, size, "%s\n", name);
}

static void every_login_shell_passes_the_hostname_command_on(void **state)
{
	struct frame frame;
	struct err err;
	char expected[300];

	(void)state;
	assert_true(frame_init(&frame, &err));
	own_hostname(expected, sizeof(expected));
	for (size_t i = 0; i < ARRAY_LENGTH(login_shells); i++) {
		static struct result result;
		char *argv[ARGV_MAX];

		with_command(argv, login_shells[i], frame.hostname_command);
		run(&result, argv, "", usual_path);
		if (is_missing(&result, login_shells[i]))
			continue;
		assert_int_equal(result.status, 0);
		assert_part(&frame, FRAME_HOSTNAME, &result, expected);
	}
}

static void a_host_without_hostname_and_uname_says_so(void **state)
{
	struct frame frame;
	struct err err;
	static struct result result;
	char *argv[ARGV_MAX], path[] = "PATH=/dev/null";
	char *const shell[] = { sh, NULL };

	(void)state;
	assert_true(frame_init(&frame, &err));
	with_command(argv, shell, frame.hostname_command);
	run(&result, argv, "", path);
	assert_int_equal(result.status, 127 << 8);
	assert_part(&frame, FRAME_HOSTNAME, &result, "");
}

static void a_host_without_hostname_is_asked_by_uname(void **state)
{
	char folder[] = "/tmp/sshinv-test-XXXXXX";
	char path[64], tool[64], expected[300];
	struct frame frame;
	struct err err;
	static struct result result;
	char *argv[ARGV_MAX];
	char *const shell[] = { sh, NULL };

	(void)state;
	assert_true(frame_init(&frame, &err));
	own_hostname(expected, sizeof(expected));
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "PATH=%s", folder);
	snprintf(tool, sizeof(tool), "%s/uname", folder);
	assert_int_equal(symlink("/bin/uname", tool), 0);
	with_command(argv, shell, frame.hostname_command);
	run(&result, argv, "", path);
	unlink(tool);
	rmdir(folder);
	assert_int_equal(result.status, 0);
	assert_part(&frame, FRAME_HOSTNAME, &result, expected);
}

static const char *const commands[] = {
	"",
	"   ",
	"# nothing but a comment",
	"echo one # comment",
	"echo one; echo two",
	"echo one\necho two\n",
	"printf abc",
	"printf 'a\\n\\n\\n'",
	"exit 3",
	"echo before; exit 3; echo after",
	"false",
	"true",
	"(exit 7)",
	"set -e; false; echo unreached",
	"exec sh -c 'echo inner; exit 5'",
	"trap 'echo bye' EXIT; echo hello; exit 4",
	"cat",
	"read line; echo \"got:$line:$?\"",
	"cat <<E\nhere $((1 + 1)) 'text'\nE",
	"echo 'it'\\''s' \"a\\\"b\" '\\' '!' \"$HOME\" '$HOME'",
	"printf '%s|' \"a'b\" 'c\"d' e\\'f '%s' '\\n'",
	"echo `echo nested`; echo $(echo \"$(echo '(')\")",
	"f() { echo \"f:$1\"; }; f x; f 'y z'",
	"for i in 1 2 3; do echo $i; done",
	"case x in x) echo matched;; esac",
	"echo to-stderr >&2; echo to-stdout",
	"nonexistent-command-of-sshinv",
	"echo $LC_ALL",
	"echo a &&\n\n echo b",
	"x=1; echo ${x:-2} ${y:-3}; unset x",
	"printf 'gr\303\274n \360\237\220\247\n'",
	"echo sshinv-begin; echo sshinv-end; echo sshinv-done",
	"cd / && pwd",
	"umask 077; alias ll=ls; echo \\\n joined",
};

/* The frame changes neither the output nor the exit status of a command. */
static void a_command_runs_as_if_by_sh_c(void **state)
{
	struct frame frame;
	struct err err;
	char name[300];

	(void)state;
	assert_true(frame_init(&frame, &err));
	own_hostname(name, sizeof(name));
	for (size_t i = 0; i < ARRAY_LENGTH(posix_shells); i++) {
		for (size_t j = 0; j < ARRAY_LENGTH(commands); j++) {
			static struct result plain, framed;
			char *argv[ARGV_MAX], command[256], input[2048];
			char *script = frame_script(&frame, commands[j]);

			assert_non_null(script);
			snprintf(command, sizeof(command), "%s", commands[j]);
			with_command(argv, posix_shells[i], command);
			run(&plain, argv, "", usual_path);
			/* Neither the command nor the shell reads on. */
			snprintf(input, sizeof(input), "%secho more\n", script);
			run(&framed, posix_shells[i], input, usual_path);
			free(script);
			if (is_missing(&plain, posix_shells[i]))
				break;
			if (plain.status != framed.status)
				fail_msg("%s: '%s': %x, %x", posix_shells[i][0],
				         command, (unsigned)plain.status,
				         (unsigned)framed.status);
			assert_part(&frame, FRAME_HOSTNAME, &framed, name);
			/* One newline, so that the marker begins a line. */
			snprintf(plain.text + plain.length, 2, "\n");
			assert_part(&frame, FRAME_OUTPUT, &framed, plain.text);
		}
	}
}

static void a_syntax_error_leaves_the_frame_whole(void **state)
{
	static const char *const wrong[] = {
		"if",   "echo )", "echo 'unclosed", "echo \"unclosed",
		"done", "(",      "echo $("
	};
	struct frame frame;
	struct err err;

	(void)state;
	assert_true(frame_init(&frame, &err));
	for (size_t i = 0; i < ARRAY_LENGTH(posix_shells); i++) {
		for (size_t j = 0; j < ARRAY_LENGTH(wrong); j++) {
			static struct result result;
			char *script = frame_script(&frame, wrong[j]);

			assert_non_null(script);
			run(&result, posix_shells[i], script, usual_path);
			free(script);
			if (is_missing(&result, posix_shells[i]))
				break;
			assert_true(WIFEXITED(result.status));
			assert_int_not_equal(WEXITSTATUS(result.status), 0);
			assert_part(&frame, FRAME_OUTPUT, &result, "\n");
		}
	}
}

static void a_command_that_kills_the_shell_cuts_the_frame(void **state)
{
	struct frame frame;
	struct err err;
	static struct result result;
	const char *part;
	size_t length;
	char *script;
	char *const shell[] = { sh, NULL };

	(void)state;
	assert_true(frame_init(&frame, &err));
	script = frame_script(&frame, "echo last words; kill -9 $$");
	assert_non_null(script);
	run(&result, shell, script, usual_path);
	free(script);
	assert_true(WIFSIGNALED(result.status));
	assert_int_equal(frame_find(&frame, FRAME_OUTPUT, result.text,
	                            result.length, &part, &length),
	                 FRAME_CUT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    every_login_shell_passes_the_hostname_command_on),
		cmocka_unit_test(a_host_without_hostname_and_uname_says_so),
		cmocka_unit_test(a_host_without_hostname_is_asked_by_uname),
		cmocka_unit_test(a_command_runs_as_if_by_sh_c),
		cmocka_unit_test(a_syntax_error_leaves_the_frame_whole),
		cmocka_unit_test(a_command_that_kills_the_shell_cuts_the_frame),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}

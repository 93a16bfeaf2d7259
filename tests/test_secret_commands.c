#include "cli/secret_command.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
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

#include "cli/secret_template.h"
#include "tests/scratch.h"

/* Commands per host. */

/* NOLINTBEGIN(concurrency-mt-unsafe): the environment is changed while there is
 * one thread. */

static char folder[64];
static const struct wait for_ever = { .deadline = INT64_MAX, .cancel_fd = -1 };

static const char *in_folder(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static bool get(const char *template, const char *host, const char *user,
                const struct wait *wait, char password[static 64],
                struct err *err)
{
	struct secret_commands commands;
	bool ok;

	memset(password, 0, 64);
	assert_true(secret_commands_open(&commands, template, err));
	ok = secret_command_for(&commands, host, user, password, 64, wait, err);
	secret_commands_close(&commands);
	return ok;
}

static void assert_output(const char *template, const char *expected)
{
	char password[64];
	struct err err = { .text = "" };

	if (!get(template, "web1", "bob", &for_ever, password, &err))
		fail_msg("%s: %s", template, err.text);
	assert_string_equal(password, expected);
}

static void host_and_user_are_put_in(void **state)
{
	(void)state;
	assert_true(secret_template_is_per_host("echo %h"));
	assert_true(secret_template_is_per_host("echo %%%u"));
	assert_false(secret_template_is_per_host("echo %%h %x %"));
	assert_output("echo %h", "web1");
	assert_output("echo pw/%u@%h.x", "pw/bob@web1.x");
	assert_output("echo 'pw/%h' \"%u\" 100%%", "pw/web1 bob 100%");
	assert_output("echo %x %h %", "%x web1 %");
}

static void nothing_in_a_value_means_something_to_the_shell(void **state)
{
	static const char *const users[] = {
		"bo b", "$(id)", "`id`", "'; id; '",  "a\"b", "*",
		"~",    "a\\b",  "a;b",  "a&b",       "a|b",  "a\nb",
		"#x",   "'",     "''",   "a b'c d'e", "!x",
	};
	char password[64], expected[64];
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(users) / sizeof(users[0]); i++) {
		assert_true(get("printf %%s, %u | tr [:space:] N", "web1",
		                users[i], &for_ever, password, &err));
		snprintf(expected, sizeof(expected), "%s,", users[i]);
		for (char *at = expected; *at != '\0'; at++)
			if (*at == '\n' || *at == ' ')
				*at = 'N';
		assert_string_equal(password, expected);
	}
}

/* "$(echo "%u")" was once taken for a place outside of quotes. */
static void a_value_is_no_part_of_the_template_s_quotes(void **state)
{
	static const char *const templates[] = {
		"echo '%u'",
		"echo \"%u\"",
		"echo \"$(echo %u)\"",
		"echo `echo %u`",
		"echo '%u",
		"echo \\%u",
		"echo \"a\\\"b %u\"",
		"cat <<END\n%u\nEND",
		"echo 'a'\"%u\"",
		"echo \"$(echo \"%u\")\"",
		"echo it # isn't\necho %u",
		"echo $'\\'' %u",
		"echo ${a:-%u}",
	};
	struct err err;
	char *command;

	(void)state;
	for (size_t i = 0; i < sizeof(templates) / sizeof(templates[0]); i++) {
		assert_null(
		    secret_template_expand(templates[i], "h", "a b", &err));
		assert_int_equal(err.kind, ERR_INPUT);
		command = secret_template_expand(templates[i], "h", "ab", &err);
		assert_non_null(strstr(command, "ab"));
		free(command);
	}
	assert_null(secret_template_expand("echo %u", "h", "-n", &err));
}

static void a_child_inherits_nothing(void **state)
{
	int fd = open("/dev/null", O_RDONLY); /* NOLINT: not O_CLOEXEC */
	sigset_t all, before;

	(void)state;
	assert_true(fd > 2);
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	signal(SIGPIPE, SIG_IGN);
	setenv("SSHINV_DB_PASSWORD", "x", 1);
	setenv("SSHINV_DB", "mysql://u:x@h/d", 1);
	setenv("MYSQL_PWD", "x", 1);
	/* ls has the folder open. */
	assert_output("echo $(ls /proc/self/fd) # %h", "0 1 2 3");
	assert_output("wc -c # %h", "0");
	assert_output("grep -c '^SigBlk:.0*$' /proc/self/status # %h", "1");
	/* The first 28; glibc leaves two that are its own ignored. */
	assert_output("grep -c '^SigIgn:.*0000000$' /proc/self/status # %h",
	              "1");
	assert_output("env | grep -c -e SSHINV_DB -e MYSQL_PWD || : # %h", "0");
	assert_output("(: </dev/tty) 2>/dev/null || echo no # %h", "no");
	unsetenv("SSHINV_DB_PASSWORD");
	unsetenv("SSHINV_DB");
	unsetenv("MYSQL_PWD");
	signal(SIGPIPE, SIG_DFL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	close(fd);
}

/* A zombie counts: it is only not reaped yet. */
static bool is_gone(pid_t pid)
{
	char path[64], text[512] = "";
	const char *state;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	file = fopen(path, "r");
	if (file == NULL)
		return true;
	if (fgets(text, sizeof(text), file) == NULL)
		text[0] = '\0';
	fclose(file);
	state = strrchr(text, ')');
	return state == NULL || state[2] == 'Z' || state[2] == 'X';
}

/* The process whose number the command wrote into the folder. */
static pid_t written_pid(void)
{
	char text[16] = "";
	FILE *file = fopen(in_folder("pid"), "r");

	assert_non_null(file);
	assert_non_null(fgets(text, sizeof(text), file));
	fclose(file);
	return (pid_t)strtol(text, NULL, 10);
}

static void the_run_s_end_kills_a_command_with_its_children(void **state)
{
	struct wait wait = for_ever;
	char password[64], template[256];
	struct err err;

	(void)state;
	assert_int_equal(mkfifo(in_folder("end"), 0600), 0);
	wait.cancel_fd = open(in_folder("end"), O_RDWR | O_CLOEXEC);
	assert_true(wait.cancel_fd >= 0);
	/* It ends the run itself, when its child is there. */
	snprintf(template, sizeof(template),
	         "trap '' TERM INT HUP; sleep 1000 & echo $! >%s/pid; "
	         "echo secret-%%h; echo x >%s/end; wait",
	         folder, folder);
	assert_false(get(template, "web1", "bob", &wait, password, &err));
	assert_int_equal(err.kind, ERR_CANCELLED);
	assert_string_equal(password, "");
	while (!is_gone(written_pid()))
		usleep(1000);
	close(wait.cancel_fd);
	unlink(in_folder("end"));
}

static void a_deadline_ends_a_command(void **state)
{
	struct wait wait = { .deadline = monotonic_ns() + 20 * NS_PER_MS,
		             .limit_ms = 20,
		             .cancel_fd = -1 };
	char password[64];
	struct err err;

	(void)state;
	assert_false(
	    get("echo %h; sleep 1000", "web1", "bob", &wait, password, &err));
	assert_int_equal(err.kind, ERR_TIMEOUT);
	assert_string_equal(password, "");
	assert_non_null(strstr(err.text, "'echo'"));
}

/* ---- many at the same time ------------------------------------------- */

enum { PLACES = 3, WORKERS = 12 };

static struct secret_commands commands;
static bool well[WORKERS];

static void *work(void *arg)
{
	bool *ok = arg;
	char password[64], host[16];
	struct err err;

	snprintf(host, sizeof(host), "web%d", (int)(ok - well));
	*ok = secret_command_for(&commands, host, "bob", password,
	                         sizeof(password), &for_ever, &err) &&
	      strcmp(password, host) == 0;
	return NULL;
}

static void so_many_run_at_the_same_time_and_no_more(void **state)
{
	char template[256], line[8];
	pthread_t threads[WORKERS];
	int now = 0, most = 0, all = 0;
	struct err err;
	FILE *file;

	(void)state;
	snprintf(template, sizeof(template),
	         "echo + >>%s/log; sleep 0.05; echo - >>%s/log; echo %%h",
	         folder, folder);
	assert_true(secret_commands_open(&commands, template, &err));
	places_release(&commands.places);
	places_init(&commands.places, PLACES);
	for (int i = 0; i < WORKERS; i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, work, &well[i]), 0);
	for (int i = 0; i < WORKERS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	secret_commands_close(&commands);
	file = fopen(in_folder("log"), "r");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file) != NULL) {
		now += line[0] == '+' ? 1 : -1;
		most = now > most ? now : most;
		all++;
	}
	fclose(file);
	assert_int_equal(all, 2 * WORKERS);
	assert_true(most >= 1 && most <= PLACES);
	for (int i = 0; i < WORKERS; i++)
		assert_true(well[i]);
}

static void who_waits_for_his_turn_does_so_under_his_deadline(void **state)
{
	struct wait wait = { .deadline = monotonic_ns() + 20 * NS_PER_MS,
		             .limit_ms = 20,
		             .cancel_fd = -1 };
	struct places places;
	struct err err;

	(void)state;
	places_init(&places, 1);
	assert_true(places_enter(&places, &for_ever, &err));
	assert_false(places_enter(&places, &wait, &err));
	assert_int_equal(err.kind, ERR_TIMEOUT);
	/* He is in nobody's way. */
	places_leave(&places);
	assert_true(places_enter(&places, &for_ever, &err));
	places_leave(&places);
	places_release(&places);
}

static int begin(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/sshinv-commands.XXXXXX");
	return scratch_make(folder) ? 0 : -1;
}

static int end(void **state)
{
	(void)state;
	return scratch_remove(folder) ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(host_and_user_are_put_in),
		cmocka_unit_test(
		    nothing_in_a_value_means_something_to_the_shell),
		cmocka_unit_test(a_value_is_no_part_of_the_template_s_quotes),
		cmocka_unit_test(a_child_inherits_nothing),
		cmocka_unit_test(
		    the_run_s_end_kills_a_command_with_its_children),
		cmocka_unit_test(a_deadline_ends_a_command),
		cmocka_unit_test(so_many_run_at_the_same_time_and_no_more),
		cmocka_unit_test(
		    who_waits_for_his_turn_does_so_under_his_deadline),
	};

	return !!cmocka_run_group_tests(tests, begin, end);
}
/* NOLINTEND(concurrency-mt-unsafe) */

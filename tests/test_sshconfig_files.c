#include "inventory/sshconfig.h"

#include <grp.h>
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/sshconfig_fixture.h"

/* Which files are read. */

/* NOLINTBEGIN(concurrency-mt-unsafe): there are no threads */
static void a_named_file_has_to_be_there(void **state)
{
	struct sshconfig_settings settings = { .home = sshconfig_folder };
	struct err err;

	(void)state;
	assert_false(sshconfig_open_file(&opened, "no-such-file", &err));
	assert_int_equal(err.kind, ERR_INPUT);
	assert_non_null(strstr(err.text, "no-such-file"));
	settings.path = sshconfig_folder;
	assert_false(sshconfig_open(&opened, &settings, &err));
	assert_int_equal(err.kind, ERR_INPUT);
	settings.path = "none";
	assert_true(sshconfig_open(&opened, &settings, &err));
	assert_true(sshconfig_is_empty(opened));
}

/* With ~/.ssh/config; what the system's file adds is not ours to know. */
static void open_default(const char *text, mode_t mode)
{
	const struct sshconfig_settings settings = { .home = sshconfig_folder };
	struct err err = { .text = "" };

	sshconfig_close(opened);
	opened = NULL;
	mkdir(sshconfig_path(".ssh"), 0700);
	sshconfig_write(".ssh/config", text);
	assert_int_equal(chmod(sshconfig_path(".ssh/config"), mode), 0);
	if (!sshconfig_open(&opened, &settings, &err)) {
		assert_int_equal(err.kind, ERR_INPUT);
		assert_non_null(strstr(err.text, "bad owner or permissions"));
		opened = NULL;
	}
}

static void the_user_s_own_file_is_read_without_being_named(void **state)
{
	const struct sshconfig_settings settings = { .home = "/nowhere" };
	struct err err;

	(void)state;
	sshconfig_close(opened);
	opened = NULL;
	assert_true(sshconfig_open(&opened, &settings, &err));
	open_default("Host sshinv-test\nPort 7\n", 0600);
	assert_non_null(opened);
	find("sshinv-test");
	assert_int_equal(found.port, 7);
}

static void others_must_not_write_the_user_s_file(void **state)
{
	const struct passwd *account = getpwuid(getuid()); /* NOLINT */
	const struct group *group = getgrgid(getgid());    /* NOLINT */
	bool own = account != NULL && group != NULL &&
	           strcmp(account->pw_name, group->gr_name) == 0 &&
	           group->gr_mem[0] == NULL;

	(void)state;
	open_default("Port 1\n", 0602);
	assert_null(opened);
	open_default("Port 1\n", 0660);
	/* A group that is the account's own has nobody else in it. */
	if (own)
		assert_non_null(opened);
	else
		assert_null(opened);
	open_default("Port 1\n", 0644);
	assert_non_null(opened);
	if (getuid() != 0)
		return;
	open_default("Port 1\n", 0600);
	assert_int_equal(chown(sshconfig_path(".ssh/config"), 64998, 64998), 0);
	sshconfig_close(opened);
	opened = NULL;
	{
		const struct sshconfig_settings settings = {
			.home = sshconfig_folder
		};
		struct err err;

		assert_false(sshconfig_open(&opened, &settings, &err));
		assert_int_equal(err.kind, ERR_INPUT);
	}
}

static void relative_includes_are_the_user_s(void **state)
{
	(void)state;
	mkdir(sshconfig_path(".ssh"), 0700);
	mkdir(sshconfig_path(".ssh/conf[.d"), 0700);
	sshconfig_write(".ssh/conf[.d/a.conf", "Port 8\n");
	sshconfig_write(".ssh/conf[.d/b.conf", "Port 9\nUser late\n");
	open_text("Include \"conf\\[.d/*.conf\" nothing/here\n");
	find("x");
	assert_int_equal(found.port, 8);
	assert_string_equal(found.user, "late");
	open_text("Include ~/.ssh/conf*/b.conf\n");
	find("x");
	assert_int_equal(found.port, 9);
}

static int end(void **state)
{
	sshconfig_close(opened);
	return sshconfig_fixture_end(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_named_file_has_to_be_there),
		cmocka_unit_test(
		    the_user_s_own_file_is_read_without_being_named),
		cmocka_unit_test(others_must_not_write_the_user_s_file),
		cmocka_unit_test(relative_includes_are_the_user_s),
	};

	return !!cmocka_run_group_tests(tests, sshconfig_fixture_begin, end);
}
/* NOLINTEND(concurrency-mt-unsafe) */

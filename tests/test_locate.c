#include "sql/locate.h"

#include "tests/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

static char home[64];
static struct dsn dsn;
static struct err err;
static char warnings[1024];

static void collect(void *arg, const char *warning)
{
	(void)arg;
	strncat(warnings, warning, sizeof(warnings) - strlen(warnings) - 1);
}

/* NULL unsets it. */
static void set_variable(const char *name, const char *value)
{
	/* NOLINTBEGIN(concurrency-mt-unsafe): there is one thread */
	if (value)
		setenv(name, value, 1);
	else
		unsetenv(name);
	/* NOLINTEND(concurrency-mt-unsafe) */
}

static int set_up(void **state)
{
	(void)state;
	strcpy(home, "/tmp/test_locate.XXXXXX");
	if (!scratch_make(home))
		return -1;
	warnings[0] = '\0';
	err = (struct err){ .kind = ERR_NONE };
	set_variable("SSHINV_DB", NULL);
	set_variable("SSHINV_DB_PASSWORD", NULL);
	set_variable("XDG_DATA_HOME", NULL);
	set_variable("HOME", home);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	dsn_wipe(&dsn);
	return scratch_remove(home) ? 0 : -1;
}

static bool locate(const char *text)
{
	const struct store_settings settings = { .dsn = text, .warn = collect };

	return store_locate(&dsn, &settings, &err);
}

static void put_my_cnf(const char *content)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/.my.cnf", home);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(content, file);
	assert_int_equal(fclose(file), 0);
}

static void assert_path(const char *folder, const char *rest)
{
	char path[256];

	snprintf(path, sizeof(path), "%s%s", folder, rest);
	assert_int_equal(dsn.kind, DSN_SQLITE);
	assert_string_equal(dsn.path, path);
}

static void without_a_name_it_is_a_file_at_home(void **state)
{
	(void)state;
	assert_true(locate(NULL));
	assert_path(home, "/.local/share/sshinv/inventory.db");
}

static void its_folders_are_its_owners_alone(void **state)
{
	static const char *const folders[] = { "/.local", "/.local/share",
		                               "/.local/share/sshinv" };
	struct stat st;
	char path[128];

	(void)state;
	assert_true(locate(NULL));
	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s%s", home, folders[i]);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 0777u, 0700);
	}
	/* Those that are there stay as they are. */
	assert_true(locate(NULL));
}

static void xdg_data_home_comes_before_home(void **state)
{
	char data[128];

	(void)state;
	snprintf(data, sizeof(data), "%s/data", home);
	set_variable("XDG_DATA_HOME", data);
	assert_true(locate(NULL));
	assert_path(data, "/sshinv/inventory.db");
	set_variable("XDG_DATA_HOME", "relative");
	assert_true(locate(NULL));
	assert_path(home, "/.local/share/sshinv/inventory.db");
}

static void without_a_home_the_error_says_what_to_do(void **state)
{
	(void)state;
	set_variable("HOME", NULL);
	assert_false(locate(NULL));
	assert_int_equal(err.kind, ERR_STORE);
	assert_non_null(strstr(err.text, "--db"));
	assert_non_null(strstr(err.text, "--no-db"));
}

static void a_folder_that_cannot_be_made_is_named(void **state)
{
	(void)state;
	set_variable("XDG_DATA_HOME", "/proc/none");
	assert_false(locate(NULL));
	assert_int_equal(err.kind, ERR_STORE);
	assert_non_null(strstr(err.text, "/proc/none"));
}

static void a_named_one_comes_first(void **state)
{
	(void)state;
	set_variable("SSHINV_DB", "sqlite:env.db");
	put_my_cnf("[sshinv]\nhost=db1\ndatabase=fleet\n");
	assert_true(locate("sqlite:named.db"));
	assert_path("", "named.db");
	assert_true(locate(NULL));
	assert_path("", "env.db");
	set_variable("SSHINV_DB", "");
	assert_true(locate(NULL));
	assert_int_equal(dsn.kind, DSN_MYSQL);
	assert_string_equal(dsn.server.host, "db1");
	assert_string_equal(dsn.server.database, "fleet");
}

static void a_client_group_alone_selects_nothing(void **state)
{
	(void)state;
	put_my_cnf("[client]\nhost=db1\ndatabase=fleet\n");
	assert_true(locate(NULL));
	assert_int_equal(dsn.kind, DSN_SQLITE);
}

static void a_bad_name_is_an_error_that_says_whose(void **state)
{
	(void)state;
	assert_false(locate("oracle://x"));
	assert_int_equal(err.kind, ERR_INPUT);
	assert_non_null(strstr(err.text, "--db"));
	set_variable("SSHINV_DB", "oracle://x");
	assert_false(locate(NULL));
	assert_non_null(strstr(err.text, "SSHINV_DB"));
}

static void the_option_files_fill_what_the_dsn_leaves_out(void **state)
{
	(void)state;
	put_my_cnf("[client]\nuser=inv\npassword=pw\nhost=other\nport=1\n"
	           "ssl-mode=REQUIRED\n[sshinv]\ndatabase=wrong\n");
	assert_true(locate("mysql://db1/fleet"));
	assert_string_equal(dsn.server.host, "db1");
	assert_string_equal(dsn.server.user, "inv");
	assert_string_equal(dsn.server.password, "pw");
	assert_string_equal(dsn.server.database, "fleet");
	assert_int_equal(dsn.server.port, 1);
	assert_int_equal(dsn.server.tls, TLS_REQUIRED);
	assert_string_equal(warnings, "");
}

static void a_named_host_has_no_use_for_a_socket(void **state)
{
	(void)state;
	put_my_cnf("[client]\nsocket=/run/s\n[sshinv]\nhost=db1\n");
	assert_true(locate("mysql://db2/fleet"));
	assert_string_equal(dsn.server.socket, "");
	assert_false(server_is_local(&dsn.server));
	assert_true(locate("mysql://localhost/fleet"));
	assert_string_equal(dsn.server.socket, "/run/s");
	assert_true(server_is_local(&dsn.server));
	assert_true(locate("mysql://localhost:3306/fleet"));
	assert_false(server_is_local(&dsn.server));
	/* A named socket is not at the host of the files. */
	assert_true(locate("mysql:///fleet?socket=/run/t"));
	assert_string_equal(dsn.server.host, "localhost");
	assert_string_equal(dsn.server.socket, "/run/t");
}

static void passwords_have_an_order(void **state)
{
	(void)state;
	put_my_cnf("[client]\npassword=file\n");
	set_variable("SSHINV_DB_PASSWORD", "variable");
	assert_true(locate("mysql://inv@db1/fleet"));
	assert_string_equal(dsn.server.password, "variable");
	/* It was taken out of the environment. */
	assert_null(secure_getenv("SSHINV_DB_PASSWORD"));
	assert_true(locate("mysql://inv@db1/fleet"));
	assert_string_equal(dsn.server.password, "file");
	assert_string_equal(warnings, "");
	assert_true(locate("mysql://inv:named@db1/fleet"));
	assert_string_equal(dsn.server.password, "named");
	assert_non_null(strstr(warnings, "password"));
	assert_null(strstr(warnings, "named"));
}

static void the_password_leaves_the_environment_whatever_the_store(void **state)
{
	(void)state;
	put_my_cnf("[client]\npassword=file\n");
	set_variable("SSHINV_DB_PASSWORD", "variable");
	assert_true(locate("sqlite:x.db"));
	assert_null(secure_getenv("SSHINV_DB_PASSWORD"));
	set_variable("SSHINV_DB_PASSWORD", "variable");
	assert_true(locate(NULL));
	assert_null(secure_getenv("SSHINV_DB_PASSWORD"));
	set_variable("SSHINV_DB_PASSWORD", "variable");
	assert_true(locate("mysql://inv:named@db1/fleet"));
	assert_string_equal(dsn.server.password, "named");
	assert_null(secure_getenv("SSHINV_DB_PASSWORD"));
	set_variable("SSHINV_DB_PASSWORD", "variable");
	assert_false(locate("oracle://x"));
	assert_null(secure_getenv("SSHINV_DB_PASSWORD"));
}

static void an_empty_password_variable_is_as_if_unset(void **state)
{
	(void)state;
	set_variable("SSHINV_DB_PASSWORD", "");
	assert_true(locate("mysql://inv@db1/fleet"));
	assert_false(dsn.server.has_password);
	put_my_cnf("[client]\npassword=file\n");
	set_variable("SSHINV_DB_PASSWORD", "");
	assert_true(locate("mysql://inv@db1/fleet"));
	assert_string_equal(dsn.server.password, "file");
}

static void a_server_without_a_database_is_an_error(void **state)
{
	(void)state;
	assert_false(locate("mysql://db1"));
	assert_int_equal(err.kind, ERR_INPUT);
	assert_non_null(strstr(err.text, "database"));
}

static void the_advice_is_parted_from_what_is_wrong(void **state)
{
	const struct place place = { .what = "new host keys",
		                     .variable = "XDG_STATE_HOME",
		                     .below_home = ".local/state",
		                     .advice = "they are not remembered" };
	char path[64];

	(void)state;
	set_variable("HOME", NULL);
	set_variable("XDG_STATE_HOME", NULL);
	assert_false(locate_file(&place, "x", path, sizeof(path), &err));
	assert_string_equal(err.text, "no place for new host keys: HOME is not "
	                              "set; they are not remembered");
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(without_a_name_it_is_a_file_at_home),
		TEST(its_folders_are_its_owners_alone),
		TEST(xdg_data_home_comes_before_home),
		TEST(without_a_home_the_error_says_what_to_do),
		TEST(the_advice_is_parted_from_what_is_wrong),
		TEST(a_folder_that_cannot_be_made_is_named),
		TEST(a_named_one_comes_first),
		TEST(a_client_group_alone_selects_nothing),
		TEST(a_bad_name_is_an_error_that_says_whose),
		TEST(the_option_files_fill_what_the_dsn_leaves_out),
		TEST(a_named_host_has_no_use_for_a_socket),
		TEST(passwords_have_an_order),
		TEST(the_password_leaves_the_environment_whatever_the_store),
		TEST(an_empty_password_variable_is_as_if_unset),
		TEST(a_server_without_a_database_is_an_error),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}

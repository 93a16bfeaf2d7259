#include "sql/optionfile.h"

#include "tests/scratch.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static int reads_left = -1; /* of a few bytes each, then an error; -1: as is */

ssize_t __real_read(int fd, void *buf, size_t size);
ssize_t __wrap_read(int fd, void *buf, size_t size);
ssize_t __wrap___read_chk(int fd, void *buf, size_t size, size_t room);

ssize_t __wrap_read(int fd, void *buf, size_t size)
{
	if (reads_left < 0)
		return __real_read(fd, buf, size);
	if (reads_left-- > 0)
		return __real_read(fd, buf, size < 20 ? size : 20);
	errno = EIO;
	return -1;
}

/* What read() is where the sources are fortified. */
ssize_t __wrap___read_chk(int fd, void *buf, size_t size, size_t room)
{
	(void)room;
	return __wrap_read(fd, buf, size);
}

/* One line, for optionfile_line() to change. */
static char line[512];
static struct option_text text;

static enum option_line take(const char *source)
{
	size_t length = strlen(source);

	assert_true(length < sizeof(line));
	memcpy(line, source, length + 1);
	return optionfile_line(&text, line, length);
}

static void assert_option(const char *source, const char *name,
                          const char *value)
{
	assert_int_equal(take(source), OPTION_VALUE);
	assert_int_equal(text.name_length, strlen(name));
	assert_memory_equal(text.name, name, strlen(name));
	assert_int_equal(text.value_length, strlen(value));
	assert_memory_equal(text.value, value, strlen(value));
}

static void a_line_has_a_name_and_a_value(void **state)
{
	(void)state;
	assert_option("user=inv", "user", "inv");
	assert_option("  user \t=  inv  \r", "user", "inv");
	assert_option("user=a b", "user", "a b");
	assert_option("user=a=b", "user", "a=b");
	assert_option("user=", "user", "");
	assert_option("password", "password", "");
}

static void blanks_and_comments_say_nothing(void **state)
{
	(void)state;
	assert_int_equal(take(""), OPTION_NOTHING);
	assert_int_equal(take(" \t\r"), OPTION_NOTHING);
	assert_int_equal(take("# user=inv"), OPTION_NOTHING);
	assert_int_equal(take("  ; user=inv"), OPTION_NOTHING);
}

static void an_unquoted_hash_ends_a_value(void **state)
{
	(void)state;
	assert_option("password=a#b", "password", "a");
	assert_option("password='a#b' # c", "password", "a#b");
	assert_option("password=\"a#b\"", "password", "a#b");
	assert_option("password=\"a'#b\"", "password", "a'#b");
	assert_option("password=\"a\\\"#b\"", "password", "a\"#b");
	assert_option("password=a;b", "password", "a;b");
}

static void quotes_around_a_value_go_away(void **state)
{
	(void)state;
	assert_option("user='inv'", "user", "inv");
	assert_option("user=\" inv \"", "user", " inv ");
	assert_option("user='inv", "user", "'inv");
	assert_option("user=in'v", "user", "in'v");
	assert_option("user='", "user", "'");
	assert_option("user=''", "user", "");
}

static void escapes_are_those_of_the_manual(void **state)
{
	(void)state;
	assert_option("x=a\\sb\\tc\\nd\\re\\bf\\\\g", "x",
	              "a b\tc\nd\re\bf\\g");
	assert_option("x=C:\\Programs", "x", "C:\\Programs");
	assert_option("x=a\\", "x", "a\\");
	assert_option("x='a\\'b'", "x", "a'b");
}

static void groups_and_includes_are_told_apart(void **state)
{
	(void)state;
	assert_int_equal(take(" [ sshinv ] # ours"), OPTION_GROUP);
	assert_int_equal(text.name_length, 6);
	assert_memory_equal(text.name, "sshinv", 6);
	assert_int_equal(take("!include /etc/x.cnf "), OPTION_INCLUDE);
	assert_int_equal(text.value_length, strlen("/etc/x.cnf"));
	assert_int_equal(take("!includedir /etc/d"), OPTION_INCLUDEDIR);
	assert_int_equal(text.value_length, strlen("/etc/d"));
	assert_int_equal(take("!include"), OPTION_BAD);
	assert_int_equal(take("!including x"), OPTION_BAD);
	assert_int_equal(take("[sshinv"), OPTION_BAD);
	assert_int_equal(take("=x"), OPTION_BAD);
}

struct files {
	char folder[64];
	struct optionfile options;
	char warnings[1024];
	struct err err;
};

static struct files files;

static int make_folder(void **state)
{
	(void)state;
	memset(&files, 0, sizeof(files));
	strcpy(files.folder, "/tmp/test_optionfile.XXXXXX");
	return scratch_make(files.folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	(void)state;
	return scratch_remove(files.folder) ? 0 : -1;
}

static const char *path_of(const char *name)
{
	static char paths[4][128];
	static unsigned next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", files.folder, name);
	return path;
}

/* %s in the content is the folder. */
static void put_file(const char *name, const char *content)
{
	FILE *file = fopen(path_of(name), "w");

	assert_non_null(file);
	for (; *content; content++) {
		if (strncmp(content, "%s", 2) == 0) {
			fputs(files.folder, file);
			content++;
		} else {
			fputc(*content, file);
		}
	}
	assert_int_equal(fclose(file), 0);
}

static void collect(void *arg, const char *warning)
{
	(void)arg;
	strncat(files.warnings, warning,
	        sizeof(files.warnings) - strlen(files.warnings) - 1);
}

static bool read_files(const char *first, const char *second)
{
	const char *paths[] = { path_of(first), path_of(second) };

	return optionfile_read(&files.options, paths, 2, collect, NULL,
	                       &files.err);
}

static void our_groups_are_read_and_no_others(void **state)
{
	(void)state;
	put_file("a", "user=nobody\n"
	              "[mysqld]\nport=1\nsocket=/wrong\n"
	              "[client]\nuser=a\nport=3307\nno-such-option=1\n"
	              "[client-server]\nssl_ca=/ca\n"
	              "[client-mariadb]\nconnect_timeout=5\n"
	              "[mysql]\ndatabase=wrong\n"
	              "[sshinv]\ndatabase=fleet\nssl-mode=required\n"
	              "password='se#cret'");
	assert_true(read_files("a", "missing"));
	assert_string_equal(files.options.server.user, "a");
	assert_int_equal(files.options.server.port, 3307);
	assert_false(files.options.server.port_in_dsn);
	assert_string_equal(files.options.server.socket, "");
	assert_string_equal(files.options.server.ssl_ca, "/ca");
	assert_int_equal(files.options.server.connect_timeout_s, 5);
	assert_string_equal(files.options.server.database, "fleet");
	assert_int_equal(files.options.server.tls, TLS_REQUIRED);
	assert_string_equal(files.options.server.password, "se#cret");
	assert_true(files.options.names_server);
	assert_string_equal(files.warnings, "");
}

static void only_ours_names_a_server(void **state)
{
	(void)state;
	put_file("a", "[client]\nhost=db1\ndatabase=x\n[sshinv]\nuser=inv\n");
	assert_true(read_files("a", "missing"));
	assert_false(files.options.names_server);
	put_file("b", "[sshinv]\nhost=db1\n");
	assert_true(read_files("a", "b"));
	assert_true(files.options.names_server);
}

static void a_later_value_wins(void **state)
{
	(void)state;
	put_file("a", "[sshinv]\nuser=a\nhost=one\nhost=two\n");
	put_file("b", "[client]\nuser=b\n");
	assert_true(read_files("a", "b"));
	assert_string_equal(files.options.server.user, "b");
	assert_string_equal(files.options.server.host, "two");
}

static void includes_are_followed(void **state)
{
	(void)state;
	assert_int_equal(mkdir(path_of("d"), 0700), 0);
	put_file("a", "[client]\n!include %s/b\n!includedir %s/d\nuser=a\n");
	put_file("b", "[client]\nuser=b\nport=1\n");
	put_file("d/1.cnf", "[sshinv]\nhost=one\nport=2\n");
	put_file("d/2.cnf", "[sshinv]\nhost=two\n");
	put_file("d/3.bak", "[sshinv]\nhost=three\n");
	assert_true(read_files("a", "missing"));
	assert_string_equal(files.options.server.user, "a");
	assert_string_equal(files.options.server.host, "two");
	assert_int_equal(files.options.server.port, 2);
}

static void a_file_that_includes_itself_ends(void **state)
{
	(void)state;
	put_file("a", "[client]\nuser=a\n!include %s/a\n");
	assert_true(read_files("a", "missing"));
	assert_string_equal(files.options.server.user, "a");
}

static void a_bad_value_is_an_error_with_its_line(void **state)
{
	(void)state;
	put_file("a", "[client]\n\nssl-mode=maybe\n");
	assert_false(read_files("a", "missing"));
	assert_int_equal(files.err.kind, ERR_INPUT);
	assert_non_null(strstr(files.err.text, "/a:3: ssl-mode"));
}

static void an_unknown_option_of_ours_is_a_warning(void **state)
{
	(void)state;
	put_file("a", "[sshinv]\nhosts=db1\n");
	assert_true(read_files("a", "missing"));
	assert_non_null(strstr(files.warnings, "'hosts'"));
}

static void a_file_that_all_can_write_is_ignored(void **state)
{
	(void)state;
	put_file("a", "[sshinv]\nhost=evil\n");
	assert_int_equal(chmod(path_of("a"), 0666), 0);
	assert_true(read_files("a", "missing"));
	assert_false(files.options.names_server);
	assert_non_null(strstr(files.warnings, "everybody"));
}

static void a_folder_instead_of_a_file_is_a_warning(void **state)
{
	(void)state;
	assert_int_equal(mkdir(path_of("a"), 0700), 0);
	assert_true(read_files("a", "missing"));
	assert_non_null(strstr(files.warnings, "not a file"));
}

static void half_a_file_is_not_taken(void **state)
{
	(void)state;
	put_file("a", "[sshinv]\nhost=db1\nssl-mode=VERIFY_CA\n");
	reads_left = 1;
	assert_true(read_files("a", "missing"));
	reads_left = -1;
	assert_false(files.options.names_server);
	assert_string_equal(files.options.server.host, "");
	assert_non_null(strstr(files.warnings, "cannot be read"));
}

static void put_long_file(size_t size)
{
	FILE *file = fopen(path_of("a"), "w");

	assert_non_null(file);
	fputs("[sshinv]\nhost=db1\n", file);
	for (size_t i = strlen("[sshinv]\nhost=db1\n"); i < size; i++)
		fputc('#', file);
	assert_int_equal(fclose(file), 0);
}

static void a_file_is_not_cut_at_its_largest_size(void **state)
{
	enum { LARGEST = 1024 * 1024 };

	(void)state;
	put_long_file(LARGEST + 1);
	assert_true(read_files("a", "missing"));
	assert_false(files.options.names_server);
	assert_non_null(strstr(files.warnings, "larger than 1 MiB"));
	files.warnings[0] = '\0';
	put_long_file(LARGEST);
	assert_true(read_files("a", "missing"));
	assert_true(files.options.names_server);
	assert_string_equal(files.warnings, "");
}

#define WITH_FILES(test)                                                       \
	cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_has_a_name_and_a_value),
		cmocka_unit_test(blanks_and_comments_say_nothing),
		cmocka_unit_test(an_unquoted_hash_ends_a_value),
		cmocka_unit_test(quotes_around_a_value_go_away),
		cmocka_unit_test(escapes_are_those_of_the_manual),
		cmocka_unit_test(groups_and_includes_are_told_apart),
		WITH_FILES(our_groups_are_read_and_no_others),
		WITH_FILES(only_ours_names_a_server),
		WITH_FILES(a_later_value_wins),
		WITH_FILES(includes_are_followed),
		WITH_FILES(a_file_that_includes_itself_ends),
		WITH_FILES(a_bad_value_is_an_error_with_its_line),
		WITH_FILES(an_unknown_option_of_ours_is_a_warning),
		WITH_FILES(a_file_that_all_can_write_is_ignored),
		WITH_FILES(half_a_file_is_not_taken),
		WITH_FILES(a_file_is_not_cut_at_its_largest_size),
		WITH_FILES(a_folder_instead_of_a_file_is_a_warning),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}

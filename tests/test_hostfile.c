#include "inventory/hostfile.h"

#include "tests/hostfile_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#define ARRAY_LENGTH(a) (sizeof(a) / sizeof((a)[0]))

/* How much a read() gives at most; and how the next one fails. */
static size_t read_most = SIZE_MAX;
static int read_fails[4];

ssize_t __real_read(int fd, void *buf, size_t count);
ssize_t __wrap_read(int fd, void *buf, size_t count);
ssize_t __wrap___read_chk(int fd, void *buf, size_t count, size_t size);

ssize_t __wrap_read(int fd, void *buf, size_t count)
{
	int failed = read_fails[0];

	memmove(read_fails, read_fails + 1, sizeof(read_fails) - sizeof(int));
	read_fails[ARRAY_LENGTH(read_fails) - 1] = 0;
	if (failed != 0) {
		errno = failed;
		return -1;
	}
	return __real_read(fd, buf, count < read_most ? count : read_most);
}

/* What -D_FORTIFY_SOURCE makes of it. */
ssize_t __wrap___read_chk(int fd, void *buf, size_t count, size_t size)
{
	(void)size;
	return __wrap_read(fd, buf, count);
}

static const size_t read_sizes[] = { 1,    2,    3,    7,    4095,    4096,
	                             4097, 4098, 8191, 8192, SIZE_MAX };

/* Calls check for a file of these bytes, read in pieces of every size. */
static void each_size(const void *bytes, size_t length,
                      void (*check)(struct hostfile *file))
{
	struct memory_file memory = memory_file(bytes, length);

	for (size_t i = 0; i < ARRAY_LENGTH(read_sizes); i++) {
		read_most = read_sizes[i];
		check(open_file(memory.path, -1));
	}
	read_most = SIZE_MAX;
	close(memory.fd);
}

static void check_mixed(struct hostfile *file)
{
	assert_host(file, "10.0.0.1", 1);
	assert_host(file, "10.0.0.2", 4);
	assert_bad(file, HOST_BAD, "5: no user and no password");
	assert_host(file, "10.0.0.3", 6);
	assert_end(file);
}

static void lines_end_as_on_any_system(void **state)
{
	static const char unix_ends[] =
	    "10.0.0.1 u p\n\n # c\n10.0.0.2 u p\n10.0.0.9\n10.0.0.3 u p\n";
	static const char no_last_end[] =
	    "10.0.0.1 u p\n#\n\t\n10.0.0.2 u p\n10.0.0.9\n10.0.0.3 u p";
	static const char dos_ends[] = "10.0.0.1 u p\r\n\r\n#\r\n"
				       "10.0.0.2 u p\r\n10.0.0.9\r\n"
				       "10.0.0.3 u p\r\n";
	static const char dos_no_last_newline[] =
	    "10.0.0.1 u p\r\n\r\n#\r\n10.0.0.2 u p\r\n10.0.0.9\r\n"
	    "10.0.0.3 u p\r";
	static const char marked[] = "\xEF\xBB\xBF"
				     "10.0.0.1 u p\n\n\n10.0.0.2 u p\n"
				     "10.0.0.9\n10.0.0.3 u p\n";

	(void)state;
	each_size(unix_ends, strlen(unix_ends), check_mixed);
	each_size(no_last_end, strlen(no_last_end), check_mixed);
	each_size(dos_ends, strlen(dos_ends), check_mixed);
	each_size(dos_no_last_newline, strlen(dos_no_last_newline),
	          check_mixed);
	each_size(marked, strlen(marked), check_mixed);
}

static void check_nothing(struct hostfile *file)
{
	assert_end(file);
}

static void a_file_without_hosts_is_at_its_end(void **state)
{
	static const char *const files[] = {
		"",          "\n",        "\r\n",         "\r",
		"# nothing", "\n \n\t\n", "\xEF\xBB\xBF", "\xEF\xBB\xBF# c\n"
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(files); i++)
		each_size(files[i], strlen(files[i]), check_nothing);
}

static void check_later_mark(struct hostfile *file)
{
	assert_host(file, "10.0.0.1", 1);
	assert_bad(file, HOST_BAD,
	           "2: '\xEF\xBB\xBF"
	           "10.0.0.2' is not an address");
	assert_end(file);
}

static void a_byte_order_mark_counts_at_the_front_only(void **state)
{
	static const char file[] = "10.0.0.1 u p\n\xEF\xBB\xBF"
				   "10.0.0.2 u p\n";

	(void)state;
	each_size(file, strlen(file), check_later_mark);
}

static void a_carriage_return_is_stripped_once(void **state)
{
	struct memory_file memory = memory_file("h u p\r\r\n", 8);
	struct hostfile *file = open_file(memory.path, -1);
	struct host host;
	struct err err;

	(void)state;
	assert_int_equal(hostfile_next(file, &host, NULL, &err), HOST_READ);
	assert_string_equal(host.password, "p\r");
	assert_end(file);
	close(memory.fd);
}

/* Lines "h<i> u p" and blanks up to the length, each with the next end. */
static const size_t lengths[] = { 4095, 4096,  4097,  4098,  8191, 8192,
	                          8193, 8194,  12288, 20000, 10,   4096,
	                          4097, 16384, 9,     30000 };
static const char *const ends[] = { "\n", "\r\n" };

#define LINES (2 * ARRAY_LENGTH(lengths))

static void check_long_lines(struct hostfile *file)
{
	for (size_t i = 0; i < LINES; i++) {
		char text[64];

		snprintf(text, sizeof(text), "h%zu", i);
		if (lengths[i / 2] <= HOSTFILE_LINE_MAX) {
			assert_host(file, text, i + 1);
			continue;
		}
		snprintf(text, sizeof(text), "%zu: line over 4096 bytes",
		         i + 1);
		assert_bad(file, HOST_BAD, text);
	}
	assert_end(file);
}

static void a_line_over_4096_bytes_is_bad_and_the_next_is_read(void **state)
{
	char *text = calloc(LINES, 32768);
	size_t used = 0;

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < LINES; i++) {
		size_t length = lengths[i / 2];
		int front = sprintf(text + used, "h%zu u p", i);

		memset(text + used + front, ' ', length - (size_t)front);
		used += length;
		used += (size_t)sprintf(text + used, "%s", ends[i % 2]);
	}
	each_size(text, used, check_long_lines);
	/* The last one, which is over-long, without its end. */
	each_size(text, used - 2, check_long_lines);
	free(text);
}

static void check_longest(struct hostfile *file)
{
	assert_host(file, "h", 1);
	assert_end(file);
}

static void the_longest_line_may_be_the_last_without_an_end(void **state)
{
	char text[4097];

	(void)state;
	memset(text, ' ', sizeof(text));
	for (size_t i = 0; i < 5; i++)
		text[i] = "h u p"[i];
	each_size(text, 4096, check_longest);
	text[4096] = '\r';
	each_size(text, 4097, check_longest);
}

static void check_again(struct hostfile *file)
{
	assert_host(file, "web1", 1);
	assert_bad(file, HOST_BAD, "2: no password ('-' means none)");
	assert_host(file, "web1", 3);
	assert_end(file);
}

/* Who wants each once has to see to it. */
static void a_host_that_comes_again_is_read_again(void **state)
{
	static const char text[] = "web1 u p\nweb1 u\nWEB1. u p\n";

	(void)state;
	each_size(text, strlen(text), check_again);
}

static void interrupted_reads_go_on(void **state)
{
	struct memory_file memory = memory_file("h u p\n", 6);
	struct hostfile *file = open_file(memory.path, -1);

	(void)state;
	memcpy(read_fails, (int[]){ EINTR, EAGAIN, EINTR, 0 },
	       sizeof(read_fails));
	assert_host(file, "h", 1);
	assert_end(file);
	close(memory.fd);
}

static void a_read_error_ends_the_reading(void **state)
{
	struct memory_file memory = memory_file("h u p\n", 6);
	struct hostfile *file = open_file(memory.path, -1);
	struct host host;
	struct err err;
	char text[128];

	(void)state;
	read_fails[0] = EIO;
	assert_int_equal(hostfile_next(file, &host, NULL, &err), HOST_FAILED);
	snprintf(text, sizeof(text), "cannot read '%s': Input/output error",
	         memory.path);
	assert_string_equal(err.text, text);
	hostfile_close(file);
	close(memory.fd);
}

static void a_directory_cannot_be_read(void **state)
{
	struct hostfile *file = NULL;
	struct err err;

	(void)state;
	assert_false(hostfile_open(&file, "/", &port_22, -1, &err));
	assert_int_equal(err.kind, ERR_INPUT);
	assert_string_equal(err.text, "cannot read '/': Is a directory");
	assert_null(file);
}

static void a_missing_file_cannot_be_opened(void **state)
{
	struct hostfile *file = NULL;
	struct err err;

	(void)state;
	assert_false(
	    hostfile_open(&file, "/proc/no-such-file", &port_22, -1, &err));
	assert_int_equal(err.kind, ERR_INPUT);
	assert_string_equal(err.text, "cannot open '/proc/no-such-file': "
	                              "No such file or directory");
	assert_null(file);
	hostfile_close(NULL);
}

static void a_file_that_others_can_read_is_exposed(void **state)
{
	static const struct {
		mode_t mode;
		bool exposed;
	} cases[] = { { 0600, false }, { 0640, false }, { 0644, true },
		      { 0604, true },  { 0622, false }, { 0660, false } };
	struct memory_file memory = memory_file("", 0);

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct hostfile *file;

		assert_int_equal(fchmod(memory.fd, cases[i].mode), 0);
		file = open_file(memory.path, -1);
		assert_int_equal(hostfile_is_exposed(file), cases[i].exposed);
		hostfile_close(file);
	}
	close(memory.fd);
}

static void the_default_port_reaches_the_hosts(void **state)
{
	const struct host_defaults port_2022 = { .port = 2022 };
	struct memory_file memory = memory_file("h u p\n", 6);
	struct hostfile *file;
	struct host host;
	struct err err;

	(void)state;
	assert_true(hostfile_open(&file, memory.path, &port_2022, -1, &err));
	assert_string_equal(hostfile_name(file), memory.path);
	assert_int_equal(hostfile_next(file, &host, NULL, &err), HOST_READ);
	assert_int_equal(host.port, 2022);
	assert_end(file);
	close(memory.fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_end_as_on_any_system),
		cmocka_unit_test(a_file_without_hosts_is_at_its_end),
		cmocka_unit_test(a_byte_order_mark_counts_at_the_front_only),
		cmocka_unit_test(a_carriage_return_is_stripped_once),
		cmocka_unit_test(
		    a_line_over_4096_bytes_is_bad_and_the_next_is_read),
		cmocka_unit_test(
		    the_longest_line_may_be_the_last_without_an_end),
		cmocka_unit_test(a_host_that_comes_again_is_read_again),
		cmocka_unit_test(interrupted_reads_go_on),
		cmocka_unit_test(a_read_error_ends_the_reading),
		cmocka_unit_test(a_directory_cannot_be_read),
		cmocka_unit_test(a_missing_file_cannot_be_opened),
		cmocka_unit_test(a_file_that_others_can_read_is_exposed),
		cmocka_unit_test(the_default_port_reaches_the_hosts),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}

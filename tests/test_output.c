#include "cli/output.h"

#include "tests/net_fixture.h"
#include "tests/tube.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define ARRAY_LENGTH(a) (sizeof(a) / sizeof((a)[0]))

static const struct poll_trap *trap;
static int close_fails;
static int in_grace = -1; /* eventfd: written by a poll() in the grace */

int __real_poll(struct pollfd *fds, nfds_t count, int timeout);
int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout);
int __real_close(int fd);
int __wrap_close(int fd);

int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout)
{
	poll_trap_spring(trap, timeout);
	if (in_grace >= 0 && timeout > 0) {
		(void)eventfd_write(in_grace, 1);
		timeout = -1; /* the test does not race against it */
	}
	return __real_poll(fds, count, timeout);
}

int __wrap_close(int fd)
{
	int failed = close_fails;

	close_fails = 0;
	__real_close(fd);
	if (failed == 0)
		return 0;
	errno = failed;
	return -1;
}

static void open_output(struct output *output, const char *path, int cancel_fd)
{
	struct err err;

	if (!output_open(output, path, cancel_fd, &err))
		fail_msg("%s", err.text);
}

static void close_output(struct output *output)
{
	struct err err;

	if (!output_close(output, &err))
		fail_msg("%s", err.text);
}

static void assert_written(struct output *output, const char *line)
{
	enum output_state state = OUTPUT_FAILED;
	struct err err;

	if (!output_write(output, line, strlen(line), &state, &err))
		fail_msg("%s", err.kind != ERR_NONE ? err.text : "?");
	assert_int_equal(state, OUTPUT_OPEN);
}

/* text NULL: no error is told. */
static void assert_not_written(struct output *output, enum output_state is,
                               const char *text)
{
	enum output_state state = OUTPUT_OPEN;
	struct err err = { .kind = ERR_NONE };

	assert_false(output_write(output, "line\n", 5, &state, &err));
	assert_int_equal(state, is);
	assert_int_equal(err.kind, text != NULL ? ERR_SYSTEM : ERR_NONE);
	if (text != NULL)
		assert_string_equal(err.text, text);
}

static void a_file_is_made_anew_and_holds_the_lines(void **state)
{
	char path[] = "/tmp/sshinv-test-XXXXXX";
	int fd = mkstemp(path);
	struct output output;
	char text[64];
	ssize_t got;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "old and longer content", 22), 22);
	open_output(&output, path, -1);
	assert_written(&output, "one\n");
	assert_written(&output, "");
	assert_written(&output, "two\n");
	close_output(&output);
	got = pread(fd, text, sizeof(text), 0);
	assert_int_equal(got, 8);
	assert_memory_equal(text, "one\ntwo\n", 8);
	unlink(path);
	close(fd);
}

static void a_file_that_cannot_be_made_is_named(void **state)
{
	struct output output;
	struct err err;

	(void)state;
	assert_false(output_open(&output, "/proc/no-such-file", -1, &err));
	assert_string_equal(err.text, "cannot write '/proc/no-such-file': No "
	                              "such file or directory");
	assert_false(output_open(&output, "/", -1, &err));
	assert_string_equal(err.text, "cannot write '/': Is a directory");
}

static void standard_output_is_used_as_it_is(void **state)
{
	struct tube tube = tube_open(SMALL);
	int stdout_was = dup(STDOUT_FILENO);
	struct output output;
	char text[8];
	int flags;

	(void)state;
	assert_int_equal(dup2(tube.write, STDOUT_FILENO), STDOUT_FILENO);
	open_output(&output, NULL, -1);
	assert_written(&output, "line\n");
	flags = fcntl(STDOUT_FILENO, F_GETFL);
	close_output(&output);
	/* Neither made non-blocking nor closed. */
	assert_int_equal(flags & O_NONBLOCK, 0);
	assert_true(fcntl(STDOUT_FILENO, F_GETFD) >= 0);
	assert_int_equal(dup2(stdout_was, STDOUT_FILENO), STDOUT_FILENO);
	close(stdout_was);
	assert_int_equal(read(tube.read, text, sizeof(text)), 5);
	assert_memory_equal(text, "line\n", 5);
	tube_close(&tube);
}

static void a_full_disk_is_a_failure_told_once(void **state)
{
	struct output output;

	(void)state;
	open_output(&output, "/dev/full", -1);
	assert_not_written(&output, OUTPUT_FAILED,
	                   "cannot write the results: No space left on "
	                   "device");
	assert_not_written(&output, OUTPUT_FAILED, NULL);
	close_output(&output);
}

static void a_reader_that_left_closes_the_output_quietly(void **state)
{
	struct tube tube = tube_open(SMALL);
	struct output output;

	(void)state;
	open_output(&output, tube.path, -1);
	assert_written(&output, "first\n");
	close_if_open(&tube.read);
	assert_not_written(&output, OUTPUT_CLOSED, NULL);
	assert_not_written(&output, OUTPUT_CLOSED, NULL);
	close_output(&output);
	tube_close(&tube);
}

static void what_shows_in_close_is_a_failure(void **state)
{
	char path[] = "/tmp/sshinv-test-XXXXXX";
	int fd = mkstemp(path);
	struct output output;
	struct err err;
	bool ok;

	(void)state;
	assert_true(fd >= 0);
	open_output(&output, path, -1);
	close_fails = EDQUOT;
	ok = output_close(&output, &err);
	assert_false(ok);
	assert_int_equal(err.kind, ERR_SYSTEM);
	assert_string_equal(err.text,
	                    "cannot write the results: Disk quota exceeded");
	unlink(path);
	close(fd);
}

/* The run has ended and nobody reads: not for ever. */
static void a_full_pipe_does_not_hold_up_the_end(void **state)
{
	struct tube tube = tube_open(SMALL);
	struct poll_trap set;
	struct output output;

	(void)state;
	tube_fill(&tube);
	poll_trap_set(&set);
	open_output(&output, tube.path, set.cancel);
	trap = &set;
	assert_not_written(&output, OUTPUT_FAILED,
	                   "cannot write the results: nobody reads them");
	trap = NULL;
	assert_not_written(&output, OUTPUT_FAILED, NULL);
	close_output(&output);
	poll_trap_clear(&set);
	tube_close(&tube);
}

/* After the end of the run too, a pipe with room takes lines. */
static void a_cancel_alone_stops_no_line(void **state)
{
	struct tube tube = tube_open(USUAL);
	int cancel = eventfd(1, EFD_CLOEXEC);
	struct output output;
	char text[8];

	(void)state;
	open_output(&output, tube.path, cancel);
	for (int i = 0; i < 3; i++)
		assert_written(&output, "line\n");
	assert_int_equal(read(tube.read, text, 5), 5);
	close_output(&output);
	close(cancel);
	tube_close(&tube);
}

/* Reads to the end of a pipe. */
struct reader {
	int fd;
	int go; /* eventfd: not before; -1: at once */
	pthread_t thread;
	char *text;
	size_t length, size;
};

static void *read_all(void *arg)
{
	struct reader *reader = arg;
	eventfd_t ignored;

	if (reader->go >= 0)
		(void)eventfd_read(reader->go, &ignored);
	for (;;) {
		ssize_t got = read(reader->fd, reader->text + reader->length,
		                   reader->size - reader->length);

		if (got <= 0)
			return NULL;
		reader->length += (size_t)got;
	}
}

static void reader_start(struct reader *reader, int fd, int go, size_t size)
{
	*reader = (struct reader){ .fd = fd, .go = go, .size = size };
	reader->text = malloc(size);
	assert_non_null(reader->text);
	assert_int_equal(
	    pthread_create(&reader->thread, NULL, read_all, reader), 0);
}

/* In its grace a reader that is only slow gets the line. */
static void a_slow_reader_gets_the_line_within_the_grace(void **state)
{
	struct tube tube = tube_open(SMALL);
	int cancel = eventfd(1, EFD_CLOEXEC);
	struct reader reader;
	struct output output;

	(void)state;
	tube_fill(&tube);
	in_grace = eventfd(0, EFD_CLOEXEC);
	assert_true(in_grace >= 0);
	reader_start(&reader, tube.read, in_grace, 16384);
	open_output(&output, tube.path, cancel);
	assert_written(&output, "the line\n");
	close_output(&output);
	close_if_open(&tube.write);
	assert_int_equal(pthread_join(reader.thread, NULL), 0);
	assert_memory_equal(reader.text + reader.length - 9, "the line\n", 9);
	free(reader.text);
	close_if_open(&in_grace);
	close(cancel);
	tube_close(&tube);
}

/* Of a line that is longer than the pipe, too. */
static void a_long_line_does_not_hold_up_the_end(void **state)
{
	struct tube tube = tube_open(USUAL);
	int cancel = eventfd(1, EFD_CLOEXEC);
	size_t length = 300000;
	char *line = calloc(1, length);
	enum output_state is = OUTPUT_OPEN;
	struct output output;
	struct err err;

	(void)state;
	assert_non_null(line);
	open_output(&output, tube.path, cancel);
	assert_false(output_write(&output, line, length, &is, &err));
	assert_int_equal(is, OUTPUT_FAILED);
	close_output(&output);
	free(line);
	close(cancel);
	tube_close(&tube);
}

#define WRITERS 4
#define LINES_EACH 50
#define LONGEST 60000

struct writer {
	struct output *output;
	pthread_t thread;
	char letter;
	unsigned failed;
};

/* Lines of one letter each, of many lengths, the longest over the pipe's. */
static size_t line_length(unsigned i)
{
	return i % 10 == 0 ? LONGEST : 100 + i * 97 % 5000;
}

static void *write_lines(void *arg)
{
	struct writer *writer = arg;
	char *line = malloc(LONGEST);

	if (line == NULL)
		return NULL;
	for (unsigned i = 0; i < LINES_EACH; i++) {
		size_t length = line_length(i);
		enum output_state state;
		struct err err;

		memset(line, writer->letter, length - 1);
		line[length - 1] = '\n';
		if (!output_write(writer->output, line, length, &state, &err))
			writer->failed++;
	}
	free(line);
	return NULL;
}

static size_t check_line(const char *line, const char *end)
{
	const char *newline = memchr(line, '\n', (size_t)(end - line));

	assert_non_null(newline);
	for (const char *p = line; p < newline; p++)
		assert_int_equal(*p, line[0]);
	return (size_t)(newline - line) + 1;
}

static void lines_of_many_writers_arrive_whole(void **state)
{
	const size_t size = (size_t)WRITERS * LINES_EACH * LONGEST;
	struct tube tube = tube_open(USUAL);
	struct writer writers[WRITERS];
	struct reader reader;
	struct output output;
	unsigned lines = 0;

	(void)state;
	open_output(&output, tube.path, -1);
	reader_start(&reader, tube.read, -1, size);
	for (size_t i = 0; i < WRITERS; i++) {
		writers[i] = (struct writer){ .output = &output,
			                      .letter = (char)('a' + i) };
		assert_int_equal(pthread_create(&writers[i].thread, NULL,
		                                write_lines, &writers[i]),
		                 0);
	}
	for (size_t i = 0; i < WRITERS; i++) {
		assert_int_equal(pthread_join(writers[i].thread, NULL), 0);
		assert_int_equal(writers[i].failed, 0);
	}
	close_output(&output);
	close_if_open(&tube.write);
	assert_int_equal(pthread_join(reader.thread, NULL), 0);
	for (size_t at = 0; at < reader.length; lines++)
		at += check_line(reader.text + at, reader.text + reader.length);
	assert_int_equal(lines, WRITERS * LINES_EACH);
	free(reader.text);
	tube_close(&tube);
}

/* A shell may have left standard output so. */
static void a_descriptor_that_never_blocks_is_waited_for(void **state)
{
	struct tube tube = tube_open(SMALL);
	int stdout_was = dup(STDOUT_FILENO);
	struct reader reader;
	struct writer writer;
	struct output output;

	(void)state;
	assert_int_equal(fcntl(tube.write, F_SETFL, O_WRONLY | O_NONBLOCK), 0);
	assert_int_equal(dup2(tube.write, STDOUT_FILENO), STDOUT_FILENO);
	open_output(&output, NULL, -1);
	reader_start(&reader, tube.read, -1, (size_t)LINES_EACH * LONGEST);
	writer = (struct writer){ .output = &output, .letter = 'a' };
	write_lines(&writer);
	close_output(&output);
	assert_int_equal(dup2(stdout_was, STDOUT_FILENO), STDOUT_FILENO);
	close(stdout_was);
	close_if_open(&tube.write);
	assert_int_equal(pthread_join(reader.thread, NULL), 0);
	assert_int_equal(writer.failed, 0);
	for (size_t at = 0, i = 0; at < reader.length; i++) {
		assert_int_equal(
		    check_line(reader.text + at, reader.text + reader.length),
		    line_length((unsigned)i));
		at += line_length((unsigned)i);
	}
	free(reader.text);
	tube_close(&tube);
}

static int ignore_sigpipe(void **state)
{
	(void)state;
	return signal(SIGPIPE, SIG_IGN) == SIG_ERR ? -1 : 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_is_made_anew_and_holds_the_lines),
		cmocka_unit_test(a_file_that_cannot_be_made_is_named),
		cmocka_unit_test(standard_output_is_used_as_it_is),
		cmocka_unit_test(a_full_disk_is_a_failure_told_once),
		cmocka_unit_test(a_reader_that_left_closes_the_output_quietly),
		cmocka_unit_test(what_shows_in_close_is_a_failure),
		cmocka_unit_test(a_full_pipe_does_not_hold_up_the_end),
		cmocka_unit_test(a_cancel_alone_stops_no_line),
		cmocka_unit_test(a_slow_reader_gets_the_line_within_the_grace),
		cmocka_unit_test(a_long_line_does_not_hold_up_the_end),
		cmocka_unit_test(lines_of_many_writers_arrive_whole),
		cmocka_unit_test(a_descriptor_that_never_blocks_is_waited_for),
	};

	return !!cmocka_run_group_tests(tests, ignore_sigpipe, NULL);
}

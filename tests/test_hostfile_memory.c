#include "inventory/hostfile.h"

#include "tests/hostfile_fixture.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>

#include "tests/pool_gate.h"

/* What the host file keeps in memory, what it leaves there, and how its waiting
 * ends. */

static struct {
	unsigned calls;
	unsigned fail_at; /* the call that fails; 0: none */
	void *first;      /* the struct hostfile */
	size_t first_size;
} callocs;
static bool strdup_fails;
static struct gate *poll_gate; /* passed by a poll() without a timeout */

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
char *__real_strdup(const char *text);
char *__wrap_strdup(const char *text);
int __real_poll(struct pollfd *fds, nfds_t count, int timeout);
int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout);

void *__wrap_calloc(size_t count, size_t size)
{
	void *memory;

	if (++callocs.calls == callocs.fail_at) {
		errno = ENOMEM;
		return NULL;
	}
	memory = __real_calloc(count, size);
	if (callocs.calls == 1) {
		callocs.first = memory;
		callocs.first_size = count * size;
	}
	return memory;
}

char *__wrap_strdup(const char *text)
{
	return strdup_fails ? NULL : __real_strdup(text);
}

int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout)
{
	if (poll_gate != NULL && timeout < 0)
		gate_arrive(poll_gate);
	return __real_poll(fds, count, timeout);
}

static int reset(void **state)
{
	(void)state;
	memset(&callocs, 0, sizeof(callocs));
	strdup_fails = false;
	poll_gate = NULL;
	return 0;
}

static void opening_without_memory_fails_cleanly(void **state)
{
	struct memory_file memory = memory_file("", 0);

	(void)state;
	for (unsigned i = 1; i <= 2; i++) {
		struct hostfile *file = NULL;
		struct err err;

		reset(NULL);
		callocs.fail_at = i == 1 ? 1 : 0;
		strdup_fails = i == 2;
		assert_false(
		    hostfile_open(&file, memory.path, &port_22, -1, &err));
		assert_int_equal(err.kind, ERR_SYSTEM);
		assert_string_equal(err.text, "out of memory");
		assert_null(file);
	}
	close(memory.fd);
}

static void neither_hosts_nor_bad_lines_take_memory(void **state)
{
	const size_t lines = 20000;
	char *text = malloc(lines * 32);
	size_t used = 0, hosts = 0;
	struct memory_file memory;
	struct hostfile *file;
	enum host_read got;
	struct host host;
	struct err err;

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < lines; i++)
		used += (size_t)sprintf(text + used,
		                        i % 2 == 0 ? "10.0.%zu.%zu u p\n"
		                                   : "bad%zu.%zu\n",
		                        i >> 8, i & 255);
	memory = memory_file(text, used);
	file = open_file(memory.path, -1);
	assert_true(callocs.first_size < 16384);
	while ((got = hostfile_next(file, &host, NULL, &err)) != HOST_END)
		hosts += got == HOST_READ;
	assert_int_equal(hosts, lines / 2);
	assert_int_equal(callocs.calls, 1);
	hostfile_close(file);
	close(memory.fd);
	free(text);
}

static void assert_not_held(const char *secret)
{
	assert_null(
	    memmem(callocs.first, callocs.first_size, secret, strlen(secret)));
}

static void a_line_is_wiped_once_it_was_taken(void **state)
{
	static const char text[] =
	    "10.0.0.1 u taken-1\n10.0.0.1 u repeated-2\n10.0.0.2 bad-3\n"
	    "# comment-4\n10.0.0.5 u taken-5\n10.0.0.6 u waits-6\n";
	struct memory_file memory = memory_file(text, strlen(text));
	struct hostfile *file = open_file(memory.path, -1);

	(void)state;
	assert_host(file, "10.0.0.1", 1);
	assert_not_held("taken-1");
	/* The looking itself works: this one is there. */
	assert_non_null(
	    memmem(callocs.first, callocs.first_size, "waits-6", 7));
	assert_host(file, "10.0.0.1", 2);
	assert_not_held("repeated-2");
	assert_bad(file, HOST_BAD, "3: no password ('-' means none)");
	assert_not_held("bad-3");
	assert_host(file, "10.0.0.5", 5);
	assert_not_held("comment-4");
	assert_not_held("taken-5");
	assert_host(file, "10.0.0.6", 6);
	assert_not_held("waits-6");
	assert_end(file);
	close(memory.fd);
}

/*
 * The buffer holds two longest lines: a line that lies across its end is moved
 * to the front. Few bytes follow, so that they cover nothing of the old copy.
 */
static void a_line_that_was_moved_is_wiped_in_both_places(void **state)
{
	static const char front[] = "10.9.9.9 u moved-7";
	char text[2 * HOSTFILE_LINE_MAX + 16];
	const size_t begin = sizeof(text) - 16 - (sizeof(front) - 1);
	struct memory_file memory;
	struct hostfile *file;

	(void)state;
	for (size_t i = 0; i < begin; i++)
		text[i] = "#\n"[i % 2];
	snprintf(text + begin, sizeof(text) - begin, "%s name=x\n", front);
	memory = memory_file(text, strlen(text));
	file = open_file(memory.path, -1);
	assert_host(file, "10.9.9.9", begin / 2 + 1);
	assert_not_held("moved-7");
	assert_end(file);
	close(memory.fd);
}

static void an_over_long_line_is_wiped(void **state)
{
	char text[12000];
	struct memory_file memory;
	struct hostfile *file;

	(void)state;
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = "secret-9"[i % 8];
	memory = memory_file(text, sizeof(text));
	file = open_file(memory.path, -1);
	assert_bad(file, HOST_BAD, "1: line over 4096 bytes");
	assert_not_held("secret");
	assert_end(file);
	close(memory.fd);
}

static void a_cancel_that_fired_ends_the_file_at_once(void **state)
{
	struct memory_file memory = memory_file("h u p\ni u p\n", 12);
	int cancel = eventfd(0, EFD_CLOEXEC);
	struct hostfile *file = open_file(memory.path, cancel);

	(void)state;
	assert_host(file, "h", 1);
	assert_int_equal(eventfd_write(cancel, 1), 0);
	assert_end(file); /* though there is a line in the buffer */
	close(cancel);
	close(memory.fd);
}

struct firing {
	struct gate gate;
	int cancel;
};

static void *fire_in_poll(void *arg)
{
	struct firing *firing = arg;

	gate_await(&firing->gate, 1);
	(void)eventfd_write(firing->cancel, 1);
	return NULL;
}

/* Holds on to one end of a silent pipe, which is standard input. */
static void a_cancel_wakes_who_waits_for_a_silent_pipe(void **state)
{
	struct firing firing = { .cancel = eventfd(0, EFD_CLOEXEC) };
	int stdin_was = dup(STDIN_FILENO);
	struct hostfile *file;
	pthread_t thread;
	int ends[2];

	(void)state;
	gate_init(&firing.gate);
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
	assert_int_equal(write(ends[1], "h u p\nhalf a li", 15), 15);
	file = open_file("-", firing.cancel);
	assert_string_equal(hostfile_name(file), "standard input");
	assert_false(hostfile_is_exposed(file));
	assert_host(file, "h", 1);
	poll_gate = &firing.gate;
	assert_int_equal(pthread_create(&thread, NULL, fire_in_poll, &firing),
	                 0);
	assert_end(file);
	assert_int_equal(pthread_join(thread, NULL), 0);
	/* Closing the host file leaves standard input open. */
	assert_int_equal(write(ends[1], "x", 1), 1);
	assert_int_equal(dup2(stdin_was, STDIN_FILENO), STDIN_FILENO);
	close(stdin_was);
	close(ends[0]);
	close(ends[1]);
	close(firing.cancel);
	gate_release(&firing.gate);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(opening_without_memory_fails_cleanly,
		                       reset),
		cmocka_unit_test_setup(neither_hosts_nor_bad_lines_take_memory,
		                       reset),
		cmocka_unit_test_setup(a_line_is_wiped_once_it_was_taken,
		                       reset),
		cmocka_unit_test_setup(
		    a_line_that_was_moved_is_wiped_in_both_places, reset),
		cmocka_unit_test_setup(an_over_long_line_is_wiped, reset),
		cmocka_unit_test_setup(
		    a_cancel_that_fired_ends_the_file_at_once, reset),
		cmocka_unit_test_setup(
		    a_cancel_wakes_who_waits_for_a_silent_pipe, reset),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}

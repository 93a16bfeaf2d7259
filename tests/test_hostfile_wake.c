#include "inventory/hostfile.h"

#include "tests/hostfile_fixture.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>

/* A pipe as the host file, whose other end the tests write to. */
struct pipe_file {
	int write_fd, wake_fd;
	struct hostfile *file;
	struct hostfile_wake wake;
};

static int setup(void **state)
{
	struct pipe_file *scene = calloc(1, sizeof(*scene));
	char path[32];
	int fds[2];

	assert_non_null(scene);
	assert_int_equal(pipe(fds), 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fds[0]);
	scene->file = open_file(path, -1);
	close(fds[0]);
	scene->write_fd = fds[1];
	scene->wake_fd = eventfd(0, EFD_CLOEXEC);
	scene->wake.fd = scene->wake_fd;
	*state = scene;
	return 0;
}

static int teardown(void **state)
{
	struct pipe_file *scene = *state;

	hostfile_close(scene->file);
	close(scene->write_fd);
	close(scene->wake_fd);
	free(scene);
	return 0;
}

static void send(const struct pipe_file *scene, const char *text)
{
	size_t length = strlen(text);

	assert_int_equal(write(scene->write_fd, text, length), length);
}

static enum host_read next(struct pipe_file *scene, struct host *host)
{
	struct err err;

	return hostfile_next(scene->file, host, &scene->wake, &err);
}

static void
who_is_wanted_elsewhere_does_not_wait_for_a_silent_pipe(void **state)
{
	struct pipe_file *scene = *state;
	struct host host;

	assert_int_equal(eventfd_write(scene->wake_fd, 1), 0);
	assert_int_equal(next(scene, &host), HOST_NOT_YET);
	assert_int_equal(next(scene, &host), HOST_NOT_YET);
	send(scene, "127.0.0.1 u p\n");
	assert_int_equal(next(scene, &host), HOST_READ);
	assert_string_equal(host.ip, "127.0.0.1");
}

static void a_moment_ends_the_waiting_too(void **state)
{
	struct pipe_file *scene = *state;
	struct host host;

	scene->wake.fd = -1;
	scene->wake.until = monotonic_ns() + NS_PER_MS;
	assert_int_equal(next(scene, &host), HOST_NOT_YET);
	assert_true(monotonic_ns() >= scene->wake.until);
}

static void half_a_line_waits_for_its_other_half(void **state)
{
	struct pipe_file *scene = *state;
	struct host host;

	assert_int_equal(eventfd_write(scene->wake_fd, 1), 0);
	send(scene, "127.0.0.1 u pass");
	assert_int_equal(next(scene, &host), HOST_NOT_YET);
	send(scene, "word\n127.0.0.2 u p\n");
	assert_int_equal(next(scene, &host), HOST_READ);
	assert_string_equal(host.password, "password");
	assert_int_equal(next(scene, &host), HOST_READ);
	assert_int_equal(host.line, 2);
}

static void a_long_line_in_pieces_is_one_bad_line(void **state)
{
	struct pipe_file *scene = *state;
	char piece[2001];
	struct host host;

	memset(piece, 'x', sizeof(piece) - 1);
	piece[sizeof(piece) - 1] = '\0';
	assert_int_equal(eventfd_write(scene->wake_fd, 1), 0);
	for (int i = 0; i < 10; i++) {
		send(scene, piece);
		assert_int_equal(next(scene, &host), HOST_NOT_YET);
	}
	send(scene, "\n127.0.0.2 u p\n");
	assert_int_equal(next(scene, &host), HOST_BAD);
	assert_int_equal(next(scene, &host), HOST_READ);
	assert_int_equal(host.line, 2);
	/* The next one is measured by itself. */
	send(scene, "127.0.0.3 u p\n");
	assert_int_equal(next(scene, &host), HOST_READ);
}

static void many_may_hold_a_file_or_one_alone(void **state)
{
	char path[] = "/tmp/hosts.XXXXXX";
	int fd = mkstemp(path);
	struct hostfile *one, *other;

	(void)state;
	assert_true(fd >= 0);
	one = open_file(path, -1);
	other = open_file(path, -1);
	assert_int_equal(hostfile_hold(one, false), HOSTFILE_HOLDS);
	assert_int_equal(hostfile_hold(other, false), HOSTFILE_HOLDS);
	hostfile_close(other);
	other = open_file(path, -1);
	assert_int_equal(hostfile_hold(other, true), HOSTFILE_HELD);
	hostfile_close(one);
	assert_int_equal(hostfile_hold(other, true), HOSTFILE_HOLDS);
	one = open_file(path, -1);
	assert_int_equal(hostfile_hold(one, true), HOSTFILE_HELD);
	assert_int_equal(hostfile_hold(one, false), HOSTFILE_HOLDS);
	hostfile_close(one);
	hostfile_close(other);
	close(fd);
	assert_int_equal(unlink(path), 0);
}

static void a_pipe_cannot_be_held(void **state)
{
	struct pipe_file *scene = *state;

	assert_int_equal(hostfile_hold(scene->file, true),
	                 HOSTFILE_CANNOT_HOLD);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(who_is_wanted_elsewhere_does_not_wait_for_a_silent_pipe),
		T(a_moment_ends_the_waiting_too),
		T(half_a_line_waits_for_its_other_half),
		T(a_long_line_in_pieces_is_one_bad_line),
		T(many_may_hold_a_file_or_one_alone),
		T(a_pipe_cannot_be_held),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}

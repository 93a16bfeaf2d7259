#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

/* A page, the smallest there is, is full with its first byte. */
#define SMALL 4096
#define USUAL 65536

/* A pipe whose end for writing has a path, as an output takes one. */
struct tube {
	int read, write;
	char path[32];
};

static inline struct tube tube_open(int size)
{
	struct tube tube;
	int fds[2];

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	tube.read = fds[0];
	tube.write = fds[1];
	assert_true(fcntl(fds[1], F_SETPIPE_SZ, size) > 0);
	snprintf(tube.path, sizeof(tube.path), "/proc/self/fd/%d", fds[1]);
	return tube;
}

static inline void tube_fill(const struct tube *tube)
{
	int fd = open(tube->path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);

	assert_true(fd >= 0);
	while (write(fd, "................", 16) > 0)
		;
	assert_int_equal(errno, EAGAIN);
	close(fd);
}

static inline void close_if_open(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static inline void tube_close(struct tube *tube)
{
	close_if_open(&tube->read);
	close_if_open(&tube->write);
}

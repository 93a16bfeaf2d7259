#pragma once

#include "inventory/deadline.h"
#include "inventory/wait.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* Waits of the tests, and sockets on the loopback interface. */

/* Long enough for the slowest sanitizer; no test lasts until then. */
#define PLENTY_MS 60000

static inline struct wait wait_ms(unsigned ms, int cancel_fd)
{
	return (struct wait){ .deadline = monotonic_ns() + ms * NS_PER_MS,
		              .limit_ms = ms,
		              .cancel_fd = cancel_fd };
}

/* A socket bound to a free port of 127.0.0.1. */
static inline int bound_socket(int type, uint16_t *port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size),
	                 0);
	*port = ntohs(address.sin_port);
	return fd;
}

static inline int listener(int backlog, uint16_t *port)
{
	int fd = bound_socket(SOCK_STREAM, port);

	assert_int_equal(listen(fd, backlog), 0);
	return fd;
}

/*
 * Fires an eventfd once somebody waits in poll(). The test wraps poll() and
 * tells of each call with a timeout; no sleep, no luck.
 */
struct poll_trap {
	int in_poll; /* eventfds */
	int cancel;
	pthread_t thread;
};

static inline void *poll_trap_wait(void *arg)
{
	const struct poll_trap *trap = arg;
	eventfd_t ignored;

	if (eventfd_read(trap->in_poll, &ignored) == 0)
		(void)eventfd_write(trap->cancel, 1);
	return NULL;
}

static inline void poll_trap_set(struct poll_trap *trap)
{
	trap->in_poll = eventfd(0, EFD_CLOEXEC);
	trap->cancel = eventfd(0, EFD_CLOEXEC);
	assert_true(trap->in_poll >= 0 && trap->cancel >= 0);
	assert_int_equal(
	    pthread_create(&trap->thread, NULL, poll_trap_wait, trap), 0);
}

/* From the wrapped poll(). */
static inline void poll_trap_spring(const struct poll_trap *trap, int timeout)
{
	if (trap != NULL && timeout != 0)
		(void)eventfd_write(trap->in_poll, 1);
}

static inline void poll_trap_clear(struct poll_trap *trap)
{
	/* Also where poll() was never called. */
	(void)eventfd_write(trap->in_poll, 1);
	assert_int_equal(pthread_join(trap->thread, NULL), 0);
	close(trap->in_poll);
	close(trap->cancel);
}

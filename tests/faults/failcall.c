/*
 * To be preloaded: lets calls of the system fail. Reads the environment:
 *
 *   FAILCALL=NAME[,NAME...]  which: those at the end of this file
 *   FAILCALL_ERRNO=N         with this error
 *   FAILCALL_AT=N            the N-th of them all, from 1
 *   FAILCALL_EVERY=K         and each K-th after it; absent: no other
 *
 * What fails is not done at all, as when a signal or a limit came first.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

static atomic_ulong count;
static unsigned long fail_at, every;
static int error;
static const char *names = "";

static const char *word(const char *name)
{
	return getenv(name); /* NOLINT(concurrency-mt-unsafe) */
}

static unsigned long number(const char *name)
{
	const char *value = word(name);

	return value != NULL ? strtoul(value, NULL, 10) : 0;
}

__attribute__((constructor)) static void start(void)
{
	fail_at = number("FAILCALL_AT");
	every = number("FAILCALL_EVERY");
	error = (int)number("FAILCALL_ERRNO");
	if (word("FAILCALL") != NULL)
		names = word("FAILCALL");
}

static bool is_named(const char *name)
{
	size_t length = strlen(name);

	for (const char *at = names; (at = strstr(at, name)) != NULL; at++) {
		if ((at == names || at[-1] == ',') &&
		    (at[length] == ',' || at[length] == '\0'))
			return true;
	}
	return false;
}

static bool fails(const char *name)
{
	unsigned long now;

	if (fail_at == 0 || !is_named(name))
		return false;
	now = atomic_fetch_add(&count, 1) + 1;
	if (now < fail_at ||
	    (now > fail_at && (every == 0 || (now - fail_at) % every != 0)))
		return false;
	errno = error;
	return true;
}

/* ISO C has no conversion of void * to a function pointer. */
#define REAL(type, name)                                                       \
	union {                                                                \
		void *symbol;                                                  \
		type call;                                                     \
	} real = { .symbol = dlsym(RTLD_NEXT, name) }

typedef ssize_t (*read_call)(int, void *, size_t);
typedef ssize_t (*write_call)(int, const void *, size_t);
typedef ssize_t (*recv_call)(int, void *, size_t, int);
typedef ssize_t (*send_call)(int, const void *, size_t, int);
typedef int (*poll_call)(struct pollfd *, nfds_t, int);
typedef int (*socket_call)(int, int, int);
typedef int (*fsync_call)(int);
typedef int (*create_call)(pthread_t *, const pthread_attr_t *,
                           void *(*)(void *), void *);

/* The C library's names of parameters are reserved ones. */
/* NOLINTBEGIN(readability-inconsistent-declaration-parameter-name) */

ssize_t read(int fd, void *buffer, size_t size)
{
	REAL(read_call, "read");
	return fails("read") ? -1 : real.call(fd, buffer, size);
}

/* What a compiler makes of read() with _FORTIFY_SOURCE. */
ssize_t __read_chk(int fd, void *buffer, size_t size, size_t room);
ssize_t __read_chk(int fd, void *buffer, size_t size, size_t room)
{
	if (size > room)
		abort();
	return read(fd, buffer, size);
}

ssize_t write(int fd, const void *buffer, size_t size)
{
	REAL(write_call, "write");
	return fails("write") ? -1 : real.call(fd, buffer, size);
}

ssize_t recv(int fd, void *buffer, size_t size, int flags)
{
	REAL(recv_call, "recv");
	return fails("recv") ? -1 : real.call(fd, buffer, size, flags);
}

ssize_t __recv_chk(int fd, void *buffer, size_t size, size_t room, int flags);
ssize_t __recv_chk(int fd, void *buffer, size_t size, size_t room, int flags)
{
	if (size > room)
		abort();
	return recv(fd, buffer, size, flags);
}

ssize_t send(int fd, const void *buffer, size_t size, int flags)
{
	REAL(send_call, "send");
	return fails("send") ? -1 : real.call(fd, buffer, size, flags);
}

int poll(struct pollfd *fds, nfds_t nfds, int timeout)
{
	REAL(poll_call, "poll");
	return fails("poll") ? -1 : real.call(fds, nfds, timeout);
}

int __poll_chk(struct pollfd *fds, nfds_t nfds, int timeout, size_t room);
int __poll_chk(struct pollfd *fds, nfds_t nfds, int timeout, size_t room)
{
	if (nfds * sizeof(*fds) > room)
		abort();
	return poll(fds, nfds, timeout);
}

int socket(int domain, int type, int protocol)
{
	REAL(socket_call, "socket");
	return fails("socket") ? -1 : real.call(domain, type, protocol);
}

int fsync(int fd)
{
	REAL(fsync_call, "fsync");
	return fails("fsync") ? -1 : real.call(fd);
}

int fdatasync(int fd)
{
	REAL(fsync_call, "fdatasync");
	return fails("fdatasync") ? -1 : real.call(fd);
}

/* Says its error by its result. */
int pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                   void *(*run)(void *), void *arg)
{
	REAL(create_call, "pthread_create");
	return fails("pthread_create")
	           ? error
	           : real.call(thread, attributes, run, arg);
}

/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */

#include "tests/tcp_watch.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

struct tcp_watch tcp_watch;

#define QUEUED (sizeof(((struct silent *)0)->queued) / sizeof(int))

int __real_poll(struct pollfd *fds, nfds_t count, int timeout);
int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout);

int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout)
{
	poll_trap_spring(tcp_watch.trap, timeout);
	return __real_poll(fds, count, timeout);
}

int __real_connect(int fd, const struct sockaddr *to, socklen_t length);
int __wrap_connect(int fd, const struct sockaddr *to, socklen_t length);

int __wrap_connect(int fd, const struct sockaddr *to, socklen_t length)
{
	if (tcp_watch.connects < 8)
		tcp_watch.connecting[tcp_watch.connects++] = fd;
	if (tcp_watch.connect_fails == 0)
		return __real_connect(fd, to, length);
	errno = tcp_watch.connect_fails;
	return -1;
}

int __real_socket(int domain, int type, int protocol);
int __wrap_socket(int domain, int type, int protocol);

int __wrap_socket(int domain, int type, int protocol)
{
	int fails = tcp_watch.socket_fails;

	if (tcp_watch.few_sockets && tcp_watch.sockets_left-- == 0) {
		tcp_watch.sockets_left = tcp_watch.one_later ? 1 : 0;
		tcp_watch.one_later = false;
		fails = EMFILE;
	}
	if (fails == 0)
		return __real_socket(domain, type, protocol);
	errno = fails;
	return -1;
}

struct address parsed(const char *text, uint16_t port)
{
	struct address address;
	struct err err;

	memset(&address, 0xAA, sizeof(address));
	if (!address_parse(&address, text, port, &err))
		fail_msg("%s: %s", text, err.text);
	return address;
}

void silent_open(struct silent *silent)
{
	uint16_t port;

	silent->server = listener(0, &port);
	silent->address = parsed("127.0.0.1", port);
	for (size_t i = 0; i < QUEUED; i++) {
		int fd = socket(AF_INET,
		                SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

		assert_true(fd >= 0);
		(void)connect(fd, &silent->address.any, silent->address.length);
		silent->queued[i] = fd;
	}
}

void silent_close(struct silent *silent)
{
	for (size_t i = 0; i < QUEUED; i++)
		close(silent->queued[i]);
	close(silent->server);
}

int next_free_descriptor(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	close(fd);
	return fd;
}

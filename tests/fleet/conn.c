#include "tests/fleet/conn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "tests/fleet/delay.h"

void address_print(uint32_t address, char text[static ADDRESS_TEXT_SIZE])
{
	snprintf(text, ADDRESS_TEXT_SIZE, "%u.%u.%u.%u", (address >> 24) & 255U,
	         (address >> 16) & 255U, (address >> 8) & 255U, address & 255U);
}

bool address_parse(const char *text, uint32_t *address)
{
	struct in_addr parsed;

	if (inet_pton(AF_INET, text, &parsed) != 1)
		return false;
	*address = ntohl(parsed.s_addr);
	return *address >> 24 == 127;
}

bool conn_send(struct conn *conn, const void *data, size_t length)
{
	const char *p = data;

	while (length > 0) {
		ssize_t n = send(conn->fd, p, length, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		p += n;
		length -= (size_t)n;
	}
	return true;
}

bool conn_text(struct conn *conn, const char *text)
{
	return conn_send(conn, text, strlen(text));
}

void conn_wait_gone(struct conn *conn)
{
	char drop[4096];

	for (;;) {
		ssize_t n = recv(conn->fd, drop, sizeof(drop), 0);

		if (n == 0 || (n < 0 && errno != EINTR))
			return;
	}
}

bool conn_sleep(struct conn *conn, int ms)
{
	struct pollfd p = { .fd = conn->fd, .events = POLLRDHUP };

	return poll(&p, 1, ms) == 0;
}

void conn_bye(struct conn *conn)
{
	shutdown(conn->fd, SHUT_WR);
	conn_wait_gone(conn);
}

void conn_reset_on_close(struct conn *conn)
{
	const struct linger now = { .l_onoff = 1, .l_linger = 0 };

	if (conn->link != NULL)
		link_reset_on_close(conn->link);
	else
		setsockopt(conn->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

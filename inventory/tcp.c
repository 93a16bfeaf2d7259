#include "inventory/tcp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static bool parse_ipv6(struct address *address, const char *text, uint16_t port,
                       struct err *err)
{
	char literal[INET6_ADDRSTRLEN];
	const char *zone = strchr(text, '%');
	size_t length = zone != NULL ? (size_t)(zone - text) : strlen(text);

	if (length >= sizeof(literal))
		return err_set(err, ERR_UNRESOLVED, "not an address");
	memcpy(literal, text, length);
	literal[length] = '\0';
	address->v6 = (struct sockaddr_in6){ .sin6_family = AF_INET6,
		                             .sin6_port = htons(port) };
	address->length = sizeof(address->v6);
	if (inet_pton(AF_INET6, literal, &address->v6.sin6_addr) != 1)
		return err_set(err, ERR_UNRESOLVED, "not an address");
	if (zone == NULL)
		return true;
	address->v6.sin6_scope_id = if_nametoindex(zone + 1);
	if (address->v6.sin6_scope_id == 0)
		return err_set(err, ERR_UNREACHABLE,
		               "no network interface '%s'", zone + 1);
	return true;
}

bool address_parse(struct address *address, const char *text, uint16_t port,
                   struct err *err)
{
	address->v4 = (struct sockaddr_in){ .sin_family = AF_INET,
		                            .sin_port = htons(port) };
	address->length = sizeof(address->v4);
	if (inet_pton(AF_INET, text, &address->v4.sin_addr) == 1)
		return true;
	return parse_ipv6(address, text, port, err);
}

static void append_zone(const struct address *address, char *text, size_t size)
{
	char zone[IF_NAMESIZE];
	size_t used = strlen(text);

	if (address->v6.sin6_scope_id != 0 &&
	    if_indextoname(address->v6.sin6_scope_id, zone) != NULL)
		snprintf(text + used, size - used, "%%%s", zone);
}

void address_format(const struct address *address, char *text, size_t size)
{
	const void *bytes = address->any.sa_family == AF_INET
	                        ? (const void *)&address->v4.sin_addr
	                        : (const void *)&address->v6.sin6_addr;

	if (inet_ntop(address->any.sa_family, bytes, text, (socklen_t)size) ==
	    NULL)
		text[0] = '\0';
	else if (address->any.sa_family == AF_INET6)
		append_zone(address, text, size);
}

static bool connect_failed(int errnum, struct err *err)
{
	switch (errnum) {
	case ECONNREFUSED:
		return err_set(err, ERR_REFUSED, "connection refused");
	case ENETUNREACH:
	case EHOSTUNREACH:
	case EHOSTDOWN:
	case ENETDOWN:
	case EAFNOSUPPORT:
	case EACCES:
	case EPERM:
	case EINVAL:
		return err_errno(err, ERR_UNREACHABLE, errnum,
		                 "cannot connect");
	case ETIMEDOUT:
		return err_set(err, ERR_TIMEOUT, "connection timed out");
	case ECONNRESET:
		return err_set(err, ERR_PROTOCOL,
		               "connection reset while connecting");
	default:
		return err_errno(err, ERR_SYSTEM, errnum, "cannot connect");
	}
}

static bool finish_connect(int fd, const struct wait *wait, struct err *err)
{
	int errnum = 0;
	socklen_t size = sizeof(errnum);

	if (!wait_ready(wait, fd, POLLOUT, err))
		return false;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &errnum, &size) != 0)
		errnum = errno;
	return errnum == 0 || connect_failed(errnum, err);
}

bool tcp_connect(int *fd, const struct address *address,
                 const struct wait *wait, struct err *err)
{
	int one = 1;
	int sock = socket(address->any.sa_family,
	                  SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (sock < 0) {
		if (errno == EAFNOSUPPORT)
			return connect_failed(errno, err);
		return err_errno(err, ERR_SYSTEM, errno,
		                 "cannot open a socket");
	}
	/* Without it a run is only slower. */
	(void)setsockopt(sock, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(sock, &address->any, address->length) != 0) {
		/* EINTR leaves the connection under way, as EINPROGRESS. */
		bool under_way = errno == EINPROGRESS || errno == EINTR;

		if (under_way ? !finish_connect(sock, wait, err)
		              : !connect_failed(errno, err)) {
			close(sock);
			return false;
		}
	}
	*fd = sock;
	return true;
}

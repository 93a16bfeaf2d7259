#include "inventory/tcp.h"

#include <arpa/inet.h>
#include <assert.h>
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
	case ECONNABORTED:
		return err_set(err, ERR_DROPPED,
		               "connection reset while connecting");
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
	case EADDRNOTAVAIL: /* no local port is free */
		return err_errno(err, ERR_SCARCE, errnum, "cannot connect");
	default:
		return err_errno(err, ERR_SYSTEM, errnum, "cannot connect");
	}
}

/* --- the first of several addresses --------------------------------------- */

/* RFC 8305 section 5: the "Connection Attempt Delay". */
#define NEXT_AFTER_NS (250 * NS_PER_MS)

#define FLIGHTS_MAX 2

/* A connection under way. */
struct flight {
	int fd;
	size_t which;
	struct wait wait; /* for this one alone */
};

struct race {
	const struct address *source; /* or NULL */
	const struct address *addresses;
	size_t count;
	unsigned limit_ms;
	const struct wait *wait;
	struct flight flights[FLIGHTS_MAX];
	size_t flying;
	size_t next;            /* address to begin with */
	nanoseconds begin_next; /* when, as long as another one is flying */
	/* Of all failures so far, the most telling one. */
	struct err err;
	size_t err_which;
	bool failed;
};

/* What a host said says more than what was not heard of it, and that more than
 * that there is no way to it. */
static int weight(enum err_kind kind)
{
	if (kind == ERR_REFUSED || kind == ERR_DROPPED)
		return 4;
	if (kind == ERR_TIMEOUT)
		return 3;
	if (kind == ERR_SCARCE)
		return 2;
	return kind == ERR_UNREACHABLE;
}

static void note(struct race *race, size_t which, const struct err *err)
{
	if (race->failed && weight(err->kind) <= weight(race->err.kind))
		return;
	race->err = *err;
	race->err_which = which;
	race->failed = true;
}

static void land(struct race *race, size_t flight)
{
	race->flights[flight] = race->flights[--race->flying];
}

/* The next address has its turn at once. */
static void crash(struct race *race, size_t flight, const struct err *err)
{
	close(race->flights[flight].fd);
	note(race, race->flights[flight].which, err);
	land(race, flight);
	race->begin_next = 0;
}

static bool is_scarce(int errnum)
{
	return errnum == EMFILE || errnum == ENFILE || errnum == ENOBUFS ||
	       errnum == ENOMEM;
}

/* The port is left to connect(), which can give one to several connections to
 * different hosts; bind() could not. */
static bool bind_to(int sock, const struct address *source, struct err *err)
{
	char text[INET6_ADDRSTRLEN + IF_NAMESIZE];
	int one = 1, errnum;

	(void)setsockopt(sock, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one,
	                 sizeof(one));
	if (bind(sock, &source->any, source->length) == 0)
		return true;
	errnum = errno;
	address_format(source, text, sizeof(text));
	return err_errno(err, is_scarce(errnum) ? ERR_SCARCE : ERR_SYSTEM,
	                 errnum, "cannot connect from %s", text);
}

/* Begins with the next address; true when it is connected already. */
static bool begin(struct race *race, int *fd, size_t *which)
{
	const struct address *address = &race->addresses[race->next];
	struct wait wait = wait_at_most(race->wait, race->limit_ms);
	int one = 1;
	int sock = socket(address->any.sa_family,
	                  SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int errnum;
	struct err err;

	if (sock < 0 && race->flying > 0 && is_scarce(errno)) {
		race->begin_next = INT64_MAX; /* when the other one is done */
		return false;
	}
	*which = race->next++;
	race->begin_next = monotonic_ns() + NEXT_AFTER_NS;
	if (sock < 0) {
		connect_failed(errno, &err);
		note(race, *which, &err);
		return false;
	}
	/* Without it a run is only slower. */
	(void)setsockopt(sock, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (race->source != NULL && !bind_to(sock, race->source, &err)) {
		close(sock);
		note(race, *which, &err);
		return false;
	}
	if (connect(sock, &address->any, address->length) == 0) {
		*fd = sock;
		return true;
	}
	errnum = errno;
	race->flights[race->flying++] =
	    (struct flight){ .fd = sock, .which = *which, .wait = wait };
	/* EINTR leaves the connection under way, as EINPROGRESS. */
	if (errnum != EINPROGRESS && errnum != EINTR) {
		connect_failed(errnum, &err);
		crash(race, race->flying - 1, &err);
	}
	return false;
}

/* Until when nothing can happen but that a flight ends. */
static nanoseconds next_deadline(const struct race *race)
{
	nanoseconds deadline = race->wait->deadline;

	for (size_t i = 0; i < race->flying; i++) {
		if (race->flights[i].wait.deadline < deadline)
			deadline = race->flights[i].wait.deadline;
	}
	if (race->next < race->count && race->flying < FLIGHTS_MAX &&
	    race->begin_next < deadline)
		deadline = race->begin_next;
	return deadline;
}

static int how_it_ended(int fd)
{
	int errnum = 0;
	socklen_t size = sizeof(errnum);

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &errnum, &size) != 0)
		return errno;
	return errnum;
}

/* Ends the flights that have come to an end; true when one arrived. */
static bool watch_flights(struct race *race, const struct pollfd *fds, int *fd,
                          size_t *which)
{
	for (size_t i = race->flying; i-- > 0;) {
		struct flight *flight = &race->flights[i];
		struct err err;
		int errnum;

		if (fds[i].revents == 0) {
			if (!wait_check(&flight->wait, &err))
				crash(race, i, &err);
			continue;
		}
		errnum = how_it_ended(flight->fd);
		if (errnum == 0) {
			*fd = flight->fd;
			*which = flight->which;
			land(race, i);
			return true;
		}
		connect_failed(errnum, &err);
		crash(race, i, &err);
	}
	return false;
}

/* False when the whole wait is over, or poll() failed: *err says so. */
static bool wait_for_flights(struct race *race,
                             struct pollfd fds[static FLIGHTS_MAX + 1],
                             struct err *err)
{
	nfds_t count = 0;

	for (; count < race->flying; count++)
		fds[count] = (struct pollfd){ .fd = race->flights[count].fd,
			                      .events = POLLOUT };
	fds[count] =
	    (struct pollfd){ .fd = race->wait->cancel_fd, .events = POLLIN };
	for (;;) {
		int left_ms = deadline_poll_ms(next_deadline(race));

		if (poll(fds, count + 1, left_ms) >= 0)
			break;
		if (errno != EINTR)
			return err_errno(err, ERR_SYSTEM, errno, "poll");
	}
	return fds[count].revents == 0 || wait_check(race->wait, err);
}

static bool next_may_begin(const struct race *race)
{
	return race->next < race->count &&
	       (race->flying == 0 || (race->flying < FLIGHTS_MAX &&
	                              monotonic_ns() >= race->begin_next));
}

static bool run_race(struct race *race, int *fd, size_t *which, struct err *err)
{
	bool goes_on = true;

	while (goes_on) {
		struct pollfd fds[FLIGHTS_MAX + 1];

		if (next_may_begin(race)) {
			if (begin(race, fd, which))
				return true;
		} else if (!wait_for_flights(race, fds, err)) {
			*which = race->flights[0].which;
			return false;
		} else if (watch_flights(race, fds, fd, which)) {
			return true;
		}
		goes_on =
		    race->flying > 0 || (race->next < race->count &&
		                         monotonic_ns() < race->wait->deadline);
	}
	*which = race->err_which;
	*err = race->err;
	return false;
}

bool tcp_connect(int *fd, size_t *which, const struct address *source,
                 const struct address *addresses, size_t count,
                 unsigned limit_ms, const struct wait *wait, struct err *err)
{
	struct race race = { .source = source,
		             .addresses = addresses,
		             .count = count,
		             .limit_ms = limit_ms,
		             .wait = wait };
	bool ok;

	assert(count > 0);
	ok = run_race(&race, fd, which, err);
	for (size_t i = 0; i < race.flying; i++)
		close(race.flights[i].fd);
	return ok;
}

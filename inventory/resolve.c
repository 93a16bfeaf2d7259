#include "inventory/resolve.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <ares.h>

/* The servers of resolv.conf times UDP and TCP are far fewer. */
#define SOCKETS_MAX 16

struct lookup {
	ares_channel channel;
	struct pollfd fds[SOCKETS_MAX + 1]; /* the last is the cancel_fd */
	nfds_t used;
	bool done;
	int status;
	struct ares_addrinfo *result;
};

/* c-ares goes on without what it was refused: without a file that it has not
 * read, the name is not there. So it is noted. */
static _Thread_local bool no_memory;

static void *allocate(size_t size)
{
	void *block = malloc(size);

	no_memory |= block == NULL;
	return block;
}

static void *reallocate(void *block, size_t size)
{
	void *fresh = realloc(block, size);

	no_memory |= fresh == NULL;
	return fresh;
}

bool resolve_library_init(struct err *err)
{
	int status = ares_library_init_mem(ARES_LIB_INIT_ALL, allocate, free,
	                                   reallocate);

	return status == ARES_SUCCESS ||
	       err_set(err, ERR_SYSTEM, "cannot start c-ares: %s",
	               ares_strerror(status));
}

void resolve_library_end(void)
{
	ares_library_cleanup();
}

/* c-ares tells which sockets it watches, and for what. */
static void on_socket(void *data, ares_socket_t fd, int readable, int writable)
{
	struct lookup *lookup = data;
	short events =
	    (short)((readable ? POLLIN : 0) | (writable ? POLLOUT : 0));
	nfds_t i = 0;

	while (i < lookup->used && lookup->fds[i].fd != fd)
		i++;
	if (i == lookup->used) {
		if (events == 0 || lookup->used == SOCKETS_MAX)
			return;
		lookup->used++;
	}
	lookup->fds[i] = (struct pollfd){ .fd = fd, .events = events };
	if (events == 0)
		lookup->fds[i] = lookup->fds[--lookup->used];
}

static void on_answer(void *data, int status, int timeouts,
                      struct ares_addrinfo *result)
{
	struct lookup *lookup = data;

	(void)timeouts;
	lookup->done = true;
	lookup->status = status;
	lookup->result = result;
}

static bool channel_open(struct lookup *lookup, const char *servers,
                         struct err *err)
{
	struct ares_options options = { .sock_state_cb = on_socket,
		                        .sock_state_cb_data = lookup };
	int status = ares_init_options(&lookup->channel, &options,
	                               ARES_OPT_SOCK_STATE_CB);

	if (status == ARES_SUCCESS && servers != NULL) {
		status = ares_set_servers_ports_csv(lookup->channel, servers);
		if (status != ARES_SUCCESS)
			ares_destroy(lookup->channel);
	}
	if (status == ARES_SUCCESS)
		return true;
	if (no_memory)
		return err_set(err, ERR_SCARCE, "out of memory");
	return err_set(err, ERR_SYSTEM, "cannot start a DNS lookup: %s",
	               ares_strerror(status));
}

static void process(struct lookup *lookup, const struct pollfd *fds,
                    nfds_t count)
{
	bool any = false;

	for (nfds_t i = 0; i < count; i++) {
		short got = fds[i].revents;
		bool in = (got & (POLLIN | POLLERR | POLLHUP)) != 0;
		bool out = (got & POLLOUT) != 0;

		if (got == 0)
			continue;
		any = true;
		ares_process_fd(lookup->channel,
		                in ? fds[i].fd : ARES_SOCKET_BAD,
		                out ? fds[i].fd : ARES_SOCKET_BAD);
	}
	if (!any) /* let it see its own timeouts */
		ares_process_fd(lookup->channel, ARES_SOCKET_BAD,
		                ARES_SOCKET_BAD);
}

static bool await_answer(struct lookup *lookup, const struct wait *wait,
                         struct err *err)
{
	while (!lookup->done) {
		/* A copy: on_socket() moves entries while they are walked. */
		struct pollfd fds[SOCKETS_MAX + 1];
		nfds_t count = lookup->used;
		struct timeval most = { .tv_sec = 1 };
		struct timeval next = { .tv_sec = 1 };
		struct timeval *left;
		int ms, left_ms;

		memcpy(fds, lookup->fds, sizeof(fds[0]) * count);
		fds[count] =
		    (struct pollfd){ .fd = wait->cancel_fd, .events = POLLIN };
		left = ares_timeout(lookup->channel, &most, &next);
		ms = (int)(left->tv_sec * 1000 + left->tv_usec / 1000 + 1);
		left_ms = deadline_poll_ms(wait->deadline);
		if (poll(fds, count + 1, ms < left_ms ? ms : left_ms) < 0) {
			if (errno == EINTR)
				continue;
			return err_errno(err, ERR_SYSTEM, errno, "poll");
		}
		if (!wait_check(wait, err))
			return false;
		process(lookup, fds, count);
	}
	return true;
}

/* c-ares takes a socket that it cannot have for a server that refuses. */
static bool no_socket(struct err *err)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd >= 0) {
		close(fd);
		return false;
	}
	err_errno(err, ERR_SCARCE, errno, "cannot open a socket");
	return true;
}

static bool no_address(int family, struct err *err)
{
	const char *which = family == AF_INET    ? "IPv4 "
	                    : family == AF_INET6 ? "IPv6 "
	                                         : "";

	return err_set(err, ERR_UNRESOLVED, "the name has no %saddress", which);
}

static bool answer_failed(int status, int family, const struct wait *wait,
                          struct err *err)
{
	const char *why;

	if (no_memory)
		return err_set(err, ERR_SCARCE, "out of memory");
	switch (status) {
	case ARES_ENOTFOUND:
		return err_set(err, ERR_UNRESOLVED, "no such name");
	case ARES_ENODATA:
		return no_address(family, err);
	case ARES_ETIMEOUT:
		/* c-ares gave up, or it was for our own deadline to say so. */
		if (!wait_check(wait, err))
			return false;
		why = "the name servers do not answer";
		break;
	case ARES_ECONNREFUSED:
		if (no_socket(err))
			return false;
		/* Not reached; or, for c-ares 1.18, one of the following. */
		why = "no name server has an answer";
		break;
	case ARES_ESERVFAIL:
	case ARES_EREFUSED:
	case ARES_ENOTIMP:
		why = "no name server has an answer";
		break;
	case ARES_EFORMERR:
	case ARES_EBADRESP:
		why = "the name servers' answer makes no sense";
		break;
	case ARES_EBADNAME:
		why = "not a name";
		break;
	default:
		why = ares_strerror(status);
		break;
	}
	return err_set(err, ERR_UNRESOLVED, "cannot look the name up: %s", why);
}

static const struct ares_addrinfo_node *
first_of(const struct ares_addrinfo_node *node, int family)
{
	while (node != NULL && node->ai_family != family)
		node = node->ai_next;
	return node;
}

static void take_address(struct address *to,
                         const struct ares_addrinfo_node *node, uint16_t port)
{
	if (node->ai_family == AF_INET) {
		memcpy(&to->v4, node->ai_addr, sizeof(to->v4));
		to->v4.sin_port = htons(port);
		to->length = sizeof(to->v4);
	} else {
		memcpy(&to->v6, node->ai_addr, sizeof(to->v6));
		to->v6.sin6_port = htons(port);
		to->length = sizeof(to->v6);
	}
}

/* The families take turns (RFC 8305 section 4), as long as both have some;
 * the first one's begins. */
static size_t take_addresses(const struct ares_addrinfo *result, uint16_t port,
                             struct address *addresses, size_t max)
{
	const struct ares_addrinfo_node *turn =
	    first_of(result->nodes, AF_INET);
	const struct ares_addrinfo_node *other =
	    first_of(result->nodes, AF_INET6);
	size_t count = 0;

	if (result->nodes != NULL && result->nodes == other) {
		other = turn;
		turn = result->nodes;
	}
	while (count < max && (turn != NULL || other != NULL)) {
		const struct ares_addrinfo_node *next = other;

		if (turn != NULL) {
			take_address(&addresses[count++], turn, port);
			other = first_of(turn->ai_next, turn->ai_family);
		} else {
			other = NULL;
		}
		turn = next;
	}
	return count;
}

bool resolve(const char *name, uint16_t port, int family, const char *servers,
             struct address *addresses, size_t max, size_t *count,
             const struct wait *wait, struct err *err)
{
	struct ares_addrinfo_hints hints = { .ai_family = family,
		                             .ai_socktype = SOCK_STREAM };
	struct lookup lookup = { .status = ARES_ECANCELLED };
	bool ok = false;

	no_memory = false;
	if (!channel_open(&lookup, servers, err))
		return false;
	ares_getaddrinfo(lookup.channel, name, NULL, &hints, on_answer,
	                 &lookup);
	if (!await_answer(&lookup, wait, err))
		goto out;
	if (lookup.status != ARES_SUCCESS) {
		answer_failed(lookup.status, family, wait, err);
		goto out;
	}
	*count = take_addresses(lookup.result, port, addresses, max);
	ok = *count > 0 || no_address(family, err);
out:
	/* Calls on_answer() for a lookup that is still under way. */
	ares_destroy(lookup.channel);
	if (lookup.result != NULL)
		ares_freeaddrinfo(lookup.result);
	return ok;
}

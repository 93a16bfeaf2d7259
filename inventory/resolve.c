#include "inventory/resolve.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <string.h>

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

bool resolve_library_init(struct err *err)
{
	int status = ares_library_init(ARES_LIB_INIT_ALL);

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
	return status == ARES_SUCCESS ||
	       err_set(err, ERR_SYSTEM, "cannot start a DNS lookup: %s",
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

static bool answer_failed(int status, struct err *err)
{
	switch (status) {
	case ARES_ENOTFOUND:
	case ARES_ENODATA:
		return err_set(err, ERR_UNRESOLVED, "no such name");
	case ARES_ENOMEM:
		return err_set(err, ERR_SYSTEM, "out of memory");
	default:
		return err_set(err, ERR_UNRESOLVED,
		               "cannot look the name up: %s",
		               ares_strerror(status));
	}
}

static size_t take_addresses(const struct ares_addrinfo *result, uint16_t port,
                             struct address *addresses, size_t max)
{
	size_t count = 0;

	for (const struct ares_addrinfo_node *node = result->nodes;
	     node != NULL && count < max; node = node->ai_next) {
		struct address *to = &addresses[count];

		if (node->ai_family == AF_INET) {
			memcpy(&to->v4, node->ai_addr, sizeof(to->v4));
			to->v4.sin_port = htons(port);
			to->length = sizeof(to->v4);
		} else if (node->ai_family == AF_INET6) {
			memcpy(&to->v6, node->ai_addr, sizeof(to->v6));
			to->v6.sin6_port = htons(port);
			to->length = sizeof(to->v6);
		} else {
			continue;
		}
		count++;
	}
	return count;
}

bool resolve(const char *name, uint16_t port, const char *servers,
             struct address *addresses, size_t max, size_t *count,
             const struct wait *wait, struct err *err)
{
	struct ares_addrinfo_hints hints = { .ai_family = AF_UNSPEC,
		                             .ai_socktype = SOCK_STREAM };
	struct lookup lookup = { .status = ARES_ECANCELLED };
	bool ok = false;

	if (!channel_open(&lookup, servers, err))
		return false;
	ares_getaddrinfo(lookup.channel, name, NULL, &hints, on_answer,
	                 &lookup);
	if (!await_answer(&lookup, wait, err))
		goto out;
	if (lookup.status != ARES_SUCCESS) {
		answer_failed(lookup.status, err);
		goto out;
	}
	*count = take_addresses(lookup.result, port, addresses, max);
	ok = *count > 0 || answer_failed(ARES_ENODATA, err);
out:
	/* Calls on_answer() for a lookup that is still under way. */
	ares_destroy(lookup.channel);
	if (lookup.result != NULL)
		ares_freeaddrinfo(lookup.result);
	return ok;
}

#include "inventory/agent.h"

#include "inventory/agent_message.h"
#include "inventory/places.h"
#include "inventory/wire.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define REPLY_MAX ((size_t)256 * 1024)

#define OPEN_LIMIT_MS 5000
#define BACKLOG_WAIT_MS 20

struct agent {
	struct sockaddr_un address;
	struct places turn;   /* one; guards the connection and the reply */
	int fd;               /* -1: none */
	unsigned char *reply; /* of REPLY_MAX bytes */
	size_t received;      /* of the last reply, its length included */
	struct agent_keys keys;
};

/* --- The connection ------------------------------------------------------- */

static void disconnect(struct agent *agent)
{
	if (agent->fd >= 0)
		close(agent->fd);
	agent->fd = -1;
}

/* An agent that is busy lets nobody in, which on this kind of socket nothing
 * announces the end of. */
static bool wait_for_backlog(const struct wait *wait, struct err *err)
{
	struct pollfd end = { .fd = wait->cancel_fd, .events = POLLIN };

	(void)poll(&end, 1, BACKLOG_WAIT_MS);
	return wait_check(wait, err);
}

static bool reach(struct agent *agent, const struct wait *wait, struct err *err)
{
	agent->fd =
	    socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (agent->fd < 0)
		return err_errno(err, ERR_SYSTEM, errno, "socket");
	while (connect(agent->fd, (const struct sockaddr *)&agent->address,
	               sizeof(agent->address)) != 0) {
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			return err_errno(err, ERR_SYSTEM, errno,
			                 "cannot connect to %s",
			                 agent->address.sun_path);
		if (!wait_for_backlog(wait, err))
			return false;
	}
	return true;
}

static bool transmit(struct agent *agent, const struct wire_out *request,
                     const struct wait *wait, struct err *err)
{
	size_t sent = 0;

	while (sent < request->length) {
		ssize_t now;

		if (!wait_ready(wait, agent->fd, POLLOUT, err))
			return false;
		now = send(agent->fd, request->bytes + sent,
		           request->length - sent, MSG_NOSIGNAL);
		if (now >= 0)
			sent += (size_t)now;
		else if (errno != EINTR && errno != EAGAIN)
			return err_errno(err, ERR_SYSTEM, errno,
			                 "cannot be asked");
	}
	return true;
}

/* Until so many bytes of the reply are there. */
static bool receive(struct agent *agent, size_t length, const struct wait *wait,
                    struct err *err)
{
	while (agent->received < length) {
		ssize_t now;

		if (!wait_ready(wait, agent->fd, POLLIN, err))
			return false;
		now = recv(agent->fd, agent->reply + agent->received,
		           length - agent->received, 0);
		if (now > 0)
			agent->received += (size_t)now;
		else if (now == 0)
			return err_set(err, ERR_SYSTEM,
			               "closed the connection");
		else if (errno != EINTR && errno != EAGAIN)
			return err_errno(err, ERR_SYSTEM, errno,
			                 "cannot be heard");
	}
	return true;
}

static bool exchange(struct agent *agent, const struct wire_out *request,
                     struct wire *reply, const struct wait *wait,
                     struct err *err)
{
	struct wire head = { agent->reply, 4 };
	uint32_t length = 0;

	agent->received = 0;
	if (!transmit(agent, request, wait, err) ||
	    !receive(agent, 4, wait, err))
		return false;
	wire_take_u32(&head, &length);
	if (length == 0 || length > REPLY_MAX - 4)
		return err_set(err, ERR_SYSTEM,
		               "says something that is no answer");
	*reply = (struct wire){ agent->reply + 4, length };
	return receive(agent, 4 + (size_t)length, wait, err);
}

/* With the turn. A connection whose last request was given up would answer that
 * one first, so it is not used again; and one that the agent has closed
 * meanwhile is made anew, once. */
static bool ask(struct agent *agent, const struct wire_out *request,
                struct wire *reply, const struct wait *wait, struct err *err)
{
	bool fresh = agent->fd < 0;

	if ((fresh && !reach(agent, wait, err)) ||
	    !exchange(agent, request, reply, wait, err)) {
		disconnect(agent);
		if (fresh || agent->received > 0 || err->kind != ERR_SYSTEM)
			return false;
		return ask(agent, request, reply, wait, err);
	}
	return true;
}

/* --- Requests ------------------------------------------------------------- */

static bool list_keys(struct agent *agent, const struct wait *wait,
                      struct err *err)
{
	struct wire_out request = { 0 };
	struct wire reply = { 0 };
	bool ok;

	agent_put_list(&request);
	if (request.failed)
		return err_set(err, ERR_SYSTEM, "out of memory");
	ok = ask(agent, &request, &reply, wait, err) &&
	     agent_read_keys(reply, &agent->keys, err);
	wire_out_release(&request);
	return ok;
}

bool agent_sign(struct agent *agent, size_t index, const char *algorithm,
                size_t algorithm_length, const unsigned char *data,
                size_t length, unsigned char **signature,
                size_t *signature_length, const struct wait *wait,
                struct err *err)
{
	struct wire_out request = { 0 };
	struct wire reply = { 0 };
	bool ok = true;

	agent_put_sign(&request, &agent->keys.keys[index], algorithm,
	               algorithm_length, data, length);
	if (request.failed)
		ok = err_set(err, ERR_SCARCE, "out of memory");
	if (ok && (ok = places_enter(&agent->turn, wait, err))) {
		ok = ask(agent, &request, &reply, wait, err) &&
		     agent_read_signature(reply, algorithm, algorithm_length,
		                          signature, signature_length, err);
		places_leave(&agent->turn);
	}
	wire_out_release(&request);
	return ok || err_prefix(err, "ssh-agent");
}

/* --- Its life ------------------------------------------------------------- */

bool agent_open(struct agent **agent, const char *socket, int cancel_fd,
                struct err *err)
{
	const struct wait wait = {
		.deadline = monotonic_ns() + OPEN_LIMIT_MS * NS_PER_MS,
		.limit_ms = OPEN_LIMIT_MS,
		.cancel_fd = cancel_fd,
	};
	struct agent *a;

	if (strlen(socket) >= sizeof(a->address.sun_path))
		return err_set(err, ERR_SYSTEM,
		               "its socket's path is too long");
	a = calloc(1, sizeof(*a));
	if (a == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	a->fd = -1;
	a->address.sun_family = AF_UNIX;
	memcpy(a->address.sun_path, socket, strlen(socket));
	places_init(&a->turn, 1);
	a->reply = malloc(REPLY_MAX);
	if (a->reply == NULL)
		err_set(err, ERR_SYSTEM, "out of memory");
	if (a->reply == NULL || !list_keys(a, &wait, err)) {
		agent_close(a);
		return false;
	}
	*agent = a;
	return true;
}

void agent_close(struct agent *agent)
{
	if (agent == NULL)
		return;
	disconnect(agent);
	places_release(&agent->turn);
	agent_keys_release(&agent->keys);
	free(agent->reply);
	free(agent);
}

size_t agent_key_count(const struct agent *agent)
{
	return agent->keys.count;
}

const unsigned char *agent_key(const struct agent *agent, size_t index,
                               size_t *length)
{
	*length = agent->keys.keys[index].length;
	return agent->keys.keys[index].blob;
}

const char *agent_key_comment(const struct agent *agent, size_t index)
{
	return agent->keys.keys[index].comment;
}

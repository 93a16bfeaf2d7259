#include "tests/fleet/forward.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libssh/callbacks.h>
#include <libssh/server.h>

#include "tests/fleet/behaviour.h"
#include "tests/fleet/conn.h"

#define PIECE 16384

/* Targets at this port answer no more than a network that drops a SYN. */
#define DARK_PORT 9

/* Of FORWARD_TEN and FORWARD_DIES. */
#define OPEN_MAX_TEN 10
#define OPENED_MAX_DIES 20

struct forward {
	struct forward *next;
	ssh_channel channel;
	struct ssh_channel_callbacks_struct callbacks;
	int fd;
	bool polled;       /* fd is the event's */
	bool readable;     /* it says */
	bool target_ended; /* and the client was told */
	bool client_ended;
	bool closed; /* by the client */
	bool dead;   /* the target is gone */
};

struct forwards {
	const struct conn *conn;
	struct forward *first;
	unsigned open, opened;
};

struct forwards *forwards_new(struct conn *conn)
{
	struct forwards *forwards = calloc(1, sizeof(*forwards));

	if (forwards != NULL)
		forwards->conn = conn;
	return forwards;
}

/* --- bytes ---------------------------------------------------------------- */

/* What the client's window has room for. */
static void take_from_target(struct forward *f)
{
	char buf[PIECE];
	uint32_t room = ssh_channel_window_size(f->channel);
	ssize_t n;

	if (room == 0 || f->target_ended || !f->readable)
		return;
	f->readable = false;
	n = recv(f->fd, buf, room < PIECE ? room : PIECE, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0) {
		if (ssh_channel_write(f->channel, buf, (uint32_t)n) != n)
			f->dead = true;
		return;
	}
	ssh_channel_send_eof(f->channel);
	f->target_ended = true;
	f->dead |= n < 0;
}

/* A write that waits calls this again, so it does no more than that. */
static int on_target(socket_t fd, int revents, void *arg)
{
	struct forward *f = arg;

	(void)fd;
	(void)revents;
	f->readable = true;
	return 0;
}

static int on_data(ssh_session ssh, ssh_channel channel, void *data,
                   uint32_t length, int is_stderr, void *arg)
{
	struct forward *f = arg;
	const char *p = data;
	uint32_t left = is_stderr != 0 ? 0 : length;

	(void)ssh;
	(void)channel;
	while (left > 0 && !f->dead) {
		ssize_t n = send(f->fd, p, left, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			f->dead = true;
			break;
		}
		p += n;
		left -= (uint32_t)n;
	}
	return (int)length;
}

static void on_eof(ssh_session ssh, ssh_channel channel, void *arg)
{
	struct forward *f = arg;

	(void)ssh;
	(void)channel;
	f->client_ended = true;
	shutdown(f->fd, SHUT_WR);
}

static void on_close(ssh_session ssh, ssh_channel channel, void *arg)
{
	struct forward *f = arg;

	(void)ssh;
	(void)channel;
	f->closed = true;
}

/* --- opening -------------------------------------------------------------- */

static int connect_to(const char *host, int port)
{
	struct sockaddr_in name = { .sin_family = AF_INET };
	const int one = 1;
	uint32_t address;
	int fd;

	if (host == NULL || !address_parse(host, &address) || port < 1 ||
	    port > UINT16_MAX)
		return -1;
	name.sin_port = htons((uint16_t)port);
	name.sin_addr.s_addr = htonl(address);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(fd, (const struct sockaddr *)&name, sizeof(name)) == 0)
		return fd;
	close(fd);
	return -1;
}

static void poll_target(struct forward *f, ssh_event event, bool yes)
{
	if (f->polled == yes)
		return;
	if (yes)
		ssh_event_add_fd(event, f->fd, POLLIN, on_target, f);
	else
		ssh_event_remove_fd(event, f->fd);
	f->polled = yes;
}

static bool accept_channel(struct forward *f, ssh_message message)
{
	f->channel = ssh_message_channel_request_open_reply_accept(message);
	if (f->channel == NULL)
		return false;
	f->callbacks.userdata = f;
	f->callbacks.channel_data_function = on_data;
	f->callbacks.channel_eof_function = on_eof;
	f->callbacks.channel_close_function = on_close;
	f->callbacks.size = sizeof(f->callbacks); /* ssh_callbacks_init */
	return ssh_set_channel_callbacks(f->channel, &f->callbacks) == SSH_OK;
}

int forwards_open(struct forwards *forwards, ssh_event event,
                  ssh_message message)
{
	enum forward_kind kind = forwards->conn->behaviour->forward;
	struct forward *f;

	if (kind == FORWARD_SILENT ||
	    ssh_message_channel_request_open_destination_port(message) ==
	        DARK_PORT)
		return 0;
	if (kind == FORWARD_NO ||
	    (kind == FORWARD_TEN && forwards->open == OPEN_MAX_TEN))
		return 1;
	f = calloc(1, sizeof(*f));
	if (f == NULL)
		return 1;
	f->fd = connect_to(
	    ssh_message_channel_request_open_destination(message),
	    ssh_message_channel_request_open_destination_port(message));
	if (f->fd < 0 || !accept_channel(f, message)) {
		if (f->fd >= 0)
			close(f->fd);
		free(f);
		return 1;
	}
	f->next = forwards->first;
	forwards->first = f;
	forwards->open++;
	forwards->opened++;
	poll_target(f, event, true);
	return 0;
}

/* --- the rest ------------------------------------------------------------- */

static void end(struct forward *f, ssh_event event)
{
	poll_target(f, event, false);
	close(f->fd);
	free(f);
}

bool forwards_look(struct forwards *forwards, ssh_event event)
{
	struct forward **at = &forwards->first;

	/* Meanwhile others may come, in front. */
	for (struct forward *f = forwards->first; f != NULL; f = f->next) {
		if (!f->closed && !f->dead)
			take_from_target(f);
	}
	while (*at != NULL) {
		struct forward *f = *at;

		if (!f->closed && !f->dead &&
		    !(f->target_ended && f->client_ended)) {
			poll_target(f, event,
			            !f->target_ended && ssh_channel_window_size(
							    f->channel) > 0);
			at = &f->next;
			continue;
		}
		*at = f->next;
		forwards->open--; /* a close that is flushed calls us again */
		ssh_remove_channel_callbacks(f->channel, &f->callbacks);
		ssh_channel_close(f->channel);
		ssh_channel_free(f->channel);
		end(f, event);
	}
	return forwards->conn->behaviour->forward != FORWARD_DIES ||
	       forwards->opened < OPENED_MAX_DIES;
}

void forwards_free(struct forwards *forwards, ssh_event event)
{
	if (forwards == NULL)
		return;
	while (forwards->first != NULL) {
		struct forward *f = forwards->first;

		forwards->first = f->next;
		ssh_remove_channel_callbacks(f->channel, &f->callbacks);
		end(f, event);
	}
	free(forwards);
}

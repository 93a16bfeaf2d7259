#include "tests/agent_fixture.h"

#include "inventory/wire.h"
#include "tests/net_fixture.h"
#include "tests/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#define CLIENTS 8
#define REQUEST_MAX 4096

/* A connection, and what came in of its next request. */
struct client {
	int fd;
	bool owes; /* an answer that it keeps to itself */
	unsigned char request[REQUEST_MAX];
	size_t length;
};

struct agent_fixture {
	char folder[32];
	struct sockaddr_un address;
	int listener, end_fd;
	pthread_t thread;
	_Atomic enum manner lists, signs;
	struct client clients[CLIENTS];
	size_t count;
	atomic_uint connections, requests, flags;
	atomic_bool crowded;
	unsigned char
	    key[1024]; /* the first one; set before there is a client */
	size_t key_length;
};

/* --- Answers -------------------------------------------------------------- */

/* Nobody reads any more, or the test is over: false. */
static bool say(const struct agent_fixture *fixture, int fd, const void *bytes,
                size_t length)
{
	const char *at = bytes;

	while (length > 0) {
		struct pollfd fds[2] = {
			{ .fd = fd, .events = POLLOUT },
			{ .fd = fixture->end_fd, .events = POLLIN },
		};
		ssize_t sent;

		(void)poll(fds, 2, -1);
		if (fds[1].revents != 0)
			return false;
		sent = send(fd, at, length, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (sent <= 0)
			return false;
		at += sent;
		length -= (size_t)sent;
	}
	return true;
}

static void pause_briefly(const struct agent_fixture *fixture, int ms)
{
	struct pollfd end = { .fd = fixture->end_fd, .events = POLLIN };

	(void)poll(&end, 1, ms);
}

static void put_list(const struct agent_fixture *fixture, struct wire_out *out,
                     enum manner manner)
{
	wire_put_bytes(out, "\x0c", 1);
	wire_put_u32(out, manner == AGENT_LYING ? 1000 : AGENT_FIXTURE_KEYS);
	for (int i = 0; i < AGENT_FIXTURE_KEYS; i++) {
		const char key[] = { 'k', 'e', 'y', (char)('0' + i), 0 };

		if (i == 0 && fixture->key_length > 0)
			wire_put_string(out, fixture->key, fixture->key_length);
		else
			wire_put_text(out, key);
		wire_put_text(out, "its comment");
	}
}

static void put_signature(struct wire_out *out, struct wire from,
                          enum manner manner, atomic_uint *flags)
{
	struct wire_string key = { 0 }, data = { 0 };
	struct wire_out inner = { 0 };
	uint32_t number = 0;

	wire_take_string(&from, &key);
	wire_take_string(&from, &data);
	wire_take_u32(&from, &number);
	atomic_store(flags, number);
	wire_put_text(&inner, manner == AGENT_OLD ? "ssh-rsa"
	                      : number == 4       ? "rsa-sha2-512"
	                      : number == 2       ? "rsa-sha2-256"
	                                          : "ssh-ed25519");
	wire_put_string(&inner, data.bytes,
	                manner == AGENT_SIGNS_VOID ? 0
	                                           : AGENT_FIXTURE_SIGNATURE);
	wire_put_bytes(out, "\x0e", 1);
	wire_put_string(out, inner.bytes, inner.length);
	wire_out_release(&inner);
}

/* Without end, or until nobody listens. */
static void flood(const struct agent_fixture *fixture, int fd)
{
	static const char bytes[4096];

	if (!say(fixture, fd, "\xff\xff\xff\xff", 4))
		return;
	while (say(fixture, fd, bytes, sizeof(bytes)))
		;
}

static void drip(const struct agent_fixture *fixture, int fd)
{
	bool heard = say(fixture, fd, "\0\3\x20\0\x0c", 5);

	while (heard) {
		pause_briefly(fixture, 1);
		heard = say(fixture, fd, "\0", 1);
	}
}

/* False when the connection is to be closed. */
static bool send_answer(const struct agent_fixture *fixture, int fd,
                        enum manner manner, const struct wire_out *body)
{
	struct wire_out whole = { 0 };
	bool stays = manner != AGENT_HALF && manner != AGENT_FLEETING;

	wire_put_string(&whole, body->bytes, body->length);
	if (manner == AGENT_HALF)
		whole.length /= 2;
	if (manner == AGENT_SLOW) {
		for (size_t i = 0; i < whole.length; i++) {
			(void)say(fixture, fd, whole.bytes + i, 1);
			pause_briefly(fixture, 1);
		}
	} else {
		(void)say(fixture, fd, whole.bytes, whole.length);
	}
	wire_out_release(&whole);
	return stays;
}

static void make_answer(struct agent_fixture *fixture, enum manner manner,
                        const struct wire *request, struct wire_out *body)
{
	const unsigned char *kind = NULL;
	struct wire from = *request;

	wire_take_bytes(&from, 1, &kind);
	if (manner == AGENT_REFUSING)
		wire_put_bytes(body, "\5", 1);
	else if (kind != NULL && *kind == 11)
		put_list(fixture, body, manner);
	else
		put_signature(body, from, manner, &fixture->flags);
}

/* False when the connection is to be closed. */
static bool answer(struct agent_fixture *fixture, struct client *client,
                   const struct wire *request)
{
	bool list = request->left > 0 && request->at[0] == 11;
	enum manner manner = list ? fixture->lists : fixture->signs;
	struct wire_out body = { 0 };
	bool stays = false;

	switch (manner) {
	case AGENT_SILENT:
	case AGENT_DEAF:
		client->owes = true;
		return true;
	case AGENT_GARBAGE:
		(void)say(fixture, client->fd, "HTTP/1.1 400 Bad Request\n",
		          25);
		return true;
	case AGENT_HUGE:
		flood(fixture, client->fd);
		return false;
	case AGENT_DRIP:
		drip(fixture, client->fd);
		return false;
	case AGENT_EMPTY:
		(void)say(fixture, client->fd, "\0\0\0\0", 4);
		return true;
	case AGENT_WELL:
	case AGENT_SLOW:
	case AGENT_FLEETING:
	case AGENT_REFUSING:
	case AGENT_HALF:
	case AGENT_LYING:
	case AGENT_OLD:
	case AGENT_SIGNS_VOID:
	case AGENT_MANNERS:
		break;
	}
	make_answer(fixture, manner, request, &body);
	stays = send_answer(fixture, client->fd, manner, &body);
	wire_out_release(&body);
	return stays;
}

/* --- Connections ---------------------------------------------------------- */

static void drop(struct agent_fixture *fixture, struct client *client)
{
	close(client->fd);
	*client = fixture->clients[--fixture->count];
}

/* What is behind a request came before its answer did. */
static void look_for_crowd(struct agent_fixture *fixture,
                           const struct client *client, size_t used)
{
	int waiting = 0;

	(void)ioctl(client->fd, FIONREAD, &waiting);
	if (waiting > 0 || client->length > used || client->owes)
		fixture->crowded = true;
}

static void hear(struct agent_fixture *fixture, struct client *client)
{
	ssize_t got = recv(client->fd, client->request + client->length,
	                   REQUEST_MAX - client->length, MSG_DONTWAIT);
	struct wire from = { client->request, client->length };
	struct wire request;
	uint32_t length;

	if (got <= 0) {
		drop(fixture, client);
		return;
	}
	client->length += (size_t)got;
	from.left = client->length;
	if (!wire_take_u32(&from, &length) || length > from.left)
		return;
	request = (struct wire){ from.at, length };
	fixture->requests++;
	look_for_crowd(fixture, client, 4 + length);
	client->length = 0;
	if (!answer(fixture, client, &request))
		drop(fixture, client);
}

static void let_in(struct agent_fixture *fixture)
{
	int fd = accept(fixture->listener, NULL, NULL);

	if (fd < 0)
		return;
	fixture->connections++;
	fixture->clients[fixture->count++] = (struct client){ .fd = fd };
}

static void *run(void *arg)
{
	struct agent_fixture *fixture = arg;

	for (;;) {
		bool full =
		    fixture->count == CLIENTS || fixture->lists == AGENT_DEAF;
		struct pollfd fds[2 + CLIENTS] = {
			{ .fd = fixture->end_fd, .events = POLLIN },
			{ .fd = full ? -1 : fixture->listener,
			  .events = POLLIN },
		};
		size_t count = fixture->count;

		for (size_t i = 0; i < count; i++)
			fds[2 + i] =
			    (struct pollfd){ .fd = fixture->clients[i].fd,
				             .events = POLLIN };
		(void)poll(fds, 2 + count, -1);
		if (fds[0].revents != 0)
			return NULL;
		/* From the end, for drop() moves the last one. */
		for (size_t i = count; i-- > 0;) {
			if (fds[2 + i].revents != 0)
				hear(fixture, &fixture->clients[i]);
		}
		if (fds[1].revents != 0)
			let_in(fixture);
		if (fixture->count > 1)
			fixture->crowded = true;
	}
}

/* -------------------------------------------------------------------------- */

struct agent_fixture *agent_fixture_start(enum manner lists, enum manner signs)
{
	struct agent_fixture *fixture = calloc(1, sizeof(*fixture));

	assert_non_null(fixture);
	strcpy(fixture->folder, "/tmp/sshinv-agent.XXXXXX");
	assert_true(scratch_make(fixture->folder));
	fixture->lists = lists;
	fixture->signs = signs;
	fixture->address.sun_family = AF_UNIX;
	snprintf(fixture->address.sun_path, sizeof(fixture->address.sun_path),
	         "%s/socket", fixture->folder);
	fixture->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fixture->listener >= 0);
	assert_int_equal(bind(fixture->listener,
	                      (const struct sockaddr *)&fixture->address,
	                      sizeof(fixture->address)),
	                 0);
	/* Of a deaf one the backlog is full with the first. */
	assert_int_equal(listen(fixture->listener, 0), 0);
	fixture->end_fd = eventfd(0, EFD_CLOEXEC);
	assert_true(fixture->end_fd >= 0);
	assert_int_equal(pthread_create(&fixture->thread, NULL, run, fixture),
	                 0);
	return fixture;
}

void agent_fixture_stop(struct agent_fixture *fixture)
{
	assert_int_equal(eventfd_write(fixture->end_fd, 1), 0);
	assert_int_equal(pthread_join(fixture->thread, NULL), 0);
	for (size_t i = 0; i < fixture->count; i++)
		close(fixture->clients[i].fd);
	close(fixture->listener);
	close(fixture->end_fd);
	assert_true(scratch_remove(fixture->folder));
	free(fixture);
}

void agent_fixture_key(struct agent_fixture *fixture, const void *blob,
                       size_t length)
{
	assert_true(length <= sizeof(fixture->key));
	memcpy(fixture->key, blob, length);
	fixture->key_length = length;
}

void agent_fixture_signs(struct agent_fixture *fixture, enum manner manner)
{
	fixture->signs = manner;
}

const char *agent_fixture_socket(const struct agent_fixture *fixture)
{
	return fixture->address.sun_path;
}

unsigned agent_fixture_connections(const struct agent_fixture *fixture)
{
	return fixture->connections;
}

unsigned agent_fixture_requests(const struct agent_fixture *fixture)
{
	return fixture->requests;
}

bool agent_fixture_crowded(const struct agent_fixture *fixture)
{
	return fixture->crowded;
}

unsigned agent_fixture_flags(const struct agent_fixture *fixture)
{
	return fixture->flags;
}

/* -------------------------------------------------------------------------- */

struct agent *opened(const struct agent_fixture *fixture)
{
	struct agent *agent = NULL;
	struct err err = { .kind = ERR_NONE };

	if (!agent_open(&agent, agent_fixture_socket(fixture), -1, &err))
		fail_msg("%s", err.text);
	return agent;
}

bool sign(struct agent *agent, struct signing *signing, const struct wait *wait)
{
	const char *algorithm =
	    signing->algorithm != NULL ? signing->algorithm : "ssh-ed25519";

	return agent_sign(agent, 0, algorithm, strlen(algorithm), signing->data,
	                  sizeof(signing->data), &signing->signature,
	                  &signing->length, wait, &signing->err);
}

bool is_own(struct signing *signing)
{
	bool own =
	    signing->length == AGENT_FIXTURE_SIGNATURE &&
	    memcmp(signing->signature, signing->data, signing->length) == 0;

	free(signing->signature);
	signing->signature = NULL;
	return own;
}

void signs(struct agent *agent, const char *text)
{
	const struct wait wait = wait_ms(PLENTY_MS, -1);
	struct signing signing = { .algorithm = NULL };

	strncpy((char *)signing.data, text, sizeof(signing.data) - 1);
	if (!sign(agent, &signing, &wait))
		fail_msg("%s", signing.err.text);
	assert_true(is_own(&signing));
}

#include "tests/relay.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define PAIRS 16

struct relay {
	pthread_t thread;
	int listener;
	int wake_fd;
	uint16_t port, server_port;
	int pairs[PAIRS][2]; /* client, server; -1 none; the thread's alone */
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	/* Guarded by mutex. */
	enum relay_mode wanted, mode;
	bool held; /* something was not passed on */
	bool ends;
	unsigned accepted;
};

static struct sockaddr_in loopback(uint16_t port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
}

static void close_pair(int *pair)
{
	for (int i = 0; i < 2; i++) {
		if (pair[i] >= 0)
			close(pair[i]);
		pair[i] = -1;
	}
}

static int dial(uint16_t port)
{
	struct sockaddr_in address = loopback(port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 &&
	    connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static void take(struct relay *relay, enum relay_mode mode)
{
	int client = accept4(relay->listener, NULL, NULL, SOCK_CLOEXEC);
	size_t free_pair = 0;
	int *pair;

	if (client < 0)
		return;
	pthread_mutex_lock(&relay->mutex);
	relay->accepted++;
	pthread_mutex_unlock(&relay->mutex);
	while (free_pair < PAIRS && relay->pairs[free_pair][0] >= 0)
		free_pair++;
	if (mode == RELAY_CUT || free_pair == PAIRS) {
		close(client);
		return;
	}
	pair = relay->pairs[free_pair];
	pair[0] = client;
	pair[1] = mode == RELAY_PASS ? dial(relay->server_port) : -1;
	if (mode == RELAY_PASS && pair[1] < 0)
		close_pair(pair);
}

static bool pass(int from, int to)
{
	char buffer[16384];
	ssize_t length = recv(from, buffer, sizeof(buffer), 0);

	for (ssize_t sent = 0; sent < length;) {
		ssize_t some = send(to, buffer + sent, (size_t)(length - sent),
		                    MSG_NOSIGNAL);

		if (some <= 0)
			return false;
		sent += some;
	}
	return length > 0;
}

/* Takes over what is wanted; returns false at the end. */
static bool look(struct relay *relay, enum relay_mode *mode)
{
	bool ends;
	uint64_t count;

	if (eventfd_read(relay->wake_fd, &count) != 0)
		return false;
	pthread_mutex_lock(&relay->mutex);
	*mode = relay->wanted;
	if (*mode == RELAY_CUT) {
		for (size_t i = 0; i < PAIRS; i++)
			close_pair(relay->pairs[i]);
	}
	relay->mode = *mode;
	relay->held = false;
	ends = relay->ends;
	pthread_cond_broadcast(&relay->changed);
	pthread_mutex_unlock(&relay->mutex);
	return !ends;
}

static void hold(struct relay *relay)
{
	pthread_mutex_lock(&relay->mutex);
	relay->held = true;
	pthread_cond_broadcast(&relay->changed);
	pthread_mutex_unlock(&relay->mutex);
}

static void serve(struct relay *relay, enum relay_mode mode,
                  const struct pollfd *fds)
{
	for (size_t i = 0; i < PAIRS; i++) {
		int *pair = relay->pairs[i];

		for (int side = 0; side < 2 && pair[0] >= 0; side++) {
			if (fds[2 * i + (size_t)side].revents == 0)
				continue;
			if (mode == RELAY_SILENT)
				hold(relay);
			else if (!pass(pair[side], pair[1 - side]))
				close_pair(pair);
		}
	}
}

static void *run(void *arg)
{
	struct relay *relay = arg;
	enum relay_mode mode = RELAY_PASS;
	struct pollfd fds[2 + 2 * PAIRS];

	for (;;) {
		fds[0] = (struct pollfd){ relay->wake_fd, POLLIN, 0 };
		fds[1] = (struct pollfd){ relay->listener, POLLIN, 0 };
		for (size_t i = 0; i < PAIRS; i++) {
			int *pair = relay->pairs[i];
			/* A pair without a server stays silent for ever. */
			bool deaf = mode != RELAY_SILENT && pair[1] < 0;

			fds[2 + 2 * i] =
			    (struct pollfd){ deaf ? -1 : pair[0], POLLIN, 0 };
			fds[3 + 2 * i] = (struct pollfd){ pair[1], POLLIN, 0 };
		}
		/* What is held is not looked at again and again. */
		if (poll(fds, 2 + 2 * PAIRS, -1) < 0)
			return NULL;
		serve(relay, mode, fds + 2);
		if (mode == RELAY_SILENT && fds[0].revents == 0 &&
		    fds[1].revents == 0)
			poll(fds, 2, 20);
		if (fds[1].revents != 0)
			take(relay, mode);
		if (fds[0].revents != 0 && !look(relay, &mode))
			return NULL;
	}
}

struct relay *relay_open(uint16_t server_port)
{
	struct relay *relay = calloc(1, sizeof(*relay));
	struct sockaddr_in address = loopback(0);
	socklen_t length = sizeof(address);

	assert_non_null(relay);
	relay->server_port = server_port;
	for (size_t i = 0; i < PAIRS; i++)
		relay->pairs[i][0] = relay->pairs[i][1] = -1;
	relay->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(relay->listener >= 0);
	assert_int_equal(
	    bind(relay->listener, (struct sockaddr *)&address, sizeof(address)),
	    0);
	assert_int_equal(listen(relay->listener, 64), 0);
	assert_int_equal(
	    getsockname(relay->listener, (struct sockaddr *)&address, &length),
	    0);
	relay->port = ntohs(address.sin_port);
	relay->wake_fd = eventfd(0, EFD_CLOEXEC);
	assert_true(relay->wake_fd >= 0);
	assert_int_equal(pthread_mutex_init(&relay->mutex, NULL), 0);
	assert_int_equal(pthread_cond_init(&relay->changed, NULL), 0);
	assert_int_equal(pthread_create(&relay->thread, NULL, run, relay), 0);
	return relay;
}

uint16_t relay_port(const struct relay *relay)
{
	return relay->port;
}

void relay_set(struct relay *relay, enum relay_mode mode)
{
	pthread_mutex_lock(&relay->mutex);
	relay->wanted = mode;
	assert_int_equal(eventfd_write(relay->wake_fd, 1), 0);
	while (relay->mode != mode)
		pthread_cond_wait(&relay->changed, &relay->mutex);
	pthread_mutex_unlock(&relay->mutex);
}

void relay_wait_for_silence(struct relay *relay)
{
	pthread_mutex_lock(&relay->mutex);
	while (!relay->held)
		pthread_cond_wait(&relay->changed, &relay->mutex);
	pthread_mutex_unlock(&relay->mutex);
}

unsigned relay_accepted(struct relay *relay)
{
	unsigned accepted;

	pthread_mutex_lock(&relay->mutex);
	accepted = relay->accepted;
	pthread_mutex_unlock(&relay->mutex);
	return accepted;
}

void relay_close(struct relay *relay)
{
	pthread_mutex_lock(&relay->mutex);
	relay->ends = true;
	relay->wanted = RELAY_CUT;
	pthread_mutex_unlock(&relay->mutex);
	assert_int_equal(eventfd_write(relay->wake_fd, 1), 0);
	assert_int_equal(pthread_join(relay->thread, NULL), 0);
	close(relay->listener);
	close(relay->wake_fd);
	pthread_mutex_destroy(&relay->mutex);
	pthread_cond_destroy(&relay->changed);
	free(relay);
}

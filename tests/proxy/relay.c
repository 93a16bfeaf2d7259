#include "tests/proxy/relay.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <netinet/tcp.h>

#include "tests/proxy/mangle.h"

#define STACK_SIZE ((size_t)128 * 1024)
#define MILLION INT64_C(1000000)

/* A pause in which what a swap holds back comes out after all. */
#define IDLE_MS 60

/* No client of a test stays that long; a server may wait for ever. */
#define LIFE_MS 120000

#define PIECE_MAX 16

struct relay_counts relay_counts;

/* One direction: from -> in -> mangle -> out -> to. */
struct way {
	int from, to;
	struct mangle mangle;
	unsigned char in[MANGLE_INPUT_MAX];
	size_t in_begin, in_end;
	struct mangled out;
	size_t out_begin; /* what stands before it was written */
	int64_t until;    /* nothing moves before */
	bool at_end;      /* of from */
	bool cut;         /* by a fault; what comes is thrown away */
	bool ended;       /* and told to `to` */
};

struct relay {
	int client, server;
	struct sockaddr_in to;
	struct plan plan;
	uint64_t dice;
	struct way ways[DIRECTIONS];
	bool over;
};

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / MILLION;
}

static void reset_on_close(int fd)
{
	const struct linger now = { .l_onoff = 1, .l_linger = 0 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

static void end_stream(struct way *way)
{
	if (!way->ended)
		shutdown(way->to, SHUT_WR);
	way->ended = true;
	way->out_begin = way->out.length = 0;
}

/* Makes of what was read what is to be written. */
static void mangle(struct relay *relay, struct way *way)
{
	enum mangle_state state;

	way->out_begin = 0;
	way->in_begin +=
	    mangle_take(&way->mangle, way->in + way->in_begin,
	                way->in_end - way->in_begin, &way->out, &state);
	switch (state) {
	case MANGLE_STALLS:
		way->until = now_ms() + way->mangle.stall_ms;
		break;
	case MANGLE_RESETS:
		reset_on_close(relay->client);
		reset_on_close(relay->server);
		relay->over = true;
		break;
	case MANGLE_ENDS:
		way->cut = true;
		way->in_begin = way->in_end = 0;
		break;
	case MANGLE_GOES_ON:
		break;
	}
}

static void read_more(struct relay *relay, struct way *way)
{
	ssize_t got = recv(way->from, way->in, sizeof(way->in), MSG_DONTWAIT);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	way->in_begin = 0;
	way->in_end = got > 0 && !way->cut ? (size_t)got : 0;
	if (got > 0)
		return;
	if (got < 0)
		relay->over = true;
	way->out_begin = 0;
	mangle_flush(&way->mangle, &way->out);
	way->at_end = true;
}

static void write_more(struct relay *relay, struct way *way)
{
	size_t length = way->out.length - way->out_begin;
	ssize_t sent;

	if (relay->plan.pieces) {
		size_t piece = 1 + (size_t)dice_roll(&relay->dice) % PIECE_MAX;

		length = piece < length ? piece : length;
		if (dice_roll(&relay->dice) % 32 == 0)
			way->until = now_ms() + 1;
	}
	sent = send(way->to, way->out.bytes + way->out_begin, length,
	            MSG_DONTWAIT | MSG_NOSIGNAL);
	if (sent < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (sent < 0)
		relay->over = true;
	else
		way->out_begin += (size_t)sent;
}

/* A server that fell silent does not end either; a client's end is told. */
static bool keeps_end(const struct way *way)
{
	return way->mangle.is_silent && way->mangle.direction == TO_CLIENT;
}

static bool is_done(const struct way *way)
{
	return way->ended || (way->at_end && keeps_end(way));
}

/* Moves what can be moved without waiting; tells what to wait for. */
static void step(struct relay *relay, struct way *way, int events,
                 struct pollfd *wait)
{
	*wait = (struct pollfd){ .fd = -1 };
	if (events != 0 && way->out_begin < way->out.length)
		write_more(relay, way);
	else if (events != 0)
		read_more(relay, way);
	if (relay->over || now_ms() < way->until)
		return;
	if (way->out_begin == way->out.length && way->in_begin < way->in_end)
		mangle(relay, way);
	if (way->out_begin < way->out.length) {
		*wait = (struct pollfd){ .fd = way->to, .events = POLLOUT };
		return;
	}
	if (way->in_begin < way->in_end)
		return; /* it stalls */
	if ((way->at_end || way->cut) && !keeps_end(way))
		end_stream(way);
	if (!way->at_end)
		*wait = (struct pollfd){ .fd = way->from, .events = POLLIN };
}

static int wait_ms(const struct relay *relay, int64_t death)
{
	int64_t now = now_ms();
	int64_t until = death;

	for (int i = 0; i < DIRECTIONS; i++) {
		const struct way *way = &relay->ways[i];

		if (way->until > now && way->until < until)
			until = way->until;
		if (way->mangle.held_length > 0 && now + IDLE_MS < until)
			until = now + IDLE_MS;
	}
	return until > now ? (int)(until - now) : 0;
}

static void flush_idle(struct relay *relay)
{
	for (int i = 0; i < DIRECTIONS; i++) {
		struct way *way = &relay->ways[i];

		if (way->out_begin < way->out.length)
			continue;
		way->out_begin = 0;
		mangle_flush(&way->mangle, &way->out);
	}
}

static void carry(struct relay *relay)
{
	int64_t death = now_ms() + LIFE_MS;
	struct pollfd waits[DIRECTIONS];
	int events[DIRECTIONS] = { 0 };

	while (!relay->over && now_ms() < death) {
		int ready;

		for (int i = 0; i < DIRECTIONS; i++)
			step(relay, &relay->ways[i], events[i], &waits[i]);
		if (relay->over || (is_done(&relay->ways[TO_SERVER]) &&
		                    is_done(&relay->ways[TO_CLIENT])))
			break;
		ready = poll(waits, DIRECTIONS, wait_ms(relay, death));
		if (ready == 0)
			flush_idle(relay);
		for (int i = 0; i < DIRECTIONS; i++)
			events[i] = ready > 0 ? waits[i].revents : 0;
	}
}

static void count(const struct relay *relay)
{
	for (int i = 0; i < DIRECTIONS; i++) {
		for (int kind = 0; kind < FAULT_KINDS; kind++)
			relay_counts.faults[kind] +=
			    relay->ways[i].mangle.applied[kind];
	}
}

static void *run(void *arg)
{
	struct relay *relay = arg;
	const int one = 1;

	relay->server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (relay->server >= 0 &&
	    connect(relay->server, (const struct sockaddr *)&relay->to,
	            sizeof(relay->to)) == 0) {
		setsockopt(relay->server, IPPROTO_TCP, TCP_NODELAY, &one,
		           sizeof(one));
		for (int i = 0; i < DIRECTIONS; i++) {
			struct way *way = &relay->ways[i];

			mangle_init(&way->mangle, &relay->plan,
			            (enum direction)i);
			way->from =
			    i == TO_SERVER ? relay->client : relay->server;
			way->to =
			    i == TO_SERVER ? relay->server : relay->client;
		}
		carry(relay);
		count(relay);
	} else {
		relay_counts.unreachable++;
	}
	if (relay->server >= 0)
		close(relay->server);
	close(relay->client);
	free(relay);
	return NULL;
}

bool relay_start(int client, const struct sockaddr_in *server,
                 const struct plan *plan)
{
	struct relay *relay = calloc(1, sizeof(*relay));
	const int one = 1;
	pthread_attr_t attr;
	pthread_t thread;
	bool ok;

	if (relay == NULL) {
		close(client);
		return false;
	}
	setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	relay->client = client;
	relay->to = *server;
	relay->plan = *plan;
	relay->dice = plan->dice;
	relay_counts.connections++;
	relay_counts.untouched += plan->count == 0;
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	ok = pthread_create(&thread, &attr, run, relay) == 0;
	pthread_attr_destroy(&attr);
	if (!ok) {
		close(client);
		free(relay);
	}
	return ok;
}

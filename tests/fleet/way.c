#include "tests/fleet/link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "tests/fleet/crew.h"
#include "tests/fleet/say.h"

#define SEGMENT_GAP_NS 200000 /* longest pause between pieces */

int64_t delay_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

/* splitmix64: good enough to cut bytes, and the same everywhere. */
static uint64_t roll(uint64_t *dice)
{
	uint64_t z = (*dice += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/* A third of the pieces is one byte, a third small, a third up to what an
 * Ethernet frame holds. */
static size_t piece(uint64_t *dice, size_t length)
{
	uint64_t r = roll(dice);
	size_t n = 1;

	if (r % 3 == 1)
		n = 1 + (size_t)(r >> 32) % 64;
	else if (r % 3 == 2)
		n = 1 + (size_t)(r >> 32) % 1460;
	return n < length ? n : length;
}

void way_clear(struct delay *delay, struct way *way)
{
	heap_remove(&delay->heap, &way->item);
	while (way->first != NULL) {
		struct chunk *next = way->first->next;

		free(way->first);
		way->first = next;
	}
	way->last = &way->first;
	way->queued = 0;
	way->blocked = false;
}

void way_break(struct delay *delay, struct way *way)
{
	struct link *link = way->link;

	way->broken = true;
	way_clear(delay, way);
	/* A handler that had not started sees an empty stream. */
	if (way == &link->in && link->conn != NULL) {
		struct conn *conn = link->conn;

		link->conn = NULL;
		crew_submit(delay->crew, conn);
	}
	shutdown(way->to->fd, SHUT_WR);
}

bool way_queue(struct delay *delay, struct way *way, enum chunk_kind kind,
               const char *data, size_t length, int64_t due_ns)
{
	struct chunk *c = malloc(sizeof(*c) + length);

	if (due_ns < way->last_due_ns)
		due_ns = way->last_due_ns;
	if (c == NULL || (way->first == NULL &&
	                  !heap_put(&delay->heap, &way->item, due_ns))) {
		say(ENOMEM, "a connection breaks");
		free(c);
		way_break(delay, way);
		return false;
	}
	way->last_due_ns = due_ns;
	*c = (struct chunk){ .due_ns = due_ns, .kind = kind, .length = length };
	if (length > 0)
		memcpy(c->data, data, length);
	*way->last = c;
	way->last = &c->next;
	way->queued += length;
	return true;
}

int64_t way_arrival_ns(const struct delay *delay, const struct way *way)
{
	int64_t now = delay_now_ns();

	if (now < way->link->start_ns)
		now = way->link->start_ns;
	return now + delay->settings.rtt_ns / 2;
}

static void queue_data(struct delay *delay, struct way *way, const char *data,
                       size_t length)
{
	int64_t due = way_arrival_ns(delay, way);

	if (!delay->settings.segments) {
		way_queue(delay, way, CHUNK_DATA, data, length, due);
		return;
	}
	if (due < way->last_due_ns)
		due = way->last_due_ns;
	while (length > 0) {
		size_t n = piece(&way->dice, length);

		due += (int64_t)(roll(&way->dice) % SEGMENT_GAP_NS);
		if (!way_queue(delay, way, CHUNK_DATA, data, n, due))
			return;
		data += n;
		length -= n;
	}
}

void way_take_in(struct delay *delay, struct way *way, bool all)
{
	char buf[16384];

	while (!way->ended && (all || way->queued < QUEUED_MAX)) {
		ssize_t n = recv(way->from->fd, buf, sizeof(buf), MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n > 0 && way->broken)
			continue;
		if (n > 0) {
			queue_data(delay, way, buf, (size_t)n);
			if ((size_t)n < sizeof(buf) && !all)
				return;
			continue;
		}
		way->ended = true;
		if (!way->broken)
			way_queue(delay, way, CHUNK_END, NULL, 0,
			          way_arrival_ns(delay, way));
	}
}

/* False when the rest has to wait for `to`. */
static bool deliver(struct delay *delay, struct way *way, struct chunk *c)
{
	if (c->kind == CHUNK_OPEN) {
		struct conn *conn = way->link->conn;

		way->link->conn = NULL;
		crew_submit(delay->crew, conn);
		return true;
	}
	if (c->kind == CHUNK_END) {
		/* No FIN in front of a reset. */
		if (!atomic_load(&way->link->reset))
			shutdown(way->to->fd, SHUT_WR);
		return true;
	}
	while (c->sent < c->length) {
		ssize_t n =
		    send(way->to->fd, c->data + c->sent, c->length - c->sent,
		         MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			way->blocked = true;
			return false;
		}
		if (n < 0) {
			way->broken = true;
			return true;
		}
		c->sent += (size_t)n;
	}
	return true;
}

void way_give_out(struct delay *delay, struct way *way)
{
	int64_t now = delay_now_ns();

	heap_remove(&delay->heap, &way->item);
	way->blocked = false;
	while (way->first != NULL && way->first->due_ns <= now) {
		struct chunk *c = way->first;

		if (!deliver(delay, way, c))
			return;
		if (way->broken) {
			way_clear(delay, way);
			return;
		}
		way->first = c->next;
		if (way->first == NULL)
			way->last = &way->first;
		way->queued -= c->length;
		free(c);
	}
	if (way->first != NULL &&
	    !heap_put(&delay->heap, &way->item, way->first->due_ns))
		way_break(delay, way);
}

#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/fleet/delay.h"
#include "tests/fleet/heap.h"

/*
 * The inside of a delay, for delay.c and way.c only: delay.c has the thread,
 * epoll and the life of links; way.c moves the bytes of one direction. All of
 * it happens under the delay's lock.
 */

#define QUEUED_MAX ((size_t)1024 * 1024) /* a way's bytes under way */

enum chunk_kind {
	CHUNK_OPEN, /* the handler starts */
	CHUNK_DATA,
	CHUNK_END /* end of the stream */
};

struct chunk {
	struct chunk *next;
	int64_t due_ns;
	enum chunk_kind kind;
	size_t length;
	size_t sent;
	char data[];
};

/* One end of a link, as epoll knows it. */
struct end {
	struct link *link;
	int fd;
	uint32_t events; /* asked for */
	bool known;      /* to epoll */
};

/*
 * One direction:
 *
 *     from --read--> first ... last --written when due--> to
 *
 * It is in the heap while its first chunk is not due yet; else it waits for
 * `to` to take more (blocked), or is empty.
 */
struct way {
	struct heap_item item; /* first: the heap gives it back */
	struct link *link;
	struct end *from;
	struct end *to;
	struct chunk *first;
	struct chunk **last;
	size_t queued;
	int64_t last_due_ns;
	uint64_t dice;
	bool ended;   /* the end of `from` was read */
	bool blocked; /* `to` takes nothing now */
	bool broken;  /* `to` will never take anything again */
};

struct link {
	struct link *next; /* all links; then those to be freed */
	struct link *before;
	struct conn *conn; /* until the handler starts */
	int64_t start_ns;  /* nothing of the client counts before */
	struct end tcp;
	struct end near;
	struct way in;  /* tcp -> near */
	struct way out; /* near -> tcp */
	bool left;      /* the handler has closed its end */
	atomic_bool reset;
};

struct delay {
	struct delay_settings settings;
	struct crew *crew;
	int epoll;
	int timer;
	int stop;
	pthread_t thread;
	pthread_mutex_t lock; /* guards all below; the thread leaves it only
	                       * to wait */
	struct heap heap;
	int64_t armed_ns; /* what the timer is set to; 0: nothing */
	struct link *links;
	struct link *done; /* freed when no event can name them any more */
};

/* CLOCK_MONOTONIC. */
int64_t delay_now_ns(void);

/* When something that leaves the way's `from` now arrives. */
int64_t way_arrival_ns(const struct delay *delay, const struct way *way);

/* Adds a chunk. False without memory: the way is broken then. */
bool way_queue(struct delay *delay, struct way *way, enum chunk_kind kind,
               const char *data, size_t length, int64_t due_ns);

/* Reads what `from` has until enough is under way; all there is when its
 * writer has left, for then epoll would not stop telling. */
void way_take_in(struct delay *delay, struct way *way, bool all);

/* Delivers what is due; the way is left in the heap, blocked or empty. */
void way_give_out(struct delay *delay, struct way *way);

/* Nothing more can be delivered this way: `to` sees the end of the stream. */
void way_break(struct delay *delay, struct way *way);

/* Frees what is under way. */
void way_clear(struct delay *delay, struct way *way);

#pragma once

#include "inventory/deadline.h"
#include "inventory/err.h"
#include "inventory/tcp.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Manners towards the network: connections per second over all (--rate), hosts
 * in flight per network (--per-net: an IPv4 /24, an IPv6 /64), and fewer of
 * them for a network that drops connections. For any number of threads.
 */
struct pace;

struct pace_place;

struct pace_settings {
	unsigned rate;    /* connections per second; 0: any */
	unsigned per_net; /* hosts in flight; 0: any, until some are dropped */
	/* A place that had to wait has its turn: called by the thread that left
	 * its place to it, with no lock held. */
	void (*granted)(struct pace_place *place);
};

bool pace_open(struct pace **pace, const struct pace_settings *settings,
               struct err *err);
void pace_close(struct pace *pace); /* NULL is fine */

/* Waits until the rate allows a connection; ERR_CANCELLED at the run's end. */
bool pace_connection(struct pace *pace, int cancel_fd, struct err *err);

/* One host's place in its network: inline in whoever waits for it. Zero-
 * initialised: none. Not moved while it has one. */
struct pace_place {
	struct pace_net *net; /* for pace.c, as what follows */
	struct pace_place *next, *previous;
	enum { PACE_NONE, PACE_WAITS, PACE_HAS } state;
};

/* True: it has a place now (or had it already). False: the network is full; it
 * has taken its turn, and granted() will be called, perhaps before this
 * returns. */
bool pace_enter(struct pace *pace, struct pace_place *place,
                const struct address *address);

enum pace_outcome {
	PACE_WELL,    /* connected, and shook hands */
	PACE_DROPPED, /* refused by MaxStartups and the like, reset: too many */
	PACE_OTHER    /* says nothing about the network */
};

/* Gives the place, or the turn, back. */
void pace_leave(struct pace *pace, struct pace_place *place,
                enum pace_outcome outcome);

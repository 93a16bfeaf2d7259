#pragma once

#include "inventory/deadline.h"
#include "inventory/err.h"
#include "inventory/tcp.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Manners towards the network: connections per second over all (--rate), hosts
 * in flight per network (--per-net: an IPv4 /24, an IPv6 /64, on one link where
 * the address has a zone), and fewer of them for a network that drops
 * connections. For any number of threads.
 *
 * The limit of a network that drops (as TCP's window, RFC 5681 and 9438): when
 * drops are at least a quarter of what is known of the connections there, and
 * more than one, the limit becomes half of those that were in flight. What was
 * begun before and is dropped as well doesn't halve it again; it shows how many
 * there was room for, so the limit is no more than those that are left. Every
 * connection that goes well then raises it by one, up to where the drops began,
 * and very slowly from there. A limit that has passed what it was is gone; so
 * is one that doesn't help, where hosts drop even a connection that is alone.
 */
struct pace;

struct pace_place;

struct pace_settings {
	unsigned rate;    /* connections per second; 0: any */
	unsigned per_net; /* hosts in flight; 0: any, until some are dropped */
	/* No connection begins later; 0: whenever. */
	nanoseconds until;
	/* A place that had to wait has its turn: called by the thread that left
	 * its place to it, with no lock held. Must not call pace_leave(). */
	void (*granted)(struct pace_place *place);
};

bool pace_open(struct pace **pace, const struct pace_settings *settings,
               struct err *err);
void pace_close(struct pace *pace); /* nobody has or awaits a place; NULL is
                                     * fine */

/*
 * Waits until the rate allows a connection. Turns are given out in advance, one
 * after the other at equal distances: the n-th connection begins no earlier
 * than (n - 1) / rate seconds after the first, and a pause is not made up for.
 * ERR_CANCELLED at the run's end, and at once where the turn would come after
 * settings.until.
 */
bool pace_connection(struct pace *pace, int cancel_fd, struct err *err);

/* One host's place in its network: inline in whoever waits for it. Zero-
 * initialised: none. Not moved while it has one. */
struct pace_place {
	struct pace_net *net; /* for pace.c, as what follows */
	struct pace_place *next, *previous;
	enum { PACE_NONE, PACE_WAITS, PACE_GRANTING, PACE_HAS } state;
	unsigned era; /* of its network, when it was entered */
};

/* True: it has a place now (or had it already). False: the network is full; it
 * has taken its turn (or had done so), and granted() will be called, perhaps
 * before this returns. Where there is no memory for the network everybody has a
 * place. */
bool pace_enter(struct pace *pace, struct pace_place *place,
                const struct address *address);

enum pace_outcome {
	PACE_WELL,    /* connected, and shook hands */
	PACE_DROPPED, /* refused by MaxStartups and the like, reset: too many */
	PACE_OTHER    /* says nothing about the network */
};

/* Gives the place, or the turn, back; none is fine. When it returns, granted()
 * is not and will not be called for it. */
void pace_leave(struct pace *pace, struct pace_place *place,
                enum pace_outcome outcome);

/* For tests: networks that are known now, and connections dropped and limits
 * lowered so far. */
struct pace_counts {
	size_t networks;
	unsigned long drops, lowered;
};
void pace_counts(struct pace *pace, struct pace_counts *counts);

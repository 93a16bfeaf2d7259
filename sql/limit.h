#pragma once

#include "inventory/deadline.h"
#include "sql/backend.h"

#include <pthread.h>
#include <stdbool.h>

/*
 * A limit of time for calls into a client library: a thread that sleeps until a
 * call has taken too long, and cuts it off then. The libraries' own timeouts
 * count from one packet to the next, and begin anew with each call.
 *
 * A database whose calls cannot be cut off has no thread; where the system
 * refuses one, the library's timeouts are all there is.
 */
struct limit {
	struct db *db;
	nanoseconds longest; /* no deadline is nearer when it is set */
	pthread_t thread;
	bool running;
	int end_fd; /* readable: the thread ends */
	pthread_mutex_t mutex;
	/* Guarded by mutex. */
	nanoseconds deadline; /* 0: no call is under way */
	bool passed;          /* by the call under way */
};

/* Each call is given at least that long, unless its limit was set for an
 * earlier one as well. */
void limit_open(struct limit *limit, struct db *db, nanoseconds longest);

/* Before and after a call. NULL is no limit. The second returns true where the
 * call was cut off, which may have been too late for it: what comes next finds
 * no connection then. */
void limit_set(struct limit *limit, nanoseconds deadline);
bool limit_lift(struct limit *limit);

/* Before the db is closed. */
void limit_close(struct limit *limit);

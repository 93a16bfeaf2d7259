#pragma once

#include "inventory/deadline.h"
#include "sql/backend.h"

#include <pthread.h>
#include <stdbool.h>

/*
 * A limit of time for calls into a client library: a thread that sleeps until a
 * call has taken too long, and interrupts the database then. The libraries'
 * own timeouts count from one packet to the next, and begin anew with each
 * call.
 *
 * A database that cannot be interrupted has no thread; where the system refuses
 * one, the library's timeouts are all there is.
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
	bool passed;
};

/* Each call is given at least that long, unless its limit was set for an
 * earlier one as well. */
void limit_open(struct limit *limit, struct db *db, nanoseconds longest);

/* Before and after a call. NULL is no limit. The second returns true where the
 * call was interrupted: the database is of no more use. */
void limit_set(struct limit *limit, nanoseconds deadline);
bool limit_lift(struct limit *limit);

/* Before the db is closed. */
void limit_close(struct limit *limit);

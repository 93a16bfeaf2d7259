#pragma once

#include "inventory/deadline.h"
#include "inventory/err.h"
#include "sql/backend.h"
#include "sql/limit.h"

#include <stdbool.h>

/*
 * Patience with a database: how long a call may take, what is waited for before
 * it is done again, and what people hear of that. Whoever works on the database
 * does it so:
 *
 *	patience_begin(patience);
 *	do {
 *		patience_call(patience);
 *		result = a call, or more of them, each between these two;
 *		result = patience_called(patience, result, err);
 *	} while (patience_again(patience, result, err));
 *
 * Used by one thread at a time.
 */
struct patience {
	struct db *db;       /* connected */
	struct limit *limit; /* of its calls; may be NULL */
	int cancel_fd;       /* readable: nothing is tried again; -1 none */
	void (*warn)(void *arg, const char *text); /* may be NULL */
	void *warn_arg;
	/* How long a lost server or locks of others are waited for, counted
	 * from the begin of the call that did not succeed. */
	nanoseconds length;
	unsigned seed; /* of the jitter */

	/* The work under way. */
	nanoseconds called;   /* begin of its last call */
	nanoseconds deadline; /* 0 until a call did not succeed */
	unsigned attempt;
	enum db_result told; /* of the outage: what it was; DB_OK not yet */
};

void patience_begin(struct patience *patience);

/* Before and after each call that may take long. The second returns its result.
 */
void patience_call(struct patience *patience);
enum db_result patience_called(struct patience *patience, enum db_result result,
                               struct err *err);

/* Within a call: the database is at work, and has the whole time again. */
void patience_progress(struct patience *patience);

/*
 * True when all of it is to be done again, after the time that this takes: a
 * connection that was lost has been made again, locks were waited for. False
 * when result is neither DB_GONE nor DB_AGAIN, and when it is of no use: the
 * run ends, or patience does, or the database refuses us; *err says why.
 */
bool patience_again(struct patience *patience, enum db_result result,
                    struct err *err);

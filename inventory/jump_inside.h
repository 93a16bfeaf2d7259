#pragma once

/* Inside of a jump, for the files jump*.c alone. */

#include "inventory/jump.h"
#include "inventory/ssh.h"
#include "inventory/ssh_forward.h"

#include <pthread.h>

/* After a loss: doubled each time. Losses that are further apart than the other
 * are not in a row. */
#define JUMP_PAUSE_NS (500 * NS_PER_MS)
#define JUMP_ROW_NS (60 * NS_PER_S)

/*
 * Somebody who wants a connection: on his stack, until its state says that it
 * is done. All of it is guarded by the jump's lock.
 *
 *   WAITS --> TAKEN by a session --> OPEN or FAILED
 *     ^---- put back ----+
 *
 * Its end of the socketpair becomes readable when the state is OPEN or FAILED.
 */
struct jump_request {
	struct jump_request *next, *previous; /* while it WAITS */
	const char *host;
	uint16_t port;
	enum { JUMP_WAITS, JUMP_TAKEN, JUMP_OPEN, JUMP_FAILED } state;
	int far_end; /* the session's, once it is OPEN; else the asker's */
	struct jump_session *session; /* TAKEN, OPEN */
	nanoseconds since;            /* it waits, or was taken */
	nanoseconds waited;           /* in all */
	/* It was prohibited while others were open: it is tried again where
	 * there are no more than so many, which tells what was meant. */
	bool tried_again;
	unsigned beside_max, refused_beside;
	struct err *err; /* of FAILED */
};

/* A session and its thread. */
struct jump_session {
	struct jump_session *next; /* of jump.sessions: all there ever were */
	struct jump *jump;
	pthread_t thread;
	unsigned number;
	int wake; /* an eventfd: somebody wants something */

	/* Guarded by the jump's lock: */
	enum { JUMP_LOGS_IN, JUMP_SERVES, JUMP_ENDED } state;
	bool lost;
	bool retires;          /* takes nobody any more */
	bool doubted;          /* whether the server is alive */
	unsigned channels;     /* with the one that is opened */
	unsigned beside, live; /* how many there were when that began, and how
	                        * many of them nobody was closing */
	struct jump_request *request; /* the one that is opened; NULL: none, or
	                               * given up meanwhile */
	bool opening;
	nanoseconds opening_since;
	struct err err; /* lost: why */
};

struct jump {
	struct jump_settings settings;
	char *password;
	int end; /* an eventfd, which ends the sessions */

	pthread_mutex_t lock; /* guards all below; never held in the library */
	struct jump_request *first, *last;
	struct jump_session *sessions;
	unsigned cap; /* channels per session */
	unsigned sessions_max;
	unsigned losses; /* in a row */
	nanoseconds lost_at, not_before;
	unsigned channels; /* now */
	bool was_in;       /* a login has succeeded */
	/* What the server means by "administratively prohibited". */
	enum { JUMP_UNKNOWN, JUMP_POLICY, JUMP_TOO_MANY } prohibited;
	bool over; /* nobody tries again: err */
	struct err err;
	struct jump_counts counts;
};

void jump_lock(struct jump *jump);
void jump_unlock(struct jump *jump);

/* The lock is held in these. Puts a request into the queue; takes it out;
 * fails it; counts the sessions that are there; whether a session may take the
 * first one now. */
void jump_enqueue(struct jump *jump, struct jump_request *request, bool front);
void jump_dequeue(struct jump *jump, struct jump_request *request);
void jump_refuse(struct jump_request *request, const struct err *err);
unsigned jump_live(const struct jump *jump);
bool jump_may_take(const struct jump_session *session);

/* The thread of a session. */
void *jump_session_run(void *arg);

/* What the threads report; each takes the lock. */

/* The login is done. */
void jump_session_serves(struct jump_session *session);

/* The next request, if there is one; it counts as a channel from now. live: the
 * session's channels that nobody is closing. */
bool jump_session_take(struct jump_session *session, unsigned live, char *host,
                       size_t size, uint16_t *port);

/* How the opening ended. True: opened, and *fd is the channel's; false after
 * opened == SSH_OPENED: nobody wants it any more. */
bool jump_session_opened(struct jump_session *session, enum ssh_opening opened,
                         int *fd);

/* A channel is gone. */
void jump_session_freed(struct jump_session *session);

/* The session has ended; err is NULL where it was not lost. Nobody's end of a
 * pair was closed yet. */
void jump_session_over(struct jump_session *session, const struct err *err);

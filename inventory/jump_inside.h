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
 * How long an opening goes first while others wait: at the beginning, and at
 * least. It is made longer where targets answer later than that, so that they
 * are seldom asked twice.
 */
#define JUMP_PATIENCE_FIRST_NS (500 * NS_PER_MS)
#define JUMP_PATIENCE_LEAST_NS (200 * NS_PER_MS)

/*
 * Somebody who wants a connection: on his stack, until its state says that it
 * is done. All of it is guarded by the jump's lock.
 *
 *   WAITS --> TAKEN by a session --> OPEN or FAILED
 *     ^---- put back ----+  |          ^
 *     ^-- answered late -- LEFT -------+
 *
 * LEFT: the session has gone on to others, the server has not.
 * Its end of the socketpair becomes readable when the state is OPEN or FAILED.
 */
struct jump_request {
	struct jump_request *next, *previous; /* while it WAITS; or is LEFT */
	const char *host;
	uint16_t port;
	enum {
		JUMP_WAITS,
		JUMP_TAKEN,
		JUMP_LEFT,
		JUMP_OPEN,
		JUMP_FAILED
	} state;
	int far_end; /* the session's, once it is OPEN; else the asker's */
	struct jump_session *session; /* TAKEN, LEFT */
	unsigned number;              /* of the session: OPEN */
	nanoseconds since;            /* it waits, or was taken */
	nanoseconds waited;           /* in all */
	/* It was prohibited while others were open: it is tried again where
	 * there are no more than so many, which tells what was meant. */
	bool tried_again;
	unsigned beside_max, refused_beside;
	uint32_t number_left; /* LEFT: the number of its channel */
	bool late;            /* it was LEFT once, and is not again */
	struct err *err;      /* of FAILED */
};

/* A session and its thread. */
struct jump_session {
	struct jump_session *next; /* of jump.sessions */
	struct jump *jump;
	pthread_t thread;
	unsigned number;
	/* An eventfd: somebody wants something. Until it serves, that is
	 * its end alone. The thread closes it. */
	int wake;

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
	bool stays; /* by that opening, whoever waits */
	nanoseconds opening_since;
	struct jump_request *left; /* the latest first */
	unsigned lefts;            /* so many; they count as channels */
	struct err err;            /* lost: why */

	/* Guarded by the lock of jump_many.c: */
	struct jump_session *next_done, *idle_before, *idle_after;
	bool is_idle, is_surplus;
	bool claimed; /* jump_close() joins the thread */
	bool joined;
};

struct jump {
	struct jump_settings settings;
	char *password;

	pthread_mutex_t lock; /* guards all below; never held in the library */
	struct jump_request *first, *last;
	nanoseconds moved_at; /* somebody left the queue for a session */
	nanoseconds patience;
	/* Those that are there; those that were lost, for jump_explain(). */
	struct jump_session *sessions;
	bool ends;    /* the sessions are to end */
	unsigned cap; /* channels per session */
	unsigned sessions_max;
	unsigned losses;      /* in a row */
	unsigned lost_number; /* the last session that had begun then */
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

/* Likewise; jump_left.c. Whether its channels allow the first one; whether it
 * may leave its opening for that; puts back those that are left; takes out one
 * that was given up; an opening has succeeded. */
bool jump_has_room(const struct jump_session *session);
bool jump_may_leave(const struct jump_session *session);
void jump_put_back(struct jump_session *session);
void jump_forget_left(struct jump_request *request);
void jump_note_quick(struct jump_session *session);

/* The thread of a session. */
void *jump_session_run(void *arg);

/* Connects and logs in. *ssh is for ssh_close(), also when it fails; or NULL.
 */
bool jump_log_in(const struct jump_session *session, struct ssh **ssh,
                 struct err *err);

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

/* When the opening has gone first for long enough, and somebody waits; 0: it
 * need not be left, or cannot be, and those who wait need another session. */
nanoseconds jump_session_leaves(struct jump_session *session, bool can);

/* The opening was left, under that number, or where the session does not
 * receive the answer is another one's; the answer to one that was left; whether
 * there are others. */
void jump_session_left(struct jump_session *session, uint32_t number,
                       bool receives);
void jump_session_answered(struct jump_session *session, uint32_t number,
                           enum ssh_opening answer);
bool jump_session_awaits(struct jump_session *session);

/* A channel is gone. */
void jump_session_freed(struct jump_session *session);

/* Whether it is to end: at the end of all; or, where it may, since nobody
 * waits: then it takes nobody any more. */
bool jump_session_ends(struct jump_session *session);
bool jump_session_retires(struct jump_session *session);

/* The session has ended; err is NULL where it was not lost. Nobody's end of a
 * pair was closed yet. */
void jump_session_over(struct jump_session *session, const struct err *err);

/* Nothing is left of it but its thread, which returns: the last call. */
void jump_session_gone(struct jump_session *session);

/* --- of all jump hosts: jump_many.c. No lock of a jump is taken in these. ---
 */

/* The thread returns after this; joins those that have called it; whether it
 * was joined so; joins it if it was not. */
void jump_many_done(struct jump_session *session);
void jump_many_reap(void);
bool jump_many_is_joined(const struct jump_session *session);
void jump_many_join(struct jump_session *session);

/* By its thread: the session carries nobody; or does again, or ends. When there
 * are too many, the one that does so for longest becomes surplus, and is woken.
 */
void jump_idle_begin(struct jump_session *session);
void jump_idle_end(struct jump_session *session);
bool jump_idle_is_surplus(const struct jump_session *session);

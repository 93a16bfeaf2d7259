#pragma once

#include "inventory/access.h"
#include "inventory/dial.h"
#include "inventory/err.h"
#include "inventory/wait.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * A jump host: few logins there carry many targets, each through a channel of
 * its own (direct-tcpip, RFC 4254 section 7.2). A libssh2 session belongs to
 * one thread, so each session has an I/O thread that moves bytes between its
 * channels and one end of socketpairs; the probes have the other ends, and
 * don't know the difference from a connection. For any number of threads.
 *
 * A session is made when it is needed; another one when all are full (settings,
 * or the server refused one more channel while others were open: that number is
 * learnt), or busy: a session opens one channel after the other. A target that
 * does not answer has the others wait for a moment only: its opening is left to
 * the server, and goes on (jump_left.c). When the server takes no more
 * sessions, whoever comes waits for those it has.
 *
 * A session that was lost is followed by another one, after a pause; after
 * JUMP_LOSSES_MAX in a row the jump host counts as gone: those that were there
 * already when the first one was lost are not in a row with it. Of a session a
 * descriptor is open for its connection and two for the thread; of a target two
 * (one is the probe's).
 *
 * A session that carries nobody for a while ends; whoever comes then has
 * another one made. Over all jump hosts no more than jump_idle_max() of them
 * are kept for that long.
 */
struct jump;

#define JUMP_LOSSES_MAX 3

/* How long it carries nobody. */
#define JUMP_IDLE_MS 10000

/* So many, and no more than a part of the descriptors that the limit allows.
 */
#define JUMP_IDLE_MAX 256
#define JUMP_IDLE_PART 16
unsigned jump_idle_max(void);

struct jump_settings {
	const char *host; /* canonical: a literal or a name */
	uint16_t port;
	const char *user;
	const char *password; /* NULL: none; copied, wiped at the end */
	/* Or asked for when it is needed, from any thread; as in login.h. */
	bool (*ask)(void *arg, char *password, size_t size,
	            const struct wait *wait, struct err *err);
	void *arg;
	const struct access *access; /* how the jump host itself is reached: its
	                              * .jump is the hop before */
	const struct dial *dial; /* its connect_timeout_ms bounds the opening
	                          * of a channel, too */
	unsigned channels_max;   /* per session */
	unsigned sessions_max;
	unsigned host_timeout_ms; /* to reach and log in to the jump host; and
	                           * the longest wait for a channel */
	size_t stack_size;        /* of the threads; 0: as below */
	unsigned idle_ms;         /* 0: JUMP_IDLE_MS */
	void (*note)(const char *sentence); /* what an administrator wants to
	                                     * know once: channels refused, a
	                                     * session lost; NULL: nobody. From
	                                     * any thread, no lock is held */
};

/* Logins and key exchanges were measured at less than 20 KiB. */
#define JUMP_STACK_SIZE ((size_t)128 * 1024)

/* Connects to nobody yet, and takes no descriptor. Everything in settings but
 * the password is borrowed until jump_close(). ERR_SYSTEM. */
bool jump_open(struct jump **jump, const struct jump_settings *settings,
               struct err *err);

/* Ends its sessions, whatever they wait for, and joins their threads; the hop
 * before is closed after it. Nobody is in jump_connect() any more. NULL is
 * fine. */
void jump_close(struct jump *jump);

/*
 * A connection to host:port as the jump host makes it, which resolves the name.
 * *fd is like tcp_connect()'s; *session is for jump_explain(). While the caller
 * waits for the jump host's login or for a free channel, its deadline stands
 * still (it is moved), for at most host_timeout_ms in which nobody else gets
 * his turn either.
 *
 * Errors of the jump host itself begin with "jump host NAME: " and have the
 * kind of what happened there (after a failed login all who come get that error
 * at once, and nobody tries again: a wrong password is sent once); those of the
 * target are ERR_UNREACHABLE ("… cannot connect …"), ERR_TIMEOUT. ERR_SCARCE
 * without a descriptor or thread, also for a session: another time there may be
 * one. ERR_CANCELLED as ever.
 */
bool jump_connect(struct jump *jump, const char *host, uint16_t port, int *fd,
                  unsigned *session, struct wait *wait, struct err *err);

/* What went wrong on a connection of that session went wrong since the session
 * was lost, if it was: then err says so, in front. The kind stays. */
void jump_explain(struct jump *jump, unsigned session, struct err *err);

/* For tests. */
struct jump_counts {
	unsigned logins;        /* begun */
	unsigned sessions;      /* that are there now */
	unsigned sessions_most; /* at once */
	unsigned channels;      /* opened so far */
	unsigned channels_most; /* at once, over all sessions */
	unsigned channels_cap;  /* per session, as far as is known */
	unsigned losses;        /* of sessions */
};
void jump_counts(struct jump *jump, struct jump_counts *counts);

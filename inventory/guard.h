#pragma once

#include "inventory/err.h"
#include "inventory/wait.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * The credential guard: one wrong password must not lock an account on a
 * thousand hosts, or a central one. A credential is a user and a secret.
 *
 * While nobody has accepted it, its refusals and its outstanding sends never
 * exceed the guard's number. The first acceptance opens it for good. As many
 * refusals as that close it: nobody sends it any more.
 *
 * Whoever finds no place waits, in the order of coming, with a descriptor of
 * his own that tells him when his state has changed; there are none while
 * nobody waits. Where nobody has to, the cost is a hash and a short lock.
 *
 * Credentials are told apart by a keyed hash under a key of this run: the
 * secret itself is not kept. 48 bytes each, until the end. For any number of
 * threads.
 */
struct guard;

/* max: 1 or more. */
bool guard_open(struct guard **guard, unsigned max, struct err *err);
/* Once nobody is inside any more. NULL is fine. */
void guard_close(struct guard *guard);

/* A place among the outstanding sends, of one host, which may come again after
 * it has left. Zero-initialised: none. */
struct guard_place {
	struct guard_credential *credential; /* NULL: none */
	/* Others send it too, or may not any more after this: the secret should
	 * go only where it is known to be looked at. */
	bool care;
	/* Written by the caller: the host was sent it before, and is not
	 * counted as one that was not tried. */
	bool had_it;
	nanoseconds waited; /* by the host, each time it came */
};

/*
 * Right before the secret is sent. Waits for a place, limit_ms at most, however
 * often the host comes; the deadline of wait stands still meanwhile: it is
 * moved by the time that was waited, in whatever way that ended.
 *
 * False with ERR_SKIPPED: the credential is closed (counted, see below), or the
 * limit has passed; ERR_CANCELLED at the run's end; ERR_SYSTEM, ERR_SCARCE.
 * There is no place then.
 */
bool guard_enter(struct guard *guard, struct guard_place *place,
                 const char *user, const char *secret, struct wait *wait,
                 unsigned limit_ms, struct err *err);

/*
 * Whether it is of any use to come: false with ERR_SKIPPED (counted) when the
 * credential is closed. For hosts that have nothing else to show, so that
 * they are not connected to.
 */
bool guard_is_open(struct guard *guard, const char *user, const char *secret,
                   struct err *err);

enum guard_outcome {
	GUARD_UNUSED,  /* the secret was not sent after all */
	GUARD_REFUSED, /* or its verdict never came */
	/* The run's end was before it: the place stays taken, so that nobody
	 * is said to have refused. */
	GUARD_INTERRUPTED,
	GUARD_ACCEPTED
};

/* Gives the place back. Nothing if there is none. */
void guard_leave(struct guard *guard, struct guard_place *place,
                 enum guard_outcome outcome);

/* Hosts that were not tried since their credential was closed, and how many
 * credentials were. */
struct guard_counts {
	size_t hosts, credentials;
};
void guard_counts(struct guard *guard, struct guard_counts *counts);

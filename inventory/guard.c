#include "inventory/guard.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#define KEY_SIZE 32
/* 120 bits of the hash: no two of a run's credentials have the same. */
#define NAME_SIZE 15
#define SLAB_CREDENTIALS 128
#define BUCKETS_FIRST 64 /* a power of two */

/*
 *            a place is free              max refusals
 *   UNKNOWN ----------------> outstanding -------------> CLOSED
 *                                  |  an acceptance
 *                                  +-------------------> ACCEPTED
 */
enum state { UNKNOWN, ACCEPTED, CLOSED };

/* A place that gets free while somebody waits is his at once, so a free place
 * and a waiter are never there together. */
struct guard_credential {
	struct guard_credential *next; /* in its bucket */
	struct waiter *last;           /* of a ring; NULL: nobody waits */
	unsigned char name[NAME_SIZE];
	unsigned char state; /* enum state */
	bool sent;           /* somebody had a place */
	uint32_t refusals, outstanding;
};

/* Lives in guard_enter(). What is decided about it is written under the lock,
 * by whoever takes it out of the ring. */
struct waiter {
	struct waiter *next;
	int fd; /* an eventfd */
	bool decided, admitted;
};

struct slab {
	struct slab *next;
	size_t used;
	struct guard_credential credentials[SLAB_CREDENTIALS];
};

struct guard {
	pthread_mutex_t lock; /* guards what stands below max */
	unsigned char key[KEY_SIZE];
	unsigned max;
	struct slab *slabs;
	struct guard_credential **buckets;
	size_t bucket_count, credential_count;
	struct guard_counts counts;
};

static void lock(struct guard *guard)
{
	int failed = pthread_mutex_lock(&guard->lock);

	assert(failed == 0);
}

static void unlock(struct guard *guard)
{
	int failed = pthread_mutex_unlock(&guard->lock);

	assert(failed == 0);
}

bool guard_open(struct guard **guard, unsigned max, struct err *err)
{
	struct guard *g = calloc(1, sizeof(*g));

	assert(max > 0);
	if (g == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	g->max = max;
	g->bucket_count = BUCKETS_FIRST;
	g->buckets = calloc(g->bucket_count, sizeof(struct guard_credential *));
	if (g->buckets == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		goto fail;
	}
	if (RAND_bytes(g->key, KEY_SIZE) != 1) {
		err_set(err, ERR_SYSTEM, "OpenSSL has no random bytes");
		goto fail;
	}
	if (pthread_mutex_init(&g->lock, NULL) != 0) {
		err_set(err, ERR_SYSTEM, "out of memory");
		goto fail;
	}
	*guard = g;
	return true;
fail:
	free(g->buckets);
	free(g);
	return false;
}

void guard_close(struct guard *guard)
{
	if (guard == NULL)
		return;
	pthread_mutex_destroy(&guard->lock);
	while (guard->slabs != NULL) {
		struct slab *next = guard->slabs->next;

		free(guard->slabs);
		guard->slabs = next;
	}
	free(guard->buckets);
	explicit_bzero(guard->key, KEY_SIZE);
	free(guard);
}

/* --- credentials ---------------------------------------------------------- */

/* The user's NUL parts him from the secret. */
static bool name_of(const struct guard *guard, const char *user,
                    const char *secret, unsigned char name[static NAME_SIZE])
{
	size_t user_size = strlen(user) + 1;
	size_t secret_size = strlen(secret) + 1;
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned char *both = malloc(user_size + secret_size);
	bool ok;

	if (both == NULL)
		return false;
	memcpy(both, user, user_size);
	memcpy(both + user_size, secret, secret_size);
	ok = HMAC(EVP_sha256(), guard->key, KEY_SIZE, both,
	          user_size + secret_size, hash, NULL) != NULL;
	explicit_bzero(both, user_size + secret_size);
	free(both);
	memcpy(name, hash, NAME_SIZE);
	return ok;
}

static struct guard_credential **bucket_of(struct guard *guard,
                                           const unsigned char *name)
{
	size_t hash;

	memcpy(&hash, name, sizeof(hash));
	return &guard->buckets[hash & (guard->bucket_count - 1)];
}

/* Where there is no memory the buckets just get longer. */
static void grow(struct guard *guard)
{
	size_t old_count = guard->bucket_count;
	struct guard_credential **old = guard->buckets;
	struct guard_credential **fresh =
	    calloc(2 * old_count, sizeof(struct guard_credential *));

	if (fresh == NULL)
		return;
	guard->buckets = fresh;
	guard->bucket_count = 2 * old_count;
	for (size_t i = 0; i < old_count; i++) {
		struct guard_credential *c = old[i];

		while (c != NULL) {
			struct guard_credential *next = c->next;
			struct guard_credential **bucket =
			    bucket_of(guard, c->name);

			c->next = *bucket;
			*bucket = c;
			c = next;
		}
	}
	free(old);
}

static struct guard_credential *allocate(struct guard *guard)
{
	struct slab *slab = guard->slabs;

	if (slab == NULL || slab->used == SLAB_CREDENTIALS) {
		slab = calloc(1, sizeof(*slab));
		if (slab == NULL)
			return NULL;
		slab->next = guard->slabs;
		guard->slabs = slab;
	}
	return &slab->credentials[slab->used++];
}

/* NULL without memory. The lock is held. */
static struct guard_credential *find(struct guard *guard,
                                     const unsigned char *name)
{
	struct guard_credential *c = *bucket_of(guard, name);
	struct guard_credential **bucket;

	while (c != NULL && memcmp(c->name, name, NAME_SIZE) != 0)
		c = c->next;
	if (c != NULL)
		return c;
	c = allocate(guard);
	if (c == NULL)
		return NULL;
	if (++guard->credential_count > guard->bucket_count)
		grow(guard);
	bucket = bucket_of(guard, name);
	memcpy(c->name, name, NAME_SIZE);
	c->next = *bucket;
	*bucket = c;
	return c;
}

/* --- waiters: the lock is held -------------------------------------------- */

static void enqueue(struct guard_credential *c, struct waiter *waiter)
{
	if (c->last == NULL) {
		waiter->next = waiter;
	} else {
		waiter->next = c->last->next;
		c->last->next = waiter;
	}
	c->last = waiter;
}

static void dequeue(struct guard_credential *c, struct waiter *waiter)
{
	struct waiter *before = c->last;

	while (before->next != waiter)
		before = before->next;
	before->next = waiter->next;
	if (before == waiter)
		c->last = NULL;
	else if (c->last == waiter)
		c->last = before;
}

/* His struct and descriptor are there as long as the lock is held. */
static void decide_first(struct guard_credential *c, bool admitted)
{
	struct waiter *waiter = c->last->next;

	dequeue(c, waiter);
	waiter->decided = true;
	waiter->admitted = admitted;
	(void)eventfd_write(waiter->fd, 1);
}

static bool has_room(const struct guard *guard,
                     const struct guard_credential *c)
{
	return c->state == ACCEPTED ||
	       (c->state == UNKNOWN &&
	        c->refusals + c->outstanding < guard->max);
}

static void admit_waiters(struct guard *guard, struct guard_credential *c)
{
	while (c->last != NULL && has_room(guard, c)) {
		c->outstanding++;
		decide_first(c, true);
	}
	while (c->last != NULL && c->state == CLOSED)
		decide_first(c, false);
}

static void give_back(struct guard *guard, struct guard_credential *c)
{
	c->outstanding--;
	admit_waiters(guard, c);
}

/* --- coming and going ----------------------------------------------------- */

enum answer { ADMITTED, TURNED_AWAY, TO_WAIT };

static enum answer ask(const struct guard *guard, struct guard_credential *c)
{
	if (c->state == CLOSED)
		return TURNED_AWAY;
	if (!has_room(guard, c))
		return TO_WAIT;
	c->outstanding++;
	return ADMITTED;
}

static bool closed(const struct guard *guard, struct err *err)
{
	return err_set(err, ERR_SKIPPED,
	               "not tried: %u host%s refused this user and password "
	               "(--max-auth-failures)",
	               guard->max, guard->max == 1 ? "" : "s");
}

/* Until it is decided, or waiting is over: err says how. *before is what was
 * waited earlier. */
static bool sleep_until_decided(const struct waiter *waiter,
                                nanoseconds *before, struct wait *wait,
                                unsigned limit_ms, struct err *err)
{
	nanoseconds begin = monotonic_ns(), waited;
	struct wait own = {
		.deadline = begin + limit_ms * NS_PER_MS - *before,
		.limit_ms = limit_ms,
		.cancel_fd = wait->cancel_fd,
	};
	bool woken = wait_ready(&own, waiter->fd, POLLIN, err);

	waited = monotonic_ns() - begin;
	wait->deadline += waited;
	*before += waited;
	if (!woken && err->kind == ERR_TIMEOUT)
		err_set(err, ERR_SKIPPED,
		        "not tried: no verdict on this user and password in "
		        "%g s (--max-auth-failures)",
		        limit_ms / 1000.0);
	return woken;
}

/* The lock is held at the begin and at the end. */
static enum answer wait_for_turn(struct guard *guard,
                                 struct guard_credential *c,
                                 struct waiter *waiter, nanoseconds *before,
                                 struct wait *wait, unsigned limit_ms,
                                 struct err *err)
{
	struct err why;
	bool woken;

	enqueue(c, waiter);
	unlock(guard);
	woken = sleep_until_decided(waiter, before, wait, limit_ms, &why);
	lock(guard);
	if (!waiter->decided)
		dequeue(c, waiter);
	else if (!waiter->admitted)
		return TURNED_AWAY;
	/* Decided just when the time was over: it is a place all the same. */
	else if (woken || why.kind == ERR_SKIPPED)
		return ADMITTED;
	else
		give_back(guard, c);
	*err = why;
	return TO_WAIT;
}

/* A place was not free at once. */
static enum answer enter_slowly(struct guard *guard, struct guard_credential *c,
                                nanoseconds *before, struct wait *wait,
                                unsigned limit_ms, struct err *err)
{
	struct waiter waiter = { .fd = eventfd(0, EFD_CLOEXEC) };
	enum answer answer;

	if (waiter.fd < 0) {
		err_errno(err, ERR_SCARCE, errno, "eventfd");
		return TO_WAIT;
	}
	lock(guard);
	answer = ask(guard, c);
	if (answer == TO_WAIT)
		answer = wait_for_turn(guard, c, &waiter, before, wait,
		                       limit_ms, err);
	unlock(guard);
	close(waiter.fd);
	return answer;
}

bool guard_enter(struct guard *guard, struct guard_place *place,
                 const char *user, const char *secret, struct wait *wait,
                 unsigned limit_ms, struct err *err)
{
	unsigned char name[NAME_SIZE];
	struct guard_credential *c;
	enum answer answer = TO_WAIT;

	if (!name_of(guard, user, secret, name))
		return err_set(err, ERR_SCARCE, "out of memory");
	lock(guard);
	c = find(guard, name);
	if (c != NULL)
		answer = ask(guard, c);
	unlock(guard);
	if (c == NULL)
		return err_set(err, ERR_SCARCE, "out of memory");
	if (answer == TO_WAIT)
		answer =
		    enter_slowly(guard, c, &place->waited, wait, limit_ms, err);
	if (answer == TO_WAIT)
		return false;
	lock(guard);
	if (answer == ADMITTED) {
		place->credential = c;
		place->care =
		    c->state != ACCEPTED && (c->sent || guard->max == 1);
		c->sent = true;
	} else if (!place->had_it) {
		guard->counts.hosts++;
	}
	unlock(guard);
	return answer == ADMITTED || closed(guard, err);
}

bool guard_is_open(struct guard *guard, const char *user, const char *secret,
                   struct err *err)
{
	unsigned char name[NAME_SIZE];
	struct guard_credential *c;
	bool open;

	if (!name_of(guard, user, secret, name))
		return true; /* guard_enter() will say so */
	lock(guard);
	c = find(guard, name);
	open = c == NULL || c->state != CLOSED;
	if (!open)
		guard->counts.hosts++;
	unlock(guard);
	return open || closed(guard, err);
}

/* The lock is held. */
static void take_verdict(struct guard *guard, struct guard_credential *c,
                         enum guard_outcome outcome)
{
	if (outcome == GUARD_ACCEPTED && c->state == UNKNOWN)
		c->state = ACCEPTED;
	if (outcome == GUARD_REFUSED && c->state == UNKNOWN &&
	    ++c->refusals >= guard->max) {
		c->state = CLOSED;
		guard->counts.credentials++;
	}
	give_back(guard, c);
}

void guard_leave(struct guard *guard, struct guard_place *place,
                 enum guard_outcome outcome)
{
	struct guard_credential *c = place->credential;

	if (c == NULL)
		return;
	place->credential = NULL;
	if (outcome == GUARD_INTERRUPTED)
		return;
	lock(guard);
	take_verdict(guard, c, outcome);
	unlock(guard);
}

void guard_counts(struct guard *guard, struct guard_counts *counts)
{
	lock(guard);
	*counts = guard->counts;
	unlock(guard);
}

#include "inventory/pace.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS 4096 /* a power of two */

/* Drops are too many when they are this part of what is known. */
#define SHARE 4
/* What is known of older connections than these counts half. */
#define RESULTS_MAX 64
/* Where drops began, the limit is raised only after so many times its number
 * have gone well: to find out costs somebody a connection. */
#define CAUTION 8
/* So many that were dropped alone were not dropped for being too many. */
#define ALONE_MAX 4

/* An IPv4 /24, or an IPv6 /64 on one link. Without holes, for memcmp(). */
struct net_key {
	uint32_t family;
	uint32_t zone;
	unsigned char prefix[8];
};

/* Kept while somebody has or awaits a place in it, or its limit was lowered. */
struct pace_net {
	struct pace_net *next; /* in its bucket */
	struct net_key key;
	unsigned in;
	struct pace_place *first, *last; /* those that wait */

	unsigned limit;   /* 0: not lowered */
	unsigned was;     /* in flight when it was lowered first */
	unsigned ceiling; /* in flight when the drops began last */
	bool grown;       /* since it was lowered last */
	unsigned era;     /* one more each time it is lowered */
	/* Of connections begun in this era, since the limit is what it is: */
	unsigned well, dropped; /* see count_result() */
	unsigned earned;        /* went well while it was full */
	unsigned alone;         /* dropped, one after the other, while no other
	                         * one was in flight */
	bool hopeless;          /* it drops however few there are */
};

struct pace {
	struct pace_settings settings;
	pthread_mutex_t lock; /* guards all below */
	pthread_cond_t told;  /* granted() has returned */
	nanoseconds next;     /* connection's turn */
	struct pace_counts counts;
	struct pace_net *buckets[BUCKETS];
};

bool pace_open(struct pace **pace, const struct pace_settings *settings,
               struct err *err)
{
	struct pace *p = calloc(1, sizeof(*p));
	int failed;

	if (p == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	p->settings = *settings;
	failed = pthread_mutex_init(&p->lock, NULL);
	if (failed == 0) {
		failed = pthread_cond_init(&p->told, NULL);
		if (failed == 0) {
			*pace = p;
			return true;
		}
		pthread_mutex_destroy(&p->lock);
	}
	free(p);
	return err_errno(err, ERR_SYSTEM, failed, "cannot keep a pace");
}

void pace_close(struct pace *pace)
{
	if (pace == NULL)
		return;
	for (size_t i = 0; i < BUCKETS; i++) {
		struct pace_net *net = pace->buckets[i];

		while (net != NULL) {
			struct pace_net *next = net->next;

			assert(net->in == 0 && net->first == NULL);
			free(net);
			net = next;
		}
	}
	pthread_cond_destroy(&pace->told);
	pthread_mutex_destroy(&pace->lock);
	free(pace);
}

/* --- the rate ------------------------------------------------------------- */

/* The next turn, which nobody else gets; false when it would be too late. */
static bool take_turn(struct pace *pace, nanoseconds *turn)
{
	const struct pace_settings *settings = &pace->settings;
	bool in_time;

	pthread_mutex_lock(&pace->lock);
	*turn = monotonic_ns();
	if (pace->next > *turn)
		*turn = pace->next;
	in_time = settings->until == 0 || *turn < settings->until;
	if (in_time)
		pace->next = *turn + NS_PER_S / settings->rate;
	pthread_mutex_unlock(&pace->lock);
	return in_time;
}

/* To the nanosecond, unlike poll(): a millisecond is long at 1,000 a second. */
static bool wait_for_turn(nanoseconds turn, int cancel_fd, struct err *err)
{
	struct pollfd fd = { .fd = cancel_fd, .events = POLLIN };

	for (;;) {
		nanoseconds left = turn - monotonic_ns();
		struct timespec time = { 0 };
		int ready;

		if (left > 0) {
			time.tv_sec = left / NS_PER_S;
			time.tv_nsec = left % NS_PER_S;
		}
		ready = ppoll(&fd, 1, &time, NULL);
		if (ready > 0)
			return err_set(err, ERR_CANCELLED, "interrupted");
		if (ready < 0 && errno != EINTR)
			return err_errno(err, ERR_SYSTEM, errno, "poll");
		if (ready == 0 && left <= 0)
			return true;
	}
}

bool pace_connection(struct pace *pace, int cancel_fd, struct err *err)
{
	nanoseconds turn;

	if (pace->settings.rate == 0)
		return true;
	if (!take_turn(pace, &turn))
		return err_set(err, ERR_CANCELLED, "the run's time was up");
	return wait_for_turn(turn, cancel_fd, err);
}

/* --- networks ------------------------------------------------------------- */

static struct net_key key_of(const struct address *address)
{
	struct net_key key = { .family = address->any.sa_family };
	const struct in6_addr *v6 = &address->v6.sin6_addr;

	if (key.family == AF_INET) {
		memcpy(key.prefix, &address->v4.sin_addr, 3);
	} else if (IN6_IS_ADDR_V4MAPPED(v6)) {
		key.family = AF_INET;
		memcpy(key.prefix, v6->s6_addr + 12, 3);
	} else {
		memcpy(key.prefix, v6->s6_addr, sizeof(key.prefix));
		key.zone = address->v6.sin6_scope_id;
	}
	return key;
}

/* FNV-1a. */
static size_t bucket_of(const struct net_key *key)
{
	const unsigned char *bytes = (const unsigned char *)key;
	uint32_t hash = UINT32_C(2166136261);

	for (size_t i = 0; i < sizeof(*key); i++)
		hash = (hash ^ bytes[i]) * UINT32_C(16777619);
	return (hash ^ hash >> 16) % BUCKETS;
}

/* Where the network is or belongs. */
static struct pace_net **find(struct pace *pace, const struct net_key *key)
{
	struct pace_net **at = &pace->buckets[bucket_of(key)];

	while (*at != NULL && memcmp(&(*at)->key, key, sizeof(*key)) != 0)
		at = &(*at)->next;
	return at;
}

static void forget_if_idle(struct pace *pace, struct pace_net *net)
{
	struct pace_net **at;

	if (net->in > 0 || net->first != NULL || net->limit > 0 ||
	    net->hopeless)
		return;
	at = find(pace, &net->key);
	*at = net->next;
	free(net);
	pace->counts.networks--;
}

static unsigned limit_of(const struct pace *pace, const struct pace_net *net)
{
	if (net->limit > 0)
		return net->limit;
	return pace->settings.per_net > 0 ? pace->settings.per_net : UINT_MAX;
}

static void let_in(struct pace_net *net, struct pace_place *place)
{
	net->in++;
	place->era = net->era;
}

static void queue(struct pace_net *net, struct pace_place *place)
{
	place->state = PACE_WAITS;
	place->next = NULL;
	place->previous = net->last;
	if (net->last != NULL)
		net->last->next = place;
	else
		net->first = place;
	net->last = place;
}

static void unqueue(struct pace_net *net, struct pace_place *place)
{
	if (place->previous != NULL)
		place->previous->next = place->next;
	else
		net->first = place->next;
	if (place->next != NULL)
		place->next->previous = place->previous;
	else
		net->last = place->previous;
}

bool pace_enter(struct pace *pace, struct pace_place *place,
                const struct address *address)
{
	struct net_key key = key_of(address);
	struct pace_net **at;
	bool entered = true;

	pthread_mutex_lock(&pace->lock);
	if (place->state != PACE_NONE) {
		entered = place->state != PACE_WAITS;
		goto out;
	}
	at = find(pace, &key);
	if (*at == NULL) {
		*at = calloc(1, sizeof(**at));
		if (*at == NULL)
			goto out;
		(*at)->key = key;
		pace->counts.networks++;
	}
	place->net = *at;
	entered = place->net->in < limit_of(pace, place->net);
	if (entered) {
		place->state = PACE_HAS;
		let_in(place->net, place);
	} else {
		queue(place->net, place);
	}
out:
	pthread_mutex_unlock(&pace->lock);
	return entered;
}

/* --- the limit of a network that drops ------------------------------------ */

static void set_limit(struct pace_net *net, unsigned limit)
{
	net->limit = limit;
	net->well = 0;
	net->dropped = 0;
	net->earned = 0;
}

static void count_result(struct pace_net *net, unsigned *which)
{
	if (net->well + net->dropped >= RESULTS_MAX) {
		net->well /= 2;
		net->dropped /= 2;
	}
	++*which;
}

/* Those in flight that no verdict is known of count as well: a few dead hosts
 * among many answer first. */
static bool drops_are_too_many(const struct pace_net *net)
{
	return net->dropped > 1 &&
	       net->dropped * SHARE >= net->in + net->well + net->dropped;
}

static void lower(struct pace *pace, struct pace_net *net)
{
	unsigned limit = limit_of(pace, net);
	unsigned most = net->in + net->dropped;

	if (most > limit)
		most = limit;
	if (net->limit == 0)
		net->was = limit == UINT_MAX ? most : limit - 1;
	net->ceiling = most;
	net->grown = false;
	net->era++;
	pace->counts.lowered++;
	most /= 2;
	set_limit(net, most < net->in ? most : net->in);
	if (net->limit == 0)
		net->limit = 1;
}

/* A network where nothing answers must not be gone through one by one. */
static void note_drop_alone(struct pace_net *net)
{
	if (++net->alone < ALONE_MAX)
		return;
	net->hopeless = true;
	set_limit(net, 0);
}

static void note_drop(struct pace *pace, struct pace_net *net, unsigned era)
{
	pace->counts.drops++;
	if (era == net->era && net->limit == 1) {
		if (net->in == 0)
			note_drop_alone(net);
	} else if (net->hopeless || limit_of(pace, net) == 1) {
		return;
	} else if (era == net->era) {
		count_result(net, &net->dropped);
		if (drops_are_too_many(net))
			lower(pace, net);
	} else if (!net->grown && net->limit > net->in) {
		/* The moment for which it was lowered goes on. */
		set_limit(net, net->in > 0 ? net->in : 1);
	}
}

/* full: a network in which fewer are in flight than may be shows nothing. */
static void note_well(struct pace_net *net, unsigned era, bool full)
{
	unsigned wanted =
	    net->limit + 1 < net->ceiling ? 1 : net->limit * CAUTION;

	net->alone = 0;
	net->hopeless = false;
	if (era != net->era)
		return;
	count_result(net, &net->well);
	if (net->limit == 0 || !full || ++net->earned < wanted)
		return;
	if (net->limit >= net->ceiling)
		net->ceiling *= 2;
	net->grown = true;
	set_limit(net, net->limit < net->was ? net->limit + 1 : 0);
}

/* --- leaving -------------------------------------------------------------- */

/* Those that have their turn now, in a list by .next. */
static struct pace_place *let_next_in(struct pace *pace, struct pace_net *net)
{
	struct pace_place *granted = NULL;
	struct pace_place **end = &granted;

	while (net->first != NULL && net->in < limit_of(pace, net)) {
		struct pace_place *place = net->first;

		unqueue(net, place);
		place->state = PACE_GRANTING;
		let_in(net, place);
		place->next = NULL;
		*end = place;
		end = &place->next;
	}
	return granted;
}

/* Whoever is told may have left again meanwhile, but for pace_leave(), which
 * waits until this is done with the place. */
static void tell(struct pace *pace, struct pace_place *place)
{
	while (place != NULL) {
		struct pace_place *next = place->next;

		pace->settings.granted(place);
		pthread_mutex_lock(&pace->lock);
		place->state = PACE_HAS;
		pthread_cond_broadcast(&pace->told);
		pthread_mutex_unlock(&pace->lock);
		place = next;
	}
}

static struct pace_place *leave(struct pace *pace, struct pace_place *place,
                                enum pace_outcome outcome)
{
	struct pace_net *net = place->net;
	bool full = net->in >= limit_of(pace, net);

	net->in--;
	if (outcome == PACE_DROPPED)
		note_drop(pace, net, place->era);
	else if (outcome == PACE_WELL)
		note_well(net, place->era, full);
	return let_next_in(pace, net);
}

void pace_leave(struct pace *pace, struct pace_place *place,
                enum pace_outcome outcome)
{
	struct pace_place *granted = NULL;

	pthread_mutex_lock(&pace->lock);
	while (place->state == PACE_GRANTING)
		pthread_cond_wait(&pace->told, &pace->lock);
	if (place->state == PACE_HAS)
		granted = leave(pace, place, outcome);
	else if (place->state == PACE_WAITS)
		unqueue(place->net, place);
	if (place->state != PACE_NONE)
		forget_if_idle(pace, place->net);
	*place = (struct pace_place){ .state = PACE_NONE };
	pthread_mutex_unlock(&pace->lock);
	tell(pace, granted);
}

void pace_counts(struct pace *pace, struct pace_counts *counts)
{
	pthread_mutex_lock(&pace->lock);
	*counts = pace->counts;
	pthread_mutex_unlock(&pace->lock);
}

#include "inventory/pace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/*
 * A run of a whole /24 on paper, in steps of a millisecond: what the back-off
 * does to a network that can take only so many at once, and what it does not do
 * to one where some hosts are simply ill. No thread, no clock, no luck.
 */
#define HOSTS_MAX 254

#define ARRAY_LENGTH(a) (sizeof(a) / sizeof((a)[0]))

struct scene {
	unsigned hosts, fanout, retries;
	/* So many may be logging in at once, as MaxStartups; 0: any. */
	unsigned room;
	unsigned login_ms; /* how long that takes */
	/* These always drop: each ill_every-th, or those from ill_from to
	 * ill_to. */
	unsigned ill_every, ill_from, ill_to;
	bool without; /* the back-off */
};

struct outcome {
	unsigned ms; /* the whole run */
	unsigned drops, well, failed;
};

enum stage { UNREAD, PAUSES, PARKED, DUE, LOGS_IN, BEING_DROPPED, ENDED };

struct visit {
	struct pace_place place;
	enum stage stage;
	unsigned attempts;
	unsigned until; /* ms, for those that pause, log in or are dropped */
};

static struct {
	struct scene scene;
	struct pace *pace;
	struct outcome outcome;
	unsigned now, in_flight, logging_in;
	uint32_t random;
	struct visit visits[HOSTS_MAX];
} play;

static unsigned chance(unsigned below)
{
	play.random = play.random * UINT32_C(1664525) + UINT32_C(1013904223);
	return (play.random >> 8) % below;
}

static void on_granted(struct pace_place *place)
{
	struct visit *visit =
	    (void *)((char *)place - offsetof(struct visit, place));

	visit->stage = DUE;
}

static bool is_ill(unsigned host)
{
	const struct scene *scene = &play.scene;

	return (scene->ill_every > 0 && host % scene->ill_every == 0) ||
	       (host >= scene->ill_from && host < scene->ill_to);
}

static void connect_visit(unsigned host)
{
	struct visit *visit = &play.visits[host];

	visit->attempts++;
	play.in_flight++;
	if (is_ill(host) ||
	    (play.scene.room > 0 && play.logging_in >= play.scene.room)) {
		visit->stage = BEING_DROPPED;
		visit->until = play.now + 1;
		return;
	}
	play.logging_in++;
	visit->stage = LOGS_IN;
	visit->until =
	    play.now + play.scene.login_ms / 2 + chance(play.scene.login_ms);
}

static void begin_visit(unsigned host)
{
	struct visit *visit = &play.visits[host];
	struct address address = { .v4 = { .sin_family = AF_INET } };

	address.v4.sin_addr.s_addr = htonl(UINT32_C(0xC0000200) + host + 1);
	if (!play.scene.without) {
		visit->stage = PARKED;
		if (!pace_enter(play.pace, &visit->place, &address))
			return;
	}
	connect_visit(host);
}

static void leave(struct visit *visit, enum pace_outcome outcome)
{
	play.in_flight--;
	if (!play.scene.without)
		pace_leave(play.pace, &visit->place, outcome);
}

static void end_visit(struct visit *visit)
{
	if (visit->stage == LOGS_IN) {
		visit->stage = ENDED;
		play.logging_in--;
		play.outcome.well++;
		leave(visit, PACE_WELL);
		return;
	}
	play.outcome.drops++;
	if (visit->attempts <= play.scene.retries) {
		/* As cli/jobs.c pauses. */
		visit->stage = PAUSES;
		visit->until = play.now + (500U << (visit->attempts - 1)) +
		               chance(500U << (visit->attempts - 1));
	} else {
		visit->stage = ENDED;
		play.outcome.failed++;
	}
	leave(visit, PACE_DROPPED);
}

static void end_what_is_over(void)
{
	for (unsigned i = 0; i < play.scene.hosts; i++) {
		struct visit *visit = &play.visits[i];

		if (visit->until > play.now)
			continue;
		if (visit->stage == LOGS_IN || visit->stage == BEING_DROPPED)
			end_visit(visit);
		else if (visit->stage == PAUSES)
			visit->stage = DUE;
	}
}

/* Those that wait go first, as in a run. */
static void begin_what_may(enum stage stage)
{
	for (unsigned i = 0; i < play.scene.hosts; i++) {
		if (play.in_flight >= play.scene.fanout)
			return;
		if (play.visits[i].stage == stage)
			begin_visit(i);
	}
}

static struct outcome run(const struct scene *scene)
{
	struct pace_settings settings = { .granted = on_granted };
	struct err err;

	memset(&play, 0, sizeof(play));
	play.scene = *scene;
	play.random = 1;
	assert_true(pace_open(&play.pace, &settings, &err));
	while (play.outcome.well + play.outcome.failed < scene->hosts) {
		end_what_is_over();
		begin_what_may(DUE);
		begin_what_may(UNREAD);
		play.now++;
		assert_true(play.now < 3600 * 1000);
	}
	pace_close(play.pace);
	play.outcome.ms = play.now;
	return play.outcome;
}

static void run_both(const char *what, struct scene *scene,
                     struct outcome *with, struct outcome *without)
{
	scene->without = false;
	*with = run(scene);
	scene->without = true;
	*without = run(scene);
	print_message("%s: %u hosts, fanout %u, retries %u\n"
	              "  with:    %6u ms, %4u drops, %3u well, %3u failed\n"
	              "  without: %6u ms, %4u drops, %3u well, %3u failed\n",
	              what, scene->hosts, scene->fanout, scene->retries,
	              with->ms, with->drops, with->well, with->failed,
	              without->ms, without->drops, without->well,
	              without->failed);
}

static void where_there_is_little_room_few_are_dropped(void **state)
{
	static const struct {
		unsigned fanout, room;
	} cases[] = { { 64, 1 }, { 64, 3 }, { 64, 10 }, { 64, 32 },
		      { 4, 2 },  { 16, 3 }, { 256, 3 }, { 256, 10 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct scene scene = { .hosts = HOSTS_MAX,
			               .fanout = cases[i].fanout,
			               .room = cases[i].room,
			               .login_ms = 100 };
		struct outcome with, without;
		char what[32];

		snprintf(what, sizeof(what), "room for %u", cases[i].room);
		scene.retries = 10;
		run_both(what, &scene, &with, &without);
		assert_int_equal(with.well, HOSTS_MAX);
		/* The first moment, and what it costs to find the room. */
		assert_true(with.drops <= scene.fanout + 64);
		assert_true(with.drops < without.drops);
		assert_true(with.ms < without.ms);
		scene.retries = 1;
		run_both(what, &scene, &with, &without);
		assert_true(with.failed * 10 <= HOSTS_MAX);
		assert_true(with.failed < without.failed);
	}
}

static void a_few_ill_hosts_slow_nobody_down(void **state)
{
	static const unsigned fanouts[] = { 4, 8, 16, 64 };
	static const struct {
		const char *what;
		unsigned every, from, to;
		unsigned percent; /* more time, at most */
	} ills[] = {
		{ "none is ill", 0, 0, 0, 0 },
		{ "the first is ill", 0, 0, 1, 0 },
		{ "one amid them is ill", 0, 100, 101, 0 },
		{ "each 20th is ill", 20, 0, 0, 5 },
		{ "each 10th is ill", 10, 0, 0, 5 },
		{ "each 5th is ill", 5, 0, 0, 15 },
		{ "50 in a row are ill", 0, 100, 150, 15 },
		{ "all are ill", 0, 0, HOSTS_MAX, 5 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(ills); i++) {
		for (size_t j = 0; j < ARRAY_LENGTH(fanouts); j++) {
			struct scene scene = { .hosts = HOSTS_MAX,
				               .fanout = fanouts[j],
				               .retries = 1,
				               .login_ms = 100,
				               .ill_every = ills[i].every,
				               .ill_from = ills[i].from,
				               .ill_to = ills[i].to };
			struct outcome with, without;

			run_both(ills[i].what, &scene, &with, &without);
			assert_int_equal(with.well, without.well);
			assert_true(with.ms * 100 <=
			            without.ms * (100 + ills[i].percent));
		}
	}
}

/* It cannot be told from too little room; but it ends. */
static void where_half_are_ill_the_rest_is_well_all_the_same(void **state)
{
	struct scene scene = { .hosts = HOSTS_MAX,
		               .fanout = 64,
		               .retries = 1,
		               .login_ms = 100,
		               .ill_every = 2 };
	struct outcome with, without;

	(void)state;
	run_both("each other is ill", &scene, &with, &without);
	assert_int_equal(with.well, HOSTS_MAX / 2);
	assert_int_equal(without.well, HOSTS_MAX / 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(where_there_is_little_room_few_are_dropped),
		cmocka_unit_test(a_few_ill_hosts_slow_nobody_down),
		cmocka_unit_test(
		    where_half_are_ill_the_rest_is_well_all_the_same),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}

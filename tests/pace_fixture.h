#pragma once

#include "inventory/pace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <string.h>

#include <cmocka.h>

#define ARRAY_LENGTH(a) (sizeof(a) / sizeof((a)[0]))

/* Those that were granted, in their order. */
static struct {
	struct pace_place *places[64];
	size_t count;
} grants;

static inline void note_grant(struct pace_place *place)
{
	assert_true(grants.count < ARRAY_LENGTH(grants.places));
	grants.places[grants.count++] = place;
}

static inline struct pace *open_pace(unsigned rate, unsigned per_net)
{
	struct pace_settings settings = { .rate = rate,
		                          .per_net = per_net,
		                          .granted = note_grant };
	struct pace *pace = NULL;
	struct err err;

	grants.count = 0;
	assert_true(pace_open(&pace, &settings, &err));
	return pace;
}

static inline struct address address_of(const char *text)
{
	struct address address;
	struct err err;

	memset(&address, 0xAA, sizeof(address));
	assert_true(address_parse(&address, text, 22, &err));
	return address;
}

static inline bool enter(struct pace *pace, struct pace_place *place,
                         const char *text)
{
	struct address address = address_of(text);

	return pace_enter(pace, place, &address);
}

static inline size_t networks(struct pace *pace)
{
	struct pace_counts counts;

	pace_counts(pace, &counts);
	return counts.networks;
}

#pragma once

#include "inventory/agent.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * An ssh-agent that does as it is told, in a thread of the test, at a socket of
 * its own. It has AGENT_FIXTURE_KEYS keys, which are none unless told, and its
 * "signature" of some data is the data's first bytes, so that everybody can see
 * whose signature he got.
 */
enum manner {
	AGENT_WELL,
	AGENT_SLOW,     /* a byte at a time */
	AGENT_FLEETING, /* hangs up after each answer */
	AGENT_REFUSING,
	AGENT_SILENT,     /* takes the request */
	AGENT_DEAF,       /* does not even accept */
	AGENT_HALF,       /* hangs up amid the answer */
	AGENT_GARBAGE,    /* text */
	AGENT_HUGE,       /* announces 4 GiB, and sends without end */
	AGENT_DRIP,       /* announces 200 KiB, and a byte comes now and then */
	AGENT_EMPTY,      /* announces nothing */
	AGENT_LYING,      /* counts more keys than come */
	AGENT_OLD,        /* signs by SHA-1 whatever it is asked for */
	AGENT_SIGNS_VOID, /* an empty signature */
	AGENT_MANNERS
};

#define AGENT_FIXTURE_KEYS 3
#define AGENT_FIXTURE_SIGNATURE 64 /* bytes, as of ed25519 */

struct agent_fixture;

/* How it lists its keys, and how it signs; may be changed while it runs. */
struct agent_fixture *agent_fixture_start(enum manner lists, enum manner signs);
/* Its first key from now on; copied. */
void agent_fixture_key(struct agent_fixture *fixture, const void *blob,
                       size_t length);
void agent_fixture_stop(struct agent_fixture *fixture);
void agent_fixture_signs(struct agent_fixture *fixture, enum manner manner);

const char *agent_fixture_socket(const struct agent_fixture *fixture);

/* How many there were so far; and whether there ever were two connections at
 * once, or a request before the last one was answered. */
unsigned agent_fixture_connections(const struct agent_fixture *fixture);
unsigned agent_fixture_requests(const struct agent_fixture *fixture);
bool agent_fixture_crowded(const struct agent_fixture *fixture);

/* The flags of the last request to sign. */
unsigned agent_fixture_flags(const struct agent_fixture *fixture);

/* --- Its clients ---------------------------------------------------------- */

/* Fails the test when it cannot be opened. */
struct agent *opened(const struct agent_fixture *fixture);

/* One signature by its first key. algorithm NULL: "ssh-ed25519". */
struct signing {
	const char *algorithm;
	unsigned char data[AGENT_FIXTURE_SIGNATURE * 2];
	unsigned char *signature;
	size_t length;
	struct err err;
};

bool sign(struct agent *agent, struct signing *signing,
          const struct wait *wait);

/* Whether the signature is of these data; it is freed. */
bool is_own(struct signing *signing);

/* Signs a text, or fails the test. */
void signs(struct agent *agent, const char *text);

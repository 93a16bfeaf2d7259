#pragma once

#include "inventory/err.h"
#include "inventory/wait.h"

#include <stdbool.h>
#include <stddef.h>

struct agent;
struct guard;
struct identity;

/*
 * Ways to log in (RFC 4252, 4256), in the order of --auth. A way that the user
 * did not give the means for (no key, no agent, no password) is passed over,
 * and so is one that the server does not offer. No way is tried twice with the
 * same secret: a password that was refused is not sent again as the answer to a
 * prompt. Where a server wants several steps, they are what it wants next.
 */
enum login_way {
	LOGIN_KEYS,     /* "publickey": key= of the line, then the identities */
	LOGIN_AGENT,    /* "agent": the keys of an ssh-agent */
	LOGIN_PASSWORD, /* "password" */
	LOGIN_PROMPTS,  /* "keyboard-interactive": the password is the answer to
	                 * what asks for it, see prompt.h */
	LOGIN_WAYS
};

/* What the hosts of an access share; lives as long as the run. */
struct login_settings {
	enum login_way ways[LOGIN_WAYS];
	size_t way_count;
	struct identity *const *identities;
	size_t identity_count;
	struct agent *agent; /* NULL: none */
	/* The agent is for hosts that have a password too (--auth names it):
	 * else it is asked for those that have none. */
	bool agent_always;
	struct guard *guard;    /* NULL: --max-auth-failures 0 */
	unsigned guard_wait_ms; /* for another host's verdict, at most: -T */
};

/* One host's login. Everything is borrowed. */
struct login {
	const struct login_settings *settings;
	const char *user;
	const char *password;            /* NULL: none, or … */
	const struct identity *identity; /* key= of its line; NULL: none */
	/* … asked for when it is needed, once. False: err says why. The caller
	 * of ssh_login() wipes nothing; the login wipes what it got. NULL:
	 * there is none. */
	bool (*ask)(void *arg, char *password, size_t size,
	            const struct wait *wait, struct err *err);
	void *arg;
};

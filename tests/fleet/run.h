#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "tests/fleet/delay.h"

struct settings {
	uint16_t port;       /* 0: a free one */
	const char *control; /* path of the control socket, or NULL */
	const char *keys;    /* see keys_load(), or NULL */
	bool any_password;   /* see server_init() */
	bool host_keys;      /* see offer_init() */
	uint64_t key_seed;
	int slow_ms; /* what slow kinds take for the password */
	struct delay_settings delay;
};

/*
 * Listens on 0.0.0.0, prints "ready PORT" on standard output and serves until
 * SIGTERM, SIGINT, SIGHUP or the death of the parent process. Returns the exit
 * status. Connections to an address outside 127.0.0.0/8 are closed: a fleet
 * gives a shell to anyone who knows its password.
 */
int fleet_run(const struct settings *settings);

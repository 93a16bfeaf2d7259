#pragma once

#include "cli/options.h"
#include "cli/secret.h"
#include "inventory/dial.h"
#include "inventory/err.h"
#include "inventory/guard.h"
#include "inventory/host.h"
#include "inventory/pins.h"

/*
 * How the hosts of a run are reached and logged in to: what the options and
 * ssh_config say of each becomes its struct access, which hosts with the same
 * settings share. For the thread that reads the hosts; what it hands out lives
 * until reach_close().
 */
struct reach;

struct reach_settings {
	const struct options *options;
	const struct dial *dial; /* borrowed, for jump hosts */
	struct pins *pins;       /* borrowed; of --host-keys db */
	int cancel_fd;
};

/*
 * Before there are threads: reads ssh_config, asks for passwords and
 * passphrases, loads the keys that the options name. ERR_INPUT, ERR_SYSTEM,
 * ERR_CANCELLED.
 */
bool reach_open(struct reach **reach, const struct reach_settings *settings,
                struct err *err);

/* No host uses what it was given any more. NULL is fine. */
void reach_close(struct reach *reach);

/*
 * Completes a host that was read: user, port, where to connect to, and its
 * access. arg is the struct reach. ERR_INPUT where something is missing or
 * wrong, without a secret; ERR_SYSTEM.
 */
bool reach_complete(void *arg, struct host *host, struct err *err);

/* A warning on standard error. */
void reach_warn(const char *sentence);

/* What serves where a line of the host file names none. */
void reach_defaults(const struct reach *reach, struct host_defaults *defaults);

/* The source of the passwords that lines do not name, or NULL. */
struct secret *reach_secret(const struct reach *reach);

/*
 * Sessions at jump hosts that may be open at the same time, as far as the
 * options tell: ssh_config may give each host in flight a jump host of its own.
 */
struct reach_sessions {
	bool none;         /* nobody is reached that way */
	unsigned per_host; /* in flight */
	unsigned others;   /* besides */
};
struct reach_sessions reach_jump_sessions(const struct reach *reach);

/* NULL with --max-auth-failures 0. */
struct guard *reach_guard(const struct reach *reach);

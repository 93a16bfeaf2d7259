#pragma once

#include "inventory/err.h"
#include "inventory/host.h"
#include "inventory/wait.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * The password for hosts whose line has none: asked for, read or made by a
 * command, once before the run, or by a command once per host. Kept in one
 * place, never in a child's environment or arguments, wiped at the end.
 */
struct secret;

/* At most one of the first five. */
struct secret_settings {
	bool ask;            /* -A: on the terminal */
	const char *file;    /* --password-file: the first line */
	int fd;              /* --password-fd: likewise; -1 */
	const char *env;     /* --password-env: the variable's name; it is taken
	                      * out of the environment */
	const char *command; /* --password-command: first line of its output;
	                      * with %h or %u in it, once per host: host and
	                      * user, quoted for the shell; %% is % */
	int cancel_fd;
	void (*warn)(const char *sentence); /* a file that others can read */
};

/* *secret is NULL where settings name none. Before there are threads.
 * ERR_INPUT, ERR_SYSTEM, ERR_CANCELLED. */
bool secret_open(struct secret **secret, const struct secret_settings *settings,
                 struct err *err);
void secret_close(struct secret *secret); /* NULL is fine */

/* The password for a host, which the caller wipes. For any thread. Host and
 * user serve a command per host, which wait bounds: it is killed with its
 * children. */
bool secret_get(struct secret *secret, const char *host, const char *user,
                char *password, size_t size, const struct wait *wait,
                struct err *err);

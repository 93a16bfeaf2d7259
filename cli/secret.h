#pragma once

#include "inventory/err.h"
#include "inventory/host.h"
#include "inventory/wait.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * The password for hosts whose line has none: asked for, read or made by a
 * command, once before the run, or by a command once per host. Kept in one
 * place, that is not swapped out where the system allows it and in no core
 * dump; never in a child's environment or arguments; wiped at the end.
 *
 * A password is one line of 1 to HOST_PASSWORD_MAX bytes; a carriage return
 * before the newline is no part of it, and neither is what follows.
 */
struct secret;

/* At most one of the first five. */
struct secret_settings {
	bool ask;            /* -A: on the terminal */
	const char *file;    /* --password-file: the first line; "-": standard
	                      * input's */
	int fd;              /* --password-fd: likewise; -1. Closed if above 2;
	                      * not a byte is read after the line. */
	const char *env;     /* --password-env: the variable's name; it is taken
	                      * out of the environment and wiped there */
	const char *command; /* --password-command: first line of its output;
	                      * with %h or %u in it, once per host: host and
	                      * user, see secret_template.h; %% is %. Borrowed
	                      * until the end. */
	bool input_taken;    /* standard input has the hosts: a command that is
	                      * run once does not get it */
	int cancel_fd;
	void (*warn)(const char *sentence); /* a file that others can read */
};

/*
 * *secret is NULL where settings name none. Before there are threads, and
 * before whoever else reads the descriptor (the host file on standard input).
 * ERR_INPUT, ERR_SYSTEM, ERR_CANCELLED (^C at the question). A signal that ends
 * the process does so, when the terminal is as it was.
 */
bool secret_open(struct secret **secret, const struct secret_settings *settings,
                 struct err *err);
void secret_close(struct secret *secret); /* NULL is fine */

/* How many commands run at the same time at most; 0 where all hosts have the
 * same password, which is there already. */
unsigned secret_commands_most(const struct secret *secret);

/* The password for a host, which the caller wipes; size is HOST_PASSWORD_MAX
 * and 1 at least. For any thread. Host and user serve a command per host, which
 * wait bounds: it is killed with its children. */
bool secret_get(struct secret *secret, const char *host, const char *user,
                char *password, size_t size, const struct wait *wait,
                struct err *err);

#pragma once

#include "inventory/err.h"
#include "inventory/places.h"
#include "inventory/wait.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * --password-command: the password is the first line of a command's output. A
 * command that fails, or says nothing, gave none, whatever it printed;
 * sentences have its name, never what it printed. Its standard error is ours.
 */

/*
 * Runs one that depends on no host, once, on the terminal: it may ask there.
 * with_input: it has our standard input, else an empty one. A
 * signal that would end us meanwhile ends it first; the terminal is then as it
 * was. Before there are threads. ERR_INPUT, ERR_CANCELLED, ERR_SYSTEM.
 */
bool secret_command_once(const char *template, bool with_input, int cancel_fd,
                         char *password, size_t size, struct err *err);

/* For commands per host, for any number of threads. */
struct secret_commands {
	const char *template;
	char **environment;
	unsigned most; /* at the same time */
	struct places places;
};

/* Before there are threads. */
bool secret_commands_open(struct secret_commands *commands,
                          const char *template, struct err *err);
void secret_commands_close(struct secret_commands *commands);

/*
 * Runs it for a host, apart from the terminal. When wait is over it is killed,
 * with its children. ERR_INPUT, ERR_TIMEOUT, ERR_CANCELLED, ERR_SCARCE,
 * ERR_SYSTEM.
 */
bool secret_command_for(struct secret_commands *commands, const char *host,
                        const char *user, char *password, size_t size,
                        const struct wait *wait, struct err *err);

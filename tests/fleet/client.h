#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * A small SSH client with libssh2, to see the fleet as sshinv does: the same
 * exec, the same limits, the same words for what happens. It shares no code
 * with sshinv, so neither hides a fault of the other.
 */

#define CLIENT_OUTPUT_MAX 65536

struct target {
	const char *address;
	uint16_t port;
	const char *user;
	const char *password;
	const char *command; /* NULL: ask for the host name in a frame */
	const char *script;  /* standard input of the command, or NULL */
};

struct answer {
	const char *status; /* "ok", "refused", "timeout", "protocol", "auth",
	                     * "command" or "error" */
	const char *step;   /* where it ended */
	char hostname[512]; /* without a command */
	char output[CLIENT_OUTPUT_MAX + 1]; /* stdout, with a command */
	size_t output_length;
	int exit_status;
};

/* In main, before threads; false: it failed. */
int client_init(void);
void client_exit(void);

/* Everything within timeout_ms. From any thread. */
void client_ask(const struct target *target, int timeout_ms,
                struct answer *answer);

/* A TCP connection, blocking; -1 when it is refused. */
int client_connect(const char *address, uint16_t port);

/* CLOCK_MONOTONIC. */
int64_t client_now_ms(void);

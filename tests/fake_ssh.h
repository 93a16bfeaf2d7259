#pragma once

#include "inventory/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A session that follows a script, linked in place of inventory/ssh.c: what the
 * probe makes of every end of every step, without a server. For one thread.
 */

/* How a step ends: well with ERR_NONE. */
struct fake_step {
	enum err_kind fails;
	const char *text; /* of the error */
};

/* One ssh_exec(). In out the letters after a % stand for the markers of the
 * probe that asks: %B begin, %E end, %O output, %D done; %Z for a NUL. */
struct fake_answer {
	struct fake_step step;
	const char *out;
	size_t zeros; /* that follow, as the character 0 */
	const char *after;
	const char *errors;
	uint32_t exit_status;
	const char *signal;
};

#define FAKE_EXECS 3

struct fake_ssh {
	/* The script. */
	struct fake_step open, handshake, host_key, login;
	bool wants_aead; /* what fails the handshake but with ssh_only_aead() */
	const char *version;
	unsigned char key; /* each byte of its host key */
	struct fake_answer answers[FAKE_EXECS];
	const char *watched;      /* a password, looked at in each exec */
	int fires;                /* an eventfd, in the handshake; 0: none */
	const _Atomic int *phase; /* looked at in each step, or NULL */

	/* What was seen. */
	int phase_in_handshake, phase_in_login, phase_in_exec;
	unsigned opened, closed, logins, execs, released;
	unsigned only_aead;  /* calls */
	char preferred[128]; /* host keys */
	char user[64];
	char password[64];
	bool had_password;
	bool watched_was_there; /* in an exec */
	char commands[FAKE_EXECS][256];
	char input[4096]; /* of the first exec */
	bool had_input;
};

extern struct fake_ssh fake_ssh;

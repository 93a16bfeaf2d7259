#pragma once

#include "inventory/agent.h"
#include "inventory/err.h"
#include "inventory/identity.h"

#include <stdbool.h>

/*
 * The user's private keys and agents by their paths: each is loaded once, and
 * lives as long as the keyring. For the thread that reads the hosts.
 */
struct keyring;

struct keyring_settings {
	const char *home; /* for ~/; NULL: none */
	int cancel_fd;
	void (*warn)(const char *sentence); /* a key that others can read */
};

bool keyring_open(struct keyring **keyring,
                  const struct keyring_settings *settings, struct err *err);
void keyring_close(struct keyring *keyring); /* NULL is fine */

/*
 * A key, whose passphrase is asked for on the terminal, up to keyring_quiet().
 * What could not be loaded is told each time. ERR_INPUT, ERR_SYSTEM,
 * ERR_CANCELLED.
 */
bool keyring_identity(struct keyring *keyring, const char *path,
                      struct identity **identity, struct err *err);

/* From now on nobody is asked: a key that wants a passphrase is ERR_INPUT. */
void keyring_quiet(struct keyring *keyring);

/* An agent by its socket. */
bool keyring_agent(struct keyring *keyring, const char *socket,
                   struct agent **agent, struct err *err);

#include "cli/keyring.h"

#include "inventory/askpass.h"

#include <limits.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct key {
	char *path;                /* first, for compare_paths() */
	struct identity *identity; /* NULL: it cannot be loaded … */
	struct err err;            /* … and why */
};

struct socket {
	char *path; /* likewise */
	struct agent *agent;
	struct err err;
};

struct keyring {
	struct keyring_settings settings;
	bool quiet;
	void *keys, *sockets; /* trees of tsearch() */
};

static int compare_paths(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;

	return strcmp(*x, *y);
}

static void free_key(void *node)
{
	struct key *key = node;

	identity_free(key->identity);
	free(key->path);
	free(key);
}

static void free_socket(void *node)
{
	struct socket *socket = node;

	agent_close(socket->agent);
	free(socket->path);
	free(socket);
}

bool keyring_open(struct keyring **keyring,
                  const struct keyring_settings *settings, struct err *err)
{
	struct keyring *k = calloc(1, sizeof(*k));

	if (k == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	k->settings = *settings;
	*keyring = k;
	return true;
}

void keyring_close(struct keyring *keyring)
{
	if (keyring == NULL)
		return;
	tdestroy(keyring->keys, free_key);
	tdestroy(keyring->sockets, free_socket);
	free(keyring);
}

void keyring_quiet(struct keyring *keyring)
{
	keyring->quiet = true;
}

static bool ask_passphrase(void *arg, const char *path, char *passphrase,
                           size_t size, struct err *err)
{
	const struct keyring *keyring = arg;
	char prompt[PATH_MAX + 32];

	snprintf(prompt, sizeof(prompt), "passphrase for %s: ", path);
	for (char *p = prompt; *p != '\0'; p++) {
		if ((unsigned char)*p < ' ' || *p == 127)
			*p = '?';
	}
	return askpass(prompt, passphrase, size, keyring->settings.cancel_fd,
	               err);
}

static char *expand_home(const struct keyring *keyring, const char *path)
{
	const char *home = keyring->settings.home;
	char *whole;

	if (strncmp(path, "~/", 2) != 0 || home == NULL)
		return strdup(path);
	return asprintf(&whole, "%s%s", home, path + 1) < 0 ? NULL : whole;
}

static void load(struct keyring *keyring, struct key *key)
{
	struct identity_passphrase passphrase = { .ask = ask_passphrase,
		                                  .arg = keyring };
	bool exposed = false;
	char sentence[PATH_MAX + 64];

	if (!identity_load(&key->identity, key->path,
	                   keyring->quiet ? NULL : &passphrase, &exposed,
	                   &key->err))
		key->identity = NULL;
	if (!exposed)
		return;
	snprintf(sentence, sizeof(sentence),
	         "%s is a private key and others can read it", key->path);
	keyring->settings.warn(sentence);
}

/* Takes the path, also when there is no memory. */
static struct key *new_key(struct keyring *keyring, char *path)
{
	struct key *key = calloc(1, sizeof(*key));

	if (key == NULL) {
		free(path);
		return NULL;
	}
	key->path = path;
	if (tsearch(key, &keyring->keys, compare_paths) == NULL) {
		free_key(key);
		return NULL;
	}
	load(keyring, key);
	return key;
}

bool keyring_identity(struct keyring *keyring, const char *path,
                      struct identity **identity, struct err *err)
{
	char *whole = expand_home(keyring, path);
	struct key *key, *const *found;

	if (whole == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	found = tfind(&whole, &keyring->keys, compare_paths);
	if (found != NULL) {
		free(whole);
		key = *found;
	} else {
		key = new_key(keyring, whole);
	}
	if (key == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	*identity = key->identity;
	if (key->identity == NULL)
		*err = key->err;
	return key->identity != NULL;
}

static struct socket *new_socket(struct keyring *keyring, const char *path)
{
	struct socket *socket = calloc(1, sizeof(*socket));

	if (socket == NULL)
		return NULL;
	socket->path = strdup(path);
	if (socket->path == NULL ||
	    tsearch(socket, &keyring->sockets, compare_paths) == NULL) {
		free_socket(socket);
		return NULL;
	}
	if (!agent_open(&socket->agent, path, keyring->settings.cancel_fd,
	                &socket->err))
		socket->agent = NULL;
	return socket;
}

bool keyring_agent(struct keyring *keyring, const char *path,
                   struct agent **agent, struct err *err)
{
	struct socket *const *found =
	    tfind(&path, &keyring->sockets, compare_paths);
	struct socket *socket =
	    found != NULL ? *found : new_socket(keyring, path);

	if (socket == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	*agent = socket->agent;
	if (socket->agent == NULL)
		*err = socket->err;
	return socket->agent != NULL;
}

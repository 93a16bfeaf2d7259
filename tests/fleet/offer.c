#include "tests/fleet/offer.h"

#include <pthread.h>
#include <unistd.h>

#include <libssh/server.h>

#include "tests/fleet/own_key.h"
#include "tests/fleet/say.h"

#define RSA_BITS 2048

struct terms {
	enum ssh_keytypes_e key;
	const char *key_algorithms; /* NULL: libssh's own list */
	const char *ciphers;        /* likewise */
};

static const struct terms terms[OFFER_COUNT] = {
	[OFFER_USUAL] = { SSH_KEYTYPE_ED25519, NULL, NULL },
	[OFFER_RSA] = { SSH_KEYTYPE_RSA, "rsa-sha2-512,rsa-sha2-256,ssh-rsa",
	                NULL },
	[OFFER_RSA_SHA2] = { SSH_KEYTYPE_RSA, "rsa-sha2-512,rsa-sha2-256",
	                     NULL },
	[OFFER_CHACHA] = { SSH_KEYTYPE_ED25519, NULL,
	                   "chacha20-poly1305@openssh.com" },
};

/* Guards the binds: ssh_bind_accept_fd() writes errors into them. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static ssh_bind binds[OFFER_COUNT];

/* Written before there are threads. */
static bool key_of_each;
static uint64_t key_seed;

static ssh_key make_key(enum ssh_keytypes_e type)
{
	ssh_key key = NULL;
#if LIBSSH_VERSION_INT >= SSH_VERSION_INT(0, 12, 0)
	int rc = ssh_pki_generate_key(type, NULL, &key);
#else
	int rc = ssh_pki_generate(type, type == SSH_KEYTYPE_RSA ? RSA_BITS : 0,
	                          &key);
#endif

	return rc == SSH_OK ? key : NULL;
}

static bool set(ssh_bind bind, enum ssh_bind_options_e option,
                const void *value)
{
	return value == NULL || ssh_bind_options_set(bind, option, value) == 0;
}

static ssh_bind make_bind(enum offer offer)
{
	const struct terms *t = &terms[offer];
	/* The machine's own server settings are none of our business. */
	const bool process_config = false;
	ssh_bind bind = ssh_bind_new();
	ssh_key key = make_key(t->key);

	if (bind == NULL || key == NULL)
		goto failed;
	if (!set(bind, SSH_BIND_OPTIONS_PROCESS_CONFIG, &process_config) ||
	    !set(bind, SSH_BIND_OPTIONS_HOSTKEY_ALGORITHMS,
	         t->key_algorithms) ||
	    !set(bind, SSH_BIND_OPTIONS_CIPHERS_C_S, t->ciphers) ||
	    !set(bind, SSH_BIND_OPTIONS_CIPHERS_S_C, t->ciphers) ||
	    !set(bind, SSH_BIND_OPTIONS_IMPORT_KEY, key))
		goto failed;
	return bind; /* it owns the key now */
failed:
	say(0, "could not make a server: %s",
	    bind != NULL ? ssh_get_error(bind) : "out of memory");
	ssh_key_free(key);
	ssh_bind_free(bind);
	return NULL;
}

bool offer_init(bool each, uint64_t seed)
{
	key_of_each = each;
	key_seed = seed;
	binds[OFFER_USUAL] = make_bind(OFFER_USUAL);
	return binds[OFFER_USUAL] != NULL;
}

void offer_release(void)
{
	for (size_t i = 0; i < OFFER_COUNT; i++) {
		ssh_bind_free(binds[i]);
		binds[i] = NULL;
	}
}

/* For the session that is accepted next: it has a copy. */
static bool show_key_of(ssh_bind bind, uint32_t address)
{
	ssh_key key = own_key(key_seed, address);

	if (key == NULL || !set(bind, SSH_BIND_OPTIONS_IMPORT_KEY, key)) {
		ssh_key_free(key);
		return false;
	}
	return true; /* it owns the key now */
}

ssh_session offer_accept(enum offer offer, uint32_t address, int fd)
{
	bool own_key = key_of_each && terms[offer].key == SSH_KEYTYPE_ED25519;
	ssh_session ssh = ssh_new();
	int rc = SSH_ERROR;

	if (ssh == NULL) {
		close(fd);
		return NULL;
	}
	pthread_mutex_lock(&lock);
	if (binds[offer] == NULL)
		binds[offer] = make_bind(offer);
	if (binds[offer] != NULL &&
	    (!own_key || show_key_of(binds[offer], address)))
		rc = ssh_bind_accept_fd(binds[offer], ssh, fd);
	pthread_mutex_unlock(&lock);
	if (rc == SSH_OK)
		return ssh;
	/* It may have taken the socket before it failed. */
	if (ssh_get_fd(ssh) != fd)
		close(fd);
	ssh_free(ssh);
	return NULL;
}

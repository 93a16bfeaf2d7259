#pragma once

#include "inventory/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct knownhosts;
struct pins;

/* --host-keys: what is made of a host's key. A key that differs from the known
 * ones, and a revoked one, are refused by all but HOSTKEYS_OFF. */
enum hostkeys_mode {
	HOSTKEYS_ACCEPT_NEW, /* a host that is not known is remembered */
	HOSTKEYS_STRICT,     /* it is refused */
	HOSTKEYS_OFF,        /* no key is looked at */
	HOSTKEYS_DB          /* known is what the store has of it */
};

/* The policy for some hosts; thread-safe. */
struct hostkeys {
	enum hostkeys_mode mode;
	struct knownhosts *known; /* NULL with OFF and DB */
	struct pins *pins;        /* of DB, else NULL */
};

/* A host's key as the handshake has shown it. */
struct hostkey {
	const unsigned char *blob; /* RFC 4253 section 6.6 */
	size_t length;
	const char *type;   /* "ssh-ed25519" */
	const char *sha256; /* base64 without padding */
};

/*
 * The algorithms to offer for the host, in the order of preference: those of
 * the keys that plain lines know for it, so that a server that has several keys
 * shows the one that is known. "" for no restriction.
 */
#define HOSTKEY_TYPES_SIZE 256
void hostkey_types(const struct hostkeys *hostkeys, const char *host,
                   uint16_t port, char types[static HOSTKEY_TYPES_SIZE]);

/*
 * After the handshake, before anything secret is sent. ERR_HOSTKEY: changed
 * (both fingerprints are in the sentence), revoked, or not known under STRICT.
 * ERR_SYSTEM without memory. A key that cannot be remembered is accepted all
 * the same, and warned of once.
 */
bool hostkey_check(const struct hostkeys *hostkeys, const char *host,
                   uint16_t port, const struct hostkey *key, struct err *err);

#pragma once

#include "inventory/err.h"
#include "inventory/record.h"

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
	/* HostKeyAlias of ssh_config: what known_hosts files have instead of
	 * any host and port; NULL: none. DB does not look at it. */
	const char *alias;
};

/* A host's key as the handshake has shown it. */
struct hostkey {
	const unsigned char *blob; /* RFC 4253 section 6.6 */
	size_t length;
	const char *type;   /* "ssh-ed25519" */
	const char *sha256; /* base64 without padding */
	/* What hostkey_types() gave before that handshake. */
	const char *preferred;
};

/* What a check has to say beyond yes or no. */
struct hostkey_outcome {
	/* On a refusal: only keys of other types are known for the host, and
	 * that was found out too late for the handshake. With a new connection
	 * and hostkey_types() asked again it may show the known one: worth one
	 * more try, and not two. */
	bool other_type;
	/* The fingerprint that was pinned, when another one was offered and the
	 * history has no row for that yet; or "". For record->pinned_sha256. */
	char pinned_sha256[RECORD_FINGERPRINT_MAX + 1];
};

/*
 * host is the name that is known: for known_hosts files where the connection
 * goes to (a line's HostName, else its address), for DB the address of the row.
 */

/*
 * The types of the keys that are known for the host, to be offered before all
 * others (ssh_prefer_host_keys()), so that a server that has several shows the
 * one that is known. Of hashed lines nothing is known here. "" for none.
 *
 * The others are offered as well, after them, as OpenSSH does: a server that
 * has no key of a known type then shows another one, which is refused with both
 * fingerprints, and not the lack of a common algorithm.
 */
#define HOSTKEY_TYPES_SIZE 256
void hostkey_types(const struct hostkeys *hostkeys, const char *host,
                   uint16_t port, char types[static HOSTKEY_TYPES_SIZE]);

/*
 * After the handshake, before anything secret is sent. ERR_HOSTKEY: changed
 * (both fingerprints are in the sentence), revoked, or not known under STRICT.
 * ERR_SYSTEM without memory. A key that cannot be remembered is accepted all
 * the same, and warned of once. *outcome is set in any case.
 */
bool hostkey_check(const struct hostkeys *hostkeys, const char *host,
                   uint16_t port, const struct hostkey *key,
                   struct hostkey_outcome *outcome, struct err *err);

#pragma once

#include "inventory/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * OpenSSH's known_hosts files (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT), read once
 * into one table that all threads share: plain and hashed names, [host]:port,
 * wildcards and negation, @revoked, @cert-authority, several keys for a host.
 */
struct knownhosts;

struct knownhosts_settings {
	const char *const *files; /* those that are not there are passed over
	                           * (--known-hosts: the caller checks) */
	size_t file_count;
	const char *append_to; /* where new keys go, read as well; NULL:
	                        * nowhere. Its folder is made. */
	void (*warn)(const char *sentence); /* a bad line, a file that cannot be
	                                     * written (once) */
};

/* ERR_INPUT for a file that is there and cannot be read; ERR_SYSTEM. */
bool knownhosts_open(struct knownhosts **known,
                     const struct knownhosts_settings *settings,
                     struct err *err);
void knownhosts_close(struct knownhosts *known); /* NULL is fine */

enum knownhosts_verdict {
	KNOWNHOSTS_KNOWN,   /* this key, for this host */
	KNOWNHOSTS_NEW,     /* no key of the host is known */
	KNOWNHOSTS_CHANGED, /* others are, this one is not */
	KNOWNHOSTS_REVOKED  /* marked so, for this host */
};

/* Where a known key stands, for the sentence; borrowed from the table. */
struct knownhosts_entry {
	const char *file;
	size_t line;
	const char *type;
	char sha256[64]; /* base64 without padding */
};

/*
 * What the files, and what was remembered since, say of a key. *entry is one
 * that differs (CHANGED) or the revocation. Whether hashed lines have another
 * key of the host is found by hashing its name for each of them: that is done
 * for keys that no line knows for the host, and only for them.
 */
enum knownhosts_verdict knownhosts_look(struct knownhosts *known,
                                        const char *host, uint16_t port,
                                        const unsigned char *blob,
                                        size_t length,
                                        struct knownhosts_entry *entry);

/* The key types of plain lines for the host, as a name-list; "" for none. */
void knownhosts_types(struct knownhosts *known, const char *host, uint16_t port,
                      char *types, size_t size);

/* Remembers a new key, in the table and with one O_APPEND write in the file. */
bool knownhosts_remember(struct knownhosts *known, const char *host,
                         uint16_t port, const unsigned char *blob,
                         size_t length, struct err *err);

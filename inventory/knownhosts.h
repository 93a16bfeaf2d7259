#pragma once

#include "inventory/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * OpenSSH's known_hosts files (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT), read once
 * into one table that all threads share: plain and hashed names, [host]:port,
 * wildcards and negation, @revoked, several keys for a host. Keys of signers
 * (@cert-authority) are passed over: no host certificates are asked for.
 *
 * Hashed lines have a salt each. They are found by their key, and then only
 * those with this very key are hashed: one HMAC where each host has a key of
 * its own, a quarter of a microsecond. A key that no line knows for the host
 * takes one HMAC for each hashed line, to learn whether they have another key
 * of the host: 30 ms with 100,000 of them. So does, at worst, one key that all
 * these lines share.
 *
 * Every function but open and close may be called by any number of threads at
 * once. What the files said at the start is read without a lock.
 */
struct knownhosts;

struct knownhosts_settings {
	const char *const *files; /* those that are not there are passed over
	                           * (--known-hosts: the caller checks) */
	size_t file_count;
	const char *append_to; /* where new keys go, read as well; NULL:
	                        * nowhere. It and its folder are made when there
	                        * is a first one. */
	/* A bad line (the first ten of a file), a file that cannot be written
	 * (once). From any thread. */
	void (*warn)(const char *sentence);
};

/* ERR_INPUT for a file that is there and cannot be read, or is none, a FIFO for
 * one; ERR_SYSTEM. What was remembered through another table since it was read
 * is not known to this one. */
bool knownhosts_open(struct knownhosts **known,
                     const struct knownhosts_settings *settings,
                     struct err *err);
void knownhosts_close(struct knownhosts *known); /* NULL is fine */

enum knownhosts_verdict {
	KNOWNHOSTS_KNOWN,   /* this key, for this host */
	KNOWNHOSTS_NEW,     /* no key of the host is known */
	KNOWNHOSTS_CHANGED, /* others are, this one is not */
	KNOWNHOSTS_REVOKED, /* marked so, for this host */
	KNOWNHOSTS_UNSURE   /* out of memory */
};

/* Where a known key stands, for the sentence; borrowed from the table. */
struct knownhosts_entry {
	const char *file;
	size_t line; /* 0: it was added in this run */
	const char *type;
	char sha256[64]; /* base64 without padding */
};

/*
 * What the files, and what was remembered since, say of a key. *entry is one
 * that differs (CHANGED) or the revocation. Any other key of the host makes it
 * CHANGED, one of another type too.
 *
 * As with OpenSSH a port other than 22 is a host of its own, "[host]:port"; but
 * one of which nothing is known may show the key that is known for the host
 * without a port, and a key that is revoked there is here as well.
 *
 * When hashed lines have other keys of the host, knownhosts_types() knows them
 * from then on.
 */
enum knownhosts_verdict knownhosts_look(struct knownhosts *known,
                                        const char *host, uint16_t port,
                                        const unsigned char *blob,
                                        size_t length,
                                        struct knownhosts_entry *entry);

/* The types of the host's keys in plain lines, and of those in hashed ones that
 * were found since, as a name-list; "" for none. */
void knownhosts_types(struct knownhosts *known, const char *host, uint16_t port,
                      char *types, size_t size);

/*
 * Remembers the key of a host that is NEW, in the table and with one O_APPEND
 * write in the file. KNOWN, also where it could only be remembered for this
 * run; CHANGED, and *entry, when another key of the host was remembered
 * meanwhile.
 */
enum knownhosts_verdict knownhosts_remember(struct knownhosts *known,
                                            const char *host, uint16_t port,
                                            const unsigned char *blob,
                                            size_t length,
                                            struct knownhosts_entry *entry);

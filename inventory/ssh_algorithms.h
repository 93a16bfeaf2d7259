#pragma once

#include "inventory/err.h"
#include "inventory/greeting.h"

#include <stdbool.h>

#include <libssh2.h>

/*
 * Which algorithms are offered, in which order: what of our lists the linked
 * libssh2 has. Fast and least exposed first; SHA-1 nowhere but in "ssh-rsa"
 * host keys, last, and only where the library has no rsa-sha2 (1.10). No
 * encrypt-then-MAC, by which a server can overflow libssh2 1.11.1's heap
 * (GHSA-6c79-444r-wx26).
 */

/* Whether a comma-separated name-list (RFC 4251 section 5) has the name. */
bool name_list_has(const char *names, size_t length, const char *name,
                   size_t name_length);

/* Once, after libssh2_init() and before the first session. */
bool algorithms_init(struct err *err);

/* Between those two, for --legacy: puts behind our lists what old devices have:
 * SHA-1 in key exchanges, ssh-rsa and ssh-dss host keys, CBC, SHA-1 and MD5 as
 * MAC. */
void algorithms_allow_legacy(void);

/* Gives the lists to a new session. */
bool algorithms_apply(LIBSSH2_SESSION *session, struct err *err);

/*
 * Of a session that has not shaken hands: the host key algorithms that are
 * offered, those of the types in the name-list first. ssh-rsa is the type of a
 * key that the rsa-sha2 algorithms use as well (RFC 8332).
 */
bool algorithms_prefer_host_keys(LIBSSH2_SESSION *session, const char *types,
                                 struct err *err);

/*
 * Hardened servers often have no MAC but encrypt-then-MAC, and AES-GCM, which
 * needs none; but our first cipher, CTR, is what counts. True where a second
 * connection would do that offers nothing but AES-GCM; the other makes it so,
 * for a session that has not shaken hands. Never with libssh2 1.10.
 */
bool algorithms_want_aead(const struct greeting *greeting);
bool algorithms_only_aead(LIBSSH2_SESSION *session, struct err *err);

/*
 * Finds the list that has nothing in common with the server's and says so, both
 * sides named, and the way out where there is one: --legacy, a newer libssh2
 * (ERR_PROTOCOL). False, err untouched, where each has something.
 */
bool algorithms_explain(const struct greeting *greeting, struct err *err);

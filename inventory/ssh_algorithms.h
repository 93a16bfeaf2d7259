#pragma once

#include "inventory/err.h"
#include "inventory/greeting.h"

#include <stdbool.h>

#include <libssh2.h>

/*
 * Which algorithms are offered, in which order: what of our lists the linked
 * libssh2 has. Fast and least exposed first; SHA-1 nowhere but in "ssh-rsa"
 * host keys, last, and only where the library has no rsa-sha2 (1.10).
 */

/* Whether a comma-separated name-list (RFC 4251 section 5) has the name. */
bool name_list_has(const char *names, size_t length, const char *name,
                   size_t name_length);

/* Once, after libssh2_init() and before the first session. */
bool algorithms_init(struct err *err);

/* Gives the lists to a new session. */
bool algorithms_apply(LIBSSH2_SESSION *session, struct err *err);

/*
 * Finds the list that has nothing in common with the server's and says so, both
 * sides named (ERR_PROTOCOL). False, err untouched, where each has something.
 */
bool algorithms_explain(const struct greeting *greeting, struct err *err);

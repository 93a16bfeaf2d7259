#pragma once

#include "inventory/err.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * A private key of the user's (ed25519, ecdsa, rsa; OpenSSH's format and PEM),
 * decrypted once when it is loaded, with its certificate (FILE-cert.pub) where
 * there is one. Read-only afterwards, for any number of threads.
 */
struct identity;

/* Asks for the passphrase of path. False: err says why. */
struct identity_passphrase {
	bool (*ask)(void *arg, const char *path, char *passphrase, size_t size,
	            struct err *err);
	void *arg;
};

/*
 * passphrase NULL: an encrypted key is ERR_INPUT, and so is what is no regular
 * file and might have to be waited for. ERR_INPUT for what is no key,
 * cannot be read, or is of a kind that is not known, with the path. Nobody but
 * its owner should read the file: *exposed says if others can.
 */
bool identity_load(struct identity **identity, const char *path,
                   const struct identity_passphrase *passphrase, bool *exposed,
                   struct err *err);
void identity_free(struct identity *identity); /* NULL is fine */

const char *identity_path(const struct identity *identity);

/* The public key (RFC 4253 section 6.6) and the certificate (NULL: none) as
 * they go over the wire; live as long as the identity. */
const unsigned char *identity_blob(const struct identity *identity,
                                   size_t *length);
const unsigned char *identity_certificate(const struct identity *identity,
                                          size_t *length);

/*
 * Signs data with the algorithm ("ssh-ed25519", "ecdsa-sha2-nistp256",
 * "rsa-sha2-512", "ssh-rsa", …). *signature is what follows the algorithm's
 * name in RFC 4253's signature, allocated with malloc().
 */
bool identity_sign(const struct identity *identity, const char *algorithm,
                   size_t algorithm_length, const unsigned char *data,
                   size_t length, unsigned char **signature,
                   size_t *signature_length, struct err *err);

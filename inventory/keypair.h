#pragma once

#include "inventory/err.h"
#include "inventory/wire.h"

#include <stdbool.h>
#include <stddef.h>

#include <openssl/evp.h>

/*
 * A private key of OpenSSL's and how SSH writes it: ed25519, ecdsa on the three
 * NIST curves, rsa. Any number of threads may use one key.
 */

/* "ssh-ed25519", …; NULL for a key of a kind that is not known here. */
const char *keypair_type(const EVP_PKEY *key);

/* The kind of key that signs with this algorithm; NULL: none here. */
const char *keypair_type_of_algorithm(const char *algorithm, size_t length);

/*
 * Takes the private key that begins with its type, as OpenSSH's agent protocol
 * and its files write it, from the front of the bytes. NULL with ERR_INPUT.
 */
EVP_PKEY *keypair_take(struct wire *from, struct err *err);

/* Adds the public half (RFC 4253 section 6.6) of a key of a known kind. */
void keypair_put_public(struct wire_out *out, const EVP_PKEY *key);

/*
 * Adds the signature, without the algorithm's name. ERR_INPUT when the
 * algorithm is not one of the key's.
 */
bool keypair_sign(struct wire_out *out, EVP_PKEY *key, const char *algorithm,
                  size_t algorithm_length, const unsigned char *data,
                  size_t length, struct err *err);

/* False when the halves do not belong together: then what one signs does not
 * verify by the other. */
bool keypair_is_sound(EVP_PKEY *key);

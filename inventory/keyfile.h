#pragma once

#include "inventory/err.h"

#include <stddef.h>

#include <openssl/evp.h>

enum keyfile_verdict {
	KEYFILE_READ,
	KEYFILE_ENCRYPTED, /* and no passphrase was given, or it is wrong */
	KEYFILE_BAD        /* err (ERR_INPUT, ERR_SYSTEM) says why */
};

/* More than any key takes. */
#define KEYFILE_MAX ((size_t)64 * 1024)

/*
 * The private key in the text of a file: OpenSSH's own format, or PEM (PKCS#1,
 * SEC 1, PKCS#8), encrypted or not; of a kind that keypair.h knows, and sound.
 * passphrase NULL: none. The caller ends *key with EVP_PKEY_free().
 */
enum keyfile_verdict keyfile_parse(EVP_PKEY **key, const char *text,
                                   size_t length, const char *passphrase,
                                   struct err *err);

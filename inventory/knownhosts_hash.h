#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <openssl/evp.h>

/*
 * HMAC-SHA1 (RFC 2104) of one name under many salts: what a hashed line has of
 * its host. About a quarter of a microsecond each, since the algorithm is
 * looked up once for all.
 */
struct name_hash {
	EVP_MD_CTX *context;
	const EVP_MD *sha1;
	const char *name;
	size_t length;
	bool failed; /* without memory: what matches is not known */
};

/* sha1 and name are borrowed. Ended by name_hash_release(), also on false. */
bool name_hash_init(struct name_hash *hash, const EVP_MD *sha1,
                    const char *name);
void name_hash_release(struct name_hash *hash);

/* salt and expected have KNOWNHOSTS_HASH_SIZE bytes. */
bool name_hash_matches(struct name_hash *hash, const unsigned char *salt,
                       const unsigned char *expected);

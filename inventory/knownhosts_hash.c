#include "inventory/knownhosts_hash.h"

#include "inventory/knownhosts_line.h"

#include <string.h>

#define BLOCK_SIZE 64 /* of SHA-1 */

bool name_hash_init(struct name_hash *hash, const EVP_MD *sha1,
                    const char *name)
{
	*hash = (struct name_hash){
		.context = EVP_MD_CTX_new(),
		.sha1 = sha1,
		.name = name,
		.length = strlen(name),
	};
	hash->failed = hash->context == NULL;
	return !hash->failed;
}

void name_hash_release(struct name_hash *hash)
{
	EVP_MD_CTX_free(hash->context);
	hash->context = NULL;
}

/* H(salt with pad, text) */
static bool half(const struct name_hash *hash, const unsigned char *salt,
                 unsigned char pad, const void *text, size_t length,
                 unsigned char digest[KNOWNHOSTS_HASH_SIZE])
{
	unsigned char block[BLOCK_SIZE];

	memset(block, pad, sizeof(block));
	for (size_t i = 0; i < KNOWNHOSTS_HASH_SIZE; i++)
		block[i] ^= salt[i];
	return EVP_DigestInit_ex(hash->context, hash->sha1, NULL) == 1 &&
	       EVP_DigestUpdate(hash->context, block, sizeof(block)) == 1 &&
	       EVP_DigestUpdate(hash->context, text, length) == 1 &&
	       EVP_DigestFinal_ex(hash->context, digest, NULL) == 1;
}

bool name_hash_matches(struct name_hash *hash, const unsigned char *salt,
                       const unsigned char *expected)
{
	unsigned char digest[KNOWNHOSTS_HASH_SIZE];

	if (hash->failed ||
	    !half(hash, salt, 0x36, hash->name, hash->length, digest) ||
	    !half(hash, salt, 0x5c, digest, sizeof(digest), digest)) {
		hash->failed = true;
		return false;
	}
	return memcmp(digest, expected, sizeof(digest)) == 0;
}

#include "tests/known_fixture.h"

#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

static void put_string(struct known_blob *blob, const void *bytes,
                       size_t length)
{
	memset(blob->bytes + blob->length, 0, 3);
	blob->bytes[blob->length + 3] = (unsigned char)length;
	memcpy(blob->bytes + blob->length + 4, bytes, length);
	blob->length += 4 + length;
}

struct known_blob known_blob(const char *type, unsigned char filler)
{
	struct known_blob blob = { .length = 0 };
	unsigned char key[65];

	memset(key, filler, sizeof(key));
	put_string(&blob, type, strlen(type));
	/* As whole as those that are offered have to be. */
	if (strcmp(type, "ecdsa-sha2-nistp256") == 0) {
		put_string(&blob, "nistp256", 8);
		put_string(&blob, key, 65);
		return blob;
	}
	if (strcmp(type, "ssh-rsa") == 0)
		put_string(&blob, "\1\0\1", 3);
	put_string(&blob, key, 32);
	return blob;
}

void known_key_text(char text[static KNOWN_TEXT_SIZE], const char *type,
                    unsigned char filler)
{
	struct known_blob blob = known_blob(type, filler);
	int used = snprintf(text, KNOWN_TEXT_SIZE, "%.60s ", type);

	EVP_EncodeBlock((unsigned char *)text + used, blob.bytes,
	                (int)blob.length);
}

void known_hashed_name(char text[static 64 + 1], const char *name,
                       unsigned char salt)
{
	unsigned char salts[20], hash[20];
	unsigned char a[32], b[32];
	unsigned length = sizeof(hash);

	memset(salts, salt, sizeof(salts));
	HMAC(EVP_sha1(), salts, sizeof(salts), (const unsigned char *)name,
	     strlen(name), hash, &length);
	EVP_EncodeBlock(a, salts, sizeof(salts));
	EVP_EncodeBlock(b, hash, sizeof(hash));
	snprintf(text, 65, "|1|%.28s|%.28s", (const char *)a, (const char *)b);
}

void known_fingerprint(char text[static 64], const char *type,
                       unsigned char filler)
{
	struct known_blob blob = known_blob(type, filler);
	unsigned char digest[SHA256_DIGEST_LENGTH];
	unsigned char base64[64];

	SHA256(blob.bytes, blob.length, digest);
	EVP_EncodeBlock(base64, digest, sizeof(digest));
	snprintf(text, 64, "%.43s", (const char *)base64);
}

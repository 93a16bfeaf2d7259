#include "tests/fleet/own_key.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

#define KEY_LENGTH 32 /* of either half */
#define TYPE "ssh-ed25519"

/* OpenSSH's PROTOCOL.key: strings with their length in front. */
struct blob {
	unsigned char bytes[512];
	size_t length;
};

static void put(struct blob *blob, const void *bytes, size_t length)
{
	memcpy(blob->bytes + blob->length, bytes, length);
	blob->length += length;
}

static void put_number(struct blob *blob, size_t number)
{
	const unsigned char bytes[4] = { 0, 0, (unsigned char)(number >> 8),
		                         (unsigned char)number };

	put(blob, bytes, sizeof(bytes));
}

static void put_string(struct blob *blob, const void *bytes, size_t length)
{
	put_number(blob, length);
	put(blob, bytes, length);
}

static bool find_public(const unsigned char *secret, unsigned char *public)
{
	size_t length = KEY_LENGTH;
	EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL,
	                                             secret, KEY_LENGTH);
	bool ok = key != NULL &&
	          EVP_PKEY_get_raw_public_key(key, public, &length) == 1;

	EVP_PKEY_free(key);
	return ok;
}

static void put_private_part(struct blob *file, const unsigned char *secret,
                             const unsigned char *public)
{
	struct blob part = { .length = 0 };
	unsigned char both[2 * KEY_LENGTH];

	memcpy(both, secret, KEY_LENGTH);
	memcpy(both + KEY_LENGTH, public, KEY_LENGTH);
	put_number(&part, 1); /* twice the same */
	put_number(&part, 1);
	put_string(&part, TYPE, strlen(TYPE));
	put_string(&part, public, KEY_LENGTH);
	put_string(&part, both, sizeof(both));
	put_string(&part, "", 0);
	for (unsigned char pad = 1; part.length % 8 != 0; pad++)
		put(&part, &pad, 1);
	put_string(file, part.bytes, part.length);
}

static void write_file(struct blob *file, const unsigned char *secret,
                       const unsigned char *public)
{
	static const char magic[] = "openssh-key-v1";
	struct blob key = { .length = 0 };

	put_string(&key, TYPE, strlen(TYPE));
	put_string(&key, public, KEY_LENGTH);
	put(file, magic, sizeof(magic));
	put_string(file, "none", strlen("none"));
	put_string(file, "none", strlen("none"));
	put_string(file, "", 0);
	put_number(file, 1);
	put_string(file, key.bytes, key.length);
	put_private_part(file, secret, public);
}

ssh_key own_key(uint64_t seed, uint32_t address)
{
	unsigned char secret[KEY_LENGTH] = { 0 }, public[KEY_LENGTH];
	struct blob file = { .length = 0 };
	char text[1024] = "-----BEGIN OPENSSH PRIVATE KEY-----\n";
	size_t used = strlen(text);
	ssh_key key = NULL;

	memcpy(secret, &seed, sizeof(seed));
	memcpy(secret + sizeof(seed), &address, sizeof(address));
	if (!find_public(secret, public))
		return NULL;
	write_file(&file, secret, public);
	used += (size_t)EVP_EncodeBlock((unsigned char *)text + used,
	                                file.bytes, (int)file.length);
	snprintf(text + used, sizeof(text) - used,
	         "\n-----END OPENSSH PRIVATE KEY-----\n");
	if (ssh_pki_import_privkey_base64(text, NULL, NULL, NULL, &key) !=
	    SSH_OK)
		return NULL;
	return key;
}

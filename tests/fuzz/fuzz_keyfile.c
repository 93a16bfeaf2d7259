#include "inventory/keyfile.h"

#include "inventory/bcrypt_kdf.h"
#include "inventory/keypair.h"
#include "inventory/wire.h"

#include <stdbool.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

/* A private key of any bytes: what is read can say its public half, and is of
 * a kind that signs. (The seeds' keys were made for this, and open nothing.) */

/* In no time, whatever number of rounds stands in the file. */
void __wrap_bcrypt_kdf(const void *passphrase, size_t passphrase_length,
                       const unsigned char *salt, size_t salt_length,
                       uint32_t rounds, unsigned char *key, size_t key_length);

void __wrap_bcrypt_kdf(const void *passphrase, size_t passphrase_length,
                       const unsigned char *salt, size_t salt_length,
                       uint32_t rounds, unsigned char *key, size_t key_length)
{
	(void)passphrase;
	(void)salt;
	PROMISE(passphrase_length > 0 && salt_length > 0 && rounds > 0);
	memset(key, 0, key_length);
}

static void look_at(EVP_PKEY *key)
{
	struct wire_out blob = { 0 };
	struct wire_string type;
	struct wire from;

	keypair_put_public(&blob, key);
	PROMISE(!blob.failed);
	from = (struct wire){ blob.bytes, blob.length };
	PROMISE(wire_take_string(&from, &type));
	PROMISE(wire_is_text(&type, keypair_type(key)));
	wire_out_release(&blob);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const passphrases[] = { NULL, "passphrase" };

	for (size_t i = 0; i < 2; i++) {
		EVP_PKEY *key = NULL;
		struct err err = { .kind = ERR_NONE };

		switch (keyfile_parse(&key, (const char *)data, size,
		                      passphrases[i], &err)) {
		case KEYFILE_READ:
			look_at(key);
			break;
		case KEYFILE_ENCRYPTED:
			PROMISE(key == NULL);
			break;
		case KEYFILE_BAD:
			PROMISE(key == NULL && err.kind == ERR_INPUT);
			PROMISE(err.text[0] != '\0');
			break;
		}
		EVP_PKEY_free(key);
	}
	return 0;
}

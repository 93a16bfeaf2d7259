#include "inventory/bcrypt_kdf.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/sha.h>

#define HASH_WORDS 8 /* 32 bytes */
#define HASH_ROUNDS 64

/* P and S as one, so that a round of the key schedule walks through both. */
struct blowfish {
	uint32_t words[BLOWFISH_P + BLOWFISH_S];
};

/* Bytes without end: after the last comes the first. */
struct cycle {
	const unsigned char *bytes;
	size_t length, at;
};

static uint32_t next_word(struct cycle *cycle)
{
	uint32_t word = 0;

	for (int i = 0; i < 4; i++) {
		word = word << 8 | cycle->bytes[cycle->at];
		cycle->at = (cycle->at + 1) % cycle->length;
	}
	return word;
}

static uint32_t mix(const uint32_t *s, uint32_t x)
{
	return ((s[x >> 24] + s[256 + (x >> 16 & 0xff)]) ^
	        s[512 + (x >> 8 & 0xff)]) +
	       s[768 + (x & 0xff)];
}

/* Two words at a time (B. Schneier, "Description of a New Variable-Length Key,
 * 64-Bit Block Cipher"). */
static void encipher(const struct blowfish *state, uint32_t *left,
                     uint32_t *right)
{
	const uint32_t *p = state->words, *s = state->words + BLOWFISH_P;
	uint32_t l = *left ^ p[0], r = *right;

	for (int i = 1; i <= 16; i += 2) {
		r ^= mix(s, l) ^ p[i];
		l ^= mix(s, r) ^ p[i + 1];
	}
	*left = r ^ p[17];
	*right = l;
}

/* Mixes a key into the state, and a salt where there is one. */
static void expand(struct blowfish *state, const unsigned char *key,
                   size_t key_length, const unsigned char *salt,
                   size_t salt_length)
{
	struct cycle keys = { key, key_length, 0 };
	struct cycle salts = { salt, salt_length, 0 };
	uint32_t left = 0, right = 0;

	for (size_t i = 0; i < BLOWFISH_P; i++)
		state->words[i] ^= next_word(&keys);
	for (size_t i = 0; i < BLOWFISH_P + BLOWFISH_S; i += 2) {
		if (salt != NULL) {
			left ^= next_word(&salts);
			right ^= next_word(&salts);
		}
		encipher(state, &left, &right);
		state->words[i] = left;
		state->words[i + 1] = right;
	}
}

/* bcrypt with another text, which is written in little endian. */
static void bcrypt_hash(const unsigned char pass[SHA512_DIGEST_LENGTH],
                        const unsigned char salt[SHA512_DIGEST_LENGTH],
                        unsigned char hash[4 * HASH_WORDS])
{
	static const unsigned char text[] = "OxychromaticBlowfishSwatDynamite";

	struct cycle texts = { text, sizeof(text) - 1, 0 };
	struct blowfish state;
	uint32_t words[HASH_WORDS];

	memcpy(state.words, blowfish_pi, sizeof(state.words));
	expand(&state, pass, SHA512_DIGEST_LENGTH, salt, SHA512_DIGEST_LENGTH);
	for (int i = 0; i < HASH_ROUNDS; i++) {
		expand(&state, salt, SHA512_DIGEST_LENGTH, NULL, 0);
		expand(&state, pass, SHA512_DIGEST_LENGTH, NULL, 0);
	}
	for (size_t i = 0; i < HASH_WORDS; i++)
		words[i] = next_word(&texts);
	for (size_t i = 0; i < HASH_WORDS; i += 2) {
		for (int n = 0; n < HASH_ROUNDS; n++)
			encipher(&state, &words[i], &words[i + 1]);
	}
	for (size_t i = 0; i < HASH_WORDS; i++) {
		hash[4 * i] = (unsigned char)words[i];
		hash[4 * i + 1] = (unsigned char)(words[i] >> 8);
		hash[4 * i + 2] = (unsigned char)(words[i] >> 16);
		hash[4 * i + 3] = (unsigned char)(words[i] >> 24);
	}
	explicit_bzero(&state, sizeof(state));
	explicit_bzero(words, sizeof(words));
}

/* SHA-512 of the salt and a number. */
static void salt_of_block(const unsigned char *salt, size_t length,
                          uint32_t number,
                          unsigned char digest[SHA512_DIGEST_LENGTH])
{
	const unsigned char bytes[4] = {
		(unsigned char)(number >> 24),
		(unsigned char)(number >> 16),
		(unsigned char)(number >> 8),
		(unsigned char)number,
	};
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool ok = context != NULL &&
	          EVP_DigestInit_ex(context, EVP_sha512(), NULL) == 1 &&
	          EVP_DigestUpdate(context, salt, length) == 1 &&
	          EVP_DigestUpdate(context, bytes, sizeof(bytes)) == 1 &&
	          EVP_DigestFinal_ex(context, digest, NULL) == 1;

	EVP_MD_CTX_free(context);
	assert(ok);
}

static void sha512(const void *bytes, size_t length,
                   unsigned char digest[SHA512_DIGEST_LENGTH])
{
	int ok = EVP_Digest(bytes, length, digest, NULL, EVP_sha512(), NULL);

	assert(ok == 1);
	(void)ok;
}

/* The 32 bytes of one block: all rounds' hashes, one over the other. */
static void make_block(const unsigned char pass[SHA512_DIGEST_LENGTH],
                       const unsigned char *salt, size_t salt_length,
                       uint32_t number, uint32_t rounds,
                       unsigned char block[4 * HASH_WORDS])
{
	unsigned char digest[SHA512_DIGEST_LENGTH], hash[4 * HASH_WORDS];

	salt_of_block(salt, salt_length, number, digest);
	bcrypt_hash(pass, digest, hash);
	memcpy(block, hash, sizeof(hash));
	for (uint32_t round = 1; round < rounds; round++) {
		sha512(hash, sizeof(hash), digest);
		bcrypt_hash(pass, digest, hash);
		for (size_t i = 0; i < sizeof(hash); i++)
			block[i] ^= hash[i];
	}
	explicit_bzero(digest, sizeof(digest));
	explicit_bzero(hash, sizeof(hash));
}

void bcrypt_kdf(const void *passphrase, size_t passphrase_length,
                const unsigned char *salt, size_t salt_length, uint32_t rounds,
                unsigned char *key, size_t key_length)
{
	unsigned char pass[SHA512_DIGEST_LENGTH], block[4 * HASH_WORDS];
	size_t blocks = (key_length + sizeof(block) - 1) / sizeof(block);

	sha512(passphrase, passphrase_length, pass);
	/* Unlike PBKDF2 it deals the blocks' bytes out in turn. */
	for (size_t n = 0; n < blocks; n++) {
		make_block(pass, salt, salt_length, (uint32_t)n + 1, rounds,
		           block);
		for (size_t i = 0; i * blocks + n < key_length; i++)
			key[i * blocks + n] = block[i];
	}
	explicit_bzero(pass, sizeof(pass));
	explicit_bzero(block, sizeof(block));
}

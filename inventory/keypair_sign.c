#include "inventory/keypair.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>

/* The first of a type serves where any will do. */
static const struct algorithm {
	const char *name, *type;
	const char *digest; /* NULL: the algorithm's own */
} algorithms[] = {
	{ "ssh-ed25519", "ssh-ed25519", NULL },
	{ "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256", "SHA256" },
	{ "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp384", "SHA384" },
	{ "ecdsa-sha2-nistp521", "ecdsa-sha2-nistp521", "SHA512" },
	{ "rsa-sha2-512", "ssh-rsa", "SHA512" },
	{ "rsa-sha2-256", "ssh-rsa", "SHA256" },
	{ "ssh-rsa", "ssh-rsa", "SHA1" },
};

#define ALGORITHMS (sizeof(algorithms) / sizeof(algorithms[0]))

static const struct algorithm *find(const char *name, size_t length)
{
	for (size_t i = 0; i < ALGORITHMS; i++) {
		if (strlen(algorithms[i].name) == length &&
		    memcmp(algorithms[i].name, name, length) == 0)
			return &algorithms[i];
	}
	return NULL;
}

const char *keypair_type_of_algorithm(const char *algorithm, size_t length)
{
	const struct algorithm *found = find(algorithm, length);

	return found != NULL ? found->type : NULL;
}

/* What OpenSSL makes, allocated with malloc(); NULL when it makes none. */
static unsigned char *sign(EVP_PKEY *key, const char *digest,
                           const unsigned char *data, size_t length,
                           size_t *signature_length)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	unsigned char *signature = NULL;

	if (context != NULL &&
	    EVP_DigestSignInit_ex(context, NULL, digest, NULL, NULL, key,
	                          NULL) == 1 &&
	    EVP_DigestSign(context, NULL, signature_length, data, length) == 1)
		signature = malloc(*signature_length);
	if (signature != NULL &&
	    EVP_DigestSign(context, signature, signature_length, data,
	                   length) != 1) {
		free(signature);
		signature = NULL;
	}
	EVP_MD_CTX_free(context);
	return signature;
}

static void put_half(struct wire_out *out, const BIGNUM *number)
{
	unsigned char bytes[128];

	if (BN_num_bytes(number) > (int)sizeof(bytes)) {
		out->failed = true;
		return;
	}
	wire_put_mpint(out, bytes, (size_t)BN_bn2bin(number, bytes));
}

/* RFC 5656 section 3.1.2: two numbers, where OpenSSL has DER. */
static bool put_ecdsa(struct wire_out *out, const unsigned char *der,
                      size_t length)
{
	ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &der, (long)length);

	if (pair == NULL)
		return false;
	put_half(out, ECDSA_SIG_get0_r(pair));
	put_half(out, ECDSA_SIG_get0_s(pair));
	ECDSA_SIG_free(pair);
	return true;
}

bool keypair_sign(struct wire_out *out, EVP_PKEY *key, const char *algorithm,
                  size_t algorithm_length, const unsigned char *data,
                  size_t length, struct err *err)
{
	const struct algorithm *found = find(algorithm, algorithm_length);
	const char *type = keypair_type(key);
	unsigned char *signature;
	size_t signature_length = 0;
	bool ok = true;

	if (found == NULL || type == NULL || strcmp(found->type, type) != 0)
		return err_set(
		    err, ERR_INPUT, "a key of type %s cannot sign %.*s",
		    type != NULL ? type : "unknown",
		    (int)(algorithm_length < 64 ? algorithm_length : 64),
		    algorithm);
	signature = sign(key, found->digest, data, length, &signature_length);
	if (signature == NULL) {
		ERR_clear_error();
		return err_set(err, ERR_SYSTEM, "OpenSSL signs no %s",
		               found->name);
	}
	if (EVP_PKEY_is_a(key, "EC"))
		ok = put_ecdsa(out, signature, signature_length);
	else
		wire_put_bytes(out, signature, signature_length);
	free(signature);
	if (!ok || out->failed)
		return err_set(err, ERR_SCARCE, "out of memory");
	return true;
}

bool keypair_is_sound(EVP_PKEY *key)
{
	static const unsigned char data[] = "sshinv";

	const char *type = keypair_type(key);
	const struct algorithm *any = algorithms;
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	unsigned char *signature;
	size_t length = 0;
	bool sound;

	while (type != NULL && strcmp(any->type, type) != 0)
		any++;
	signature = type != NULL && context != NULL
	                ? sign(key, any->digest, data, sizeof(data), &length)
	                : NULL;
	sound = signature != NULL &&
	        EVP_DigestVerifyInit_ex(context, NULL, any->digest, NULL, NULL,
	                                key, NULL) == 1 &&
	        EVP_DigestVerify(context, signature, length, data,
	                         sizeof(data)) == 1;
	ERR_clear_error();
	free(signature);
	EVP_MD_CTX_free(context);
	return sound;
}

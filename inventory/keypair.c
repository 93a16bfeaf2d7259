#include "inventory/keypair.h"

#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/param_build.h>

#define ED25519_LENGTH ((size_t)32)
#define COORDINATE_MAX 66 /* bytes, of nistp521 */
#define RSA_BYTES_MAX 2048
#define RSA_BITS_MIN 1024

struct kind;

/* Takes what follows the type. */
typedef EVP_PKEY *take_key(const struct kind *kind, struct wire *from);
typedef bool put_public(const struct kind *kind, struct wire_out *out,
                        const EVP_PKEY *key);

static take_key take_ed25519, take_ecdsa, take_rsa;
static put_public put_ed25519, put_ecdsa, put_rsa;

struct kind {
	const char *type;
	const char *name; /* OpenSSL's */
	take_key *take;
	put_public *put;
	const char *curve; /* ecdsa: SSH's name of it, and OpenSSL's */
	const char *group;
	size_t coordinate;
};

static const struct kind kinds[] = {
	{ "ssh-ed25519", "ED25519", take_ed25519, put_ed25519, NULL, NULL, 0 },
	{ "ecdsa-sha2-nistp256", "EC", take_ecdsa, put_ecdsa, "nistp256",
	  "prime256v1", 32 },
	{ "ecdsa-sha2-nistp384", "EC", take_ecdsa, put_ecdsa, "nistp384",
	  "secp384r1", 48 },
	{ "ecdsa-sha2-nistp521", "EC", take_ecdsa, put_ecdsa, "nistp521",
	  "secp521r1", COORDINATE_MAX },
	{ "ssh-rsa", "RSA", take_rsa, put_rsa, NULL, NULL, 0 },
};

#define ARRAY_LENGTH(a) (sizeof(a) / sizeof((a)[0]))

static bool has_group(const EVP_PKEY *key, const char *group)
{
	char name[64];

	return EVP_PKEY_get_group_name(key, name, sizeof(name), NULL) == 1 &&
	       strcmp(name, group) == 0;
}

static const struct kind *kind_of(const EVP_PKEY *key)
{
	for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
		if (EVP_PKEY_is_a(key, kinds[i].name) &&
		    (kinds[i].group == NULL || has_group(key, kinds[i].group)))
			return &kinds[i];
	}
	return NULL;
}

const char *keypair_type(const EVP_PKEY *key)
{
	const struct kind *kind = kind_of(key);

	return kind != NULL ? kind->type : NULL;
}

/* --- From OpenSSH's form -------------------------------------------------- */

static EVP_PKEY *take_ed25519(const struct kind *kind, struct wire *from)
{
	struct wire_string public, private;

	(void)kind;
	/* The private half has the public one behind it. */
	if (!wire_take_string(from, &public) ||
	    !wire_take_string(from, &private) ||
	    public.length != ED25519_LENGTH ||
	    private.length != 2 * ED25519_LENGTH ||
	    memcmp(private.bytes + ED25519_LENGTH, public.bytes,
	           ED25519_LENGTH) != 0)
		return NULL;
	return EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL,
	                                    private.bytes, ED25519_LENGTH);
}

/* The key of the parameters that were put together; ends them. */
static EVP_PKEY *key_from(const char *name, OSSL_PARAM_BLD *build)
{
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, name, NULL);
	EVP_PKEY *key = NULL;

	if (params == NULL || context == NULL ||
	    EVP_PKEY_fromdata_init(context) != 1 ||
	    EVP_PKEY_fromdata(context, &key, EVP_PKEY_KEYPAIR, params) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(context);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(build);
	return key;
}

/* An mpint of a private key; NULL when it is not there, negative or huge. */
static BIGNUM *take_number(struct wire *from)
{
	struct wire_string string;
	BIGNUM *number;

	if (!wire_take_string(from, &string) || string.length == 0 ||
	    string.length > RSA_BYTES_MAX + 1 || (string.bytes[0] & 0x80) != 0)
		return NULL;
	number = BN_secure_new();
	if (number == NULL ||
	    BN_bin2bn(string.bytes, (int)string.length, number) == NULL) {
		BN_free(number);
		return NULL;
	}
	BN_set_flags(number, BN_FLG_CONSTTIME);
	return number;
}

static EVP_PKEY *take_ecdsa(const struct kind *kind, struct wire *from)
{
	struct wire_string curve, point;
	OSSL_PARAM_BLD *build;
	BIGNUM *private;
	EVP_PKEY *key = NULL;

	if (!wire_take_string(from, &curve) ||
	    !wire_is_text(&curve, kind->curve) ||
	    !wire_take_string(from, &point) ||
	    point.length != 1 + 2 * kind->coordinate)
		return NULL;
	private = take_number(from);
	build = OSSL_PARAM_BLD_new();
	if (private != NULL && build != NULL &&
	    OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME,
	                                    kind->group, 0) == 1 &&
	    OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY,
	                                     point.bytes, point.length) == 1 &&
	    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_PRIV_KEY, private) ==
	        1)
		key = key_from(kind->name, build);
	else
		OSSL_PARAM_BLD_free(build);
	BN_clear_free(private);
	return key;
}

/* In the order of OpenSSH's file; the last two are made of the others. */
enum rsa_part { RSA_N, RSA_E, RSA_D, RSA_IQMP, RSA_P, RSA_Q, RSA_DP, RSA_DQ };

static const char *const rsa_names[] = {
	[RSA_N] = OSSL_PKEY_PARAM_RSA_N,
	[RSA_E] = OSSL_PKEY_PARAM_RSA_E,
	[RSA_D] = OSSL_PKEY_PARAM_RSA_D,
	[RSA_IQMP] = OSSL_PKEY_PARAM_RSA_COEFFICIENT1,
	[RSA_P] = OSSL_PKEY_PARAM_RSA_FACTOR1,
	[RSA_Q] = OSSL_PKEY_PARAM_RSA_FACTOR2,
	[RSA_DP] = OSSL_PKEY_PARAM_RSA_EXPONENT1,
	[RSA_DQ] = OSSL_PKEY_PARAM_RSA_EXPONENT2,
};

#define RSA_PARTS ARRAY_LENGTH(rsa_names)

/* d mod (prime - 1), which makes signing four times as fast. */
static BIGNUM *exponent_of(const BIGNUM *d, const BIGNUM *prime)
{
	BN_CTX *context = BN_CTX_secure_new();
	BIGNUM *less = BN_dup(prime), *exponent = BN_secure_new();
	bool ok = context != NULL && less != NULL && exponent != NULL &&
	          BN_sub_word(less, 1) == 1 && !BN_is_zero(less);

	if (ok)
		BN_set_flags(less, BN_FLG_CONSTTIME);
	ok = ok && BN_mod(exponent, d, less, context) == 1;
	BN_clear_free(less);
	BN_CTX_free(context);
	if (!ok) {
		BN_clear_free(exponent);
		return NULL;
	}
	return exponent;
}

static bool take_rsa_parts(struct wire *from, BIGNUM *parts[RSA_PARTS])
{
	for (size_t i = RSA_N; i <= RSA_Q; i++) {
		parts[i] = take_number(from);
		if (parts[i] == NULL)
			return false;
	}
	if (BN_num_bits(parts[RSA_N]) < RSA_BITS_MIN ||
	    BN_num_bits(parts[RSA_N]) > 8 * RSA_BYTES_MAX ||
	    !BN_is_odd(parts[RSA_N]) || !BN_is_odd(parts[RSA_P]) ||
	    !BN_is_odd(parts[RSA_Q]))
		return false;
	parts[RSA_DP] = exponent_of(parts[RSA_D], parts[RSA_P]);
	parts[RSA_DQ] = exponent_of(parts[RSA_D], parts[RSA_Q]);
	return parts[RSA_DP] != NULL && parts[RSA_DQ] != NULL;
}

static EVP_PKEY *take_rsa(const struct kind *kind, struct wire *from)
{
	BIGNUM *parts[RSA_PARTS] = { NULL };
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	EVP_PKEY *key = NULL;
	bool ok = build != NULL && take_rsa_parts(from, parts);

	for (size_t i = 0; ok && i < RSA_PARTS; i++)
		ok = OSSL_PARAM_BLD_push_BN(build, rsa_names[i], parts[i]) == 1;
	if (ok)
		key = key_from(kind->name, build);
	else
		OSSL_PARAM_BLD_free(build);
	for (size_t i = 0; i < RSA_PARTS; i++)
		BN_clear_free(parts[i]);
	return key;
}

EVP_PKEY *keypair_take(struct wire *from, struct err *err)
{
	struct wire_string type;
	EVP_PKEY *key;

	if (!wire_take_string(from, &type)) {
		err_set(err, ERR_INPUT, "the key ends early");
		return NULL;
	}
	for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
		if (!wire_is_text(&type, kinds[i].type))
			continue;
		key = kinds[i].take(&kinds[i], from);
		ERR_clear_error();
		if (key == NULL)
			err_set(err, ERR_INPUT, "a broken %s key",
			        kinds[i].type);
		return key;
	}
	if (type.length > 3 && memcmp(type.bytes, "sk-", 3) == 0)
		err_set(err, ERR_INPUT,
		        "the key lives in a security token; sshinv cannot use "
		        "it");
	else
		err_set(err, ERR_INPUT,
		        "a key of a kind that is not supported: %.*s",
		        (int)(type.length < 64 ? type.length : 64),
		        (const char *)type.bytes);
	return NULL;
}

/* --- Into SSH's form ------------------------------------------------------ */

static bool put_ed25519(const struct kind *kind, struct wire_out *out,
                        const EVP_PKEY *key)
{
	unsigned char public[ED25519_LENGTH];
	size_t length = sizeof(public);

	(void)kind;
	if (EVP_PKEY_get_raw_public_key(key, public, &length) != 1)
		return false;
	wire_put_string(out, public, length);
	return true;
}

/* Made of the coordinates: a PEM file's point may be a compressed one. */
static bool put_ecdsa(const struct kind *kind, struct wire_out *out,
                      const EVP_PKEY *key)
{
	unsigned char point[1 + 2 * COORDINATE_MAX];
	int length = (int)kind->coordinate;
	BIGNUM *x = NULL, *y = NULL;
	bool ok;

	point[0] = POINT_CONVERSION_UNCOMPRESSED;
	ok = EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_EC_PUB_X, &x) == 1 &&
	     EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_EC_PUB_Y, &y) == 1 &&
	     BN_bn2binpad(x, point + 1, length) == length &&
	     BN_bn2binpad(y, point + 1 + kind->coordinate, length) == length;
	BN_free(x);
	BN_free(y);
	wire_put_text(out, kind->curve);
	wire_put_string(out, point, 1 + 2 * kind->coordinate);
	return ok;
}

static bool put_number(struct wire_out *out, const EVP_PKEY *key,
                       const char *name)
{
	unsigned char bytes[RSA_BYTES_MAX];
	BIGNUM *number = NULL;
	bool ok = EVP_PKEY_get_bn_param(key, name, &number) == 1 &&
	          BN_num_bytes(number) <= RSA_BYTES_MAX;

	if (ok)
		wire_put_mpint(out, bytes, (size_t)BN_bn2bin(number, bytes));
	BN_free(number);
	return ok;
}

static bool put_rsa(const struct kind *kind, struct wire_out *out,
                    const EVP_PKEY *key)
{
	(void)kind;
	return put_number(out, key, OSSL_PKEY_PARAM_RSA_E) &&
	       put_number(out, key, OSSL_PKEY_PARAM_RSA_N);
}

void keypair_put_public(struct wire_out *out, const EVP_PKEY *key)
{
	const struct kind *kind = kind_of(key);

	if (kind == NULL) {
		out->failed = true;
		return;
	}
	wire_put_text(out, kind->type);
	if (!kind->put(kind, out, key))
		out->failed = true;
}

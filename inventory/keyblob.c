#include "inventory/keyblob.h"

#include <string.h>

#define ED25519_LENGTH 32
#define ECDSA_PREFIX "ecdsa-sha2-"

/* What is left of a string of strings (RFC 4251 section 5). */
struct strings {
	const unsigned char *at;
	size_t left;
};

struct string {
	const unsigned char *bytes;
	size_t length;
};

struct key_type {
	const char *name;
	bool (*is_sound)(const struct key_type *type, struct strings *rest);
	size_t coordinate; /* ECDSA: the bytes of one of a point's two */
};

static bool take_string(struct strings *from, struct string *string)
{
	const unsigned char *p = from->at;

	if (from->left < 4)
		return false;
	string->bytes = p + 4;
	string->length =
	    (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
	if (string->length > from->left - 4)
		return false;
	from->at += 4 + string->length;
	from->left -= 4 + string->length;
	return true;
}

static bool is_text(const struct string *string, const char *text)
{
	return string->length == strlen(text) &&
	       memcmp(string->bytes, text, string->length) == 0;
}

/* RFC 8709 section 4. */
static bool ed25519_is_sound(const struct key_type *type, struct strings *rest)
{
	struct string key;

	(void)type;
	return take_string(rest, &key) && key.length == ED25519_LENGTH;
}

/* RFC 5656 section 3.1; a point may be compressed. */
static bool ecdsa_is_sound(const struct key_type *type, struct strings *rest)
{
	struct string curve, point;

	return take_string(rest, &curve) && take_string(rest, &point) &&
	       is_text(&curve, type->name + strlen(ECDSA_PREFIX)) &&
	       (point.length == 1 + 2 * type->coordinate ||
	        point.length == 1 + type->coordinate);
}

/* RFC 4253 section 6.6. */
static bool rsa_is_sound(const struct key_type *type, struct strings *rest)
{
	struct string e, n;

	(void)type;
	return take_string(rest, &e) && take_string(rest, &n) && e.length > 0 &&
	       n.length > 0;
}

/* The same section: p, q, g, y. */
static bool dsa_is_sound(const struct key_type *type, struct strings *rest)
{
	struct string number;

	(void)type;
	for (int i = 0; i < 4; i++) {
		if (!take_string(rest, &number) || number.length == 0)
			return false;
	}
	return true;
}

/* RSA has one name here (RFC 8332 section 3), which not every server knows. */
static const struct key_type types[] = {
	{ "ssh-ed25519", ed25519_is_sound, 0 },
	{ ECDSA_PREFIX "nistp256", ecdsa_is_sound, 32 },
	{ ECDSA_PREFIX "nistp384", ecdsa_is_sound, 48 },
	{ ECDSA_PREFIX "nistp521", ecdsa_is_sound, 66 },
	{ "ssh-rsa", rsa_is_sound, 0 },
	{ "rsa-sha2-256", rsa_is_sound, 0 },
	{ "rsa-sha2-512", rsa_is_sound, 0 },
	{ "ssh-dss", dsa_is_sound, 0 },
};

bool keyblob_is_sound(const void *blob, size_t length)
{
	struct strings rest = { blob, length };
	struct string name;

	if (length > KEYBLOB_MAX || !take_string(&rest, &name))
		return false;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (is_text(&name, types[i].name))
			return types[i].is_sound(&types[i], &rest) &&
			       rest.left == 0;
	}
	return false;
}

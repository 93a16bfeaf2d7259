#include "inventory/keyblob.h"

#include "inventory/wire.h"

#include <string.h>

#define ED25519_LENGTH 32
#define ECDSA_PREFIX "ecdsa-sha2-"

struct key_type {
	const char *name;
	bool (*is_sound)(const struct key_type *type, struct wire *rest);
	size_t coordinate; /* ECDSA: the bytes of one of a point's two */
};

/* RFC 8709 section 4. */
static bool ed25519_is_sound(const struct key_type *type, struct wire *rest)
{
	struct wire_string key;

	(void)type;
	return wire_take_string(rest, &key) && key.length == ED25519_LENGTH;
}

/* RFC 5656 section 3.1; a point may be compressed. */
static bool ecdsa_is_sound(const struct key_type *type, struct wire *rest)
{
	struct wire_string curve, point;

	return wire_take_string(rest, &curve) &&
	       wire_take_string(rest, &point) &&
	       wire_is_text(&curve, type->name + strlen(ECDSA_PREFIX)) &&
	       (point.length == 1 + 2 * type->coordinate ||
	        point.length == 1 + type->coordinate);
}

/* RFC 4253 section 6.6. */
static bool rsa_is_sound(const struct key_type *type, struct wire *rest)
{
	struct wire_string e, n;

	(void)type;
	return wire_take_string(rest, &e) && wire_take_string(rest, &n) &&
	       e.length > 0 && n.length > 0;
}

/* The same section: p, q, g, y. */
static bool dsa_is_sound(const struct key_type *type, struct wire *rest)
{
	struct wire_string number;

	(void)type;
	for (int i = 0; i < 4; i++) {
		if (!wire_take_string(rest, &number) || number.length == 0)
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

/* NULL for another one; the rest is what follows its name. */
static const struct key_type *take_type(struct wire *rest)
{
	struct wire_string name;

	if (!wire_take_string(rest, &name))
		return NULL;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (wire_is_text(&name, types[i].name))
			return &types[i];
	}
	return NULL;
}

static bool rest_is_sound(const struct key_type *type, struct wire *rest)
{
	return type->is_sound(type, rest) && rest->left == 0;
}

bool keyblob_is_sound(const void *blob, size_t length)
{
	struct wire rest = { blob, length };
	const struct key_type *type = take_type(&rest);

	return type != NULL && length <= KEYBLOB_MAX &&
	       rest_is_sound(type, &rest);
}

bool keyblob_is_broken(const void *blob, size_t length)
{
	struct wire rest = { blob, length };
	const struct key_type *type = take_type(&rest);

	return type != NULL && !rest_is_sound(type, &rest);
}

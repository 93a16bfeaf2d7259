#include "inventory/agent_message.h"

#include <stdlib.h>
#include <string.h>

enum message {
	AGENT_FAILURE = 5,
	AGENTC_REQUEST_IDENTITIES = 11,
	AGENT_IDENTITIES_ANSWER = 12,
	AGENTC_SIGN_REQUEST = 13,
	AGENT_SIGN_RESPONSE = 14
};

#define FLAG_RSA_SHA2_256 2
#define FLAG_RSA_SHA2_512 4

#define SIGNATURE_MAX 4096 /* bytes; of an RSA key of 16384 bits: 2048 */

void agent_put_list(struct wire_out *request)
{
	static const unsigned char kind = AGENTC_REQUEST_IDENTITIES;

	wire_put_string(request, &kind, 1);
}

static bool is(const char *algorithm, size_t length, const char *name)
{
	return length == strlen(name) && memcmp(algorithm, name, length) == 0;
}

void agent_put_sign(struct wire_out *request, const struct agent_key *key,
                    const char *algorithm, size_t algorithm_length,
                    const unsigned char *data, size_t length)
{
	static const unsigned char kind = AGENTC_SIGN_REQUEST;

	uint32_t flags = 0;

	if (is(algorithm, algorithm_length, "rsa-sha2-256"))
		flags = FLAG_RSA_SHA2_256;
	if (is(algorithm, algorithm_length, "rsa-sha2-512"))
		flags = FLAG_RSA_SHA2_512;
	wire_put_u32(request, (uint32_t)(1 + 4 + key->length + 4 + length + 4));
	wire_put_bytes(request, &kind, 1);
	wire_put_string(request, key->blob, key->length);
	wire_put_string(request, data, length);
	wire_put_u32(request, flags);
}

static bool nonsense(struct err *err)
{
	return err_set(err, ERR_SYSTEM, "says something that is no answer");
}

static bool is_reply(struct wire *reply, enum message kind, struct err *err)
{
	const unsigned char *byte;

	if (!wire_take_bytes(reply, 1, &byte))
		return nonsense(err);
	if (*byte == AGENT_FAILURE)
		return err_set(err, ERR_SYSTEM, "refuses");
	return *byte == kind || nonsense(err);
}

static bool keep_key(struct agent_keys *keys, const struct wire_string *blob,
                     const struct wire_string *comment)
{
	struct agent_key key = { .length = blob->length };

	key.blob = malloc(blob->length);
	key.comment = strndup((const char *)comment->bytes, comment->length);
	if (key.blob == NULL || key.comment == NULL) {
		free(key.blob);
		free(key.comment);
		return false;
	}
	memcpy(key.blob, blob->bytes, blob->length);
	keys->keys[keys->count++] = key;
	return true;
}

bool agent_read_keys(struct wire reply, struct agent_keys *keys,
                     struct err *err)
{
	struct wire_string blob, comment;
	uint32_t count;

	if (!is_reply(&reply, AGENT_IDENTITIES_ANSWER, err))
		return false;
	if (!wire_take_u32(&reply, &count))
		return nonsense(err);
	while (count-- > 0 && keys->count < AGENT_KEYS_MAX) {
		if (!wire_take_string(&reply, &blob) ||
		    !wire_take_string(&reply, &comment) || blob.length == 0)
			return nonsense(err);
		if (!keep_key(keys, &blob, &comment))
			return err_set(err, ERR_SYSTEM, "out of memory");
	}
	return true;
}

void agent_keys_release(struct agent_keys *keys)
{
	for (size_t i = 0; i < keys->count; i++) {
		free(keys->keys[i].blob);
		free(keys->keys[i].comment);
	}
	keys->count = 0;
}

bool agent_read_signature(struct wire reply, const char *algorithm,
                          size_t algorithm_length, unsigned char **signature,
                          size_t *signature_length, struct err *err)
{
	struct wire_string whole, name, bytes;
	struct wire from;

	if (!is_reply(&reply, AGENT_SIGN_RESPONSE, err))
		return false;
	if (!wire_take_string(&reply, &whole))
		return nonsense(err);
	from = (struct wire){ whole.bytes, whole.length };
	if (!wire_take_string(&from, &name) ||
	    !wire_take_string(&from, &bytes) || from.left > 0 ||
	    bytes.length == 0 || bytes.length > SIGNATURE_MAX)
		return nonsense(err);
	/* Some do not know the flags, and sign with SHA-1. */
	if (name.length != algorithm_length ||
	    memcmp(name.bytes, algorithm, algorithm_length) != 0)
		return err_set(err, ERR_SYSTEM, "does not sign with %.*s",
		               (int)algorithm_length, algorithm);
	*signature = malloc(bytes.length);
	if (*signature == NULL)
		return err_set(err, ERR_SCARCE, "out of memory");
	memcpy(*signature, bytes.bytes, bytes.length);
	*signature_length = bytes.length;
	return true;
}

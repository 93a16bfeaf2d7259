#include "inventory/agent_message.h"

#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

/* An agent's reply of any bytes, taken for each of the two that there are. */

static void as_keys(struct wire reply)
{
	struct agent_keys keys = { 0 };
	size_t bytes = 0;
	struct err err;

	if (agent_read_keys(reply, &keys, &err)) {
		PROMISE(keys.count <= AGENT_KEYS_MAX);
		for (size_t i = 0; i < keys.count; i++) {
			PROMISE(keys.keys[i].length > 0);
			bytes +=
			    keys.keys[i].length + strlen(keys.keys[i].comment);
		}
		PROMISE(bytes <= reply.left);
	} else {
		PROMISE(err.kind == ERR_SYSTEM);
	}
	agent_keys_release(&keys);
}

static void as_signature(struct wire reply, const char *algorithm)
{
	unsigned char *signature = NULL;
	size_t length = 0;
	struct err err;

	if (agent_read_signature(reply, algorithm, strlen(algorithm),
	                         &signature, &length, &err)) {
		PROMISE(length > 0 && length < reply.left);
		PROMISE(memmem(reply.at, reply.left, signature, length) !=
		        NULL);
	} else {
		PROMISE(err.kind == ERR_SYSTEM && signature == NULL);
	}
	free(signature);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct wire reply = { data, size };

	as_keys(reply);
	as_signature(reply, "ssh-ed25519");
	as_signature(reply, "rsa-sha2-512");
	return 0;
}

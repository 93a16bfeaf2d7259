#pragma once

#include "inventory/agent.h"
#include "inventory/err.h"
#include "inventory/wire.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * What is said to an ssh-agent, and what it says (draft-ietf-sshm-ssh-agent),
 * without the connection. A reply is given without the length in front of it.
 */
struct agent_key {
	unsigned char *blob;
	size_t length;
	char *comment;
};

struct agent_keys {
	struct agent_key keys[AGENT_KEYS_MAX];
	size_t count;
};

void agent_put_list(struct wire_out *request);
void agent_put_sign(struct wire_out *request, const struct agent_key *key,
                    const char *algorithm, size_t algorithm_length,
                    const unsigned char *data, size_t length);

/*
 * ERR_SYSTEM for a refusal and for what is no such reply. *keys is
 * zero-initialised before and ended by agent_keys_release() in any case; the
 * signature is allocated with malloc().
 */
bool agent_read_keys(struct wire reply, struct agent_keys *keys,
                     struct err *err);
void agent_keys_release(struct agent_keys *keys);
bool agent_read_signature(struct wire reply, const char *algorithm,
                          size_t algorithm_length, unsigned char **signature,
                          size_t *signature_length, struct err *err);

#pragma once

#include "inventory/err.h"
#include "inventory/wait.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * The user's ssh-agent (draft-ietf-sshm-ssh-agent), for any number of threads:
 * one connection, one request at a time, so that a thousand workers do not kill
 * it; whoever waits for his turn or for the agent does so under his deadline. A
 * request that was given up ends the connection; the next one makes another.
 */
struct agent;

/* Connects to the socket and asks for the keys, of which AGENT_KEYS_MAX are
 * kept, within five seconds. ERR_SYSTEM, ERR_TIMEOUT, ERR_CANCELLED; the
 * sentence wants "ssh-agent: " in front. */
#define AGENT_KEYS_MAX 32
bool agent_open(struct agent **agent, const char *socket, int cancel_fd,
                struct err *err);
void agent_close(struct agent *agent); /* NULL is fine */

/* The keys (and certificates) that it had then; they live as long as it. */
size_t agent_key_count(const struct agent *agent);
const unsigned char *agent_key(const struct agent *agent, size_t index,
                               size_t *length);
const char *agent_key_comment(const struct agent *agent, size_t index);

/*
 * Has data signed by that key; *signature as identity_sign() makes it.
 * ERR_SYSTEM for an agent that refuses, makes no sense, or is gone: others may
 * have better luck. ERR_TIMEOUT, ERR_CANCELLED, ERR_SCARCE. The sentence begins
 * with "ssh-agent: ".
 */
bool agent_sign(struct agent *agent, size_t index, const char *algorithm,
                size_t algorithm_length, const unsigned char *data,
                size_t length, unsigned char **signature,
                size_t *signature_length, const struct wait *wait,
                struct err *err);

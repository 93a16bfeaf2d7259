#pragma once

#include <stdbool.h>

#include <libssh/libssh.h>

#include "tests/fleet/behaviour.h"

/*
 * What a server offers in the key exchange: one ssh_bind of libssh for each
 * kind of offer. The ed25519 host key is made at the start, the RSA key when
 * the first client asks for a host that has it.
 */
bool offer_init(void);
void offer_release(void);

/* A new session on an accepted socket; NULL when it could not be made. Owns
 * the socket in either case. From any thread. */
ssh_session offer_accept(enum offer offer, int fd);

#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <libssh/libssh.h>

#include "tests/fleet/behaviour.h"

/*
 * What a server offers in the key exchange: one ssh_bind of libssh for each
 * kind of offer. The ed25519 host key is made at the start, the RSA key when
 * the first client asks for a host that has it. Where each is true, every host
 * has an ed25519 key of its own, made of its address and seed: the same one in
 * every fleet with that seed.
 */
bool offer_init(bool each, uint64_t seed);
void offer_release(void);

/* A new session of the host with the address on an accepted socket; NULL when
 * it could not be made. Owns the socket in either case. From any thread. */
ssh_session offer_accept(enum offer offer, uint32_t address, int fd);

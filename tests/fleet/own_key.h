#pragma once

#include <stdint.h>

#include <libssh/libssh.h>

/*
 * An ed25519 key made of two numbers, the same for the same ones; NULL when it
 * could not be made. libssh makes random keys only, and knows no public key of
 * a private one (0.10: not even of a PKCS #8 file); so it is given a file of
 * ssh-keygen's form.
 */
ssh_key own_key(uint64_t seed, uint32_t address);

#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * bcrypt_pbkdf(), by which OpenSSH makes a key of a passphrase (its
 * PROTOCOL.key; the function is OpenBSD's, after D. Miller and T. Unangst).
 * Nothing that OpenSSL has does it. rounds is at least 1, and each takes some
 * milliseconds for every 32 bytes of key.
 */
void bcrypt_kdf(const void *passphrase, size_t passphrase_length,
                const unsigned char *salt, size_t salt_length, uint32_t rounds,
                unsigned char *key, size_t key_length);

/* What a Blowfish state begins as: P, then the four S, the hexadecimal digits
 * of pi after its point. */
#define BLOWFISH_P 18
#define BLOWFISH_S (4 * 256)
extern const uint32_t blowfish_pi[BLOWFISH_P + BLOWFISH_S];

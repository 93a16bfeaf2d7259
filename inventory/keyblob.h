#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * A server's public key as it stands in a key exchange's reply: K_S of RFC 4253
 * section 8, a string that is itself made of strings, of which the first names
 * the key's type.
 *
 * libssh2 1.10 asks of an ed25519 key no more than 19 bytes, believes the
 * length within them (its last byte, at that), and has OpenSSL read as much: up
 * to 57 bytes from where 0 may be left (hostkey_method_ssh_ed25519_init() in
 * its hostkey.c, _libssh2_ed25519_new_public() in its openssl.c; mended
 * in 1.11). The lengths within RSA and ECDSA keys it compares with the bytes
 * that are there; what OpenSSL is then given can still be no key at all.
 */

/* More than a key of 16384 bits takes, OpenSSL's most. */
#define KEYBLOB_MAX 8192

/*
 * True for a key of a type that ssh_algorithms.c offers whose strings fit, and
 * fill it to its last byte: ed25519 of 32 bytes; ECDSA with its type's curve
 * and a point of its size; RSA with two numbers that are not empty, DSA with
 * four. Whether it is a good key is OpenSSL's to say.
 */
bool keyblob_is_sound(const void *blob, size_t length);

/* True for one of such a type that is not sound. */
bool keyblob_is_broken(const void *blob, size_t length);

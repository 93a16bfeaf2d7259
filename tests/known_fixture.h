#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Host keys and lines of known_hosts files, made up: a key is its type and a
 * byte that all others repeat.
 */
struct known_blob {
	unsigned char bytes[128];
	size_t length;
};

/* As ssh-keygen writes it: "TYPE BASE64". */
#define KNOWN_TEXT_SIZE 256

struct known_blob known_blob(const char *type, unsigned char filler);
void known_key_text(char text[static KNOWN_TEXT_SIZE], const char *type,
                    unsigned char filler);

/* "|1|SALT|HASH" of a name; every byte of the salt is the same. */
void known_hashed_name(char text[static 64 + 1], const char *name,
                       unsigned char salt);

/* Base64 of the key's SHA-256 without padding. */
void known_fingerprint(char text[static 64], const char *type,
                       unsigned char filler);

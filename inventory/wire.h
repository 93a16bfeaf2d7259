#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Numbers and strings as SSH writes them (RFC 4251 section 5): in keys,
 * signatures, and what an agent says.
 */

/* What is left to be read; borrowed. */
struct wire {
	const unsigned char *at;
	size_t left;
};

struct wire_string {
	const unsigned char *bytes;
	size_t length;
};

uint32_t wire_u32_at(const unsigned char bytes[static 4]);

/* False when there is less left; nothing is taken then. */
bool wire_take_u32(struct wire *from, uint32_t *number);
bool wire_take_bytes(struct wire *from, size_t length,
                     const unsigned char **bytes);
bool wire_take_string(struct wire *from, struct wire_string *string);

bool wire_is_text(const struct wire_string *string, const char *text);

/*
 * Bytes being put together. Zero-initialised it is empty; wire_out_release()
 * wipes and frees. One that got no memory has failed, and takes nothing more.
 */
struct wire_out {
	unsigned char *bytes;
	size_t length, size;
	bool failed;
};

void wire_put_bytes(struct wire_out *out, const void *bytes, size_t length);
void wire_put_u32(struct wire_out *out, uint32_t number);
void wire_put_string(struct wire_out *out, const void *bytes, size_t length);
void wire_put_text(struct wire_out *out, const char *text);
/* A number that is not negative, given as big-endian bytes. */
void wire_put_mpint(struct wire_out *out, const unsigned char *bytes,
                    size_t length);
void wire_out_release(struct wire_out *out);

/*
 * Base64 with any white space in between. *bytes is allocated with malloc();
 * false when it is not Base64, is empty, or there is no memory.
 */
bool wire_from_base64(const char *text, size_t length, unsigned char **bytes,
                      size_t *bytes_length);

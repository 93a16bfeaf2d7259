#include "inventory/wire.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

bool wire_take_bytes(struct wire *from, size_t length,
                     const unsigned char **bytes)
{
	if (length > from->left)
		return false;
	*bytes = from->at;
	from->at += length;
	from->left -= length;
	return true;
}

uint32_t wire_u32_at(const unsigned char bytes[static 4])
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 |
	       (uint32_t)bytes[2] << 8 | bytes[3];
}

bool wire_take_u32(struct wire *from, uint32_t *number)
{
	const unsigned char *p;

	if (!wire_take_bytes(from, 4, &p))
		return false;
	*number = wire_u32_at(p);
	return true;
}

bool wire_take_string(struct wire *from, struct wire_string *string)
{
	struct wire rest = *from;
	uint32_t length;

	if (!wire_take_u32(&rest, &length) ||
	    !wire_take_bytes(&rest, length, &string->bytes))
		return false;
	string->length = length;
	*from = rest;
	return true;
}

bool wire_is_text(const struct wire_string *string, const char *text)
{
	return string->length == strlen(text) &&
	       memcmp(string->bytes, text, string->length) == 0;
}

/* Makes room for more. Not realloc(), which leaves copies behind. */
static bool make_room(struct wire_out *out, size_t more)
{
	size_t size = out->size > 0 ? out->size : 256;
	unsigned char *fresh;

	if (out->failed)
		return false;
	if (more <= out->size - out->length)
		return true;
	while (size - out->length < more)
		size *= 2;
	fresh = malloc(size);
	if (fresh == NULL) {
		out->failed = true;
		return false;
	}
	if (out->length > 0)
		memcpy(fresh, out->bytes, out->length);
	if (out->bytes != NULL)
		explicit_bzero(out->bytes, out->length);
	free(out->bytes);
	out->bytes = fresh;
	out->size = size;
	return true;
}

void wire_put_bytes(struct wire_out *out, const void *bytes, size_t length)
{
	if (length == 0 || !make_room(out, length))
		return;
	memcpy(out->bytes + out->length, bytes, length);
	out->length += length;
}

void wire_put_u32(struct wire_out *out, uint32_t number)
{
	const unsigned char bytes[4] = {
		(unsigned char)(number >> 24),
		(unsigned char)(number >> 16),
		(unsigned char)(number >> 8),
		(unsigned char)number,
	};

	wire_put_bytes(out, bytes, sizeof(bytes));
}

void wire_put_string(struct wire_out *out, const void *bytes, size_t length)
{
	wire_put_u32(out, (uint32_t)length);
	wire_put_bytes(out, bytes, length);
}

void wire_put_text(struct wire_out *out, const char *text)
{
	wire_put_string(out, text, strlen(text));
}

void wire_put_mpint(struct wire_out *out, const unsigned char *bytes,
                    size_t length)
{
	/* Shortest form; a first bit that is set would mean "negative". */
	while (length > 0 && bytes[0] == 0) {
		bytes++;
		length--;
	}
	if (length > 0 && (bytes[0] & 0x80) != 0) {
		wire_put_u32(out, (uint32_t)length + 1);
		wire_put_bytes(out, "", 1);
		wire_put_bytes(out, bytes, length);
		return;
	}
	wire_put_string(out, bytes, length);
}

void wire_out_release(struct wire_out *out)
{
	if (out->bytes != NULL)
		explicit_bzero(out->bytes, out->length);
	free(out->bytes);
	*out = (struct wire_out){ 0 };
}

static bool is_space(char byte)
{
	return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

/* More would not fit into what OpenSSL counts with; and no key is as large. */
#define BASE64_MAX ((size_t)1024 * 1024)

bool wire_from_base64(const char *text, size_t length, unsigned char **bytes,
                      size_t *bytes_length)
{
	unsigned char *packed, *decoded = NULL;
	size_t packed_length = 0, padding = 0;
	int decoded_length = -1;

	if (length > BASE64_MAX)
		return false;
	packed = malloc(length + 1);
	if (packed == NULL)
		return false;
	for (size_t i = 0; i < length; i++) {
		if (!is_space(text[i]))
			packed[packed_length++] = (unsigned char)text[i];
	}
	while (padding < 2 && padding < packed_length &&
	       packed[packed_length - 1 - padding] == '=')
		padding++;
	/* OpenSSL takes padding anywhere. */
	if (packed_length > padding &&
	    memchr(packed, '=', packed_length - padding) == NULL)
		decoded = malloc(packed_length);
	if (decoded != NULL)
		decoded_length =
		    EVP_DecodeBlock(decoded, packed, (int)packed_length);
	explicit_bzero(packed, packed_length);
	free(packed);
	if (decoded_length <= (int)padding) {
		free(decoded);
		return false;
	}
	*bytes = decoded;
	*bytes_length = (size_t)decoded_length - padding;
	return true;
}

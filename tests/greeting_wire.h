#pragma once

#include "inventory/greeting.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <string.h>

#include <cmocka.h>

#define ARRAY_LENGTH(a) (sizeof(a) / sizeof((a)[0]))

/* What a server sends before all is encrypted, for the tests of greeting.h. */

/* Its bytes. */
struct wire {
	char bytes[GREETING_TEXT_MAX + 40000];
	size_t length;
};

static inline void put(struct wire *wire, const void *bytes, size_t length)
{
	assert_true(length <= sizeof(wire->bytes) - wire->length);
	memcpy(wire->bytes + wire->length, bytes, length);
	wire->length += length;
}

static inline void put_text(struct wire *wire, const char *text)
{
	put(wire, text, strlen(text));
}

static inline void put_u32(struct wire *wire, size_t number)
{
	unsigned char bytes[4] = { (unsigned char)(number >> 24),
		                   (unsigned char)(number >> 16),
		                   (unsigned char)(number >> 8),
		                   (unsigned char)number };

	put(wire, bytes, sizeof(bytes));
}

static inline void put_packet(struct wire *wire, unsigned char message,
                              const struct wire *payload, unsigned char padding)
{
	const unsigned char front[2] = { padding, message };
	static const char zeros[256];

	put_u32(wire, 2 + payload->length + padding);
	put(wire, front, sizeof(front));
	put(wire, payload->bytes, payload->length);
	put(wire, zeros, padding);
}

/* Of the KEXINIT below. */
static const char *const lists[] = {
	"curve25519-sha256,ext-info-s",
	"ssh-ed25519,rsa-sha2-512",
	"aes128-ctr",
	"aes256-ctr",
	"",
	"hmac-sha2-512",
	"none",
	"none,zlib@openssh.com",
	"",
	"",
};

static inline void put_kexinit(struct wire *wire)
{
	static struct wire payload;

	payload.length = 0;
	put_text(&payload, "0123456789abcdef");
	for (size_t i = 0; i < ARRAY_LENGTH(lists); i++) {
		put_u32(&payload, strlen(lists[i]));
		put_text(&payload, lists[i]);
	}
	put(&payload, "\0\0\0\0\0", 5);
	put_packet(wire, 20, &payload, 7);
}

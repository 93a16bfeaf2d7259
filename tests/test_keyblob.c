#include "inventory/keyblob.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ARRAY_LENGTH(a) (sizeof(a) / sizeof((a)[0]))

#define MAX_STRINGS 4

/* A key of strings: the first in full, of the others the text or, where that is
 * NULL, so many bytes. */
struct key {
	const char *name;
	struct {
		const char *text;
		size_t length;
	} rest[MAX_STRINGS];
	size_t strings; /* in rest */
};

static void put_u32(unsigned char *to, size_t number)
{
	to[0] = (unsigned char)(number >> 24);
	to[1] = (unsigned char)(number >> 16);
	to[2] = (unsigned char)(number >> 8);
	to[3] = (unsigned char)number;
}

static unsigned char bytes[KEYBLOB_MAX + 100];

static size_t put_string(size_t at, const char *text, size_t length)
{
	assert_true(at + 4 + length <= sizeof(bytes));
	put_u32(bytes + at, length);
	if (text != NULL)
		memcpy(bytes + at + 4, text, length);
	else
		memset(bytes + at + 4, 4, length);
	return at + 4 + length;
}

static size_t write_key(const struct key *key)
{
	size_t length = put_string(0, key->name, strlen(key->name));

	for (size_t i = 0; i < key->strings; i++) {
		const char *text = key->rest[i].text;

		length = put_string(length, text,
		                    text != NULL ? strlen(text)
		                                 : key->rest[i].length);
	}
	return length;
}

/* In memory of exactly that size, for the sanitizers. */
static bool is_sound(size_t length)
{
	unsigned char *copy = malloc(length > 0 ? length : 1);
	bool sound;

	assert_non_null(copy);
	memcpy(copy, bytes, length);
	sound = keyblob_is_sound(copy, length);
	free(copy);
	return sound;
}

#define BYTES(n)                                                               \
	{                                                                      \
		NULL, n                                                        \
	}
#define TEXT(t)                                                                \
	{                                                                      \
		t, 0                                                           \
	}

static const struct key sound_keys[] = {
	{ "ssh-ed25519", { BYTES(32) }, 1 },
	{ "ecdsa-sha2-nistp256", { TEXT("nistp256"), BYTES(65) }, 2 },
	{ "ecdsa-sha2-nistp384", { TEXT("nistp384"), BYTES(97) }, 2 },
	{ "ecdsa-sha2-nistp521", { TEXT("nistp521"), BYTES(133) }, 2 },
	/* Compressed points. */
	{ "ecdsa-sha2-nistp256", { TEXT("nistp256"), BYTES(33) }, 2 },
	{ "ecdsa-sha2-nistp521", { TEXT("nistp521"), BYTES(67) }, 2 },
	{ "ssh-rsa", { BYTES(3), BYTES(129) }, 2 },
	{ "ssh-rsa", { BYTES(3), BYTES(2049) }, 2 },
	{ "rsa-sha2-256", { BYTES(1), BYTES(257) }, 2 },
	{ "rsa-sha2-512", { BYTES(3), BYTES(513) }, 2 },
	{ "ssh-dss", { BYTES(129), BYTES(21), BYTES(129), BYTES(128) }, 4 },
};

static void keys_of_every_type_that_we_offer_are_sound(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(sound_keys); i++) {
		if (!is_sound(write_key(&sound_keys[i])))
			fail_msg("key %zu, %s", i, sound_keys[i].name);
	}
}

static void a_key_has_one_length(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(sound_keys); i++) {
		size_t whole = write_key(&sound_keys[i]);

		for (size_t length = 0; length < whole; length++)
			assert_false(is_sound(length));
		for (size_t more = 1; more < 70; more++)
			assert_false(is_sound(whole + more));
	}
}

/* Of each string within it; the key's own is the caller's. */
static void a_length_that_lies_is_no_sound_key(void **state)
{
	static const size_t lies[] = { 0,          1,          4,
		                       0x120,      0x7FFFFFFF, 0x80000000,
		                       0xFFFFFFFC, 0xFFFFFFFF };

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(sound_keys); i++) {
		size_t whole = write_key(&sound_keys[i]);

		for (size_t at = 0; at < whole;) {
			size_t truth =
			    (size_t)bytes[at + 2] << 8 | bytes[at + 3];

			for (size_t j = 0; j < ARRAY_LENGTH(lies); j++) {
				put_u32(bytes + at, lies[j]);
				assert_false(lies[j] != truth &&
				             is_sound(whole));
			}
			put_u32(bytes + at, truth + 1);
			assert_false(is_sound(whole));
			put_u32(bytes + at, truth - 1);
			assert_false(is_sound(whole));
			put_u32(bytes + at, truth);
			at += 4 + truth;
		}
		assert_true(is_sound(whole));
	}
}

static void only_our_types_of_the_right_parts_are_sound(void **state)
{
	static const struct key keys[] = {
		{ "", { BYTES(32) }, 1 },
		{ "ssh-ed25519", { BYTES(0) }, 0 },
		{ "ssh-ed25519", { BYTES(0) }, 1 },
		{ "ssh-ed25519", { BYTES(31) }, 1 },
		{ "ssh-ed25519", { BYTES(33) }, 1 },
		{ "ssh-ed25519", { BYTES(57) }, 1 },
		{ "ssh-ed25519", { BYTES(0x120) }, 1 }, /* 32, cut to a byte */
		{ "ssh-ed25519", { BYTES(32), BYTES(0) }, 2 },
		{ "ssh-ed2551", { BYTES(32) }, 1 },
		{ "ssh-ed25519x", { BYTES(32) }, 1 },
		{ "ssh-ed448", { BYTES(57) }, 1 },
		{ "ssh-dss", { BYTES(129), BYTES(21), BYTES(129) }, 3 },
		{ "ssh-dss",
		  { BYTES(129), BYTES(0), BYTES(129), BYTES(129) },
		  4 },
		{ "ssh-dss",
		  { BYTES(129), BYTES(21), BYTES(129), BYTES(0) },
		  4 },
		{ "ssh-rsa", { BYTES(3) }, 1 },
		{ "ssh-rsa", { BYTES(0), BYTES(257) }, 2 },
		{ "ssh-rsa", { BYTES(3), BYTES(0) }, 2 },
		{ "ssh-rsa", { BYTES(3), BYTES(257), BYTES(1) }, 3 },
		{ "ecdsa-sha2-nistp256", { TEXT("nistp384"), BYTES(65) }, 2 },
		{ "ecdsa-sha2-nistp384", { TEXT("nistp384"), BYTES(65) }, 2 },
		{ "ecdsa-sha2-nistp521", { TEXT("nistp521"), BYTES(0) }, 2 },
		{ "ecdsa-sha2-nistp256", { TEXT("nistp256"), BYTES(64) }, 2 },
		{ "ecdsa-sha2-nistp256", { TEXT("nistp256") }, 1 },
		{ "ecdsa-sha2-nistp256", { BYTES(65) }, 1 },
		{ "ecdsa-sha2-", { TEXT(""), BYTES(65) }, 2 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(keys); i++) {
		if (is_sound(write_key(&keys[i])))
			fail_msg("key %zu, %s", i, keys[i].name);
	}
}

static void a_key_beyond_the_limit_is_not_sound(void **state)
{
	static const size_t front = 4 + 7 + 4 + 3 + 4;
	struct key key = { "ssh-rsa", { BYTES(3), BYTES(0) }, 2 };

	(void)state;
	key.rest[1].length = KEYBLOB_MAX - front;
	assert_true(is_sound(write_key(&key)));
	key.rest[1].length++;
	assert_false(is_sound(write_key(&key)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_of_every_type_that_we_offer_are_sound),
		cmocka_unit_test(a_key_has_one_length),
		cmocka_unit_test(a_length_that_lies_is_no_sound_key),
		cmocka_unit_test(only_our_types_of_the_right_parts_are_sound),
		cmocka_unit_test(a_key_beyond_the_limit_is_not_sound),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}

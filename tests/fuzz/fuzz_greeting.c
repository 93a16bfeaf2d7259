#include "inventory/greeting.h"

#include "inventory/keyblob.h"

#include <string.h>

#include "tests/fuzz/fuzz.h"

/* What a server sends. Of the first byte, the first bit says whether it is a
 * group exchange, the others how long the pieces are. */

static void check_lists(const struct greeting *whole,
                        const struct greeting *pieces)
{
	for (int i = 0; i < GREETING_LISTS; i++) {
		const char *a = NULL, *b = NULL;
		size_t a_length = 0, b_length = 0;
		const struct greeting_payload *kexinit = &whole->kexinit;
		bool known =
		    greeting_list(whole, (enum greeting_list)i, &a, &a_length);

		PROMISE(known == greeting_list(pieces, (enum greeting_list)i,
		                               &b, &b_length));
		if (!known)
			continue;
		PROMISE(a != NULL && b != NULL);
		PROMISE(a >= kexinit->bytes);
		PROMISE(a + a_length <= kexinit->bytes + kexinit->size);
		PROMISE(a_length == b_length && memcmp(a, b, a_length) == 0);
	}
}

static size_t read_u32(const uint8_t *p)
{
	return (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 |
	       p[3];
}

/* Of so many bytes of a message's payload. */
static bool key_is_bad(const uint8_t *payload, size_t size)
{
	size_t length;

	if (size < 4)
		return true;
	length = read_u32(payload);
	return length > size - 4 || !keyblob_is_sound(payload + 4, length);
}

/* What shall have become of the packets, looked at all at once. */
static enum greeting_state state_of(const uint8_t *at, size_t left, bool group)
{
	const size_t most = 4 + KEYBLOB_MAX;
	bool agreed = false;

	while (left >= 6) {
		size_t length = read_u32(at), padding = at[4], size;

		if (length > 35000 || length < padding + 2)
			return GREETING_BAD_PACKET;
		size = length - padding - 2;
		if (at[5] == 31 || at[5] == 33) {
			if (!agreed)
				return GREETING_BAD_PACKET;
			if (at[5] == (group ? 33 : 31)) {
				size = size < most ? size : most;
				if (left - 6 < size)
					return GREETING_PACKETS;
				if (key_is_bad(at + 6, size))
					return GREETING_BAD_KEY;
			}
		}
		if (left - 4 < length)
			return GREETING_PACKETS;
		if (at[5] == 21)
			return GREETING_DONE;
		agreed = agreed || at[5] == 20;
		at += 4 + length;
		left -= 4 + length;
	}
	return GREETING_PACKETS;
}

/* As ssh.c does. Returns how much was text. */
static size_t feed(struct greeting *greeting, const char *bytes, size_t length,
                   size_t step, bool group)
{
	size_t text = 0;

	for (size_t used = 0; used < length;) {
		size_t piece = greeting_wants(greeting);

		PROMISE(piece > 0);
		piece = piece < step ? piece : step;
		piece = piece < length - used ? piece : length - used;
		greeting_feed(greeting, bytes + used, piece);
		used += piece;
		if (text == 0 && greeting->state == GREETING_PACKETS)
			text = used;
		if (greeting->kexinit_ended)
			greeting_expect(greeting, group);
	}
	return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct greeting whole = { 0 }, pieces = { 0 };
	const char *bytes = (const char *)data + 1;
	size_t step, text;
	bool group;

	if (size-- == 0)
		return 0;
	step = data[0] % 128 > 0 ? data[0] % 128 : 1;
	group = data[0] >= 128;
	text = feed(&whole, bytes, size, SIZE_MAX, group);
	PROMISE(feed(&pieces, bytes, size, step, group) == text);
	PROMISE(whole.state == pieces.state);
	PROMISE(strcmp(greeting_version(&whole), greeting_version(&pieces)) ==
	        0);
	PROMISE(whole.text_lines <= GREETING_LINES_MAX + 1);
	PROMISE(whole.text_bytes <= GREETING_TEXT_MAX + 1);
	if (text > 0)
		PROMISE(whole.state ==
		        state_of(data + 1 + text, size - text, group));
	check_lists(&whole, &pieces);
	greeting_release(&whole);
	greeting_release(&pieces);
	return 0;
}

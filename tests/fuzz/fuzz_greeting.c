#include "inventory/greeting.h"

#include <string.h>

#include "tests/fuzz/fuzz.h"

static void check_lists(const struct greeting *whole,
                        const struct greeting *pieces)
{
	for (int i = 0; i < GREETING_LISTS; i++) {
		const char *a = NULL, *b = NULL;
		size_t a_length = 0, b_length = 0;
		bool known =
		    greeting_list(whole, (enum greeting_list)i, &a, &a_length);

		PROMISE(known == greeting_list(pieces, (enum greeting_list)i,
		                               &b, &b_length));
		if (!known)
			continue;
		PROMISE(a >= whole->payload);
		PROMISE(a + a_length <= whole->payload + whole->payload_size);
		PROMISE(a_length == b_length && memcmp(a, b, a_length) == 0);
	}
}

/* The first byte is the size of the pieces: how they are cut means nothing. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct greeting whole = { 0 }, pieces = { 0 };
	const char *bytes = (const char *)data + 1;
	size_t step, length;

	if (size == 0)
		return 0;
	step = data[0] > 0 ? data[0] : 1;
	length = size - 1;
	greeting_feed(&whole, bytes, length);
	for (size_t i = 0; i < length; i += step)
		greeting_feed(&pieces, bytes + i,
		              length - i < step ? length - i : step);
	PROMISE(whole.state == pieces.state);
	PROMISE(strcmp(greeting_version(&whole), greeting_version(&pieces)) ==
	        0);
	PROMISE(whole.text_lines <= GREETING_LINES_MAX + 1);
	PROMISE(whole.text_bytes <= GREETING_TEXT_MAX + 1);
	check_lists(&whole, &pieces);
	greeting_release(&whole);
	greeting_release(&pieces);
	return 0;
}

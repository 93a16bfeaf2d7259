#include "inventory/greeting.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/greeting_wire.h"

static bool malloc_fails;

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);

void *__wrap_malloc(size_t size)
{
	return malloc_fails ? NULL : __real_malloc(size);
}

/* Feeds pieces of that size, each in memory of its own. */
static void feed(struct greeting *greeting, const struct wire *wire,
                 size_t size)
{
	*greeting = (struct greeting){ 0 };
	for (size_t i = 0; i < wire->length; i += size) {
		size_t left = wire->length - i;
		size_t length = left < size ? left : size;
		char *piece = malloc(length);

		assert_non_null(piece);
		memcpy(piece, wire->bytes + i, length);
		greeting_feed(greeting, piece, length);
		free(piece);
	}
}

static void assert_lists(const struct greeting *greeting)
{
	assert_int_equal(greeting->state, GREETING_PACKETS);
	for (int i = 0; i < GREETING_LISTS; i++) {
		const char *names;
		size_t length;

		assert_true(greeting_list(greeting, (enum greeting_list)i,
		                          &names, &length));
		assert_int_equal(length, strlen(lists[i]));
		assert_memory_equal(names, lists[i], length);
	}
}

static void assert_no_lists(const struct greeting *greeting)
{
	for (int i = 0; i < GREETING_LISTS; i++) {
		const char *names;
		size_t length;

		assert_false(greeting_list(greeting, (enum greeting_list)i,
		                           &names, &length));
	}
}

static void a_greeting_is_read_in_pieces_of_any_size(void **state)
{
	static struct wire wire, ignored;
	struct greeting greeting;

	(void)state;
	wire.length = 0;
	put_text(&wire, "Welcome\r\nto a\n\nhost SSH-2.0-no\n");
	put_text(&wire, "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n");
	/* Debug and ignore messages may come first. */
	put_text(&ignored, "some text");
	put_packet(&wire, 4, &ignored, 4);
	ignored.length = 0;
	put_packet(&wire, 2, &ignored, 0);
	put_kexinit(&wire);
	for (size_t size = 1; size <= wire.length; size++) {
		feed(&greeting, &wire, size);
		assert_string_equal(greeting_version(&greeting),
		                    "SSH-2.0-OpenSSH_9.2p1 Debian-2");
		assert_lists(&greeting);
		greeting_release(&greeting);
	}
}

static void nothing_is_known_before_it_came(void **state)
{
	struct greeting greeting = { 0 };

	(void)state;
	assert_string_equal(greeting_version(&greeting), "");
	assert_no_lists(&greeting);
	greeting_feed(&greeting, "SSH-2.0-x", 9);
	assert_string_equal(greeting_version(&greeting), "");
	greeting_feed(&greeting, "\n", 1);
	assert_string_equal(greeting_version(&greeting), "SSH-2.0-x");
	assert_int_equal(greeting.state, GREETING_PACKETS);
	assert_no_lists(&greeting);
	greeting_release(&greeting);
}

static void half_a_kexinit_names_no_list(void **state)
{
	static struct wire wire;
	struct greeting greeting;
	size_t whole;

	(void)state;
	wire.length = 0;
	put_text(&wire, "SSH-2.0-x\r\n");
	put_kexinit(&wire);
	whole = wire.length - 7; /* the padding is not needed */
	for (wire.length = 11; wire.length < whole; wire.length++) {
		feed(&greeting, &wire, SIZE_MAX);
		assert_int_equal(greeting.state, GREETING_PACKETS);
		assert_no_lists(&greeting);
		greeting_release(&greeting);
	}
	feed(&greeting, &wire, 3);
	assert_lists(&greeting);
	greeting_release(&greeting);
}

static void a_flood_of_lines_is_noticed_at_the_limit(void **state)
{
	static struct wire wire;
	struct greeting greeting;

	(void)state;
	wire.length = 0;
	for (int i = 0; i < GREETING_LINES_MAX; i++)
		put_text(&wire, "x\n");
	feed(&greeting, &wire, 100);
	assert_int_equal(greeting.state, GREETING_TEXT);
	put_text(&wire, "SSH-2.0-late\n");
	feed(&greeting, &wire, 100);
	assert_string_equal(greeting_version(&greeting), "SSH-2.0-late");
	wire.length -= 13;
	put_text(&wire, "\n");
	feed(&greeting, &wire, 100);
	assert_int_equal(greeting.state, GREETING_FLOOD);
	assert_string_equal(greeting_version(&greeting), "");
	/* And it stays so. */
	greeting_feed(&greeting, "SSH-2.0-later\n", 14);
	assert_int_equal(greeting.state, GREETING_FLOOD);
}

static void a_flood_of_bytes_is_noticed_at_the_limit(void **state)
{
	static struct wire wire;
	struct greeting greeting;

	(void)state;
	wire.length = GREETING_TEXT_MAX;
	memset(wire.bytes, 'x', wire.length);
	feed(&greeting, &wire, 1000);
	assert_int_equal(greeting.state, GREETING_TEXT);
	put_text(&wire, "x");
	feed(&greeting, &wire, 1000);
	assert_int_equal(greeting.state, GREETING_FLOOD);
	feed(&greeting, &wire, SIZE_MAX);
	assert_int_equal(greeting.state, GREETING_FLOOD);
}

static void a_long_version_string_is_cut(void **state)
{
	static struct wire wire;
	struct greeting greeting;

	(void)state;
	wire.length = 0;
	put_text(&wire, "SSH-2.0-");
	memset(wire.bytes + wire.length, 'v', 500);
	wire.length += 500;
	put_text(&wire, "\r\n");
	put_kexinit(&wire);
	feed(&greeting, &wire, 11);
	assert_int_equal(strlen(greeting_version(&greeting)), 255);
	assert_lists(&greeting);
	greeting_release(&greeting);
}

static void only_a_line_that_begins_so_is_a_version(void **state)
{
	static const char *const texts[] = {
		"ssh-2.0-x\n",
		" SSH-2.0-x\n",
		"SSH\n",
		"xSSH-2.0\n",
		"\n",
		"",
		"HTTP/1.1 400 Bad Request\r\n\r\n",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
		struct greeting greeting = { 0 };

		greeting_feed(&greeting, texts[i], strlen(texts[i]));
		assert_int_equal(greeting.state, GREETING_TEXT);
		assert_string_equal(greeting_version(&greeting), "");
	}
}

static void a_malformed_packet_goes_no_further(void **state)
{
	static const struct {
		const char *why;
		char header[6];
	} cases[] = {
		{ "length 0", { 0, 0, 0, 0, 0, 20 } },
		{ "shorter than its padding", { 0, 0, 0, 4, 4, 20 } },
		{ "nothing but its padding", { 0, 0, 0, 5, 4, 20 } },
		{ "over 35000", { 0, 0, (char)0x88, (char)0xB9, 4, 20 } },
		{ "the largest number", { -1, -1, -1, -1, -1, 20 } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		static struct wire wire;
		struct greeting greeting;

		wire.length = 0;
		put_text(&wire, "SSH-2.0-x\n");
		put(&wire, cases[i].header, 6);
		put_kexinit(&wire);
		feed(&greeting, &wire, 1);
		if (greeting.state != GREETING_BAD_PACKET)
			fail_msg("%s", cases[i].why);
		assert_no_lists(&greeting);
		assert_string_equal(greeting_version(&greeting), "SSH-2.0-x");
		greeting_release(&greeting);
	}
}

static void the_largest_packet_is_kept(void **state)
{
	static struct wire wire, payload;
	struct greeting greeting;

	(void)state;
	wire.length = payload.length = 0;
	put_text(&payload, "0123456789abcdef");
	put_u32(&payload, 34978);
	memset(payload.bytes + payload.length, 'k', 34978);
	payload.length += 34978;
	put_text(&wire, "SSH-2.0-x\n");
	put_packet(&wire, 20, &payload, 0);
	/* 35,000 with the length of the padding and the number. */
	assert_int_equal(payload.length, 34998);
	feed(&greeting, &wire, 999);
	assert_int_equal(greeting.state, GREETING_PACKETS);
	assert_int_equal(greeting.kexinit.length, 34998);
	greeting_release(&greeting);
}

static void a_list_longer_than_its_packet_is_not_known(void **state)
{
	static const size_t lengths[] = { 2, 3, 4, 0x7FFFFFFF, 0xFFFFFFFF };

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(lengths); i++) {
		static struct wire wire, payload;
		struct greeting greeting;
		const char *names;
		size_t length;

		wire.length = payload.length = 0;
		put_text(&payload, "0123456789abcdef");
		put_u32(&payload, lengths[i]);
		put_text(&payload, "ab");
		put_text(&wire, "SSH-2.0-x\n");
		put_packet(&wire, 20, &payload, 4);
		feed(&greeting, &wire, SIZE_MAX);
		assert_int_equal(greeting.state, GREETING_PACKETS);
		assert_int_equal(
		    greeting_list(&greeting, GREETING_KEX, &names, &length),
		    lengths[i] == 2);
		assert_false(greeting_list(&greeting, GREETING_HOST_KEY, &names,
		                           &length));
		greeting_release(&greeting);
	}
}

static void a_server_that_turns_us_away_is_known_by_its_words(void **state)
{
	static const struct {
		const char *text, *refusal;
	} cases[] = {
		{ "Exceeded MaxStartups\r\n", "Exceeded MaxStartups" },
		{ "Not allowed at this time\r\n", "Not allowed at this time" },
		{ "Not allowed at this time\n", "Not allowed at this time" },
		{ "hello\nExceeded MaxStartups\r\nbye\n",
		  "Exceeded MaxStartups" },
		{ "Exceeded MaxStart\r\n", NULL },
		{ "We Exceeded MaxStartups\r\n", NULL },
		{ "Exceeded MaxStartups", NULL }, /* the line has no end */
		{ "\n\n", NULL },
		{ "", NULL },
		{ "Exceeded MaxStartups\r\nSSH-2.0-x\r\n", NULL },
	};
	static struct wire wire;

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct greeting greeting;
		const char *refusal;

		wire.length = 0;
		put_text(&wire, cases[i].text);
		feed(&greeting, &wire, 3);
		refusal = greeting_refusal(&greeting);
		if (cases[i].refusal == NULL) {
			assert_null(refusal);
		} else {
			assert_non_null(refusal);
			assert_string_equal(refusal, cases[i].refusal);
		}
		greeting_release(&greeting);
	}
}

static void without_memory_only_the_lists_are_missing(void **state)
{
	static struct wire wire;
	struct greeting greeting = { 0 };

	(void)state;
	wire.length = 0;
	put_text(&wire, "SSH-2.0-x\n");
	put_kexinit(&wire);
	malloc_fails = true;
	greeting_feed(&greeting, wire.bytes, wire.length);
	malloc_fails = false;
	assert_int_equal(greeting.state, GREETING_PACKETS);
	assert_true(greeting.kexinit_ended);
	assert_string_equal(greeting_version(&greeting), "SSH-2.0-x");
	assert_no_lists(&greeting);
	greeting_release(&greeting);
	greeting_release(&greeting);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_greeting_is_read_in_pieces_of_any_size),
		cmocka_unit_test(nothing_is_known_before_it_came),
		cmocka_unit_test(half_a_kexinit_names_no_list),
		cmocka_unit_test(a_flood_of_lines_is_noticed_at_the_limit),
		cmocka_unit_test(a_flood_of_bytes_is_noticed_at_the_limit),
		cmocka_unit_test(a_long_version_string_is_cut),
		cmocka_unit_test(only_a_line_that_begins_so_is_a_version),
		cmocka_unit_test(a_malformed_packet_goes_no_further),
		cmocka_unit_test(the_largest_packet_is_kept),
		cmocka_unit_test(a_list_longer_than_its_packet_is_not_known),
		cmocka_unit_test(
		    a_server_that_turns_us_away_is_known_by_its_words),
		cmocka_unit_test(without_memory_only_the_lists_are_missing),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}

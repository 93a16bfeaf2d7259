#include "inventory/ssh_packets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FAILURE 51
#define BANNER 53
#define INFO_REQUEST 60

/* Padding and checksum, which libssh2 has in the same block. */
#define BEHIND 24

static struct ssh_packets watching(void)
{
	return (struct ssh_packets){ .watching = true };
}

/* A block with a message: its number, a string that says to have that length,
 * the bytes that are there, and one more. */
static unsigned char *arrives(struct ssh_packets *packets, int message,
                              uint32_t length, const char *bytes, int last)
{
	size_t there = strlen(bytes), size = 5 + there + 1 + BEHIND;
	unsigned char *block = malloc(size);

	assert_non_null(block);
	assert_true(ssh_packets_allow(packets, size));
	ssh_packets_add(packets, block, size);
	memset(block, 0xee, size);
	block[0] = (unsigned char)message;
	block[1] = (unsigned char)(length >> 24);
	block[2] = (unsigned char)(length >> 16);
	block[3] = (unsigned char)(length >> 8);
	block[4] = (unsigned char)length;
	memcpy(block + 5, bytes, there + 1);
	block[5 + there] = (unsigned char)last;
	return block;
}

static void goes(struct ssh_packets *packets, unsigned char *block)
{
	ssh_packets_remove(packets, block);
	free(block);
}

static void text_goes(struct ssh_packets *packets, int message,
                      const char *text, int last)
{
	goes(packets,
	     arrives(packets, message, (uint32_t)strlen(text), text, last));
}

static void a_refusal_names_what_may_go_on(void **state)
{
	struct ssh_packets packets = watching();

	(void)state;
	text_goes(&packets, FAILURE, "publickey,password", 0);
	assert_int_equal(packets.refusals, 1);
	assert_string_equal(packets.methods, "publickey,password");
	assert_false(packets.partial);
	text_goes(&packets, FAILURE, "keyboard-interactive", 1);
	assert_int_equal(packets.refusals, 2);
	assert_string_equal(packets.methods, "keyboard-interactive");
	assert_true(packets.partial);
	text_goes(&packets, FAILURE, "", 0);
	assert_int_equal(packets.refusals, 3);
	assert_string_equal(packets.methods, "");
	assert_int_equal(packets.count, 0);
}

static void what_only_looks_like_a_refusal_is_none(void **state)
{
	struct ssh_packets packets = watching();
	char names[SSH_METHODS_MAX + 2];

	(void)state;
	text_goes(&packets, FAILURE + 1, "password", 0);
	text_goes(&packets, FAILURE, "pass word", 0);
	text_goes(&packets, FAILURE, "pass\x01word", 0);
	goes(&packets, arrives(&packets, FAILURE, 9000, "password", 0));
	goes(&packets, arrives(&packets, FAILURE, UINT32_MAX, "password", 0));
	memset(names, 'a', sizeof(names) - 1);
	names[sizeof(names) - 1] = '\0';
	text_goes(&packets, FAILURE, names, 0);
	assert_int_equal(packets.refusals, 0);
	assert_string_equal(packets.methods, "");
}

static void blocks_that_are_too_short_are_not_read(void **state)
{
	(void)state;
	for (size_t size = 0; size < 6; size++) {
		struct ssh_packets packets = watching();
		/* Of exactly that size, for a sanitizer to see. */
		unsigned char *block = malloc(size > 0 ? size : 1);

		assert_non_null(block);
		ssh_packets_add(&packets, block, size);
		memset(block, 0, size);
		if (size > 0)
			block[0] = FAILURE;
		goes(&packets, block);
		assert_int_equal(packets.refusals, 0);
	}
}

static void the_last_text_for_the_user_is_kept(void **state)
{
	struct ssh_packets packets = watching();
	unsigned char *first, *second;

	(void)state;
	assert_string_equal(ssh_packets_text(&packets), "");
	first = arrives(&packets, BANNER, 16, "Authorized only\n", 0);
	assert_string_equal(ssh_packets_text(&packets), "Authorized only");
	second = arrives(&packets, BANNER, 28,
	                 "\r\n\n Your account; expired\n\n", 0);
	assert_string_equal(ssh_packets_text(&packets),
	                    "Your account; expired");
	/* Also where the library has read it itself (1.11). */
	goes(&packets, second);
	first[0] = 0;
	assert_string_equal(ssh_packets_text(&packets),
	                    "Your account; expired");
	goes(&packets, first);
}

static void a_long_text_is_cut(void **state)
{
	struct ssh_packets packets = watching();
	char text[2 * SSH_TEXT_MAX];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	text_goes(&packets, BANNER, text, 0);
	assert_int_equal(strlen(ssh_packets_text(&packets)), SSH_TEXT_MAX);
}

/* libssh2 1.10 would copy as many bytes as the name says to have. */
static void a_name_that_is_longer_than_its_packet_gets_no_memory(void **state)
{
	static const uint32_t lengths[] = { 6 + BEHIND + 1, 1000, 40000 };

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct ssh_packets packets = watching();
		unsigned char *block =
		    arrives(&packets, INFO_REQUEST, lengths[i], "Hello", 0);

		assert_false(ssh_packets_allow(&packets, lengths[i]));
		assert_true(ssh_packets_allow(&packets, lengths[i] + 1));
		goes(&packets, block);
		assert_true(ssh_packets_allow(&packets, lengths[i]));
	}
}

static void a_name_that_fits_gets_its_memory(void **state)
{
	struct ssh_packets packets = watching();
	unsigned char *block = arrives(&packets, INFO_REQUEST, 5, "Hello", 0);

	(void)state;
	for (size_t size = 0; size < 1000; size++)
		assert_true(ssh_packets_allow(&packets, size));
	goes(&packets, block);
}

static void nothing_is_as_large_as_no_packet(void **state)
{
	struct ssh_packets packets = watching();

	(void)state;
	assert_true(ssh_packets_allow(&packets, SSH_BLOCK_MAX));
	assert_false(ssh_packets_allow(&packets, SSH_BLOCK_MAX + 1));
	assert_false(ssh_packets_allow(&packets, UINT32_MAX));
	packets.watching = false;
	assert_true(ssh_packets_allow(&packets, SSH_BLOCK_MAX));
	assert_false(ssh_packets_allow(&packets, SSH_BLOCK_MAX + 1));
}

/* A block with a request on a channel (RFC 4254 section 5.4) of that type; the
 * name says to have that length. */
static unsigned char *request_arrives(struct ssh_packets *packets,
                                      const char *type, size_t length,
                                      const char *name)
{
	size_t type_length = strlen(type), at = 9 + type_length;
	size_t size = at + 5 + strlen(name) + BEHIND;
	unsigned char *block = calloc(1, size);

	assert_non_null(block);
	assert_true(ssh_packets_allow(packets, size));
	ssh_packets_add(packets, block, size);
	block[0] = 98;
	block[8] = (unsigned char)type_length;
	memcpy(block + 9, type, type_length + 1);
	block[at + 1] = (unsigned char)(length >> 24);
	block[at + 2] = (unsigned char)(length >> 16);
	block[at + 3] = (unsigned char)(length >> 8);
	block[at + 4] = (unsigned char)length;
	memcpy(block + at + 5, name, strlen(name) + 1);
	return block;
}

/* libssh2, 1.11 too, would take what the memory held before for the name. */
static void a_signal_that_is_longer_than_its_packet_gets_no_memory(void **state)
{
	static const size_t lengths[] = { 4 + BEHIND + 1, 1000, 40000,
		                          UINT32_MAX };

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct ssh_packets packets = { .watching = false };
		unsigned char *block = request_arrives(&packets, "exit-signal",
		                                       lengths[i], "KILL");

		assert_false(ssh_packets_allow(&packets, lengths[i] + 1));
		assert_true(ssh_packets_allow(&packets, 64));
		goes(&packets, block);
		assert_int_equal(ssh_packets_allow(&packets, lengths[i] + 1),
		                 lengths[i] < SSH_BLOCK_MAX);
	}
}

/* It forgets all of them but the last, for good. */
static void a_host_may_name_a_few_signals_and_no_more(void **state)
{
	struct ssh_packets packets = { .watching = false };

	(void)state;
	for (int i = 0; i < 10; i++) {
		unsigned char *block =
		    request_arrives(&packets, "exit-signal", 4, "KILL");

		assert_int_equal(ssh_packets_allow(&packets, 5),
		                 i < SSH_SIGNALS_MAX);
		goes(&packets, block);
	}
}

static void other_requests_on_a_channel_get_their_memory(void **state)
{
	struct ssh_packets packets = { .watching = false };
	unsigned char *block =
	    request_arrives(&packets, "exit-status", 1000, "");

	(void)state;
	for (size_t size = 0; size < 2000; size++)
		assert_true(ssh_packets_allow(&packets, size));
	goes(&packets, block);
}

static void no_block_gets_out_of_sight(void **state)
{
	static unsigned char blocks[SSH_BLOCKS_MAX][16];
	struct ssh_packets packets = watching();

	(void)state;
	for (size_t i = 0; i < SSH_BLOCKS_MAX; i++) {
		assert_true(ssh_packets_allow(&packets, 16));
		ssh_packets_add(&packets, blocks[i], 16);
	}
	assert_false(ssh_packets_allow(&packets, 16));
	/* From the middle, the end, the begin. */
	ssh_packets_remove(&packets, blocks[50]);
	ssh_packets_remove(&packets, blocks[SSH_BLOCKS_MAX - 1]);
	ssh_packets_remove(&packets, blocks[0]);
	assert_int_equal(packets.count, SSH_BLOCKS_MAX - 3);
	for (size_t i = 0; i < packets.count; i++)
		assert_ptr_equal(packets.blocks[i].bytes,
		                 blocks[i + 1 + (i + 1 >= 50)]);
	ssh_packets_remove(&packets, blocks[50]); /* not there */
	ssh_packets_remove(&packets, NULL);
	assert_int_equal(packets.count, SSH_BLOCKS_MAX - 3);
}

static void a_block_that_moves_is_followed(void **state)
{
	struct ssh_packets packets = watching();
	unsigned char small[8], large[64], other[8];

	(void)state;
	ssh_packets_add(&packets, small, sizeof(small));
	ssh_packets_move(&packets, small, large, sizeof(large));
	assert_int_equal(packets.count, 1);
	assert_ptr_equal(packets.blocks[0].bytes, large);
	assert_int_equal(packets.blocks[0].size, sizeof(large));
	ssh_packets_move(&packets, NULL, other, sizeof(other));
	assert_int_equal(packets.count, 2);
}

static void what_has_moved_keeps_its_bytes(void **state)
{
	struct ssh_packets packets = { .watching = false };
	unsigned char old[8], moved[8] = "moved";

	(void)state;
	ssh_packets_add(&packets, old, sizeof(old));
	ssh_packets_move(&packets, old, moved, sizeof(moved));
	assert_memory_equal(moved, "moved", sizeof("moved"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_refusal_names_what_may_go_on),
		cmocka_unit_test(what_only_looks_like_a_refusal_is_none),
		cmocka_unit_test(blocks_that_are_too_short_are_not_read),
		cmocka_unit_test(the_last_text_for_the_user_is_kept),
		cmocka_unit_test(a_long_text_is_cut),
		cmocka_unit_test(
		    a_name_that_is_longer_than_its_packet_gets_no_memory),
		cmocka_unit_test(a_name_that_fits_gets_its_memory),
		cmocka_unit_test(nothing_is_as_large_as_no_packet),
		cmocka_unit_test(
		    a_signal_that_is_longer_than_its_packet_gets_no_memory),
		cmocka_unit_test(a_host_may_name_a_few_signals_and_no_more),
		cmocka_unit_test(other_requests_on_a_channel_get_their_memory),
		cmocka_unit_test(no_block_gets_out_of_sight),
		cmocka_unit_test(a_block_that_moves_is_followed),
		cmocka_unit_test(what_has_moved_keeps_its_bytes),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}

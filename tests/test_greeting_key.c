#include "inventory/greeting.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

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

#define KEX_REPLY 31 /* in a group exchange: the group */
#define GEX_REPLY 33
#define NEWKEYS 21

#define GOOD_KEY "\0\0\0\13ssh-ed25519\0\0\0\40a key of thirty-two bytes it is."
#define BAD_KEY "\0\0\0\13ssh-ed25519\0\0\0\40"

/* A reply: the key, half of a secret, a signature. */
static void put_reply(struct wire *wire, unsigned char message, const char *key,
                      size_t key_length)
{
	static struct wire payload;

	payload.length = 0;
	put_u32(&payload, key_length);
	put(&payload, key, key_length);
	put_text(&payload, "and more");
	put_packet(wire, message, &payload, 5);
}

static void put_good_reply(struct wire *wire, unsigned char message)
{
	put_reply(wire, message, GOOD_KEY, sizeof(GOOD_KEY) - 1);
}

static void put_bad_reply(struct wire *wire, unsigned char message)
{
	put_reply(wire, message, BAD_KEY, sizeof(BAD_KEY) - 1);
}

static void put_newkeys(struct wire *wire)
{
	static const struct wire nothing;

	put_packet(wire, NEWKEYS, &nothing, 10);
}

static void begin(struct wire *wire)
{
	wire->length = 0;
	put_text(wire, "SSH-2.0-x\r\n");
	put_kexinit(wire);
}

enum kex { NOT_AGREED, USUAL, GROUP_EXCHANGE };

/* As ssh.c does: no piece reaches beyond a packet, and the library has agreed
 * on a key exchange after KEXINIT. */
static enum greeting_state state_after(const struct wire *wire, enum kex kex,
                                       size_t piece)
{
	struct greeting greeting = { 0 };
	enum greeting_state state;
	size_t used = 0;

	while (used < wire->length) {
		size_t left = wire->length - used;
		size_t length = greeting_wants(&greeting);

		assert_true(length > 0);
		length = length < piece ? length : piece;
		length = length < left ? length : left;
		greeting_feed(&greeting, wire->bytes + used, length);
		used += length;
		if (greeting.kexinit_ended && kex != NOT_AGREED)
			greeting_expect(&greeting, kex == GROUP_EXCHANGE);
	}
	state = greeting.state;
	greeting_release(&greeting);
	return state;
}

static void assert_state(const struct wire *wire, enum kex kex,
                         enum greeting_state state)
{
	for (size_t piece = 1; piece <= 100; piece++)
		assert_int_equal(state_after(wire, kex, piece), state);
	assert_int_equal(state_after(wire, kex, SIZE_MAX), state);
}

static void a_key_exchange_is_followed_to_its_end(void **state)
{
	static struct wire wire;

	(void)state;
	begin(&wire);
	put_good_reply(&wire, KEX_REPLY);
	assert_state(&wire, USUAL, GREETING_PACKETS);
	put_newkeys(&wire);
	assert_state(&wire, USUAL, GREETING_DONE);
	/* What follows is encrypted, and may look like anything. */
	put_bad_reply(&wire, KEX_REPLY);
	assert_state(&wire, USUAL, GREETING_DONE);
}

static void a_packet_without_padding_is_followed_too(void **state)
{
	static struct wire wire;
	static const struct wire nothing;

	(void)state;
	begin(&wire);
	put_good_reply(&wire, KEX_REPLY);
	put_packet(&wire, 2, &nothing, 0);
	assert_state(&wire, USUAL, GREETING_PACKETS);
	put_packet(&wire, NEWKEYS, &nothing, 0);
	assert_state(&wire, USUAL, GREETING_DONE);
}

static void a_group_is_not_a_key(void **state)
{
	static struct wire wire;

	(void)state;
	begin(&wire);
	put_bad_reply(&wire, KEX_REPLY);
	assert_state(&wire, GROUP_EXCHANGE, GREETING_PACKETS);
	put_good_reply(&wire, GEX_REPLY);
	put_newkeys(&wire);
	assert_state(&wire, GROUP_EXCHANGE, GREETING_DONE);
}

static void a_malformed_key_goes_no_further(void **state)
{
	static struct wire wire;

	(void)state;
	begin(&wire);
	put_bad_reply(&wire, KEX_REPLY);
	assert_state(&wire, USUAL, GREETING_BAD_KEY);
	put_newkeys(&wire);
	assert_state(&wire, USUAL, GREETING_BAD_KEY);
	begin(&wire);
	put_good_reply(&wire, KEX_REPLY);
	put_bad_reply(&wire, GEX_REPLY);
	assert_state(&wire, GROUP_EXCHANGE, GREETING_BAD_KEY);
	/* The second of two. */
	begin(&wire);
	put_good_reply(&wire, KEX_REPLY);
	put_bad_reply(&wire, KEX_REPLY);
	assert_state(&wire, USUAL, GREETING_BAD_KEY);
}

/* That is, before the end of the packet. */
static void a_malformed_key_is_known_when_it_has_come(void **state)
{
	static struct wire wire;

	(void)state;
	begin(&wire);
	put_bad_reply(&wire, KEX_REPLY);
	wire.length -= 5;
	assert_state(&wire, USUAL, GREETING_BAD_KEY);
	wire.length -= 1;
	assert_state(&wire, USUAL, GREETING_PACKETS);
}

static void a_key_longer_than_its_packet_is_malformed(void **state)
{
	static const size_t more[] = { 9, 1000, 0x7FFFFFFF - 51,
		                       0xFFFFFFFF - 51 };
	static struct wire wire, payload;

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(more); i++) {
		begin(&wire);
		payload.length = 0;
		put_u32(&payload, sizeof(GOOD_KEY) - 1 + more[i]);
		put(&payload, GOOD_KEY, sizeof(GOOD_KEY) - 1);
		put_text(&payload, "and more");
		put_packet(&wire, KEX_REPLY, &payload, 5);
		assert_state(&wire, USUAL, GREETING_BAD_KEY);
	}
	for (size_t size = 0; size < 5; size++) {
		begin(&wire);
		payload.length = 0;
		put(&payload, "\0\0\0\0", size);
		put_packet(&wire, KEX_REPLY, &payload, 4);
		assert_state(&wire, USUAL, GREETING_BAD_KEY);
	}
}

static void a_reply_may_be_as_long_as_a_packet(void **state)
{
	static struct wire wire, payload;

	(void)state;
	begin(&wire);
	payload.length = 0;
	put_u32(&payload, sizeof(GOOD_KEY) - 1);
	put(&payload, GOOD_KEY, sizeof(GOOD_KEY) - 1);
	payload.length = 30000;
	put_packet(&wire, KEX_REPLY, &payload, 5);
	put_newkeys(&wire);
	assert_state(&wire, USUAL, GREETING_DONE);
}

/* The library would keep it for later. */
static void a_key_before_the_agreement_is_out_of_turn(void **state)
{
	static const unsigned char messages[] = { KEX_REPLY, GEX_REPLY };
	static struct wire wire;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		begin(&wire);
		put_good_reply(&wire, messages[i]);
		assert_state(&wire, NOT_AGREED, GREETING_BAD_PACKET);
		wire.length = 0;
		put_text(&wire, "SSH-2.0-x\r\n");
		put_good_reply(&wire, messages[i]);
		put_kexinit(&wire);
		assert_state(&wire, USUAL, GREETING_BAD_PACKET);
	}
}

static void without_memory_a_key_goes_no_further(void **state)
{
	static struct wire wire;
	struct greeting greeting = { 0 };

	(void)state;
	begin(&wire);
	greeting_feed(&greeting, wire.bytes, wire.length);
	greeting_expect(&greeting, false);
	wire.length = 0;
	put_good_reply(&wire, KEX_REPLY);
	malloc_fails = true;
	greeting_feed(&greeting, wire.bytes, wire.length);
	malloc_fails = false;
	assert_int_equal(greeting.state, GREETING_NO_MEMORY);
	greeting_release(&greeting);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_exchange_is_followed_to_its_end),
		cmocka_unit_test(a_packet_without_padding_is_followed_too),
		cmocka_unit_test(a_group_is_not_a_key),
		cmocka_unit_test(a_malformed_key_goes_no_further),
		cmocka_unit_test(a_malformed_key_is_known_when_it_has_come),
		cmocka_unit_test(a_key_longer_than_its_packet_is_malformed),
		cmocka_unit_test(a_reply_may_be_as_long_as_a_packet),
		cmocka_unit_test(a_key_before_the_agreement_is_out_of_turn),
		cmocka_unit_test(without_memory_a_key_goes_no_further),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}

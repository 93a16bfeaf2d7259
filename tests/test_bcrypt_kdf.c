#include "inventory/bcrypt_kdf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <string.h>

#include <openssl/bn.h>

#include <cmocka.h>

/* Whether it is the function that OpenSSH calls so is shown by its files, in
 * test_identity.c. */

#define WORDS (BLOWFISH_P + BLOWFISH_S)
#define BITS (32 * WORDS + 64)

/* The sum of the arc tangent of 1/n, times 2^BITS. */
static void arc_tangent(BIGNUM *sum, BN_ULONG n)
{
	BIGNUM *power = BN_new(), *term = BN_new();

	assert_non_null(power);
	assert_non_null(term);
	BN_zero(sum);
	assert_int_equal(BN_set_bit(power, BITS), 1);
	BN_div_word(power, n);
	for (BN_ULONG odd = 1; !BN_is_zero(power); odd += 2) {
		assert_non_null(BN_copy(term, power));
		BN_div_word(term, odd);
		if (odd % 4 == 1)
			BN_add(sum, sum, term);
		else
			BN_sub(sum, sum, term);
		BN_div_word(power, n * n);
	}
	BN_free(term);
	BN_free(power);
}

static void the_table_is_pi(void **state)
{
	BIGNUM *pi = BN_new(), *small = BN_new();
	static unsigned char bytes[BITS / 8];

	(void)state;
	assert_non_null(pi);
	assert_non_null(small);
	/* J. Machin: pi / 4 = 4 atan(1/5) - atan(1/239) */
	arc_tangent(pi, 5);
	BN_mul_word(pi, 4);
	arc_tangent(small, 239);
	BN_sub(pi, pi, small);
	BN_mul_word(pi, 4);
	BN_mask_bits(pi, BITS);
	assert_int_equal(BN_bn2binpad(pi, bytes, sizeof(bytes)), sizeof(bytes));
	for (size_t i = 0; i < WORDS; i++) {
		const unsigned char *p = bytes + 4 * i;

		assert_int_equal(blowfish_pi[i],
		                 (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
		                     (uint32_t)p[2] << 8 | p[3]);
	}
	BN_free(small);
	BN_free(pi);
}

static void a_known_answer(void **state)
{
	/* Of OpenBSD's regression tests: 4 rounds. */
	static const unsigned char want[32] = {
		0x5b, 0xbf, 0x0c, 0xc2, 0x93, 0x58, 0x7f, 0x1c,
		0x36, 0x35, 0x55, 0x5c, 0x27, 0x79, 0x65, 0x98,
		0xd4, 0x7e, 0x57, 0x90, 0x71, 0xbf, 0x42, 0x7e,
		0x9d, 0x8f, 0xbe, 0x84, 0x2a, 0xba, 0x34, 0xd9,
	};
	unsigned char key[sizeof(want)];

	(void)state;
	bcrypt_kdf("password", 8, (const unsigned char *)"salt", 4, 4, key,
	           sizeof(key));
	assert_memory_equal(key, want, sizeof(want));
}

static void no_byte_beyond_the_key_is_written(void **state)
{
	unsigned char key[100], again[100];

	(void)state;
	for (size_t length = 1; length <= 65; length += 32) {
		memset(key, 0xaa, sizeof(key));
		memset(again, 0x55, sizeof(again));
		bcrypt_kdf("p", 1, (const unsigned char *)"s", 1, 1, key,
		           length);
		bcrypt_kdf("p", 1, (const unsigned char *)"s", 1, 1, again,
		           length);
		assert_memory_equal(key, again, length);
		for (size_t i = length; i < sizeof(key); i++)
			assert_int_equal(key[i], 0xaa);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_is_pi),
		cmocka_unit_test(a_known_answer),
		cmocka_unit_test(no_byte_beyond_the_key_is_written),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}

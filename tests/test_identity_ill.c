#include "tests/identity_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#define ARRAY_LENGTH(a) (sizeof(a) / sizeof((a)[0]))

static void what_is_no_key_is_named(void **state)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
		{ "", "not a private key" },
		{ "hello\n", "not a private key" },
		{ "ssh-ed25519 AAAA me\n", "a public key" },
		{ "PuTTY-User-Key-File-3: ssh-ed25519\n", "puttygen" },
		{ "-----BEGIN DSA PRIVATE KEY-----\n", "DSA" },
		{ "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n"
		  "-----END RSA PRIVATE KEY-----\n",
		  "broken" },
		{ "-----BEGIN OPENSSH PRIVATE KEY-----\n", "broken" },
		{ "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n"
		  "-----END OPENSSH PRIVATE KEY-----\n",
		  "broken" },
	};
	static char large[70000];

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		write_file("odd", cases[i].text, strlen(cases[i].text));
		if (strstr(unloaded("odd", NULL), cases[i].why) == NULL)
			fail_msg("%s", unloaded("odd", NULL));
	}
	assert_non_null(strstr(unloaded("missing", NULL), "No such file"));
	assert_non_null(strstr(unloaded("", NULL), "not a file"));
	/* Nobody would ever write to it. */
	assert_int_equal(mkfifo(key_path("pipe"), 0600), 0);
	assert_non_null(strstr(unloaded("pipe", NULL), "not a file"));
	memset(large, 'x', sizeof(large));
	write_file("large", large, sizeof(large));
	assert_non_null(strstr(unloaded("large", NULL), "too large"));
}

static void kinds_that_cannot_be_used_are_named(void **state)
{
	const char *const curve[] = { "openssl", "ecparam",
		                      "-name",   "secp256k1",
		                      "-genkey", "-noout",
		                      "-out",    key_path("koblitz"),
		                      NULL };
	const char *const x25519[] = { "openssl", "genpkey", "-algorithm",
		                       "x25519",  "-out",    key_path("x25519"),
		                       NULL };

	(void)state;
	assert_int_equal(run_program(curve), 0);
	assert_non_null(strstr(unloaded("koblitz", NULL), "not supported"));
	assert_int_equal(run_program(x25519), 0);
	assert_non_null(strstr(unloaded("x25519", NULL), "not supported"));
}

/* Every third byte of the file in turn: some changes do not matter (the
 * comment, the numbers' padding), but none brings a key that signs in vain. */
static void a_broken_file_gives_no_broken_key(void **state)
{
	static const char *const types[] = { "ed25519", "ecdsa-256" };

	(void)state;
	for (size_t k = 0; k < ARRAY_LENGTH(types); k++) {
		size_t length, blob_length, want_length, taken = 0;
		unsigned char *want;
		char *text;

		make_key(types[k], types[k], "RFC4716", "");
		text = read_file(types[k], &length);
		want = public_key(types[k], &want_length);
		for (size_t i = 40; i < length - 40; i += 3) {
			struct identity *identity;
			struct err err;
			char byte = text[i];

			text[i] = byte == 'A' ? 'B' : 'A';
			write_file("broken", text, length);
			text[i] = byte;
			if (!load_with(&identity, "broken", NULL, &err)) {
				assert_int_equal(err.kind, ERR_INPUT);
				continue;
			}
			assert_memory_equal(
			    identity_blob(identity, &blob_length), want,
			    want_length);
			identity_free(identity);
			taken++;
		}
		/* The comment, and what Base64 does not use. */
		assert_true(taken < 20);
		free(want);
		free(text);
	}
}

static void a_file_that_ends_early_is_no_key(void **state)
{
	size_t length;
	char *text;

	(void)state;
	make_key("short", "ed25519", "RFC4716", "");
	text = read_file("short", &length);
	for (size_t end = 0; end < length - 10; end += 7) {
		write_file("cut", text, end);
		(void)unloaded("cut", NULL);
	}
	free(text);
}

static void a_certificate_of_another_key_is_refused(void **state)
{
	size_t length;
	char *text;

	(void)state;
	make_key("mine", "ed25519", "RFC4716", "");
	make_key("yours", "ed25519", "RFC4716", "");
	certify("yours");
	text = read_file("yours-cert.pub", &length);
	write_file("mine-cert.pub", text, length);
	free(text);
	assert_non_null(strstr(unloaded("mine", NULL),
	                       "mine-cert.pub: not a certificate of this"));
	/* The public key alone is none. */
	text = read_file("mine.pub", &length);
	write_file("mine-cert.pub", text, length);
	free(text);
	assert_non_null(strstr(unloaded("mine", NULL), "not a certificate"));
	write_file("mine-cert.pub", "", 0);
	assert_non_null(strstr(unloaded("mine", NULL), "not a certificate"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_no_key_is_named),
		cmocka_unit_test(kinds_that_cannot_be_used_are_named),
		cmocka_unit_test(a_broken_file_gives_no_broken_key),
		cmocka_unit_test(a_file_that_ends_early_is_no_key),
		cmocka_unit_test(a_certificate_of_another_key_is_refused),
	};

	return !!cmocka_run_group_tests(tests, keys_start, keys_stop);
}

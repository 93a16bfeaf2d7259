#include "tests/identity_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define ARRAY_LENGTH(a) (sizeof(a) / sizeof((a)[0]))

static void check_signature(const struct identity *identity,
                            const char *algorithm)
{
	unsigned char *signature = NULL;
	size_t length, blob_length, data_length;
	const unsigned char *data = sshsig_data(&data_length);
	const unsigned char *blob = identity_blob(identity, &blob_length);
	struct err err;

	assert_true(identity_sign(identity, algorithm, strlen(algorithm), data,
	                          data_length, &signature, &length, &err));
	assert_true(
	    sshsig_is_good(blob, blob_length, algorithm, signature, length));
	signature[length / 2] ^= 1;
	assert_false(
	    sshsig_is_good(blob, blob_length, algorithm, signature, length));
	free(signature);
}

static void check_key(const char *name, const char *algorithm,
                      struct answers *answers)
{
	struct identity *identity = loaded(name, answers);
	size_t length, want_length;
	const unsigned char *blob = identity_blob(identity, &length);
	unsigned char *want = public_key(name, &want_length);

	assert_int_equal(length, want_length);
	assert_memory_equal(blob, want, length);
	free(want);
	check_signature(identity, algorithm);
	if (strcmp(algorithm, "rsa-sha2-512") == 0)
		check_signature(identity, "rsa-sha2-256");
	identity_free(identity);
}

static const struct {
	const char *type, *algorithm;
} kinds[] = {
	{ "ed25519", "ssh-ed25519" },
	{ "ecdsa-256", "ecdsa-sha2-nistp256" },
	{ "ecdsa-384", "ecdsa-sha2-nistp384" },
	{ "ecdsa-521", "ecdsa-sha2-nistp521" },
	{ "rsa-1024", "rsa-sha2-512" },
	{ "rsa-2048", "rsa-sha2-512" },
};

static const char *const formats[] = { "RFC4716", "PEM", "PKCS8" };

/* An ssh-keygen of old writes ed25519 in its own format, whatever it is told;
 * a new one refuses PEM. */
static bool is_made(const char *type, const char *format)
{
	return strcmp(type, "ed25519") != 0 || strcmp(format, "PEM") != 0;
}

static void every_kind_in_every_format_signs_as_ssh_keygen_expects(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
		for (size_t j = 0; j < ARRAY_LENGTH(formats); j++) {
			char name[64];

			if (!is_made(kinds[i].type, formats[j]))
				continue;
			snprintf(name, sizeof(name), "%s.%s", kinds[i].type,
			         formats[j]);
			make_key(name, kinds[i].type, formats[j], "");
			check_key(name, kinds[i].algorithm, NULL);
		}
	}
}

static void encrypted_keys_are_decrypted_once(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
		for (size_t j = 0; j < ARRAY_LENGTH(formats); j++) {
			struct answers answers = { .given = { PASSPHRASE } };
			char name[64];

			if (!is_made(kinds[i].type, formats[j]))
				continue;
			snprintf(name, sizeof(name), "%s.%s.secret",
			         kinds[i].type, formats[j]);
			make_key(name, kinds[i].type, formats[j], PASSPHRASE);
			check_key(name, kinds[i].algorithm, &answers);
			assert_int_equal(answers.asked, 1);
		}
	}
}

static void every_cipher_but_chacha20_is_decrypted(void **state)
{
	static const char *const ciphers[] = {
		"aes128-cbc",
		"aes192-cbc",
		"aes256-cbc",
		"aes128-ctr",
		"aes192-ctr",
		"aes256-ctr",
		"3des-cbc",
		"aes128-gcm@openssh.com",
		"aes256-gcm@openssh.com",
	};

	(void)state;
	for (size_t i = 0; i <= ARRAY_LENGTH(ciphers); i++) {
		struct answers answers = { .given = { PASSPHRASE } };
		const bool last = i == ARRAY_LENGTH(ciphers);
		const char *cipher =
		    last ? "chacha20-poly1305@openssh.com" : ciphers[i];
		const char *const words[] = {
			"ssh-keygen", "-q",       "-t", "ed25519",
			"-Z",         cipher,     "-a", "1",
			"-N",         PASSPHRASE, "-f", key_path(cipher),
			NULL
		};

		assert_int_equal(run_program(words), 0);
		if (last)
			assert_non_null(strstr(unloaded(cipher, &answers),
			                       "ssh-keygen -p"));
		else
			check_key(cipher, "ssh-ed25519", &answers);
	}
}

static void ed25519_in_pkcs8_is_read_too(void **state)
{
	const char *const words[] = { "openssl", "genpkey", "-algorithm",
		                      "ed25519", "-out",    key_path("ed.p8"),
		                      NULL };
	struct identity *identity;

	(void)state;
	assert_int_equal(run_program(words), 0);
	identity = loaded("ed.p8", NULL);
	check_signature(identity, "ssh-ed25519");
	identity_free(identity);
}

static void a_point_may_be_compressed_in_the_file(void **state)
{
	const char *const words[] = { "openssl",    "ecparam",
		                      "-name",      "prime256v1",
		                      "-genkey",    "-noout",
		                      "-conv_form", "compressed",
		                      "-out",       key_path("compressed"),
		                      NULL };
	struct identity *identity;
	size_t length;

	(void)state;
	assert_int_equal(run_program(words), 0);
	identity = loaded("compressed", NULL);
	(void)identity_blob(identity, &length);
	assert_int_equal(length, 4 + 19 + 4 + 8 + 4 + 65);
	check_signature(identity, "ecdsa-sha2-nistp256");
	identity_free(identity);
}

static void a_wrong_passphrase_is_asked_for_thrice(void **state)
{
	(void)state;
	for (size_t j = 0; j < ARRAY_LENGTH(formats); j++) {
		struct answers wrong = { .given = { "a", "b", "c",
			                            PASSPHRASE } };
		struct answers late = { .given = { "a", "b", PASSPHRASE } };
		char name[64];

		snprintf(name, sizeof(name), "ecdsa-256.%s.secret", formats[j]);
		make_key(name, "ecdsa-256", formats[j], PASSPHRASE);
		assert_non_null(strstr(unloaded(name, &wrong),
		                       "the passphrase does not fit"));
		assert_int_equal(wrong.asked, 3);
		check_key(name, "ecdsa-sha2-nistp256", &late);
		assert_int_equal(late.asked, 3);
	}
}

static void who_gives_no_passphrase_has_no_key(void **state)
{
	struct answers none = { .given = { "" } };
	struct answers nobody = { .given = { NULL } };
	struct identity *identity;
	struct err err;

	(void)state;
	make_key("silent", "ed25519", "RFC4716", PASSPHRASE);
	assert_non_null(strstr(unloaded("silent", NULL), "nobody to ask"));
	assert_non_null(strstr(unloaded("silent", &none), "no passphrase"));
	assert_int_equal(none.asked, 1);
	/* What the one who asks says stays. */
	assert_false(load_with(&identity, "silent", &nobody, &err));
	assert_int_equal(err.kind, ERR_CANCELLED);
	assert_int_equal(nobody.asked, 1);
}

static void others_than_the_owner_are_told_of(void **state)
{
	static const struct {
		mode_t mode;
		bool exposed;
	} cases[] = {
		{ 0600, false }, { 0400, false }, { 0640, true },
		{ 0604, true },  { 0610, true },  { 0666, true },
	};

	(void)state;
	make_key("seen", "ed25519", "RFC4716", "");
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct identity *identity;
		bool exposed = !cases[i].exposed;
		struct err err;

		assert_int_equal(chmod(key_path("seen"), cases[i].mode), 0);
		assert_true(identity_load(&identity, key_path("seen"), NULL,
		                          &exposed, &err));
		assert_int_equal(exposed, cases[i].exposed);
		identity_free(identity);
	}
}

static void an_algorithm_of_another_kind_is_refused(void **state)
{
	unsigned char *signature = NULL;
	struct identity *identity;
	struct err err;
	size_t length;

	(void)state;
	make_key("one", "ed25519", "RFC4716", "");
	identity = loaded("one", NULL);
	assert_false(identity_sign(identity, "rsa-sha2-512", 12,
	                           (const unsigned char *)"x", 1, &signature,
	                           &length, &err));
	assert_int_equal(err.kind, ERR_INPUT);
	assert_false(identity_sign(identity, "ssh-ed25519x", 12,
	                           (const unsigned char *)"x", 1, &signature,
	                           &length, &err));
	assert_null(signature);
	identity_free(identity);
}

/* --- Certificates --------------------------------------------------------- */

static void a_certificate_beside_the_key_is_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
		struct identity *identity;
		size_t length, want_length;
		unsigned char *want;
		const unsigned char *got;
		char name[64], certificate[80];

		snprintf(name, sizeof(name), "%s.own", kinds[i].type);
		snprintf(certificate, sizeof(certificate), "%s-cert", name);
		make_key(name, kinds[i].type, "RFC4716", "");
		identity = loaded(name, NULL);
		assert_null(identity_certificate(identity, &length));
		identity_free(identity);

		certify(name);
		identity = loaded(name, NULL);
		got = identity_certificate(identity, &length);
		want = public_key(certificate, &want_length);
		assert_non_null(got);
		assert_int_equal(length, want_length);
		assert_memory_equal(got, want, length);
		free(want);
		identity_free(identity);
	}
}

/* --- Threads -------------------------------------------------------------- */

#define THREADS 8
#define SIGNATURES 40

static void *sign_often(void *arg)
{
	static const char *const names[] = { "ssh-ed25519",
		                             "ecdsa-sha2-nistp256",
		                             "rsa-sha2-512" };
	struct identity *const *identities = arg;

	for (size_t i = 0; i < SIGNATURES; i++) {
		const char *name = names[i % 3];
		unsigned char *signature;
		struct err err;
		size_t length;

		if (!identity_sign(identities[i % 3], name, strlen(name),
		                   (const unsigned char *)&i, sizeof(i),
		                   &signature, &length, &err))
			return identities[0];
		free(signature);
	}
	return NULL;
}

static void many_threads_share_a_key(void **state)
{
	struct identity *identities[3];
	pthread_t threads[THREADS];

	(void)state;
	make_key("ed25519.RFC4716", "ed25519", "RFC4716", "");
	make_key("ecdsa-256.RFC4716", "ecdsa-256", "RFC4716", "");
	make_key("rsa-1024.RFC4716", "rsa-1024", "RFC4716", "");
	identities[0] = loaded("ed25519.RFC4716", NULL);
	identities[1] = loaded("ecdsa-256.RFC4716", NULL);
	identities[2] = loaded("rsa-1024.RFC4716", NULL);
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, sign_often, identities),
		    0);
	for (size_t i = 0; i < THREADS; i++) {
		void *failed = identities;

		assert_int_equal(pthread_join(threads[i], &failed), 0);
		assert_null(failed);
	}
	for (size_t i = 0; i < 3; i++)
		identity_free(identities[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    every_kind_in_every_format_signs_as_ssh_keygen_expects),
		cmocka_unit_test(encrypted_keys_are_decrypted_once),
		cmocka_unit_test(every_cipher_but_chacha20_is_decrypted),
		cmocka_unit_test(ed25519_in_pkcs8_is_read_too),
		cmocka_unit_test(a_point_may_be_compressed_in_the_file),
		cmocka_unit_test(a_wrong_passphrase_is_asked_for_thrice),
		cmocka_unit_test(who_gives_no_passphrase_has_no_key),
		cmocka_unit_test(others_than_the_owner_are_told_of),
		cmocka_unit_test(an_algorithm_of_another_kind_is_refused),
		cmocka_unit_test(a_certificate_beside_the_key_is_read),
		cmocka_unit_test(many_threads_share_a_key),
	};

	return !!cmocka_run_group_tests(tests, keys_start, keys_stop);
}

#include "inventory/ssh_algorithms.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define ARRAY_LENGTH(a) (sizeof(a) / sizeof((a)[0]))

/* A KEXINIT with these lists, as if a server had sent it. */
struct offer {
	const char *list[GREETING_LISTS];
};

static const struct offer good = {
	{ "curve25519-sha256,ext-info-s", "ssh-ed25519", "aes128-ctr",
	  "aes256-ctr", "hmac-sha2-256", "hmac-sha2-512" },
};

static struct greeting greeting_of(const struct offer *offer)
{
	char wire[4096] = "SSH-2.0-x\n\0\0\0\0\4\24";
	const size_t front = 10;
	size_t used = front + 6 + 16;
	struct greeting greeting = { 0 };

	for (size_t i = 0; i < GREETING_LISTS; i++) {
		size_t length = strlen(offer->list[i]);

		assert_true(used + length + 16 < sizeof(wire));
		wire[used + 2] = (char)(length >> 8);
		wire[used + 3] = (char)length;
		memcpy(wire + used + 4, offer->list[i], length);
		used += length + 4;
	}
	used += 4; /* padding */
	wire[front + 2] = (char)((used - front - 4) >> 8);
	wire[front + 3] = (char)(used - front - 4);
	greeting_feed(&greeting, wire, used);
	assert_int_equal(greeting.state, GREETING_PACKETS);
	return greeting;
}

static int set_up(void **state)
{
	struct err err;

	(void)state;
	return libssh2_init(0) == 0 && algorithms_init(&err) ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	libssh2_exit();
	return 0;
}

/* Older ones are without AES-GCM, newer ones without DSA. */
static bool library_has(int method, const char *name)
{
	LIBSSH2_SESSION *session = libssh2_session_init();
	const char **names = NULL;
	bool has = false;
	int count;

	assert_non_null(session);
	count = libssh2_session_supported_algs(session, method, &names);
	for (int i = 0; i < count; i++)
		has |= strcmp(names[i], name) == 0;
	libssh2_free(session, (void *)names);
	libssh2_session_free(session);
	return has;
}

static void every_session_takes_the_lists(void **state)
{
	LIBSSH2_SESSION *session = libssh2_session_init();
	struct err err;

	(void)state;
	assert_non_null(session);
	assert_true(algorithms_apply(session, &err));
	libssh2_session_free(session);
}

static void starting_again_offers_the_same(void **state)
{
	struct offer other = good;
	struct err before, after;
	struct greeting greeting;

	(void)state;
	other.list[GREETING_KEX] = "none";
	greeting = greeting_of(&other);
	assert_true(algorithms_explain(&greeting, &before));
	assert_true(algorithms_init(&after));
	assert_true(algorithms_explain(&greeting, &after));
	assert_string_equal(before.text, after.text);
	greeting_release(&greeting);
}

static void where_all_lists_meet_there_is_nothing_to_say(void **state)
{
	struct greeting greeting = greeting_of(&good);
	struct err err = { .kind = ERR_NONE, .text = "untouched" };

	(void)state;
	assert_false(algorithms_explain(&greeting, &err));
	assert_int_equal(err.kind, ERR_NONE);
	assert_string_equal(err.text, "untouched");
	greeting_release(&greeting);
}

static void without_a_kexinit_there_is_nothing_to_say(void **state)
{
	struct greeting greeting = { 0 };
	struct err err = { .kind = ERR_NONE };

	(void)state;
	assert_false(algorithms_explain(&greeting, &err));
	assert_int_equal(err.kind, ERR_NONE);
}

/* Each list with what an old or a hardened server offers, and the words for it.
 */
static void the_list_without_a_common_name_is_named(void **state)
{
	static const struct {
		enum greeting_list list;
		const char *theirs, *front;
	} cases[] = {
		{ GREETING_KEX, "sntrup761x25519-sha512@openssh.com",
		  "no common key exchange algorithm: we offer curve25519" },
		{ GREETING_KEX, "diffie-hellman-group1-sha1",
		  "no common key exchange algorithm (with --legacy there is "
		  "one): we offer curve25519" },
		{ GREETING_HOST_KEY, "ssh-ed448",
		  "no common host key algorithm: we offer " },
		{ GREETING_CIPHER_OUT, "aes128-cbc,3des-cbc",
		  "no common cipher algorithm (with --legacy there is one): "
		  "we offer aes128-ctr" },
		{ GREETING_CIPHER_IN, "arcfour",
		  "no common cipher algorithm: we offer aes128-ctr" },
		{ GREETING_MAC_OUT, "hmac-md5-96",
		  "no common MAC algorithm: we offer hmac-sha2-256" },
		{ GREETING_MAC_IN, "umac-64@openssh.com,hmac-sha1",
		  "no common MAC algorithm (with --legacy there is one): we "
		  "offer hmac-sha2-256" },
		{ GREETING_MAC_IN, "hmac-sha2-512-etm@openssh.com",
		  "no common MAC algorithm (no -etm for the sake of libssh2's "
		  "safety: the server's \"MACs\" should have hmac-sha2-256, "
		  "too): we offer hmac-sha2-256" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct offer offer = good;
		struct greeting greeting;
		struct err err;
		const char *end;

		offer.list[cases[i].list] = cases[i].theirs;
		greeting = greeting_of(&offer);
		assert_true(algorithms_explain(&greeting, &err));
		assert_int_equal(err.kind, ERR_PROTOCOL);
		assert_memory_equal(err.text, cases[i].front,
		                    strlen(cases[i].front));
		end = strstr(err.text, "; the server offers ");
		assert_non_null(end);
		assert_string_equal(end + 20, cases[i].theirs);
		greeting_release(&greeting);
	}
}

/* libssh2 1.10 lacks some of what we want; 1.11 has all of it. */
static void a_newer_library_is_named_where_it_would_do(void **state)
{
	static const struct {
		enum greeting_list list;
		const char *theirs;
	} cases[] = { { GREETING_HOST_KEY, "rsa-sha2-512" },
		      { GREETING_CIPHER_IN, "aes256-gcm@openssh.com" } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct offer offer = good;
		struct greeting greeting;
		struct err err;

		offer.list[cases[i].list] = cases[i].theirs;
		greeting = greeting_of(&offer);
		if (algorithms_explain(&greeting, &err))
			assert_non_null(
			    strstr(err.text, " (a newer libssh2 has one): "));
		greeting_release(&greeting);
	}
}

/* What is offered in place of the list, "," before and behind. */
static void offered(enum greeting_list list, char *text, size_t size)
{
	struct offer other = good;
	struct greeting greeting;
	struct err err;
	char *ours;

	other.list[list] = "-";
	greeting = greeting_of(&other);
	assert_true(algorithms_explain(&greeting, &err));
	greeting_release(&greeting);
	ours = strstr(err.text, "we offer ");
	assert_non_null(ours);
	*strchr(ours, ';') = '\0';
	snprintf(text, size, ",%s,", ours + strlen("we offer "));
}

static void without_a_common_mac_a_cipher_that_needs_none_would_do(void **state)
{
	static const char gcm[] = "aes256-ctr,aes256-gcm@openssh.com";
	static const char etm[] = "hmac-sha2-256-etm@openssh.com";
	static const struct {
		const char *cipher_out, *cipher_in, *mac_out, *mac_in;
		bool wanted;
	} cases[] = {
		{ gcm, gcm, etm, etm, true },
		{ gcm, gcm, "hmac-sha2-256", etm, true },
		{ gcm, gcm, etm, "hmac-sha2-256", true },
		{ gcm, gcm, "hmac-sha2-256", "hmac-sha2-256", false },
		{ gcm, "aes256-ctr", etm, etm, false },
		{ "aes256-ctr", gcm, etm, etm, false },
		{ "chacha20-poly1305@openssh.com", gcm, etm, etm, false },
	};
	struct greeting none = { 0 };

	(void)state;
	assert_false(algorithms_want_aead(&none));
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct offer offer = good;
		struct greeting greeting;
		struct err err;
		bool wanted;

		offer.list[GREETING_CIPHER_OUT] = cases[i].cipher_out;
		offer.list[GREETING_CIPHER_IN] = cases[i].cipher_in;
		offer.list[GREETING_MAC_OUT] = cases[i].mac_out;
		offer.list[GREETING_MAC_IN] = cases[i].mac_in;
		greeting = greeting_of(&offer);
		wanted = algorithms_want_aead(&greeting);
		if (library_has(LIBSSH2_METHOD_CRYPT_CS,
		                "aes256-gcm@openssh.com")) {
			assert_int_equal(wanted, cases[i].wanted);
		} else {
			assert_false(wanted);
			assert_int_equal(algorithms_explain(&greeting, &err) &&
			                     strstr(err.text,
			                            " (a newer libssh2 can do "
			                            "without, by AES-GCM): ") !=
			                         NULL,
			                 cases[i].wanted);
		}
		greeting_release(&greeting);
	}
}

/* ssh-rsa is one of the usual ones where the library has no better for RSA. */
static void old_host_keys_are_legacy(void **state)
{
	static const char *const old[] = { "ssh-dss", "ssh-rsa" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(old); i++) {
		struct offer offer = good;
		struct greeting greeting;
		struct err err;

		offer.list[GREETING_HOST_KEY] = old[i];
		greeting = greeting_of(&offer);
		if (!algorithms_explain(&greeting, &err))
			assert_false(library_has(LIBSSH2_METHOD_HOSTKEY,
			                         "rsa-sha2-512"));
		else if (library_has(LIBSSH2_METHOD_HOSTKEY, old[i]))
			assert_non_null(strstr(
			    err.text, " (with --legacy there is one): "));
		greeting_release(&greeting);
	}
}

static void legacy_adds_old_algorithms_behind_the_others(void **state)
{
	const struct {
		enum greeting_list list;
		const char *first, *last;
	} cases[] = {
		{ GREETING_KEX, ",curve25519-sha256,",
		  ",diffie-hellman-group14-sha1,"
		  "diffie-hellman-group-exchange-sha1,"
		  "diffie-hellman-group1-sha1," },
		{ GREETING_HOST_KEY, ",ssh-ed25519,",
		  library_has(LIBSSH2_METHOD_HOSTKEY, "ssh-dss")
		      ? ",ssh-rsa,ssh-dss,"
		      : ",ssh-rsa," },
		{ GREETING_CIPHER_OUT, ",aes128-ctr,",
		  ",aes128-cbc,aes256-cbc,aes192-cbc,3des-cbc," },
		{ GREETING_CIPHER_IN, ",aes128-ctr,",
		  ",aes128-cbc,aes256-cbc,aes192-cbc,3des-cbc," },
		{ GREETING_MAC_OUT, ",hmac-sha2-256,",
		  ",hmac-sha1,hmac-sha1-96,hmac-md5," },
		{ GREETING_MAC_IN, ",hmac-sha2-256,",
		  ",hmac-sha1,hmac-sha1-96,hmac-md5," },
	};
	LIBSSH2_SESSION *session = libssh2_session_init();
	struct err err;
	char text[600];

	(void)state;
	assert_non_null(session);
	algorithms_allow_legacy();
	algorithms_allow_legacy(); /* once is enough */
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		const char *last;

		offered(cases[i].list, text, sizeof(text));
		assert_memory_equal(text, cases[i].first,
		                    strlen(cases[i].first));
		last = strstr(text, cases[i].last);
		assert_non_null(last);
		assert_string_equal(last, cases[i].last);
	}
	assert_true(algorithms_apply(session, &err));
	libssh2_session_free(session);
	assert_true(algorithms_init(&err));
}

static void only_whole_names_are_common(void **state)
{
	static const char *const theirs[] = {
		"",
		",",
		"aes128-ct",
		"aes128-ctrx",
		"xaes128-ctr",
		"aes128",
		"-ctr",
		"aes128-ctr@example.com",
		"AES128-CTR",
	};
	struct err err;

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(theirs); i++) {
		struct offer offer = good;
		struct greeting greeting;

		offer.list[GREETING_CIPHER_IN] = theirs[i];
		greeting = greeting_of(&offer);
		assert_true(algorithms_explain(&greeting, &err));
		greeting_release(&greeting);
	}
}

static void a_common_name_is_found_anywhere_in_the_list(void **state)
{
	static const char *const theirs[] = {
		"aes192-ctr",      "x,aes128-ctr", "aes256-ctr,y",
		"x,,aes192-ctr,y", "aes128-ctr,",
	};
	struct err err;

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(theirs); i++) {
		struct offer offer = good;
		struct greeting greeting;

		offer.list[GREETING_CIPHER_OUT] = theirs[i];
		greeting = greeting_of(&offer);
		assert_false(algorithms_explain(&greeting, &err));
		greeting_release(&greeting);
	}
}

/* SHA-1 is offered for RSA host keys alone, and where there is no better. */
static void what_is_offered_is_safe(void **state)
{
	static const char *const unsafe[] = {
		"-sha1", "ssh-dss", "-cbc",      "arcfour",
		"md5",   "none",    "hmac-sha1",
	};

	(void)state;
	for (int list = 0; list < GREETING_LISTS; list++) {
		char ours[600];

		offered((enum greeting_list)list, ours, sizeof(ours));
		for (size_t i = 0; i < ARRAY_LENGTH(unsafe); i++)
			assert_null(strstr(ours, unsafe[i]));
		if (strstr(ours, "ssh-rsa") != NULL) {
			assert_int_equal(list, GREETING_HOST_KEY);
			assert_null(strstr(ours, "rsa-sha2"));
			assert_string_equal(strstr(ours, "ssh-rsa"),
			                    "ssh-rsa,");
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_session_takes_the_lists),
		cmocka_unit_test(starting_again_offers_the_same),
		cmocka_unit_test(where_all_lists_meet_there_is_nothing_to_say),
		cmocka_unit_test(without_a_kexinit_there_is_nothing_to_say),
		cmocka_unit_test(the_list_without_a_common_name_is_named),
		cmocka_unit_test(a_newer_library_is_named_where_it_would_do),
		cmocka_unit_test(
		    without_a_common_mac_a_cipher_that_needs_none_would_do),
		cmocka_unit_test(old_host_keys_are_legacy),
		cmocka_unit_test(legacy_adds_old_algorithms_behind_the_others),
		cmocka_unit_test(only_whole_names_are_common),
		cmocka_unit_test(a_common_name_is_found_anywhere_in_the_list),
		cmocka_unit_test(what_is_offered_is_safe),
	};

	return !!cmocka_run_group_tests(tests, set_up, tear_down);
}

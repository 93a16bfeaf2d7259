#include "inventory/hostkey.h"

#include "inventory/knownhosts.h"
#include "inventory/pins.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "tests/known_fixture.h"
#include "tests/scratch.h"

#define ED25519 "ssh-ed25519"
#define ECDSA "ecdsa-sha2-nistp256"

static struct {
	char folder[64];
	char user[96], state[96];
	struct hostkeys hostkeys;
	struct hostkey_outcome outcome;
	struct err err;
} f;

static int set_up(void **state)
{
	(void)state;
	memset(&f, 0, sizeof(f));
	snprintf(f.folder, sizeof(f.folder), "/tmp/test_hostkey.XXXXXX");
	if (!scratch_make(f.folder))
		return -1;
	snprintf(f.user, sizeof(f.user), "%s/user", f.folder);
	snprintf(f.state, sizeof(f.state), "%s/state", f.folder);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	knownhosts_close(f.hostkeys.known);
	pins_close(f.hostkeys.pins);
	return scratch_remove(f.folder) ? 0 : -1;
}

/* One line: names, and a key. */
static void open_known(enum hostkeys_mode mode, const char *names,
                       const char *type, char filler)
{
	const char *files[] = { f.user };
	struct knownhosts_settings settings = {
		.files = files,
		.file_count = 1,
		.append_to = f.state,
	};
	char key[KNOWN_TEXT_SIZE];
	FILE *out = fopen(f.user, "we");

	assert_non_null(out);
	known_key_text(key, type, (unsigned char)filler);
	fprintf(out, "%s %s\n", names, key);
	assert_int_equal(fclose(out), 0);
	f.hostkeys.mode = mode;
	assert_true(knownhosts_open(&f.hostkeys.known, &settings, &f.err));
}

static bool check_at(const char *host, uint16_t port, const char *type,
                     char filler)
{
	struct known_blob blob = known_blob(type, (unsigned char)filler);
	char sha256[64], types[HOSTKEY_TYPES_SIZE];
	struct hostkey key = {
		.blob = blob.bytes,
		.length = blob.length,
		.type = type,
		.sha256 = sha256,
		.preferred = types,
	};

	known_fingerprint(sha256, type, (unsigned char)filler);
	hostkey_types(&f.hostkeys, host, port, types);
	f.err = (struct err){ .kind = ERR_NONE };
	memset(&f.outcome, 0xAA, sizeof(f.outcome));
	return hostkey_check(&f.hostkeys, host, port, &key, &f.outcome, &f.err);
}

static bool check(const char *host, const char *type, char filler)
{
	return check_at(host, 22, type, filler);
}

static void read_state(char *text, size_t size)
{
	FILE *in = fopen(f.state, "re");

	assert_non_null(in);
	text[fread(text, 1, size - 1, in)] = '\0';
	assert_int_equal(fclose(in), 0);
}

static void assert_refused(const char *sentence)
{
	assert_int_equal(f.err.kind, ERR_HOSTKEY);
	assert_string_equal(f.err.text, sentence);
}

/* "TYPE SHA256:…" of a key. */
static const char *shown(const char *type, char filler)
{
	static char texts[2][160];
	static unsigned which;
	char sha256[64];
	char *text = texts[which++ % 2];

	known_fingerprint(sha256, type, (unsigned char)filler);
	snprintf(text, sizeof(texts[0]), "%s SHA256:%s", type, sha256);
	return text;
}

static void a_known_key_is_accepted(void **state)
{
	(void)state;
	open_known(HOSTKEYS_STRICT, "web1", ED25519, '1');
	assert_true(check("web1", ED25519, '1'));
	assert_false(f.outcome.other_type);
	assert_string_equal(f.outcome.pinned_sha256, "");
}

static void a_changed_key_is_refused_with_both_fingerprints(void **state)
{
	static const enum hostkeys_mode modes[] = { HOSTKEYS_STRICT,
		                                    HOSTKEYS_ACCEPT_NEW };
	char sentence[512];

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		knownhosts_close(f.hostkeys.known);
		open_known(modes[i], "web1", ED25519, '1');
		snprintf(sentence, sizeof(sentence),
		         "host key changed: %s offered, %s known (%s:1)",
		         shown(ED25519, '2'), shown(ED25519, '1'), f.user);
		assert_false(check("web1", ED25519, '2'));
		assert_refused(sentence);
		assert_false(f.outcome.other_type);
	}
}

static void an_unknown_key_is_refused_under_strict_alone(void **state)
{
	char sentence[512];
	struct stat st;

	(void)state;
	open_known(HOSTKEYS_STRICT, "web1", ED25519, '1');
	snprintf(sentence, sizeof(sentence), "host key not known: %s",
	         shown(ED25519, '2'));
	assert_false(check("web2", ED25519, '2'));
	assert_refused(sentence);
	assert_int_not_equal(stat(f.state, &st), 0);
	f.hostkeys.mode = HOSTKEYS_ACCEPT_NEW;
	assert_true(check("web2", ED25519, '2'));
	assert_int_equal(stat(f.state, &st), 0);
	assert_false(check("web2", ED25519, '3'));
	snprintf(sentence, sizeof(sentence),
	         "host key changed: %s offered, %s known (%s)",
	         shown(ED25519, '3'), shown(ED25519, '2'), f.state);
	assert_refused(sentence);
}

static void a_revoked_key_is_refused(void **state)
{
	char sentence[512];

	(void)state;
	open_known(HOSTKEYS_ACCEPT_NEW, "@revoked *", ED25519, '1');
	snprintf(sentence, sizeof(sentence), "host key revoked: %s (%s:1)",
	         shown(ED25519, '1'), f.user);
	assert_false(check("web1", ED25519, '1'));
	assert_refused(sentence);
}

/* Whoever has its address is not it. */
static void a_key_is_looked_up_under_its_alias_alone(void **state)
{
	char known[192], types[HOSTKEY_TYPES_SIZE];

	(void)state;
	open_known(HOSTKEYS_ACCEPT_NEW, "the-alias", ED25519, '1');
	f.hostkeys.alias = "the-alias";
	hostkey_types(&f.hostkeys, "web1", 2222, types);
	assert_string_equal(types, ED25519);
	assert_true(check_at("web1", 2222, ED25519, '1'));
	assert_false(check_at("web1", 2222, ED25519, '2'));
	assert_int_equal(f.err.kind, ERR_HOSTKEY);
	assert_non_null(strstr(f.err.text, "host key changed"));
	/* New ones are remembered by it, without a port. */
	f.hostkeys.alias = "new-alias";
	assert_true(check_at("web1", 2222, ED25519, '3'));
	assert_false(check_at("web2", 22, ED25519, '4'));
	read_state(known, sizeof(known));
	assert_memory_equal(known, "new-alias ssh-ed25519 ", 22);
	f.hostkeys.alias = NULL;
	f.hostkeys.mode = HOSTKEYS_STRICT;
	assert_false(check_at("web1", 2222, ED25519, '1'));
	assert_non_null(strstr(f.err.text, "host key not known"));
}

static void off_looks_at_nothing(void **state)
{
	char types[HOSTKEY_TYPES_SIZE];

	(void)state;
	f.hostkeys.mode = HOSTKEYS_OFF;
	assert_true(check("web1", ED25519, '1'));
	hostkey_types(&f.hostkeys, "web1", 22, types);
	assert_string_equal(types, "");
}

/* The server was asked for the known type first, and has none. */
static void a_key_of_another_type_is_refused(void **state)
{
	(void)state;
	open_known(HOSTKEYS_ACCEPT_NEW, "web1", ECDSA, '1');
	assert_false(check("web1", ED25519, '2'));
	assert_int_equal(f.err.kind, ERR_HOSTKEY);
	assert_false(f.outcome.other_type);
}

/* It was not, for a hashed line tells its name too late: once more. */
static void a_type_that_was_found_too_late_is_worth_another_try(void **state)
{
	char hashed[65], types[HOSTKEY_TYPES_SIZE];

	(void)state;
	known_hashed_name(hashed, "web1", 5);
	open_known(HOSTKEYS_ACCEPT_NEW, hashed, ECDSA, '1');
	assert_false(check("web1", ED25519, '2'));
	assert_int_equal(f.err.kind, ERR_HOSTKEY);
	assert_true(f.outcome.other_type);
	hostkey_types(&f.hostkeys, "web1", 22, types);
	assert_string_equal(types, ECDSA);
	/* It has none of that type: it stays refused, and that is that. */
	assert_false(check("web1", ED25519, '2'));
	assert_false(f.outcome.other_type);
	/* It has. */
	assert_true(check("web1", ECDSA, '1'));
}

static void a_pin_of_the_store_holds(void **state)
{
	char sentence[512], first[64], types[HOSTKEY_TYPES_SIZE];

	(void)state;
	f.hostkeys.mode = HOSTKEYS_DB;
	assert_true(pins_open(&f.hostkeys.pins, &f.err));
	known_fingerprint(first, ED25519, '1');
	assert_true(pins_add(f.hostkeys.pins, "web1", 22, ED25519, first));
	assert_true(check("web1", ED25519, '1'));
	assert_true(check("web2", ED25519, '2'));
	assert_false(check("web2", ED25519, '3'));
	assert_false(check("web1", ED25519, '2'));
	snprintf(sentence, sizeof(sentence),
	         "host key changed: %s offered, %s known (server_status)",
	         shown(ED25519, '2'), shown(ED25519, '1'));
	assert_refused(sentence);
	assert_string_equal(f.outcome.pinned_sha256, first);
	assert_false(f.outcome.other_type);
	/* For one row in the history. */
	assert_false(check("web1", ED25519, '2'));
	assert_string_equal(f.outcome.pinned_sha256, "");
	hostkey_types(&f.hostkeys, "web1", 22, types);
	assert_string_equal(types, ED25519);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_known_key_is_accepted),
		TEST(a_changed_key_is_refused_with_both_fingerprints),
		TEST(an_unknown_key_is_refused_under_strict_alone),
		TEST(a_revoked_key_is_refused),
		TEST(a_key_is_looked_up_under_its_alias_alone),
		TEST(off_looks_at_nothing),
		TEST(a_key_of_another_type_is_refused),
		TEST(a_type_that_was_found_too_late_is_worth_another_try),
		TEST(a_pin_of_the_store_holds),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}

#include "inventory/knownhosts_line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/known_fixture.h"

#define ED25519 "ssh-ed25519"

static char text[1024];
static const char *why;

/* "%K" stands for a key. Its length. */
static size_t write_text(const char *line)
{
	char key[KNOWN_TEXT_SIZE];
	const char *mark = strstr(line, "%K");

	known_key_text(key, ED25519, 7);
	snprintf(text, sizeof(text), "%s", line);
	if (mark != NULL)
		snprintf(text + (mark - line), 512, "%s%s", key, mark + 2);
	return strlen(text);
}

static enum knownhosts_parsed parse(const char *line,
                                    struct knownhosts_line *out)
{
	size_t length = write_text(line);

	why = "";
	return knownhosts_parse(text, length, out, &why);
}

static void assert_names(const struct knownhosts_line *line, const char *names)
{
	assert_int_equal(line->names_length, strlen(names));
	assert_memory_equal(line->names, names, strlen(names));
}

static void a_line_is_taken_apart(void **state)
{
	struct known_blob blob = known_blob(ED25519, 7);
	struct knownhosts_line line;

	(void)state;
	assert_int_equal(parse("web1,10.0.0.1 %K root@old", &line),
	                 KNOWNHOSTS_KEY);
	assert_int_equal(line.marker, KNOWNHOSTS_NO_MARKER);
	assert_false(line.is_hashed);
	assert_names(&line, "web1,10.0.0.1");
	assert_int_equal(line.type_length, strlen(ED25519));
	assert_memory_equal(line.type, ED25519, strlen(ED25519));
	assert_int_equal(line.blob_length, blob.length);
	assert_memory_equal(line.blob, blob.bytes, blob.length);
}

static void blanks_comments_and_line_ends_are_passed_over(void **state)
{
	static const char *const lines[] = {
		"", " ", "\t ", "# web1 %K", "  # web1 %K", "\r", " \r",
	};
	struct knownhosts_line line;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		assert_int_equal(parse(lines[i], &line), KNOWNHOSTS_BLANK);
	assert_int_equal(parse(" \tweb1\t \t%K\r", &line), KNOWNHOSTS_KEY);
	assert_names(&line, "web1");
	assert_int_equal(parse("web1 %K # a comment", &line), KNOWNHOSTS_KEY);
}

static void names_come_in_lower_case(void **state)
{
	struct knownhosts_line line;

	(void)state;
	assert_int_equal(parse("WEB1.Example.COM,[Web2]:2200 %K", &line),
	                 KNOWNHOSTS_KEY);
	assert_names(&line, "web1.example.com,[web2]:2200");
}

static void markers_are_known(void **state)
{
	struct knownhosts_line line;

	(void)state;
	assert_int_equal(parse("@revoked * %K", &line), KNOWNHOSTS_KEY);
	assert_int_equal(line.marker, KNOWNHOSTS_REVOKED_KEY);
	assert_names(&line, "*");
	assert_int_equal(parse("  @cert-authority\t*.x %K", &line),
	                 KNOWNHOSTS_KEY);
	assert_int_equal(line.marker, KNOWNHOSTS_CERT_AUTHORITY);
}

static void a_hashed_name_has_salt_and_hash(void **state)
{
	struct knownhosts_line line;
	char hashed[65], whole[128];

	(void)state;
	known_hashed_name(hashed, "web1", 9);
	snprintf(whole, sizeof(whole), "%s %%K", hashed);
	assert_int_equal(parse(whole, &line), KNOWNHOSTS_KEY);
	assert_true(line.is_hashed);
	for (size_t i = 0; i < KNOWNHOSTS_HASH_SIZE; i++)
		assert_int_equal(line.salt[i], 9);
}

static void a_bad_line_says_why(void **state)
{
	static const struct {
		const char *line, *why;
	} cases[] = {
		{ "web1", "no key" },
		{ "web1 ", "no key" },
		{ "web1 ssh-ed25519", "no key" },
		{ "web1 # ssh-ed25519 AAAA", "no key" },
		{ "@revoked", "no name and no key" },
		{ "@revoked web1", "no key" },
		{ "@foo web1 %K", "an unknown marker" },
		{ "@ web1 %K", "an unknown marker" },
		{ "@revoked @cert-authority * %K", "more than one marker" },
		{ "|1|AAAA %K", "a malformed hashed name" },
		{ "|2|AAAA|AAAA %K", "a malformed hashed name" },
		{ "| %K", "a malformed hashed name" },
		{ "|1|| %K", "a malformed hashed name" },
		{ "|1|AAAA|AAAA %K", "a malformed hashed name" },
		{ "web1 ssh-ed25519 A", "the key is no base64" },
		{ "web1 ssh-ed25519 AAA!", "the key is no base64" },
		{ "web1 ssh-ed25519 AA=A", "the key is no base64" },
		{ "web1 ssh-ed25519 AA==AAAA", "the key is no base64" },
		{ "web1 ssh-ed25519 ====", "the key is no base64" },
		{ "web1 ssh-ed25519 AAAB==", "the key is no base64" },
		{ "web1 ssh-ed25519 AB==", "the key is no base64" },
		{ "web1 1024 35 12345678901234567890", "the key is no base64" },
		{ "web1 ssh-ed25519 AAAA", "the key is cut off" },
		{ "web1 ssh-ed25519 AAAAC3Nz", "the key is cut off" },
		{ "web1 ssh-rsa AAAAC3NzaC1lZDI1NTE5",
		  "the key is of another type than the line says" },
	};
	struct knownhosts_line line;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(parse(cases[i].line, &line), KNOWNHOSTS_BAD);
		assert_string_equal(why, cases[i].why);
	}
}

/* As for OpenSSH: were the line passed over, its host would count as new. */
static void a_nul_byte_ends_the_line(void **state)
{
	static const struct {
		const char *before;
		enum knownhosts_parsed parsed;
	} cases[] = {
		{ "", KNOWNHOSTS_BLANK },
		{ "web1", KNOWNHOSTS_BAD },
		{ "web1 %K", KNOWNHOSTS_KEY },
		{ "@revoked web1 %K ", KNOWNHOSTS_KEY },
	};
	struct knownhosts_line line;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t length = write_text(cases[i].before);

		snprintf(text + length + 1, sizeof(text) - length - 1, "%s",
		         " web1 ssh-ed25519 AAAA");
		assert_int_equal(
		    knownhosts_parse(text, sizeof(text), &line, &why),
		    cases[i].parsed);
	}
}

/* One that a full disk has torn would be another key of its host for ever. */
static void a_key_has_to_be_whole(void **state)
{
	struct knownhosts_line line;
	char key[KNOWN_TEXT_SIZE], whole[KNOWN_TEXT_SIZE + 16];

	(void)state;
	known_key_text(key, ED25519, 1);
	key[strlen(key) - 4] = '\0';
	snprintf(whole, sizeof(whole), "web1 %s", key);
	assert_int_equal(parse(whole, &line), KNOWNHOSTS_BAD);
	assert_string_equal(why, "the key is cut off");
}

static void an_rsa_key_may_be_named_after_its_signatures(void **state)
{
	static const char *const names[] = { "rsa-sha2-256", "rsa-sha2-512",
		                             "ssh-rsa" };
	struct knownhosts_line line;
	char key[KNOWN_TEXT_SIZE], whole[KNOWN_TEXT_SIZE + 32];

	(void)state;
	known_key_text(key, "ssh-rsa", 1);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(whole, sizeof(whole), "web1 %s%s", names[i],
		         key + strlen("ssh-rsa"));
		assert_int_equal(parse(whole, &line), KNOWNHOSTS_KEY);
		assert_int_equal(line.type_length, strlen("ssh-rsa"));
		assert_memory_equal(line.type, "ssh-rsa", line.type_length);
	}
}

static void base64_may_have_an_editors_line_end_within(void **state)
{
	struct knownhosts_line line;
	char key[KNOWN_TEXT_SIZE], whole[KNOWN_TEXT_SIZE + 16];

	(void)state;
	known_key_text(key, ED25519, 1);
	snprintf(whole, sizeof(whole), "web1 %.20s\r%s\f\r comment", key,
	         key + 20);
	assert_int_equal(parse(whole, &line), KNOWNHOSTS_KEY);
}

static void a_key_of_an_unknown_type_will_do(void **state)
{
	struct knownhosts_line line;
	char key[KNOWN_TEXT_SIZE], whole[KNOWN_TEXT_SIZE + 16];

	(void)state;
	known_key_text(key, "ssh-future@example.com", 1);
	snprintf(whole, sizeof(whole), "web1 %s", key);
	assert_int_equal(parse(whole, &line), KNOWNHOSTS_KEY);
}

static void a_name_is_looked_up_in_one_form(void **state)
{
	static const struct {
		const char *name, *usual; /* NULL: that is it */
	} cases[] = {
		{ "::1", NULL },
		{ "[::1]:2200", NULL },
		{ "0:0::1", "::1" },
		{ "[0:0::1]:2200", "[::1]:2200" },
		{ "fe80:0::1%eth0", "fe80::1%eth0" },
		{ "::ffff:10.0.0.1", "10.0.0.1" },
		{ "[::ffff:10.0.0.1]:2200", "[10.0.0.1]:2200" },
		{ "web1", NULL },
		{ "web1.", "web1" },
		{ "[web1.]:2200", "[web1]:2200" },
		{ "web1:2200", NULL },
		{ "[web1", NULL },
		{ "[]:22", NULL },
		{ ".", NULL },
		{ ":", NULL },
		{ "[::1]:2200 and more", NULL },
	};
	char usual[KNOWNHOSTS_NAME_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *name = cases[i].name;

		assert_int_equal(
		    knownhosts_usual_name(name, strlen(name), usual),
		    cases[i].usual != NULL);
		if (cases[i].usual != NULL)
			assert_string_equal(usual, cases[i].usual);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_is_taken_apart),
		cmocka_unit_test(blanks_comments_and_line_ends_are_passed_over),
		cmocka_unit_test(names_come_in_lower_case),
		cmocka_unit_test(markers_are_known),
		cmocka_unit_test(a_hashed_name_has_salt_and_hash),
		cmocka_unit_test(a_bad_line_says_why),
		cmocka_unit_test(a_nul_byte_ends_the_line),
		cmocka_unit_test(a_key_has_to_be_whole),
		cmocka_unit_test(an_rsa_key_may_be_named_after_its_signatures),
		cmocka_unit_test(base64_may_have_an_editors_line_end_within),
		cmocka_unit_test(a_key_of_an_unknown_type_will_do),
		cmocka_unit_test(a_name_is_looked_up_in_one_form),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}

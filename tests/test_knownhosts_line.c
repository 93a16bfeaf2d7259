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

/* "%K" stands for a key. */
static enum knownhosts_parsed parse(const char *line,
                                    struct knownhosts_line *out)
{
	char key[KNOWN_TEXT_SIZE];
	const char *mark = strstr(line, "%K");

	known_key_text(key, ED25519, 7);
	snprintf(text, sizeof(text), "%s", line);
	if (mark != NULL)
		snprintf(text + (mark - line), 512, "%s%s", key, mark + 2);
	why = "";
	return knownhosts_parse(text, strlen(text), out, &why);
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

static void a_nul_byte_is_bad(void **state)
{
	char bytes[] = "web1\0 ssh-ed25519 AAAA";
	struct knownhosts_line line;

	(void)state;
	assert_int_equal(
	    knownhosts_parse(bytes, sizeof(bytes) - 1, &line, &why),
	    KNOWNHOSTS_BAD);
	assert_string_equal(why, "a NUL byte");
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_is_taken_apart),
		cmocka_unit_test(blanks_comments_and_line_ends_are_passed_over),
		cmocka_unit_test(names_come_in_lower_case),
		cmocka_unit_test(markers_are_known),
		cmocka_unit_test(a_hashed_name_has_salt_and_hash),
		cmocka_unit_test(a_bad_line_says_why),
		cmocka_unit_test(a_nul_byte_is_bad),
		cmocka_unit_test(a_key_of_an_unknown_type_will_do),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}

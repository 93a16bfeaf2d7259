#include "tests/knownhosts_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <sys/stat.h>

#include <cmocka.h>

static void assert_types(const char *host, uint16_t port, const char *expected)
{
	char types[256];

	knownhosts_types(f.known, host, port, types, sizeof(types));
	assert_string_equal(types, expected);
}

static void no_file_knows_nobody(void **state)
{
	struct stat st;

	(void)state;
	open_files();
	assert_int_equal(look_ed("web1", '1'), KNOWNHOSTS_NEW);
	assert_types("web1", 22, "");
	/* And none is made for that. */
	assert_int_not_equal(stat(f.state, &st), 0);
	assert_int_equal(warned, 0);
}

static void a_plain_line_knows_its_names(void **state)
{
	(void)state;
	open_with(LINES("web0 %E0", "Web1,10.0.0.1,::1 %E1", "web2 %P1"));
	assert_int_equal(look_ed("web1", '1'), KNOWNHOSTS_KNOWN);
	assert_int_equal(look_ed("WEB1", '1'), KNOWNHOSTS_KNOWN);
	assert_int_equal(look_ed("10.0.0.1", '1'), KNOWNHOSTS_KNOWN);
	assert_int_equal(look_ed("::1", '1'), KNOWNHOSTS_KNOWN);
	assert_int_equal(look_ed("web10", '1'), KNOWNHOSTS_NEW);
	assert_int_equal(look_ed("web1", '2'), KNOWNHOSTS_CHANGED);
	assert_entry(f.user, 2, ED25519, '1');
	assert_types("web1", 22, ED25519);
	assert_types("web2", 22, ECDSA);
}

static void a_host_may_have_several_keys(void **state)
{
	(void)state;
	open_with(LINES("web1 %E1", "web1 %P2", "web1 %E3"));
	assert_int_equal(look_ed("web1", '1'), KNOWNHOSTS_KNOWN);
	assert_int_equal(look_ed("web1", '3'), KNOWNHOSTS_KNOWN);
	assert_int_equal(look("web1", 22, ECDSA, '2'), KNOWNHOSTS_KNOWN);
	assert_int_equal(look_ed("web1", '2'), KNOWNHOSTS_CHANGED);
	assert_entry(f.user, 1, ED25519, '1');
}

/* Else whoever sits in between would choose a type that is not known. */
static void a_key_of_another_type_is_a_change(void **state)
{
	(void)state;
	open_with(LINES("web1 %P1", "%Hweb2% %P2", "web* %P3"));
	assert_int_equal(look_ed("web1", '9'), KNOWNHOSTS_CHANGED);
	assert_entry(f.user, 1, ECDSA, '1');
	assert_int_equal(look_ed("web2", '9'), KNOWNHOSTS_CHANGED);
	assert_int_equal(look_ed("web3", '9'), KNOWNHOSTS_CHANGED);
	assert_entry(f.user, 3, ECDSA, '3');
}

static void a_hashed_line_knows_its_name(void **state)
{
	(void)state;
	open_with(LINES("%Hweb0% %E1", "%Hweb1% %E1", "%Hweb2% %E2",
	                "%H[web3]:2200% %E3"));
	assert_int_equal(look_ed("web1", '1'), KNOWNHOSTS_KNOWN);
	assert_int_equal(look_ed("web2", '2'), KNOWNHOSTS_KNOWN);
	assert_int_equal(look_ed("web4", '1'), KNOWNHOSTS_NEW);
	assert_int_equal(look_ed("web1", '2'), KNOWNHOSTS_CHANGED);
	assert_entry(f.user, 2, ED25519, '1');
	assert_int_equal(look("web3", 2200, ED25519, '3'), KNOWNHOSTS_KNOWN);
	assert_int_equal(look("web3", 2200, ED25519, '4'), KNOWNHOSTS_CHANGED);
	assert_int_equal(look_ed("web3", '3'), KNOWNHOSTS_NEW);
}

/* So that the next handshake asks for it. */
static void what_a_hashed_line_has_is_known_after_a_change(void **state)
{
	(void)state;
	open_with(LINES("%Hweb1% %P1"));
	assert_types("web1", 22, "");
	assert_int_equal(look_ed("web1", '9'), KNOWNHOSTS_CHANGED);
	assert_types("web1", 22, ECDSA);
	assert_int_equal(look("web1", 22, ECDSA, '1'), KNOWNHOSTS_KNOWN);
	assert_int_equal(look_ed("web1", '9'), KNOWNHOSTS_CHANGED);
	assert_entry(f.user, 1, ECDSA, '1');
}

static void another_port_is_another_host(void **state)
{
	(void)state;
	open_with(LINES("web1 %E1", "[web1]:2200 %E2", "[::1]:2200 %E3"));
	assert_int_equal(look("web1", 2200, ED25519, '2'), KNOWNHOSTS_KNOWN);
	assert_int_equal(look("web1", 2200, ED25519, '1'), KNOWNHOSTS_CHANGED);
	assert_entry(f.user, 2, ED25519, '2');
	assert_int_equal(look("web1", 22, ED25519, '2'), KNOWNHOSTS_CHANGED);
	assert_int_equal(look("::1", 2200, ED25519, '3'), KNOWNHOSTS_KNOWN);
	assert_int_equal(look("::1", 22, ED25519, '3'), KNOWNHOSTS_NEW);
}

/* The host file's addresses are canonical, those of the files need not be. */
static void an_address_is_found_in_each_of_its_forms(void **state)
{
	(void)state;
	open_with(LINES("2001:DB8:0::1 %E1", "[2001:db8:0:0::2]:2200 %E2",
	                "::ffff:10.0.0.3 %E3", "web4. %E4"));
	assert_int_equal(look_ed("2001:db8::1", '9'), KNOWNHOSTS_CHANGED);
	assert_int_equal(look("2001:db8::2", 2200, ED25519, '9'),
	                 KNOWNHOSTS_CHANGED);
	assert_int_equal(look_ed("10.0.0.3", '9'), KNOWNHOSTS_CHANGED);
	assert_int_equal(look_ed("web4", '9'), KNOWNHOSTS_CHANGED);
	assert_int_equal(look_ed("2001:db8::1", '1'), KNOWNHOSTS_KNOWN);
}

/* As OpenSSH: "found matching key w/out port". */
static void without_a_line_for_the_port_the_hosts_own_key_will_do(void **state)
{
	(void)state;
	open_with(LINES("web1 %E1", "@revoked web2 %E2", "%Hweb3% %E3"));
	assert_int_equal(look("web1", 2200, ED25519, '1'), KNOWNHOSTS_KNOWN);
	assert_int_equal(look("web1", 2200, ED25519, '9'), KNOWNHOSTS_NEW);
	assert_types("web1", 2200, ED25519);
	assert_int_equal(look("web2", 2200, ED25519, '2'), KNOWNHOSTS_REVOKED);
	assert_int_equal(look("web3", 2200, ED25519, '3'), KNOWNHOSTS_KNOWN);
	assert_int_equal(look("web3", 2200, ED25519, '9'), KNOWNHOSTS_NEW);
}

static void patterns_and_negation_count(void **state)
{
	(void)state;
	open_with(LINES("*.example.com,!bad.example.com %E1", "10.0.?.1 %P2",
	                "[10.9.*]:2200 %E3"));
	assert_int_equal(look_ed("a.example.com", '1'), KNOWNHOSTS_KNOWN);
	assert_int_equal(look_ed("A.Example.com", '2'), KNOWNHOSTS_CHANGED);
	assert_entry(f.user, 1, ED25519, '1');
	assert_int_equal(look_ed("bad.example.com", '1'), KNOWNHOSTS_NEW);
	assert_types("10.0.7.1", 22, ECDSA);
	assert_int_equal(look("10.9.1.1", 2200, ED25519, '3'),
	                 KNOWNHOSTS_KNOWN);
	assert_int_equal(look_ed("10.9.1.1", '3'), KNOWNHOSTS_NEW);
}

static void a_revoked_key_is_refused_wherever_it_is_known_too(void **state)
{
	(void)state;
	open_with(LINES("web1 %E1", "@revoked * %E1", "web2 %E2",
	                "@revoked web2 %E2", "%Hweb3% %E3",
	                "@revoked %Hweb3% %E3", "@revoked web4 %E4"));
	assert_int_equal(look_ed("web1", '1'), KNOWNHOSTS_REVOKED);
	assert_entry(f.user, 2, ED25519, '1');
	assert_int_equal(look_ed("new", '1'), KNOWNHOSTS_REVOKED);
	assert_int_equal(look_ed("web2", '2'), KNOWNHOSTS_REVOKED);
	assert_entry(f.user, 4, ED25519, '2');
	assert_int_equal(look_ed("web3", '3'), KNOWNHOSTS_REVOKED);
	assert_entry(f.user, 6, ED25519, '3');
	/* A key that is revoked is none that is known. */
	assert_int_equal(look_ed("web4", '5'), KNOWNHOSTS_NEW);
	assert_types("web4", 22, "");
}

static void a_signers_key_is_no_hosts_key(void **state)
{
	(void)state;
	open_with(LINES("@cert-authority * %E1", "web1 %E2"));
	assert_int_equal(look_ed("web1", '2'), KNOWNHOSTS_KNOWN);
	assert_int_equal(look_ed("web1", '1'), KNOWNHOSTS_CHANGED);
	assert_int_equal(look_ed("web2", '1'), KNOWNHOSTS_NEW);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		KNOWN_TEST(no_file_knows_nobody),
		KNOWN_TEST(a_plain_line_knows_its_names),
		KNOWN_TEST(a_host_may_have_several_keys),
		KNOWN_TEST(a_key_of_another_type_is_a_change),
		KNOWN_TEST(a_hashed_line_knows_its_name),
		KNOWN_TEST(what_a_hashed_line_has_is_known_after_a_change),
		KNOWN_TEST(another_port_is_another_host),
		KNOWN_TEST(an_address_is_found_in_each_of_its_forms),
		KNOWN_TEST(
		    without_a_line_for_the_port_the_hosts_own_key_will_do),
		KNOWN_TEST(patterns_and_negation_count),
		KNOWN_TEST(a_revoked_key_is_refused_wherever_it_is_known_too),
		KNOWN_TEST(a_signers_key_is_no_hosts_key),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}

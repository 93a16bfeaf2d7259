#include "sql/dsn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct dsn dsn;
static struct err err;

static const struct server *parse(const char *text)
{
	err.text[0] = '\0';
	if (!dsn_parse(&dsn, text, &err))
		fail_msg("%s: %s", text, err.text);
	return &dsn.server;
}

static const char *refuse(const char *text)
{
	err = (struct err){ .kind = ERR_NONE };
	if (dsn_parse(&dsn, text, &err))
		fail_msg("%s was taken", text);
	assert_int_equal(err.kind, ERR_INPUT);
	assert_true(err.text[0] != '\0');
	return err.text;
}

static void every_part_of_a_server_is_found(void **state)
{
	const struct server *server = parse(
	    "mysql://inv:pw@db1:3307/fleet?ssl-mode=VERIFY_CA&ssl-ca=/ca.pem"
	    "&ssl_capath=/cas&ssl-cert=/c.pem&ssl-key=/k.pem"
	    "&connect-timeout=7");

	(void)state;
	assert_int_equal(dsn.kind, DSN_MYSQL);
	assert_string_equal(server->user, "inv");
	assert_string_equal(server->password, "pw");
	assert_true(server->has_password);
	assert_string_equal(server->host, "db1");
	assert_int_equal(server->port, 3307);
	assert_true(server->port_in_dsn);
	assert_string_equal(server->database, "fleet");
	assert_int_equal(server->tls, TLS_VERIFY_CA);
	assert_string_equal(server->ssl_ca, "/ca.pem");
	assert_string_equal(server->ssl_capath, "/cas");
	assert_string_equal(server->ssl_cert, "/c.pem");
	assert_string_equal(server->ssl_key, "/k.pem");
	assert_int_equal(server->connect_timeout_s, 7);
}

static void what_is_left_out_stays_empty(void **state)
{
	const struct server *server = parse("mariadb://db1/fleet");

	(void)state;
	assert_string_equal(server->user, "");
	assert_false(server->has_password);
	assert_int_equal(server->port, 0);
	assert_false(server->port_in_dsn);
	assert_int_equal(server->tls, TLS_UNSET);
	assert_int_equal(server->connect_timeout_s, 0);
	server = parse("mysql:///fleet");
	assert_string_equal(server->host, "");
	assert_string_equal(server->database, "fleet");
	server = parse("mysql://");
	assert_string_equal(server->database, "");
}

static void an_empty_password_is_a_password(void **state)
{
	(void)state;
	assert_true(parse("mysql://inv:@db1/fleet")->has_password);
	assert_string_equal(dsn.server.password, "");
	assert_false(parse("mysql://inv@db1/fleet")->has_password);
}

static void percent_decoding_gives_bytes(void **state)
{
	const struct server *server =
	    parse("mysql://us%3Aer:p%40%2f%25%C3%A4@db1/fle%65t");

	(void)state;
	assert_string_equal(server->user, "us:er");
	assert_string_equal(server->password, "p@/%\xC3\xA4");
	assert_string_equal(server->database, "fleet");
	assert_string_equal(parse("mysql:///d?socket=%2Frun%2Fs")->socket,
	                    "/run/s");
}

static void a_password_may_hold_a_colon(void **state)
{
	(void)state;
	assert_string_equal(parse("mysql://u:a:b@h/d")->password, "a:b");
}

static void an_address_in_brackets_is_a_host(void **state)
{
	(void)state;
	assert_string_equal(parse("mysql://u@[::1]:3307/d")->host, "::1");
	assert_int_equal(dsn.server.port, 3307);
	assert_string_equal(parse("mysql://[::1]/d")->host, "::1");
	assert_int_equal(dsn.server.port, 0);
}

static void sqlite_paths_are_taken_as_they_are(void **state)
{
	static const struct {
		const char *dsn, *path;
	} cases[] = {
		{ "sqlite:inventory.db", "inventory.db" },
		{ "sqlite:/var/x.db", "/var/x.db" },
		{ "sqlite:///var/x.db", "/var/x.db" },
		{ "SQLite:a%20b?c#d@e", "a%20b?c#d@e" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		parse(cases[i].dsn);
		assert_int_equal(dsn.kind, DSN_SQLITE);
		assert_string_equal(dsn.path, cases[i].path);
	}
}

static void a_database_in_memory_is_no_store(void **state)
{
	(void)state;
	refuse("sqlite::memory:");
	refuse("sqlite::other");
	parse("sqlite:./:memory:");
	assert_string_equal(dsn.path, "./:memory:");
}

static void what_is_wrong_comes_before_the_hint(void **state)
{
	const char *text = refuse("mysql://h:x/d");

	(void)state;
	assert_ptr_equal(strstr(text, "port"), text);
	assert_non_null(strstr(text, "%2F"));
}

static void what_cannot_be_read_is_refused(void **state)
{
	static const char *const cases[] = {
		"",
		"inventory.db",
		"mysql:fleet",
		"postgres://h/d",
		"sqlite:",
		"sqlite://",
		"sqlite://host/x.db",
		"mysql://h:/d",
		"mysql://h:x/d",
		"mysql://h:70000/d",
		"mysql://h:99999999999999999999/d",
		"mysql://[::1/d",
		"mysql://[::1]3306/d",
		"mysql://h/d/e",
		"mysql://h/d#e",
		"mysql://h/d?ssl-mode",
		"mysql://h/d?ssl-mode=",
		"mysql://h/d?ssl-mode=SOMETIMES",
		"mysql://h/d?connect-timeout=soon",
		"mysql://h/d?host=other",
		"mysql://h/d?=x",
		"mysql://h%2/d",
		"mysql://h%zz/d",
		"mysql://h/d%00",
		"mysql://h/d%0A",
		"mysql://u:p%00q@h/d",
		"mysql://db1/d?socket=/run/s",
		"mysql://localhost:3306/d?socket=/run/s",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		refuse(cases[i]);
	/* A question mark with nothing behind it asks nothing. */
	parse("mysql://h/d?");
}

static void an_unknown_option_is_named(void **state)
{
	(void)state;
	assert_non_null(
	    strstr(refuse("mysql://u:secret@h/d?sslmode=x"), "'sslmode'"));
}

static void no_part_of_a_password_gets_into_an_error(void **state)
{
	static const char *const cases[] = {
		"mysql://u:secret/more@h/d", "mysql://u:1secret?x=y@h/d",
		"mysql://u:secret#more@h/d", "mysql://u:sec%zzret@h/d",
		"mysql://u:secret@h:port/d", "mysql://u:se/secret=1@h/d?a=b",
		"mysql://u:secret@h/d?x",    "mysql://u:1?secret=y@h/d",
		"mysql://u:secret@[::1/d",   "mysql://u:secret?secret=1&b",
		"mysql://u:secret",          "mysql://u:secret/d",
		"mysq://u:secret@h/d",       "mysql://u:secret%00@h/d",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		err.text[0] = '\0';
		dsn_parse(&dsn, cases[i], &err);
		if (strstr(err.text, "ecre"))
			fail_msg("%s: %s", cases[i], err.text);
	}
}

static void a_wiped_dsn_has_no_password(void **state)
{
	static const char zeros[sizeof(dsn.server.password)];

	(void)state;
	parse("mysql://u:secret@h/d");
	dsn_wipe(&dsn);
	assert_memory_equal(dsn.server.password, zeros, sizeof(zeros));
}

static void a_name_holds_all_but_the_password(void **state)
{
	static const struct {
		const char *dsn, *name;
	} cases[] = {
		{ "mysql://inv:pw@db1/fleet", "mysql://inv@db1:3306/fleet" },
		{ "mysql://db1:3307/fleet", "mysql://db1:3307/fleet" },
		{ "mysql://inv@[::1]/fleet", "mysql://inv@[::1]:3306/fleet" },
		{ "mysql://inv@localhost/fleet",
		  "mysql://inv@localhost/fleet" },
		{ "mysql:///fleet", "mysql://localhost/fleet" },
		{ "mysql://localhost:3306/fleet",
		  "mysql://localhost:3306/fleet" },
	};
	char name[256];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		parse(cases[i].dsn);
		assert_true(server_finish(&dsn.server, &err));
		server_name(&dsn.server, name, sizeof(name));
		assert_string_equal(name, cases[i].name);
	}
}

static enum tls_mode finished_mode(const char *text)
{
	parse(text);
	return server_finish(&dsn.server, &err) ? dsn.server.tls : TLS_UNSET;
}

static void the_mode_follows_from_what_is_named(void **state)
{
	(void)state;
	assert_int_equal(finished_mode("mysql://h/d"), TLS_PREFERRED);
	assert_int_equal(finished_mode("mysql://h/d?ssl-ca=/ca"),
	                 TLS_VERIFY_CA);
	assert_int_equal(finished_mode("mysql://h/d?ssl-ca=/ca"
	                               "&ssl-mode=required"),
	                 TLS_REQUIRED);
	/* To be verified against nothing is refused. */
	assert_int_equal(finished_mode("mysql://h/d?ssl-mode=VERIFY_CA"),
	                 TLS_UNSET);
	assert_int_equal(finished_mode("mysql://h/d?ssl-cert=/c"), TLS_UNSET);
	assert_int_equal(finished_mode("mysql://h"), TLS_UNSET);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_part_of_a_server_is_found),
		cmocka_unit_test(what_is_left_out_stays_empty),
		cmocka_unit_test(an_empty_password_is_a_password),
		cmocka_unit_test(percent_decoding_gives_bytes),
		cmocka_unit_test(a_password_may_hold_a_colon),
		cmocka_unit_test(an_address_in_brackets_is_a_host),
		cmocka_unit_test(sqlite_paths_are_taken_as_they_are),
		cmocka_unit_test(a_database_in_memory_is_no_store),
		cmocka_unit_test(what_is_wrong_comes_before_the_hint),
		cmocka_unit_test(what_cannot_be_read_is_refused),
		cmocka_unit_test(an_unknown_option_is_named),
		cmocka_unit_test(no_part_of_a_password_gets_into_an_error),
		cmocka_unit_test(a_wiped_dsn_has_no_password),
		cmocka_unit_test(a_name_holds_all_but_the_password),
		cmocka_unit_test(the_mode_follows_from_what_is_named),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}

#include "inventory/host.h"

#include "tests/host_fixture.h"

/* Where a line names its user, its password and its key, and where not. */

static void a_user_may_stand_before_the_address(void **state)
{
	static const struct {
		const char *line, *user, *ip;
		unsigned port;
	} cases[] = {
		{ "root@web1 p", "root", "web1", 22 },
		{ "root@web1:2200 p", "root", "web1", 2200 },
		{ "root@[::1]:2200 p", "root", "::1", 2200 },
		{ "root@::1 p", "root", "::1", 22 },
		{ "a@b.example@web1 p port=24", "a@b.example", "web1", 24 },
		{ "port=1@web1 p", "port=1", "web1", 22 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		const char *line = cases[i].line;
		struct host host;
		struct err err;

		if (!parse(&host, line, strlen(line), &err))
			fail_msg("%s: %s", line, err.text);
		assert_string_equal(host.user, cases[i].user);
		assert_string_equal(host.ip, cases[i].ip);
		assert_int_equal(host.port, cases[i].port);
		assert_string_equal(host.password, "p");
	}
}

static void options_may_stand_for_the_whole_login(void **state)
{
	static const char line[] =
	    "web1 key=~/.ssh/id user=root port=24 name=port=7 group=g";
	struct host host;
	struct err err;

	(void)state;
	assert_true(parse(&host, line, strlen(line), &err));
	assert_string_equal(host.user, "root");
	assert_string_equal(host.key, "~/.ssh/id");
	assert_string_equal(host.name, "port=7");
	assert_string_equal(host.group, "g");
	assert_int_equal(host.port, 24);
	assert_false(host.has_password);
	assert_true(host.lacks_password);
}

static void a_key_serves_instead_of_a_password_or_beside_it(void **state)
{
	struct host host;
	struct err err;

	(void)state;
	/* The third field of a line with a user is the password. */
	assert_true(parse(&host, "web1 root key=id", 16, &err));
	assert_string_equal(host.password, "key=id");
	assert_string_equal(host.key, "");
	assert_true(parse(&host, "web1 root - key=id", 18, &err));
	assert_string_equal(host.key, "id");
	assert_false(host.has_password);
	assert_false(host.lacks_password);
	assert_true(parse(&host, "web1 root pw key=id", 19, &err));
	assert_string_equal(host.key, "id");
	assert_string_equal(host.password, "pw");
	assert_true(parse(&host, "root@web1 key=id", 16, &err));
	assert_string_equal(host.key, "id");
	assert_true(host.lacks_password);
}

static void a_port_that_is_named_is_told_from_the_default(void **state)
{
	static const struct {
		const char *line;
		bool named;
	} cases[] = {
		{ "h u p", false },        { "h:22 u p", true },
		{ "h u p port=22", true }, { "[::1] u p", false },
		{ "[::1]:22 u p", true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct host host;
		struct err err;

		assert_true(
		    parse(&host, cases[i].line, strlen(cases[i].line), &err));
		assert_int_equal(host.has_port, cases[i].named);
		assert_int_equal(host.port, 22);
	}
}

/* What the line names, what may be left out, and what comes of it. */
static void
a_short_line_is_taken_where_its_rest_comes_from_elsewhere(void **state)
{
	static const struct {
		const char *line;
		struct host_defaults defaults;
		const char *user; /* NULL: refused */
		const char *text;
	} cases[] = {
		{ "h",
		  { 22, NULL, false, false },
		  NULL,
		  "no user and no password" },
		{ "h",
		  { 22, NULL, true, false },
		  NULL,
		  "no password ('-' means none)" },
		{ "h", { 22, NULL, false, true }, NULL, "no user" },
		{ "h", { 22, NULL, true, true }, "", NULL },
		{ "h", { 22, "dflt", false, true }, "dflt", NULL },
		{ "h",
		  { 22, "dflt", false, false },
		  NULL,
		  "no password ('-' means none)" },
		{ "h u", { 22, "dflt", true, true }, "u", NULL },
		{ "h u",
		  { 22, "dflt", true, false },
		  NULL,
		  "no password ('-' means none)" },
		{ "u@h", { 22, "dflt", false, true }, "u", NULL },
		{ "h port=24", { 22, "dflt", false, true }, "dflt", NULL },
		{ "h user=u", { 22, "dflt", false, true }, "u", NULL },
		{ "h key=f", { 22, "dflt", false, false }, "dflt", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		const char *line = cases[i].line;
		struct host host;
		struct err err;
		bool ok = host_parse(&host, line, strlen(line),
		                     &cases[i].defaults, &err);

		assert_int_equal(ok, cases[i].user != NULL);
		if (!ok) {
			assert_string_equal(err.text, cases[i].text);
			continue;
		}
		assert_string_equal(host.user, cases[i].user);
		assert_false(host.has_password);
		assert_true(host.lacks_password);
	}
}

static void a_whole_line_lacks_nothing(void **state)
{
	static const struct host_defaults lax = { 22, "dflt", true, true };
	struct host host;
	struct err err;

	(void)state;
	assert_true(host_parse(&host, "h u p", 5, &lax, &err));
	assert_false(host.lacks_password);
	assert_true(host_parse(&host, "h u -", 5, &lax, &err));
	assert_false(host.lacks_password);
	assert_string_equal(host.user, "u");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_user_may_stand_before_the_address),
		cmocka_unit_test(options_may_stand_for_the_whole_login),
		cmocka_unit_test(
		    a_key_serves_instead_of_a_password_or_beside_it),
		cmocka_unit_test(a_port_that_is_named_is_told_from_the_default),
		cmocka_unit_test(
		    a_short_line_is_taken_where_its_rest_comes_from_elsewhere),
		cmocka_unit_test(a_whole_line_lacks_nothing),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}

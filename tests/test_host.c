#include "inventory/host.h"

#include "tests/host_fixture.h"

static void assert_zero(const void *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		assert_int_equal(((const unsigned char *)bytes)[i], 0);
}

static void an_address_becomes_canonical(void **state)
{
	static const struct {
		const char *field, *ip;
		unsigned port;
		bool is_name;
	} cases[] = {
		{ "192.168.32.167", "192.168.32.167", 22, false },
		{ "0.0.0.0", "0.0.0.0", 22, false },
		{ "10.0.0.1:2200", "10.0.0.1", 2200, false },
		{ "10.0.0.1:1", "10.0.0.1", 1, false },
		{ "10.0.0.1:65535", "10.0.0.1", 65535, false },
		{ "10.0.0.1:00022", "10.0.0.1", 22, false },
		{ "::1", "::1", 22, false },
		{ "[::1]", "::1", 22, false },
		{ "[::1]:2200", "::1", 2200, false },
		{ "0:0:0:0:0:0:0:1", "::1", 22, false },
		{ "2001:DB8:0:0::00AB", "2001:db8::ab", 22, false },
		{ "[2001:DB8::1]:22", "2001:db8::1", 22, false },
		{ "::ffff:192.0.2.1", "192.0.2.1", 22, false },
		{ "::FFFF:c000:201", "192.0.2.1", 22, false },
		{ "fe80::1%eth0", "fe80::1%eth0", 22, false },
		{ "FE80:0::1%eth0", "fe80::1%eth0", 22, false },
		{ "[fe80::1%eth0]:2200", "fe80::1%eth0", 2200, false },
		{ "fe80::1%fifteen-bytes-x", "fe80::1%fifteen-bytes-x", 22,
		  false },
		{ "web1", "web1", 22, true },
		{ "web1:2200", "web1", 2200, true },
		{ "Web1.Example.COM", "web1.example.com", 22, true },
		{ "WEB1.example.com.", "web1.example.com", 22, true },
		{ "web1.:2200", "web1", 2200, true },
		{ "_srv.web-1", "_srv.web-1", 22, true },
		{ "3com", "3com", 22, true },
		{ "1.2.3.4a", "1.2.3.4a", 22, true },
		{ "a", "a", 22, true },
		{ "xn--bcher-kva.example", "xn--bcher-kva.example", 22, true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		char line[128];
		struct host host;
		struct err err;
		int length =
		    snprintf(line, sizeof(line), "%s u p", cases[i].field);

		if (!parse(&host, line, (size_t)length, &err))
			fail_msg("%s: %s", line, err.text);
		assert_string_equal(host.ip, cases[i].ip);
		assert_int_equal(host.port, cases[i].port);
		assert_int_equal(host.is_name, cases[i].is_name);
		assert_string_equal(host.user, "u");
		assert_string_equal(host.password, "p");
		assert_true(host.has_password);
		assert_int_equal(host.line, 0);
	}
}

static void the_password_is_taken_byte_for_byte(void **state)
{
	static const char *const passwords[] = {
		"secret",
		"#hash",
		"a#b",
		"a:b=c",
		"port=23",
		"name=x",
		"key=x",
		"user=x",
		"--",
		"-x",
		"'\"\\$(reboot)`",
		"p\xC3\xA4ss\xF0\x9F\x90\xA7",
		"\x01\x02\x7F\r",
		"\xC2\xA0", /* a no-break space is no blank */
		"\xEF\xBB\xBF",
		"%s%n",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(passwords); i++) {
		char line[128];
		struct host host;
		struct err err;
		int length = snprintf(line, sizeof(line), "h\tu \t %s port=24",
		                      passwords[i]);

		assert_true(parse(&host, line, (size_t)length, &err));
		assert_string_equal(host.password, passwords[i]);
		assert_true(host.has_password);
		assert_int_equal(host.port, 24);
	}
}

static void a_dash_means_no_password(void **state)
{
	struct host host;
	struct err err;

	(void)state;
	assert_true(parse(&host, "h u -", 5, &err));
	assert_false(host.has_password);
	assert_string_equal(host.password, "");
}

static void options_follow_in_any_order(void **state)
{
	static const char line[] =
	    " \th u p  group=dmz,\xC3\xA4\tname=a=b:c port=2200 \t";
	struct host host;
	struct err err;

	(void)state;
	assert_true(parse(&host, line, strlen(line), &err));
	assert_int_equal(host.port, 2200);
	assert_string_equal(host.name, "a=b:c");
	assert_string_equal(host.group, "dmz,\xC3\xA4");
}

static void an_address_is_set_by_itself(void **state)
{
	struct host host = { .port = 22 };
	struct err err;

	(void)state;
	assert_true(host_set_address(&host, "WEB1:24", 7, &err));
	assert_string_equal(host.ip, "web1");
	assert_true(host.is_name);
	assert_true(host.has_port);
	assert_int_equal(host.port, 24);
	assert_true(host_set_address(&host, "0:0::1", 6, &err));
	assert_string_equal(host.ip, "::1");
	assert_false(host.is_name);
	assert_false(host.has_port);
	assert_false(host_set_address(&host, "a/b", 3, &err));
	assert_string_equal(err.text, "'a/b' is not an address");
}

static void the_default_port_serves_where_none_is_named(void **state)
{
	static const struct host_defaults port_2022 = { .port = 2022 };
	struct host host;
	struct err err;

	(void)state;
	assert_true(host_parse(&host, "h u p", 5, &port_2022, &err));
	assert_int_equal(host.port, 2022);
	assert_true(host_parse(&host, "[::1] u p", 9, &port_2022, &err));
	assert_int_equal(host.port, 2022);
}

#define SECRET "S3cr3t!"
#define UNKNOWN_KEY                                                            \
	"unknown key (port=, user=, key=, name= and group= are known)"
#define STRAY_OPTION "stray field (behind key=value comes nothing else)"
#define STRAY "stray field after the password (a password cannot hold blanks)"

static const struct {
	const char *line, *text;
} bad_lines[] = {
	{ "1.2.3.4.5 u " SECRET, "'1.2.3.4.5' is not an address" },
	{ "1.2.3 u " SECRET, "'1.2.3' is not an address" },
	{ "1.2.3.256 u " SECRET, "'1.2.3.256' is not an address" },
	{ "010.0.0.1 u " SECRET, "'010.0.0.1' is not an address" },
	{ "42 u " SECRET, "'42' is not an address" },
	{ "a.42 u " SECRET, "'a.42' is not an address" },
	{ "-a u " SECRET, "'-a' is not an address" },
	{ "a- u " SECRET, "'a-' is not an address" },
	{ "a-.b u " SECRET, "'a-.b' is not an address" },
	{ ".a u " SECRET, "'.a' is not an address" },
	{ "a..b u " SECRET, "'a..b' is not an address" },
	{ "a.. u " SECRET, "'a..' is not an address" },
	{ ". u " SECRET, "'.' is not an address" },
	{ "a/b u " SECRET, "'a/b' is not an address" },
	{ "@h u " SECRET, "'@h' is not an address" },
	{ "u@ " SECRET, "'u@' is not an address" },
	{ "u@h@ " SECRET, "'u@h@' is not an address" },
	{ "u@-h " SECRET, "'u@-h' is not an address" },
	{ "u@h:0 " SECRET, "bad port in 'u@h:0' (1 to 65535)" },
	{ "u@h", "no password ('-' means none)" },
	{ "u@h u " SECRET, STRAY },
	{ "u@h " SECRET " user=u", "user given twice" },
	{ "h u " SECRET " user=u", "user given twice" },
	{ "h u " SECRET " key=", "key= takes 1 to 255 bytes" },
	{ "h user=", "user= takes 1 to 255 bytes" },
	{ "h user=u", "no password ('-' means none)" },
	{ "h port=24", "no user and no password" },
	{ "h key=f", "no user" },
	{ "h user=u " SECRET, STRAY_OPTION },
	{ "h user=u key=f x=" SECRET, UNKNOWN_KEY },
	{ "b\xC3\xBC u " SECRET, "'b\xC3\xBC' is not an address" },
	{ ":::1 u " SECRET, "':::1' is not an address" },
	{ "1::2::3 u " SECRET, "'1::2::3' is not an address" },
	{ "[::1 u " SECRET, "'[::1' is not an address" },
	{ "[::1]x u " SECRET, "'[::1]x' is not an address" },
	{ "[]:22 u " SECRET, "'[]:22' is not an address" },
	{ "[1.2.3.4]:22 u " SECRET, "'[1.2.3.4]:22' is not an address" },
	{ "[h]:22 u " SECRET, "'[h]:22' is not an address" },
	{ "fe80::1% u " SECRET, "'fe80::1%' is not an address" },
	{ "fe80::1%sixteen-bytes-xx u " SECRET,
	  "'fe80::1%sixteen-bytes-xx' is not an address" },
	{ "fe80::1%lo]:1 u " SECRET, "'fe80::1%lo]:1' is not an address" },
	{ "fe80::1%a/b u " SECRET, "'fe80::1%a/b' is not an address" },
	{ "1.2.3.4%eth0 u " SECRET, "'1.2.3.4%eth0' is not an address" },
	{ ":22 u " SECRET, "':22' is not an address" },
	{ "h: u " SECRET, "bad port in 'h:' (1 to 65535)" },
	{ "h:0 u " SECRET, "bad port in 'h:0' (1 to 65535)" },
	{ "h:65536 u " SECRET, "bad port in 'h:65536' (1 to 65535)" },
	{ "h:-1 u " SECRET, "bad port in 'h:-1' (1 to 65535)" },
	{ "h:+1 u " SECRET, "bad port in 'h:+1' (1 to 65535)" },
	{ "h:0x16 u " SECRET, "bad port in 'h:0x16' (1 to 65535)" },
	{ "h:000022 u " SECRET, "bad port in 'h:000022' (1 to 65535)" },
	{ "[::1]: u " SECRET, "bad port in '[::1]:' (1 to 65535)" },
	{ "h", "no user and no password" },
	{ "h \t ", "no user and no password" },
	{ "h " SECRET, "no password ('-' means none)" },
	{ "h u " SECRET " x", STRAY },
	{ "h u pass " SECRET, STRAY },
	{ "h u " SECRET " # comment", STRAY },
	{ "h u pass " SECRET "=x", UNKNOWN_KEY },
	{ "h u pass Port=" SECRET, UNKNOWN_KEY },
	{ "h u pass =" SECRET, UNKNOWN_KEY },
	{ "h u pass ports=" SECRET, UNKNOWN_KEY },
	{ "h u pass port=" SECRET, "bad port= (1 to 65535)" },
	{ "h u " SECRET " port=", "bad port= (1 to 65535)" },
	{ "h u " SECRET " port=22 port=22", "port given twice" },
	{ "h:22 u " SECRET " port=22", "port given twice" },
	{ "h u pass name=a name=" SECRET, "name= given twice" },
	{ "h u pass group=a group=" SECRET, "group= given twice" },
	{ "h u " SECRET " name=", "name= takes 1 to 255 bytes" },
	{ "h u " SECRET " group=", "group= takes 1 to 255 bytes" },
	{ "h u " SECRET "\xFF", "not UTF-8 (byte 12)" },
	{ "h u " SECRET " \xED\xA0\x80", "not UTF-8 (byte 13)" },
	{ "\xFFh u " SECRET, "not UTF-8 (byte 1)" },
};

static void a_bad_line_is_named_without_its_secret(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(bad_lines); i++) {
		const char *line = bad_lines[i].line;
		struct host host;
		struct err err;

		if (parse(&host, line, strlen(line), &err))
			fail_msg("taken: %s", line);
		assert_int_equal(err.kind, ERR_INPUT);
		assert_string_equal(err.text, bad_lines[i].text);
		assert_null(strstr(err.text, SECRET));
		assert_zero(&host, sizeof(host));
	}
}

static void a_nul_byte_is_named_by_its_place(void **state)
{
	static const char line[] = "h u " SECRET "\0x";
	struct host host;
	struct err err;

	(void)state;
	assert_false(parse(&host, line, sizeof(line) - 1, &err));
	assert_string_equal(err.text, "NUL byte (byte 12)");
	assert_zero(&host, sizeof(host));
}

static void fields_may_be_as_long_as_said_and_no_longer(void **state)
{
	static const struct {
		const char *front, *back;
		size_t most;
		const char *text;
	} cases[] = {
		{ "h ", " p", HOST_USER_MAX, "user over 255 bytes" },
		{ "h u ", "", HOST_PASSWORD_MAX, "password over 1023 bytes" },
		{ "h u p name=", "", HOST_NAME_MAX_BYTES,
		  "name= takes 1 to 255 bytes" },
		{ "h u p group=", "", HOST_NAME_MAX_BYTES,
		  "group= takes 1 to 255 bytes" },
		{ "h u p key=", "", HOST_KEY_MAX, "key= takes 1 to 255 bytes" },
		{ "h user=", " key=f", HOST_USER_MAX,
		  "user= takes 1 to 255 bytes" },
		{ "", "@h p", HOST_USER_MAX, "user over 255 bytes" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		size_t front = strlen(cases[i].front);

		for (size_t more = 0; more < 2; more++) {
			size_t length = cases[i].most + more;
			char line[2048];
			struct host host;
			struct err err;

			memcpy(line, cases[i].front, front);
			memset(line + front, 'x', length);
			memcpy(line + front + length, cases[i].back,
			       strlen(cases[i].back));
			length += front + strlen(cases[i].back);
			assert_int_equal(parse(&host, line, length, &err),
			                 more == 0);
			if (more > 0)
				assert_string_equal(err.text, cases[i].text);
		}
	}
}

/* Labels of 63 bytes; the whole without its port. */
static size_t long_name(char *name, size_t length)
{
	for (size_t i = 0; i < length; i++)
		name[i] = i % 64 == 63 ? '.' : 'a';
	name[length] = '\0';
	return length;
}

/* The four bytes of user and password. */
static void add_rest(char *line, size_t size, size_t length)
{
	snprintf(line + length, size - length, " u p");
}

static void names_and_their_labels_have_limits(void **state)
{
	char line[512], text[1024];
	struct host host;
	struct err err;
	size_t length = long_name(line, HOST_IP_MAX);

	(void)state;
	add_rest(line, sizeof(line), length);
	assert_true(parse(&host, line, length + 4, &err));
	assert_int_equal(strlen(host.ip), HOST_IP_MAX);

	length = long_name(line, HOST_IP_MAX + 2);
	add_rest(line, sizeof(line), length);
	assert_false(parse(&host, line, length + 4, &err));
	/* And no more than 80 bytes of it are quoted. */
	long_name(line, 80);
	snprintf(text, sizeof(text), "'%s' is not an address", line);
	assert_string_equal(err.text, text);

	memset(line, 'a', 64);
	add_rest(line, sizeof(line), 64);
	assert_false(parse(&host, line, 68, &err));
	assert_true(parse(&host, line + 1, 67, &err));
}

static void blank_lines_and_comments_are_told_apart(void **state)
{
	static const struct {
		const char *line;
		bool blank;
	} cases[] = {
		{ "", true },       { " ", true },
		{ "\t \t", true },  { "#", true },
		{ " \t# x", true }, { "# 1.2.3.4 u p", true },
		{ "h", false },     { " h # x", false },
		{ "h#x", false },   { "\xC2\xA0", false },
		{ "\r", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++)
		assert_int_equal(
		    host_line_is_blank(cases[i].line, strlen(cases[i].line)),
		    cases[i].blank);
	assert_false(host_line_is_blank("\0", 1));
}

static void forgetting_overwrites_the_password_and_only_that(void **state)
{
	struct host host, before;
	struct err err;

	(void)state;
	memset(&host, 0xAA, sizeof(host));
	assert_true(host_parse(&host, "h u secret name=n", 17, &port_22, &err));
	memset(host.password, 'x', sizeof(host.password));
	before = host;
	host_forget_password(&host);
	assert_zero(host.password, sizeof(host.password));
	memset(before.password, 0, sizeof(before.password));
	assert_memory_equal(&host, &before, sizeof(host));
	host_wipe(&host);
	assert_zero(&host, sizeof(host));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_becomes_canonical),
		cmocka_unit_test(the_password_is_taken_byte_for_byte),
		cmocka_unit_test(a_dash_means_no_password),
		cmocka_unit_test(options_follow_in_any_order),
		cmocka_unit_test(an_address_is_set_by_itself),
		cmocka_unit_test(the_default_port_serves_where_none_is_named),
		cmocka_unit_test(a_bad_line_is_named_without_its_secret),
		cmocka_unit_test(a_nul_byte_is_named_by_its_place),
		cmocka_unit_test(fields_may_be_as_long_as_said_and_no_longer),
		cmocka_unit_test(names_and_their_labels_have_limits),
		cmocka_unit_test(blank_lines_and_comments_are_told_apart),
		cmocka_unit_test(
		    forgetting_overwrites_the_password_and_only_that),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}

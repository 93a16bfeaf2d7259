#include "inventory/ssh.h"

#include "inventory/agent.h"
#include "inventory/identity.h"
#include "inventory/tcp.h"
#include "tests/agent_fixture.h"
#include "tests/fleet/process.h"
#include "tests/key_fixture.h"
#include "tests/net_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Keys in sessions with the fleet, which knows one key of each kind. */

#define ARRAY_LENGTH(a) (sizeof(a) / sizeof((a)[0]))
#define USER "root"
#define PASSWORD "fleet-secret"
#define WELL "127.1.0.1"
#define KEYS_ONLY "127.22.0.1"

static const char *const known[] = { "ed25519", "ecdsa-256", "ecdsa-384",
	                             "ecdsa-521" };

static struct process fleet;

/* The public halves, as many as there are names; and no more. */
static void authorize(void)
{
	char all[4096];
	size_t used = 0;

	for (size_t i = 0; i < ARRAY_LENGTH(known); i++) {
		char name[32];
		size_t length;
		char *text;

		make_key(known[i], known[i], "RFC4716", "");
		snprintf(name, sizeof(name), "%s.pub", known[i]);
		text = read_file(name, &length);
		assert_true(length <= sizeof(all) - used);
		memcpy(all + used, text, length);
		used += length;
		free(text);
	}
	write_file("authorized", all, used);
}

static int begin(void **state)
{
	struct err err;
	char control[128], authorized[128];
	const char *const words[] = {
		"--port",   "0", "--control", control, "--authorized-keys",
		authorized, NULL
	};

	if (keys_start(state) != 0 || !ssh_library_init(&err))
		return -1;
	authorize();
	snprintf(control, sizeof(control), "%s", key_path("control"));
	snprintf(authorized, sizeof(authorized), "%s", key_path("authorized"));
	return process_start(&fleet, words) ? 0 : -1;
}

static int end(void **state)
{
	int status = process_stop(&fleet);

	ssh_library_end();
	return keys_stop(state) == 0 && status == 0 ? 0 : -1;
}

/* Of a host: keys that it was asked about, signed or not. */
static unsigned long keys_seen(const char *ip)
{
	const char *const words[] = { "--ask", key_path("control"), "counts",
		                      ip, NULL };
	char text[256], *at = text;

	assert_int_equal(process_run(words, text, sizeof(text)), 0);
	/* Address, connections, passwords, answers to prompts, keys. */
	for (int i = 0; i < 4; i++) {
		at = strchr(at, '\t');
		if (at == NULL)
			return 0;
		at++;
	}
	return strtoul(at, NULL, 10);
}

/* A login of its own connection; how often keys were looked at. */
static unsigned long visit(const char *ip, const struct login *login,
                           unsigned limit_ms, bool *ok, struct err *err)
{
	const struct wait wait = wait_ms(PLENTY_MS, -1);
	const struct wait shorter = wait_ms(limit_ms, -1);
	unsigned long before = keys_seen(ip);
	struct address address;
	struct ssh *ssh = NULL;
	size_t which;
	int fd = -1;

	err->kind = ERR_NONE;
	assert_true(address_parse(&address, ip, fleet.port, err));
	assert_true(
	    tcp_connect(&fd, &which, NULL, &address, 1, PLENTY_MS, &wait, err));
	assert_true(ssh_open(&ssh, fd, &shorter, err));
	assert_true(ssh_handshake(ssh, err));
	*ok = ssh_login(ssh, login, err);
	ssh_close(ssh);
	return keys_seen(ip) - before;
}

static struct identity *load(const char *name)
{
	struct identity *identity = NULL;
	struct err err;
	bool exposed;

	assert_true(
	    identity_load(&identity, key_path(name), NULL, &exposed, &err));
	return identity;
}

static struct login_settings with_keys(struct identity *const *identities,
                                       size_t count, struct agent *agent)
{
	return (struct login_settings){
		.ways = { LOGIN_KEYS, LOGIN_AGENT, LOGIN_PASSWORD },
		.way_count = 3,
		.identities = identities,
		.identity_count = count,
		.agent = agent,
		.agent_always = true,
	};
}

static void a_key_of_each_kind_logs_in(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(known); i++) {
		struct identity *identity = load(known[i]);
		const struct login_settings listed =
		    with_keys(&identity, 1, NULL);
		const struct login_settings none = with_keys(NULL, 0, NULL);
		const struct login by_list = { .settings = &listed,
			                       .user = USER };
		const struct login by_line = { .settings = &none,
			                       .user = USER,
			                       .identity = identity };
		struct err err;
		bool ok;

		/* Asked whether it would do, and signed with. */
		assert_int_equal(
		    visit(KEYS_ONLY, &by_list, PLENTY_MS, &ok, &err), 2);
		assert_true(ok);
		(void)visit(KEYS_ONLY, &by_line, PLENTY_MS, &ok, &err);
		assert_true(ok);
		identity_free(identity);
	}
}

static void at_most_five_keys_are_offered(void **state)
{
	struct identity *identities[7] = { NULL };
	const struct login_settings settings = with_keys(identities, 7, NULL);
	struct login login = { .settings = &settings, .user = USER };
	struct err err;
	bool ok;

	(void)state;
	for (size_t i = 0; i < 7; i++) {
		char name[16];

		snprintf(name, sizeof(name), "strange%zu", i);
		make_key(name, "ed25519", "RFC4716", "");
		identities[i] = load(name);
	}
	assert_int_equal(visit(WELL, &login, PLENTY_MS, &ok, &err), 5);
	assert_false(ok);
	assert_int_equal(err.kind, ERR_AUTH);
	/* And the password has its turn. */
	login.password = PASSWORD;
	assert_int_equal(visit(WELL, &login, PLENTY_MS, &ok, &err), 5);
	assert_true(ok);
	for (size_t i = 0; i < 7; i++)
		identity_free(identities[i]);
}

static void a_key_that_is_given_twice_is_offered_once(void **state)
{
	struct identity *identity;
	struct agent_fixture *fixture =
	    agent_fixture_start(AGENT_WELL, AGENT_WELL);
	struct agent *agent = NULL;
	const unsigned char *blob;
	size_t length;
	struct err err;
	bool ok;

	(void)state;
	make_key("strange", "ed25519", "RFC4716", "");
	identity = load("strange");
	blob = identity_blob(identity, &length);
	agent_fixture_key(fixture, blob, length);
	assert_true(
	    agent_open(&agent, agent_fixture_socket(fixture), -1, &err));
	{
		struct identity *const twice[] = { identity, identity };
		const struct login_settings settings =
		    with_keys(twice, 2, agent);
		const struct login login = { .settings = &settings,
			                     .user = USER,
			                     .identity = identity };

		assert_int_equal(visit(WELL, &login, PLENTY_MS, &ok, &err), 1);
		assert_false(ok);
		assert_int_equal(err.kind, ERR_AUTH);
	}
	agent_close(agent);
	agent_fixture_stop(fixture);
	identity_free(identity);
}

/* --- Agents that go wrong when the server would take their key ------------ */

static void an_agent_that_does_not_sign_leaves_the_other_ways(void **state)
{
	/* A signature that is wrong is not among them: the fleet's libssh does
	 * not answer one. */
	static const enum manner manners[] = { AGENT_REFUSING, AGENT_GARBAGE,
		                               AGENT_HALF, AGENT_SIGNS_VOID,
		                               AGENT_OLD };
	struct identity *identity = load("ed25519");
	size_t length;
	const unsigned char *blob = identity_blob(identity, &length);

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(manners); i++) {
		struct agent_fixture *fixture =
		    agent_fixture_start(AGENT_WELL, manners[i]);
		struct agent *agent = NULL;
		struct login_settings settings;
		struct login login = { .settings = &settings, .user = USER };
		struct err err;
		bool ok;

		agent_fixture_key(fixture, blob, length);
		assert_true(agent_open(&agent, agent_fixture_socket(fixture),
		                       -1, &err));
		settings = with_keys(NULL, 0, agent);
		(void)visit(WELL, &login, PLENTY_MS, &ok, &err);
		assert_false(ok);
		assert_int_equal(err.kind, ERR_AUTH);
		login.password = PASSWORD;
		(void)visit(WELL, &login, PLENTY_MS, &ok, &err);
		assert_true(ok);
		agent_close(agent);
		agent_fixture_stop(fixture);
	}
	identity_free(identity);
}

static void an_agent_that_hangs_ends_with_the_deadline(void **state)
{
	struct identity *identity = load("ed25519");
	struct agent_fixture *fixture =
	    agent_fixture_start(AGENT_WELL, AGENT_SILENT);
	struct agent *agent = NULL;
	size_t length;
	const unsigned char *blob = identity_blob(identity, &length);
	struct err err;
	bool ok;

	(void)state;
	agent_fixture_key(fixture, blob, length);
	assert_true(
	    agent_open(&agent, agent_fixture_socket(fixture), -1, &err));
	{
		const struct login_settings settings =
		    with_keys(NULL, 0, agent);
		const struct login login = { .settings = &settings,
			                     .user = USER,
			                     .password = PASSWORD };

		/* Time enough for a key exchange on a busy machine. */
		(void)visit(WELL, &login, 5000, &ok, &err);
		assert_false(ok);
		assert_int_equal(err.kind, ERR_TIMEOUT);
		assert_non_null(strstr(err.text, "ssh-agent"));
	}
	agent_close(agent);
	agent_fixture_stop(fixture);
	identity_free(identity);
}

/* Whatever an agent calls a key: the session lives on. */
static void what_is_no_key_is_not_offered(void **state)
{
	static const struct {
		const char *blob;
		size_t length;
	} cases[] = {
		{ "key", 3 },
		{ "\0\0\0\0", 4 },
		{ "\xff\xff\xff\xffssh-ed25519", 15 },
		{ "\0\0\0\5short", 9 },
		{ "\0\0\0\x1ask-ssh-ed25519@openssh.com\0\0\0\0", 34 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct agent_fixture *fixture =
		    agent_fixture_start(AGENT_WELL, AGENT_WELL);
		struct agent *agent = NULL;
		struct login_settings settings;
		const struct login login = { .settings = &settings,
			                     .user = USER,
			                     .password = PASSWORD };
		struct err err;
		bool ok;

		agent_fixture_key(fixture, cases[i].blob, cases[i].length);
		assert_true(agent_open(&agent, agent_fixture_socket(fixture),
		                       -1, &err));
		settings = with_keys(NULL, 0, agent);
		(void)visit(WELL, &login, PLENTY_MS, &ok, &err);
		if (!ok)
			fail_msg("%zu: %s", i, err.text);
		agent_close(agent);
		agent_fixture_stop(fixture);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_of_each_kind_logs_in),
		cmocka_unit_test(at_most_five_keys_are_offered),
		cmocka_unit_test(a_key_that_is_given_twice_is_offered_once),
		cmocka_unit_test(
		    an_agent_that_does_not_sign_leaves_the_other_ways),
		cmocka_unit_test(an_agent_that_hangs_ends_with_the_deadline),
		cmocka_unit_test(what_is_no_key_is_not_offered),
	};

	return !!cmocka_run_group_tests(tests, begin, end);
}

#include "inventory/sshconfig.h"

#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/sshconfig_fixture.h"

/* What test_sshconfig_ssh.c cannot compare with ssh. */

/* NOLINTBEGIN(concurrency-mt-unsafe): there are no threads */

static void assert_refused(const char *text, const char *part)
{
	char place[128];
	struct err err = { .text = "" };

	sshconfig_close(opened);
	opened = NULL;
	sshconfig_write("config", text);
	if (sshconfig_open_file(&opened, "config", &err))
		fail_msg("accepted: %s", text);
	assert_int_equal(err.kind, ERR_INPUT);
	snprintf(place, sizeof(place), "%s:2: ", sshconfig_path("config"));
	assert_int_equal(strncmp(err.text, place, strlen(place)), 0);
	if (strstr(err.text, part) == NULL)
		fail_msg("'%s' is not in '%s'", part, err.text);
}

static void hosts_with_the_same_settings_share_them(void **state)
{
	const struct sshconfig_shared *web, *db;

	(void)state;
	open_text("Host web*\nIdentityFile /k/web\nHostName %h.example.com\n"
	          "Host db*\nIdentityFile /k/db\nHost *\nUser bob\n");
	web = find("web1");
	assert_string_equal(found.hostname, "web1.example.com");
	assert_string_equal(found.user, "bob");
	db = find("db1");
	assert_string_equal(found.hostname, "");
	assert_ptr_not_equal(web, db);
	for (int i = 0; i < 1000; i++) {
		char host[16];

		snprintf(host, sizeof(host), "web%d", i);
		assert_ptr_equal(find(host), web);
		snprintf(host, sizeof(host), "db%d", i);
		assert_ptr_equal(find(host), db);
	}
	assert_string_equal(web->identity_files[0], "/k/web");
	assert_int_equal(web->identity_count, 1);
	assert_string_equal(db->identity_files[0], "/k/db");
}

static void what_depends_on_the_host_differs_by_host(void **state)
{
	const struct sshconfig_shared *one, *two;

	(void)state;
	open_text("UserKnownHostsFile /kh/%h /kh/%r-%p\nProxyJump %h-jump\n"
	          "User bob\n");
	one = find("one");
	two = find("two");
	assert_ptr_not_equal(one, two);
	assert_ptr_equal(find("one"), one);
	assert_int_equal(one->user_known_hosts_count, 2);
	assert_string_equal(one->user_known_hosts[0], "/kh/one");
	assert_string_equal(one->user_known_hosts[1], "/kh/bob-22");
	assert_string_equal(one->proxy_jump, "one-jump");
	assert_string_equal(two->user_known_hosts[0], "/kh/two");
}

/* The table grows, and what was handed out stays where it is. */
static void what_was_handed_out_stays(void **state)
{
	const struct sshconfig_shared *shared[500];
	char host[16], path[32];

	(void)state;
	open_text("IdentityFile /k/%h\n");
	for (int i = 0; i < 500; i++) {
		snprintf(host, sizeof(host), "h%d", i);
		shared[i] = find(host);
	}
	for (int i = 0; i < 500; i++) {
		snprintf(host, sizeof(host), "h%d", i);
		snprintf(path, sizeof(path), "/k/h%d", i);
		assert_ptr_equal(find(host), shared[i]);
		assert_string_equal(shared[i]->identity_files[0], path);
	}
}

/* Each host in flight may need a session at one then. */
static void only_a_jump_host_is_a_jump_host(void **state)
{
	static const struct {
		const char *text;
		bool has;
	} cases[] = {
		{ "", false },
		{ "Host *\nUser root\nPort 2222\n", false },
		{ "Host a\nProxyJump none\n", false },
		{ "Host a\nProxyCommand none\n", false },
		{ "Host a\nProxyCommand nc %h %p\n", false },
		{ "Host a\nProxyJump none\nHost b\nProxyJump c\n", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		open_text(cases[i].text);
		assert_int_equal(sshconfig_has_jumps(opened), cases[i].has);
	}
}

static void nothing_said_is_nothing_set(void **state)
{
	const struct sshconfig_shared *shared;

	(void)state;
	open_text("# nothing\n\nHost x\n");
	assert_true(sshconfig_is_empty(opened));
	shared = find("x");
	assert_string_equal(found.hostname, "");
	assert_string_equal(found.user, "");
	assert_int_equal(found.port, 0);
	assert_int_equal(shared->identity_count, 0);
	assert_int_equal(shared->user_known_hosts_count, 0);
	assert_int_equal(shared->global_known_hosts_count, 0);
	assert_null(shared->identity_agent);
	assert_null(shared->proxy_jump);
	assert_false(shared->proxy_command);
	assert_false(shared->identities_only);
	assert_int_equal(shared->checking, SSHCONFIG_UNSET);
	open_text("Host y\nPort 1\n");
	assert_false(sshconfig_is_empty(opened));
}

static void none_is_told_apart_from_nothing(void **state)
{
	const struct sshconfig_shared *shared;

	(void)state;
	open_text("IdentityFile None\nIdentityAgent none\nProxyJump none\n"
	          "UserKnownHostsFile none\nGlobalKnownHostsFile none\n");
	shared = find("x");
	assert_int_equal(shared->identity_count, 1);
	assert_string_equal(shared->identity_files[0], "none");
	assert_string_equal(shared->identity_agent, "none");
	assert_string_equal(shared->proxy_jump, "none");
	assert_string_equal(shared->user_known_hosts[0], "none");
	assert_string_equal(shared->global_known_hosts[0], "none");
	open_text("IdentityFile none\nIdentityFile /k\n");
	shared = find("x");
	assert_int_equal(shared->identity_count, 1);
	assert_string_equal(shared->identity_files[0], "/k");
}

static void what_the_user_names_wins(void **state)
{
	struct err err;

	(void)state;
	open_text("User bob\nPort 2222\nIdentityFile /k/%r-%p\n"
	          "Match user alice\nIdentitiesOnly yes\n");
	assert_true(sshconfig_find(opened, "x", "alice", 2022, &found, &err));
	assert_string_equal(found.user, "");
	assert_int_equal(found.port, 0);
	assert_string_equal(found.shared->identity_files[0], "/k/alice-2022");
	assert_true(found.shared->identities_only);
	find("x");
	assert_string_equal(found.user, "bob");
	assert_int_equal(found.port, 2222);
	assert_string_equal(found.shared->identity_files[0], "/k/bob-2222");
	assert_false(found.shared->identities_only);
}

static void tokens_are_expanded(void **state)
{
	const struct passwd *account = getpwuid(getuid()); /* NOLINT */
	char host[256] = "", expected[1024];
	const struct sshconfig_shared *shared;

	(void)state;
	assert_non_null(account);
	assert_int_equal(gethostname(host, sizeof(host) - 1), 0);
	open_text("IdentityFile ~/%%a\nIdentityFile %d/b\nIdentityFile /%u\n"
	          "IdentityFile /%i\nIdentityFile /%l\nIdentityFile /%L\n"
	          "IdentityFile /%n/%k/%h\nIdentityFile ~other/c\n"
	          "IdentityFile ~\nHostName Real\n");
	shared = find("named");
	snprintf(expected, sizeof(expected), "%s/%%a", sshconfig_folder);
	assert_string_equal(shared->identity_files[0], expected);
	snprintf(expected, sizeof(expected), "%s/b", sshconfig_folder);
	assert_string_equal(shared->identity_files[1], expected);
	snprintf(expected, sizeof(expected), "/%s", account->pw_name);
	assert_string_equal(shared->identity_files[2], expected);
	snprintf(expected, sizeof(expected), "/%u", (unsigned)getuid());
	assert_string_equal(shared->identity_files[3], expected);
	snprintf(expected, sizeof(expected), "/%s", host);
	assert_string_equal(shared->identity_files[4], expected);
	snprintf(expected, sizeof(expected), "/%.*s", (int)strcspn(host, "."),
	         host);
	assert_true(shared->identity_count == 9 || strchr(host, '.') == NULL);
	if (strchr(host, '.') != NULL)
		assert_string_equal(shared->identity_files[5], expected);
	assert_string_equal(shared->identity_files[shared->identity_count - 3],
	                    "/named/named/real");
	assert_string_equal(shared->identity_files[shared->identity_count - 2],
	                    "~other/c");
	snprintf(expected, sizeof(expected), "%s/", sshconfig_folder);
	assert_string_equal(shared->identity_files[shared->identity_count - 1],
	                    expected);
}

static void the_environment_is_expanded(void **state)
{
	struct err err;

	(void)state;
	setenv("SSHINV_TEST_DIR", "/a%h", 1);
	setenv("SSHINV_TEST_SOCK", "/run/sock", 1);
	open_text("IdentityFile ${SSHINV_TEST_SOCK}/%h\n"
	          "IdentityFile ${SSHINV_TEST_DIR}/b\n"
	          "IdentityAgent $SSHINV_TEST_SOCK\n"
	          "Host bad\nIdentityFile ${SSHINV_IS_NOT_SET}\n");
	unsetenv("SSHINV_TEST_SOCK"); /* it was looked at before */
	assert_string_equal(find("x")->identity_files[0], "/run/sock/x");
	assert_string_equal(found.shared->identity_files[1], "/a%h/b");
	assert_string_equal(found.shared->identity_agent, "/run/sock");
	assert_false(sshconfig_find(opened, "bad", NULL, 0, &found, &err));
	assert_int_equal(err.kind, ERR_INPUT);
	assert_non_null(strstr(err.text, "/config:5: "));
	open_text("IdentityAgent SSH_AUTH_SOCK\nIdentityAgent /other\n");
	assert_null(find("x")->identity_agent);
	open_text("IdentityAgent $SSHINV_IS_NOT_SET\n");
	assert_string_equal(find("x")->identity_agent, "none");
}

static void a_proxy_command_is_told(void **state)
{
	(void)state;
	open_text("Host a\nProxyCommand ssh -W %h:%p j\nProxyJump k\n"
	          "Host b\nProxyJump k\nProxyCommand ssh j\n"
	          "Host c\nProxyCommand none\nProxyJump k\n");
	assert_true(find("a")->proxy_command);
	assert_null(found.shared->proxy_jump);
	assert_non_null(strstr(sshconfig_notes, ":2: ProxyCommand is not run"));
	assert_false(find("b")->proxy_command);
	assert_string_equal(found.shared->proxy_jump, "k");
	assert_false(find("c")->proxy_command);
	assert_string_equal(found.shared->proxy_jump, "none");
}

static void the_alias_of_a_host_key_is_known(void **state)
{
	struct err err;
	char text[400];

	(void)state;
	open_text("Host a\nHostKeyAlias The.Alias%h\n"
	          "UserKnownHostsFile /kh/%k\n"
	          "Host a b\nHostKeyAlias other\nUserKnownHostsFile /kh/%k\n"
	          "Host c\nUserKnownHostsFile /kh/%k\n");
	assert_string_equal(find("a")->host_key_alias, "the.alias%h");
	assert_string_equal(found.shared->user_known_hosts[0],
	                    "/kh/the.alias%h");
	assert_string_equal(find("b")->host_key_alias, "other");
	assert_null(find("c")->host_key_alias);
	assert_string_equal(found.shared->user_known_hosts[0], "/kh/c");
	assert_string_equal(sshconfig_notes, "");
	for (int more = 0; more < 2; more++) {
		sprintf(text, "Port 1\nHostKeyAlias %0*d\n", 255 + more, 0);
		open_text(text);
		assert_int_equal(
		    sshconfig_find(opened, "a", NULL, 0, &found, &err),
		    more == 0);
	}
	assert_int_equal(err.kind, ERR_INPUT);
	assert_non_null(
	    strstr(err.text, "/config:2: the HostKeyAlias is too long"));
}

static void revoked_keys_that_are_not_read_are_told(void **state)
{
	(void)state;
	open_text("Host a\nRevokedHostKeys /r\nRevokedHostKeys none\n"
	          "Host b\nRevokedHostKeys None\nRevokedHostKeys /r\n"
	          "Host several\nRevokedHostKeys /r /s\n");
	assert_true(find("a")->revoked_host_keys);
	assert_false(find("b")->revoked_host_keys);
	assert_false(find("c")->revoked_host_keys);
	assert_true(find("several")->revoked_host_keys);
	assert_string_equal(sshconfig_notes, "");
}

static void a_command_that_knows_hosts_is_told(void **state)
{
	(void)state;
	open_text(
	    "Host a\nKnownHostsCommand /x %H \"y\nKnownHostsCommand none\n"
	    "Host b\nKnownHostsCommand None\nKnownHostsCommand /x\n");
	assert_true(find("a")->known_hosts_command);
	assert_false(find("b")->known_hosts_command);
	assert_false(find("c")->known_hosts_command);
	assert_string_equal(sshconfig_notes, "");
}

static void a_keyword_that_is_passed_over_is_noted_once(void **state)
{
	const char *first, *notes = sshconfig_notes;

	(void)state;
	open_text("Host *\nForwardAgent yes\nforwardagent no\nCompression no\n"
	          "FORWARDAGENT ask\nNoSuchThing \"x\n");
	first = strstr(notes, "/config:2: ForwardAgent is passed over\n");
	assert_non_null(first);
	assert_null(strcasestr(first + 20, "forwardagent"));
	assert_non_null(strstr(notes, "/config:4: Compression "));
	assert_non_null(strstr(notes, "/config:6: NoSuchThing "));
}

static void match_exec_runs_nothing_and_never_matches(void **state)
{
	char text[512];

	(void)state;
	snprintf(text, sizeof(text),
	         "Match exec \"touch %s/ran\"\nPort 1\n"
	         "Match !exec \"touch %s/ran\"\nPort 2\n"
	         "Match host x exec \"touch %s/ran\"\nPort 3\n"
	         "Match localnetwork 10.0.0.0/8\nPort 4\n"
	         "Match tagged t\nPort 5\nMatch all\nPort 6\n",
	         sshconfig_folder, sshconfig_folder, sshconfig_folder);
	open_text(text);
	find("x");
	assert_int_equal(found.port, 6);
	assert_int_equal(access(sshconfig_path("ran"), F_OK), -1);
	assert_non_null(strstr(sshconfig_notes, ":1: exec is a criterion"));
	assert_null(strstr(sshconfig_notes, ":3: "));
	assert_non_null(strstr(sshconfig_notes, ":7: localnetwork "));
	assert_non_null(strstr(sshconfig_notes, ":9: tagged "));
}

static void patterns_match_in_any_case(void **state)
{
	(void)state;
	open_text("Host WEB*\nPort 1\nMatch originalhost Db\nPort 2\n");
	find("web1");
	assert_int_equal(found.port, 1);
	find("db");
	assert_int_equal(found.port, 2);
}

static void a_bad_line_is_named_with_its_file(void **state)
{
	(void)state;
	assert_refused("\nPort x\n", "'x'");
	assert_refused("\nPort 99999999999999999999\n", "bad port");
	assert_refused("\nHost\n", "no argument");
	assert_refused("\nHost \"a\n", "quote");
	assert_refused("\nHost a \"\"\n", "empty");
	assert_refused("\nUser a b\n", "more than one");
	assert_refused("\nMatch nonsense x\n", "nonsense");
	assert_refused("\nMatch host\n", "Match host");
	assert_refused("\nMatch final all user x\n", "stands alone");
	assert_refused("\nHostName %p\n", "token");
	assert_refused("\nIdentityFile /%C\n", "token");
	assert_refused("\nStrictHostKeyChecking perhaps\n", "accept-new");
	assert_refused("\nIdentitiesOnly perhaps\n", "yes nor no");
	assert_refused("\nUserKnownHostsFile none /x\n", "alone");
	assert_refused("\nProxyJump # x\n", "no argument");
}

static void a_line_without_end_is_refused(void **state)
{
	char *text = malloc(70000);
	struct err err;

	(void)state;
	assert_non_null(text);
	memset(text, 'x', 70000);
	text[0] = '\n';
	text[69999] = '\0';
	assert_refused(text, "too long");
	free(text);
	sshconfig_write("config", "\nUser x");
	assert_int_equal(truncate(sshconfig_path("config"), 100), 0);
	assert_false(sshconfig_open_file(&opened, "config", &err));
	assert_non_null(strstr(err.text, ":2: a NUL"));
}

static void a_name_that_becomes_too_long_is_refused(void **state)
{
	char host[260];
	struct err err;

	(void)state;
	memset(host, 'a', 250);
	host[250] = '\0';
	open_text("HostName %h.example.com\n");
	assert_false(sshconfig_find(opened, host, NULL, 0, &found, &err));
	assert_int_equal(err.kind, ERR_INPUT);
	assert_non_null(strstr(err.text, ":1: "));
	open_text("Match host x\nHost *\nHostName %h%h\nMatch host y\n");
	assert_false(sshconfig_find(opened, host, NULL, 0, &found, &err));
	assert_int_equal(err.kind, ERR_INPUT);
}

static int end(void **state)
{
	sshconfig_close(opened);
	return sshconfig_fixture_end(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hosts_with_the_same_settings_share_them),
		cmocka_unit_test(what_depends_on_the_host_differs_by_host),
		cmocka_unit_test(what_was_handed_out_stays),
		cmocka_unit_test(only_a_jump_host_is_a_jump_host),
		cmocka_unit_test(nothing_said_is_nothing_set),
		cmocka_unit_test(none_is_told_apart_from_nothing),
		cmocka_unit_test(what_the_user_names_wins),
		cmocka_unit_test(tokens_are_expanded),
		cmocka_unit_test(the_environment_is_expanded),
		cmocka_unit_test(a_proxy_command_is_told),
		cmocka_unit_test(the_alias_of_a_host_key_is_known),
		cmocka_unit_test(revoked_keys_that_are_not_read_are_told),
		cmocka_unit_test(a_command_that_knows_hosts_is_told),
		cmocka_unit_test(a_keyword_that_is_passed_over_is_noted_once),
		cmocka_unit_test(match_exec_runs_nothing_and_never_matches),
		cmocka_unit_test(patterns_match_in_any_case),
		cmocka_unit_test(a_bad_line_is_named_with_its_file),
		cmocka_unit_test(a_line_without_end_is_refused),
		cmocka_unit_test(a_name_that_becomes_too_long_is_refused),
	};

	return !!cmocka_run_group_tests(tests, sshconfig_fixture_begin, end);
}
/* NOLINTEND(concurrency-mt-unsafe) */

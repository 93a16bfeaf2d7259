#include "cli/reach.h"

#include "inventory/access.h"
#include "inventory/hostkey.h"
#include "tests/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* A home of its own with an ssh_config, and a reach made of a command line. */
struct home {
	char folder[64];
	struct options options;
	struct reach *reach;
	struct dial dial;
};

static void write_file(const struct home *home, const char *name,
                       const char *text)
{
	char path[128];
	FILE *to;

	snprintf(path, sizeof(path), "%s/%s", home->folder, name);
	to = fopen(path, "we");
	assert_non_null(to);
	assert_int_equal(fputs(text, to) >= 0 && fclose(to) == 0, 1);
	assert_int_equal(chmod(path, 0600), 0);
}

static bool try_open(struct home *home, const char *config, const char *words,
                     struct err *err)
{
	static char line[256];
	char *argv[16] = { line };
	struct reach_settings settings = { .options = &home->options,
		                           .dial = &home->dial,
		                           .cancel_fd = -1 };
	char path[128];
	int argc = 0;

	snprintf(home->folder, sizeof(home->folder), "/tmp/reach.XXXXXX");
	assert_true(scratch_make(home->folder));
	snprintf(path, sizeof(path), "%s/.ssh", home->folder);
	assert_int_equal(mkdir(path, 0700), 0);
	write_file(home, ".ssh/config", config);
	/* NOLINTBEGIN(concurrency-mt-unsafe): there is one thread */
	assert_int_equal(setenv("HOME", home->folder, 1), 0);
	assert_int_equal(unsetenv("SSH_AUTH_SOCK"), 0);
	assert_int_equal(unsetenv("XDG_STATE_HOME"), 0);
	snprintf(line, sizeof(line), "sshinv %s", words);
	for (char *at = strtok(line, " "); at != NULL; at = strtok(NULL, " "))
		argv[argc++] = at;
	/* NOLINTEND(concurrency-mt-unsafe) */
	argv[argc] = NULL;
	if (!options_parse(&home->options, argc, argv, err))
		fail_msg("%s", err->text);
	home->reach = NULL;
	return reach_open(&home->reach, &settings, err);
}

static void open_home(struct home *home, const char *config, const char *words)
{
	struct err err;

	if (!try_open(home, config, words, &err))
		fail_msg("%s", err.text);
}

static void close_home(struct home *home)
{
	reach_close(home->reach);
	assert_true(scratch_remove(home->folder));
}

static bool complete(struct home *home, const char *line, struct host *host,
                     struct err *err)
{
	struct host_defaults defaults;

	reach_defaults(home->reach, &defaults);
	if (!host_parse(host, line, strlen(line), &defaults, err))
		fail_msg("%s: %s", line, err->text);
	host->line = 1;
	return reach_complete(home->reach, host, err);
}

static struct host completed(struct home *home, const char *line)
{
	struct host host;
	struct err err;

	if (!complete(home, line, &host, &err))
		fail_msg("%s: %s", line, err.text);
	return host;
}

static void assert_refused(struct home *home, const char *line, const char *why)
{
	struct host host;
	struct err err;

	assert_false(complete(home, line, &host, &err));
	assert_int_equal(err.kind, ERR_INPUT);
	if (strstr(err.text, why) == NULL)
		fail_msg("%s: %s", line, err.text);
}

static void hosts_with_the_same_settings_share_their_access(void **state)
{
	struct home home;
	struct host a, b, without;

	(void)state;
	open_home(&home, "Host b\n  Port 2\n", "h");
	a = completed(&home, "a root x");
	b = completed(&home, "b root y");
	without = completed(&home, "c root -");
	assert_non_null(a.access);
	assert_ptr_equal(a.access, b.access);
	/* It may show OpenSSH's own keys, which the others need not see. */
	assert_ptr_not_equal(a.access, without.access);
	assert_int_equal(a.port, 22);
	assert_int_equal(b.port, 2);
	close_home(&home);
}

static void what_a_line_and_an_option_say_goes_before_the_config(void **state)
{
	static const char config[] = "Host *\n  User of-config\n  Port 2200\n"
				     "Host web\n  HostName 192.0.2.7\n";
	struct home home;
	struct host host;

	(void)state;
	open_home(&home, config, "--auth password h");
	host = completed(&home, "web:22 root x");
	assert_string_equal(host.user, "root");
	assert_int_equal(host.port, 22);
	assert_string_equal(host.ip, "web");
	assert_string_equal(host.target, "192.0.2.7");
	host = completed(&home, "db port=23");
	assert_string_equal(host.user, "of-config");
	assert_int_equal(host.port, 23);
	assert_string_equal(host.target, "");
	assert_int_equal(completed(&home, "db root x").port, 2200);
	close_home(&home);
	open_home(&home, config, "-l me -p 24 --auth password h");
	host = completed(&home, "db port=25");
	assert_string_equal(host.user, "me");
	assert_int_equal(host.port, 25);
	assert_int_equal(completed(&home, "db root x").port, 24);
	close_home(&home);
}

static void a_proxy_command_is_no_way_to_connect_directly(void **state)
{
	static const char config[] = "Host far\n  ProxyCommand nc %h %p\n";
	struct home home;

	(void)state;
	open_home(&home, config, "h");
	assert_refused(&home, "far root x", "ProxyCommand");
	assert_non_null(completed(&home, "near root x").access);
	close_home(&home);
	open_home(&home, config, "-J bastion h");
	assert_non_null(completed(&home, "far root x").access->jump);
	close_home(&home);
	open_home(&home, config, "-J none h");
	assert_null(completed(&home, "far root x").access->jump);
	close_home(&home);
}

static void keys_that_ssh_would_refuse_are_no_new_keys(void **state)
{
	static const char config[] = "Host a gate\n  RevokedHostKeys /r\n"
				     "Host b\n  RevokedHostKeys none\n"
				     "Host c\n  ProxyJump gate\n";
	struct home home;
	struct host host;
	struct err err;

	(void)state;
	open_home(&home, config, "h");
	assert_refused(&home, "a root x", "RevokedHostKeys");
	assert_non_null(completed(&home, "b root x").access);
	assert_false(complete(&home, "c root x", &host, &err));
	assert_int_equal(err.kind, ERR_INPUT);
	assert_memory_equal(err.text, "jump host: ssh_config has Revoked", 33);
	close_home(&home);
}

static void the_alias_of_a_host_key_is_what_known_hosts_have(void **state)
{
	struct home home;

	(void)state;
	open_home(&home, "Host a\n  HostKeyAlias one\n", "h");
	assert_string_equal(
	    completed(&home, "a root x").access->hostkeys->alias, "one");
	assert_null(completed(&home, "b root x").access->hostkeys->alias);
	close_home(&home);
}

static void a_jump_host_of_a_proxy_command_is_not_reached_directly(void **state)
{
	static const char config[] = "Host gate\n  ProxyCommand nc %h %p\n"
				     "Host c\n  ProxyJump gate\n"
				     "Host d\n  ProxyJump e,gate\n";
	struct home home;
	struct host host;
	struct err err;

	(void)state;
	open_home(&home, config, "h");
	assert_false(complete(&home, "c root x", &host, &err));
	assert_int_equal(err.kind, ERR_INPUT);
	assert_memory_equal(err.text, "jump host: ssh_config has a Proxy", 33);
	/* As with ssh(1) the one before it is the way. */
	assert_non_null(completed(&home, "d root x").access->jump);
	close_home(&home);
}

static void a_jump_host_is_called_so_once(void **state)
{
	static const char config[] = "Host a\n  ProxyJump b\n"
				     "Host b\n  ProxyJump c,d\n"
				     "Host c\n  ProxyJump e:99999\n";
	struct home home;
	struct host host;
	struct err err;

	(void)state;
	open_home(&home, config, "h");
	assert_false(complete(&home, "a root x", &host, &err));
	assert_int_equal(err.kind, ERR_INPUT);
	assert_string_equal(err.text, "jump host: bad port in 'e:99999' "
	                              "(1 to 65535)");
	close_home(&home);
}

static void hosts_behind_one_jump_host_share_it(void **state)
{
	static const char config[] = "Host *.in\n  ProxyJump u@gate:23\n"
				     "Host deep.in\n  ProxyJump none\n";
	struct home home;
	struct host a, b;

	(void)state;
	open_home(&home, config, "h");
	a = completed(&home, "a.in root x");
	b = completed(&home, "b.in root -");
	assert_non_null(a.access->jump);
	assert_ptr_equal(a.access->jump, b.access->jump);
	assert_null(completed(&home, "c root x").access->jump);
	close_home(&home);
}

static void jump_hosts_in_a_circle_are_told(void **state)
{
	static const char config[] = "Host a\n  ProxyJump b\n"
				     "Host b\n  ProxyJump a\n";
	struct home home;
	struct err err;

	(void)state;
	open_home(&home, config, "h");
	assert_refused(&home, "a root x", "circle");
	assert_null(strstr(err.text, "jump host: jump host"));
	close_home(&home);
}

static void a_list_of_jump_hosts_that_is_none_is_told_at_the_start(void **state)
{
	struct home home;
	struct err err;

	(void)state;
	assert_false(try_open(&home, "", "-J a,b:x,c h", &err));
	assert_int_equal(err.kind, ERR_INPUT);
	assert_string_equal(err.text, "--jump: bad port in 'b:x' (1 to 65535)");
	close_home(&home);
}

static void the_mode_for_host_keys_is_the_options_then_the_configs(void **state)
{
	static const struct {
		const char *words, *line;
		enum hostkeys_mode mode;
	} cases[] = {
		{ "h", "a root x", HOSTKEYS_ACCEPT_NEW },
		{ "h", "yes root x", HOSTKEYS_STRICT },
		{ "h", "no root x", HOSTKEYS_ACCEPT_NEW },
		{ "--host-keys accept-new h", "no root x",
		  HOSTKEYS_ACCEPT_NEW },
		{ "--host-keys strict h", "a root x", HOSTKEYS_STRICT },
		{ "--host-keys off h", "yes root x", HOSTKEYS_OFF },
		{ "--host-keys db h", "yes root x", HOSTKEYS_DB },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct home home;
		struct host host;

		open_home(&home,
		          "Host yes\n  StrictHostKeyChecking yes\n"
		          "Host no\n  StrictHostKeyChecking no\n",
		          cases[i].words);
		host = completed(&home, cases[i].line);
		assert_int_equal(host.access->hostkeys->mode, cases[i].mode);
		assert_int_equal(host.access->hostkeys->known != NULL,
		                 cases[i].mode < HOSTKEYS_OFF);
		close_home(&home);
	}
}

static void a_key_that_cannot_be_read_is_told(void **state)
{
	struct home home;
	struct err err;

	(void)state;
	open_home(&home, "", "h");
	assert_refused(&home, "a root - key=/nonexistent", "/nonexistent");
	close_home(&home);
	assert_false(try_open(&home, "", "-i /nonexistent h", &err));
	assert_int_equal(err.kind, ERR_INPUT);
	close_home(&home);
}

static void a_bad_config_ends_the_run_before_it_began(void **state)
{
	struct home home = { .reach = NULL };
	struct err err;

	(void)state;
	assert_false(try_open(&home, "Port many\n", "h", &err));
	assert_int_equal(err.kind, ERR_INPUT);
	assert_non_null(strstr(err.text, "config:1"));
	close_home(&home);
}

static void the_guard_is_off_with_zero(void **state)
{
	struct home home;

	(void)state;
	open_home(&home, "", "--max-auth-failures 0 h");
	assert_null(reach_guard(home.reach));
	assert_null(completed(&home, "a root x").access->login.guard);
	close_home(&home);
	open_home(&home, "", "h");
	assert_ptr_equal(completed(&home, "a root x").access->login.guard,
	                 reach_guard(home.reach));
	close_home(&home);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    hosts_with_the_same_settings_share_their_access),
		cmocka_unit_test(
		    what_a_line_and_an_option_say_goes_before_the_config),
		cmocka_unit_test(a_proxy_command_is_no_way_to_connect_directly),
		cmocka_unit_test(keys_that_ssh_would_refuse_are_no_new_keys),
		cmocka_unit_test(
		    the_alias_of_a_host_key_is_what_known_hosts_have),
		cmocka_unit_test(
		    a_jump_host_of_a_proxy_command_is_not_reached_directly),
		cmocka_unit_test(a_jump_host_is_called_so_once),
		cmocka_unit_test(hosts_behind_one_jump_host_share_it),
		cmocka_unit_test(jump_hosts_in_a_circle_are_told),
		cmocka_unit_test(
		    a_list_of_jump_hosts_that_is_none_is_told_at_the_start),
		cmocka_unit_test(
		    the_mode_for_host_keys_is_the_options_then_the_configs),
		cmocka_unit_test(a_key_that_cannot_be_read_is_told),
		cmocka_unit_test(a_bad_config_ends_the_run_before_it_began),
		cmocka_unit_test(the_guard_is_off_with_zero),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}

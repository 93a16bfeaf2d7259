#include "tests/options_fixture.h"

#include <limits.h>

/* Command lines that are taken, and what becomes of them. */

static void a_host_file_alone_takes_the_defaults(void **state)
{
	struct options options = parsed("hosts.txt");

	(void)state;
	assert_string_equal(options.host_file, "hosts.txt");
	assert_int_equal(options.fanout, 64);
	assert_int_equal(options.port, 0);
	assert_int_equal(options.connect_timeout_ms, 5000);
	assert_int_equal(options.host_timeout_ms, 30000);
	assert_int_equal(options.verb, VERB_SCAN);
	assert_int_equal(options.retries, 1);
	assert_int_equal(options.max_runtime_ms, 0);
	assert_int_equal(options.resume, 0);
	assert_int_equal(options.only_failed, 0);
	assert_null(options.retry_file);
	assert_int_equal(options.db_timeout_ms, 60000);
	assert_int_equal(options.no_spool, 0);
	assert_null(options.command);
	assert_int_equal(options.targets.count, 0);
	assert_int_equal(options.identities.count, 0);
	assert_int_equal(options.way_count, LOGIN_WAYS);
	assert_int_equal(options.ways[0], LOGIN_KEYS);
	assert_int_equal(options.ways[3], LOGIN_PROMPTS);
	assert_int_equal(options.password_fd, UINT_MAX);
	assert_int_equal(options.max_auth_failures, 3);
	assert_int_equal(options.host_keys_mode, HOSTKEYS_ACCEPT_NEW);
	assert_null(options.jump);
	assert_int_equal(options.jump_channels, 256);
	assert_int_equal(options.family, FAMILY_ANY);
	assert_int_equal(options.legacy, 0);
	assert_int_equal(options.rate, 0);
	assert_int_equal(options.per_net, 0);
	assert_ptr_equal(options.format, &format_text);
	assert_int_equal(options.columns.count, fields_count);
	assert_false(options.with_header);
	assert_null(options.output);
	assert_null(options.db);
	assert_int_equal(options.no_db, 0);
	assert_int_equal(options.store_password, 0);
	assert_int_equal(options.adopt_table, 0);
	assert_null(options.print_schema);
	assert_int_equal(options.quiet, 0);
	assert_int_equal(options.verbose, 0);
	assert_int_equal(options.help, 0);
	assert_int_equal(options.version, 0);
}

static void check_all(const char *text)
{
	struct options options = parsed(text);

	assert_string_equal(options.host_file, "-");
	assert_int_equal(options.fanout, 4096);
	assert_int_equal(options.port, 2200);
	assert_int_equal(options.connect_timeout_ms, 500);
	assert_int_equal(options.host_timeout_ms, 120000);
	assert_string_equal(options.command, "uptime");
	assert_ptr_equal(options.format, &format_tsv);
	assert_int_equal(options.columns.count, 2);
	assert_true(options.with_header);
	assert_string_equal(options.output, "out");
	assert_string_equal(options.db, "sqlite:x");
	assert_int_equal(options.store_password, 1);
	assert_int_equal(options.adopt_table, 1);
	assert_int_equal(options.verbose, 2);
	assert_int_equal(options.retries, 3);
	assert_int_equal(options.max_runtime_ms, 3600000);
	assert_int_equal(options.db_timeout_ms, 1500);
	assert_int_equal(options.no_spool, 1);
	assert_int_equal(options.only_failed, 1);
	assert_string_equal(options.retry_file, "again");
}

static void every_option_is_taken_in_every_spelling(void **state)
{
	(void)state;
	check_all(
	    "-f 4096 -p 2200 -t 500ms -T 2m -c uptime -O tsv "
	    "--fields ip,port --header -o out --db sqlite:x "
	    "--store-password --adopt-table -vv --retries 3 --max-runtime 1h "
	    "--db-timeout 1500ms --no-spool --only-failed --retry-file "
	    "again -");
	check_all("- -f4096 -p2200 -t0.5 -T120s -cuptime -Otsv "
	          "--fields=ip,port --header -oout --db=sqlite:x "
	          "--store-password --adopt-table -v -v --retries=3 "
	          "--max-runtime=60m --db-timeout=1.5 --no-spool "
	          "--only-failed --retry-file=again");
	check_all("--fanout=4096 --port 2200 "
	          "--connect-timeout=500ms --host-timeout=2m --command=uptime "
	          "--format=tsv --fields ip,port --no-header --header "
	          "--output=out --db sqlite:x --store-password --adopt-table "
	          "--verbose --verbose --retries=3 --max-runtime=3600 "
	          "--db-timeout=1500ms --no-spool --only-failed "
	          "--retry-file=again -");
}

static void check_ways_in(const char *text)
{
	struct options options = parsed(text);

	assert_null(options.host_file);
	assert_int_equal(options.targets.count, 2);
	assert_string_equal(options.targets.items[1], "b");
	assert_int_equal(options.exclude.count, 1);
	assert_string_equal(options.exclude.items[0], "c");
	assert_string_equal(options.user, "me");
	assert_string_equal(options.ssh_config, "none");
	assert_int_equal(options.identities.count, 2);
	assert_string_equal(options.identities.items[0], "k1");
	assert_int_equal(options.way_count, 2);
	assert_int_equal(options.ways[0], LOGIN_PASSWORD);
	assert_int_equal(options.ways[1], LOGIN_AGENT);
	assert_int_equal(options.ask_password, 1);
	assert_int_equal(options.max_auth_failures, 0);
	assert_int_equal(options.host_keys_mode, HOSTKEYS_STRICT);
	assert_int_equal(options.known_hosts.count, 1);
	assert_string_equal(options.jump, "a,b");
	assert_int_equal(options.jump_channels, 10);
	assert_int_equal(options.family, FAMILY_V6);
	assert_string_equal(options.bind, "::1");
	assert_int_equal(options.legacy, 1);
	assert_int_equal(options.rate, 5);
	assert_int_equal(options.per_net, 4);
	assert_int_equal(options.shuffle, 1);
}

static void so_are_the_ways_in(void **state)
{
	(void)state;
	check_ways_in("-w a -w b -x c -l me -F none -i k1 -i k2 "
	              "--auth password,agent -A --max-auth-failures 0 "
	              "--host-keys strict --known-hosts k -J a,b "
	              "--jump-channels 10 -4 -6 --bind ::1 --legacy --rate 5 "
	              "--per-net 4 --shuffle");
	check_ways_in("--targets a --targets=b --exclude c --user me "
	              "--ssh-config none --identity k1 --identity=k2 "
	              "--auth=password,agent --ask-password "
	              "--max-auth-failures=0 --host-keys=strict "
	              "--known-hosts=k --jump=a,b --jump-channels=10 --ipv6 "
	              "--bind=::1 --legacy --rate=5 --per-net=4 --shuffle");
}

static void hosts_may_come_from_elsewhere(void **state)
{
	struct options options = parsed("--inventory i --password-file f");

	(void)state;
	assert_null(options.host_file);
	assert_string_equal(options.inventory, "i");
	assert_string_equal(options.password_file, "f");
	options = parsed("-w a --password-fd 0 hosts.txt");
	assert_string_equal(options.host_file, "hosts.txt");
	assert_int_equal(options.password_fd, 0);
	/* A file that is called so, and no standard input. */
	options = parsed("-w @-hosts --password-fd 0");
	assert_int_equal(options.password_fd, 0);
	assert_string_equal(parsed("--password-env E h").password_env, "E");
	assert_string_equal(parsed("--password-command c h").password_command,
	                    "c");
}

static void headers_are_the_formats_choice_or_the_users(void **state)
{
	static const struct {
		const char *text;
		bool with_header;
	} cases[] = {
		{ "-O text h", false },
		{ "-O tsv h", false },
		{ "-O csv h", true },
		{ "-O json h", false },
		{ "-O tsv --header h", true },
		{ "-O csv --header h", true },
		{ "-O csv --no-header h", false },
		{ "-O json --no-header h", false },
		{ "-O text --no-header h", false },
		{ "-O csv --no-header --header h", true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct options options = parsed(cases[i].text);

		assert_int_equal(options.with_header, cases[i].with_header);
	}
}

static void words_may_stand_in_any_order(void **state)
{
	(void)state;
	assert_string_equal(parsed("h -q").host_file, "h");
	assert_string_equal(parsed("-q -- -h").host_file, "-h");
	assert_string_equal(parsed("-c -q h").command, "-q");
	assert_int_equal(parsed("-f 1 -f 2 h").fanout, 2);
}

static void the_first_word_may_be_a_verb(void **state)
{
	struct options options = parsed("-q replay --db sqlite:x S");

	(void)state;
	assert_int_equal(options.verb, VERB_REPLAY);
	assert_string_equal(options.spool, "S");
	assert_string_equal(options.db, "sqlite:x");
	assert_null(options.host_file);
	assert_int_equal(parsed("scan h").verb, VERB_SCAN);
	assert_string_equal(parsed("scan replay").host_file, "replay");
	assert_string_equal(parsed("./replay").host_file, "./replay");
	assert_string_equal(parsed("replay scan").spool, "scan");
	assert_string_equal(parsed("replays").host_file, "replays");
}

static void help_version_and_schema_need_nothing_else(void **state)
{
	(void)state;
	assert_int_equal(parsed("-h").help, 1);
	assert_int_equal(parsed("--help a b -q -v -O x").help, 1);
	assert_int_equal(parsed("--version").version, 1);
	assert_string_equal(parsed("--print-schema mysql").print_schema,
	                    "mysql");
}

static void ranges_hold_at_their_ends(void **state)
{
	(void)state;
	assert_int_equal(parsed("-f 1 h").fanout, 1);
	assert_int_equal(parsed("-p 1 h").port, 1);
	assert_int_equal(parsed("-p 65535 h").port, 65535);
	assert_int_equal(parsed("-t 1ms h").connect_timeout_ms, 1);
	assert_int_equal(parsed("-T 1h h").host_timeout_ms, 3600000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_host_file_alone_takes_the_defaults),
		cmocka_unit_test(every_option_is_taken_in_every_spelling),
		cmocka_unit_test(so_are_the_ways_in),
		cmocka_unit_test(hosts_may_come_from_elsewhere),
		cmocka_unit_test(headers_are_the_formats_choice_or_the_users),
		cmocka_unit_test(words_may_stand_in_any_order),
		cmocka_unit_test(the_first_word_may_be_a_verb),
		cmocka_unit_test(help_version_and_schema_need_nothing_else),
		cmocka_unit_test(ranges_hold_at_their_ends),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}

#include "cli/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ARRAY_LENGTH(a) (sizeof(a) / sizeof((a)[0]))

#define WORDS_MAX 48

/* The last command line: the texts of options are borrowed from it. */
static struct {
	char words[512];
	char *argv[WORDS_MAX + 1];
	int argc;
} line;

/* Makes it of words with one blank between them. */
static void split(const char *text)
{
	char *at = line.words;

	assert_true(strlen(text) < sizeof(line.words) - 8);
	snprintf(at, sizeof(line.words), "sshinv %s", text);
	line.argc = 0;
	while (*at != '\0') {
		size_t length = strcspn(at, " ");

		assert_true(line.argc < WORDS_MAX);
		line.argv[line.argc++] = at;
		at += length;
		if (*at == ' ')
			*at++ = '\0';
	}
	line.argv[line.argc] = NULL;
}

static struct options parsed(const char *text)
{
	struct options options;
	struct err err;

	split(text);
	if (!options_parse(&options, line.argc, line.argv, &err))
		fail_msg("%s: %s", text, err.text);
	return options;
}

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

#define FANOUT "--fanout takes a number from 1 to 4096"
#define PORT "--port takes a number from 1 to 65535"
#define SECONDS                                                                \
	"--connect-timeout takes seconds (5, 0.5, 500ms, 2m) from 0.001 to "   \
	"3600"

static const struct {
	const char *text, *error;
} wrong[] = {
	{ "", "which hosts? (a host file, -w or --inventory)" },
	{ "-q", "which hosts? (a host file, -w or --inventory)" },
	{ "a b", "one host file, not 2" },
	{ "a -q b -- c", "one host file, not 3" },
	{ "-X h", "there is no option -X" },
	{ "-qX h", "there is no option -X" },
	{ "--bogus h", "there is no option --bogus" },
	{ "--bogus=secret h", "there is no option --bogus" },
	{ "--dbs=mysql://u:secret@h/d h", "there is no option --dbs" },
	{ "--quiet=1 h", "option --quiet takes no value" },
	{ "--ver h", "option --ver is short for more than one" },
	{ "--=x h", "option -- is short for more than one" },
	{ "h -f", "option -f needs a value" },
	{ "h --fanout", "option --fanout needs a value" },
	{ "h --db", "option --db needs a value" },
	{ "-f 0 h", FANOUT },
	{ "-f 4097 h", FANOUT },
	{ "-f -1 h", FANOUT },
	{ "-f +1 h", FANOUT },
	{ "-f 1.5 h", FANOUT },
	{ "-f 0x10 h", FANOUT },
	{ "-f 99999999999999999999 h", FANOUT },
	{ "-f 4294967297 h", FANOUT },
	{ "--fanout= h", FANOUT },
	{ "-p 0 h", PORT },
	{ "-p 65536 h", PORT },
	{ "-p ssh h", PORT },
	{ "-t 0 h", SECONDS },
	{ "-t 0.0001 h", SECONDS },
	{ "-t 3601 h", SECONDS },
	{ "-t 61m h", SECONDS },
	{ "-t x h", SECONDS },
	{ "-T 2h h", "--host-timeout takes seconds (5, 0.5, 500ms, 2m) from "
	             "0.001 to 3600" },
	{ "-O xml h", "there is no format 'xml'" },
	{ "--fields ip h", "--fields goes with tsv, csv and json" },
	{ "-O json --fields ip,x h", "--fields: there is no field 'x'" },
	{ "-O csv --fields ip,ip h", "--fields: field 'ip' is there twice" },
	{ "--header h", "--header goes with tsv and csv" },
	{ "-O json --header h", "--header goes with tsv and csv" },
	{ "-q -v h", "--quiet and --verbose exclude each other" },
	{ "--db x --no-db h", "--db and --no-db exclude each other" },
	{ "--no-db --store-password h",
	  "--store-password needs a store, and --no-db wants none" },
	{ "--no-db --adopt-table h",
	  "--adopt-table needs a store, and --no-db wants none" },
	{ "--no-db --resume h",
	  "--resume needs a store, and --no-db wants none" },
	{ "--no-db --only-failed h",
	  "--only-failed needs a store, and --no-db wants none" },
	{ "--no-db --no-spool h",
	  "--no-spool needs a store, and --no-db wants none" },
	{ "--resume -", "--resume needs a host file: standard input cannot be "
	                "read again" },
	{ "-o x --retry-file x h",
	  "--output and --retry-file name the same file" },
	{ "--retries 11 h", "--retries takes a number from 0 to 10" },
	{ "--max-runtime 0.5 h", "--max-runtime takes seconds (5, 0.5, 500ms, "
	                         "2m) from 1 to 604800" },
	{ "--db-timeout 61m h", "--db-timeout takes seconds (5, 0.5, 500ms, "
	                        "2m) from 1 to 3600" },
	{ "--resume -w a", "--resume needs a host file" },
	{ "-A --password-file f h",
	  "--ask-password and the --password-* options exclude each other" },
	{ "--password-fd 0 -",
	  "standard input has the hosts, not the password" },
	{ "--password-file - -w @-",
	  "standard input has the hosts, not the password" },
	{ "--password-file - -w web[1,2],-",
	  "standard input has the hosts, not the password" },
	{ "--password-fd 0 -w a -x b,@-,c",
	  "standard input has the hosts, not the password" },
	{ "--auth telnet h", "--auth takes publickey, agent, password and "
	                     "keyboard-interactive, not "
	                     "'telnet'" },
	{ "--auth password,agent,password h", "--auth names password twice" },
	{ "--host-keys maybe h",
	  "--host-keys takes strict, accept-new, off or db, not 'maybe'" },
	{ "--host-keys db --no-db h",
	  "--host-keys db needs a store, and --no-db wants none" },
	{ "--host-keys off --known-hosts k h",
	  "--known-hosts and --host-keys off exclude each other" },
	{ "scan", "which hosts? (a host file, -w or --inventory)" },
	{ "scan a b", "one host file, not 2" },
	{ "replay", "which spool?" },
	{ "replay a b", "one spool, not 2" },
	{ "replay -f 3 s", "--fanout does not go with replay" },
	{ "--resume --fanout 3 replay s", "--resume does not go with replay" },
	{ "replay --no-db s", "--no-db does not go with replay" },
};

static void what_is_wrong_is_said(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
		struct options options;
		struct err err;

		split(wrong[i].text);
		if (options_parse(&options, line.argc, line.argv, &err))
			fail_msg("taken: %s", wrong[i].text);
		assert_int_equal(err.kind, ERR_INPUT);
		assert_string_equal(err.text, wrong[i].error);
	}
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

static void durations_have_units(void **state)
{
	static const struct {
		const char *text;
		unsigned ms;
	} cases[] = {
		{ "5", 5000 },
		{ "0.5", 500 },
		{ "500ms", 500 },
		{ "30s", 30000 },
		{ "2m", 120000 },
		{ "1h", 3600000 },
		{ "0", 0 },
		{ "1.5m", 90000 },
		{ "0.0004", 0 },
		{ "0.0006", 1 },
		{ "5.", 5000 },
		{ "007", 7000 },
		{ "1000000s", 1000000000 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		unsigned ms = 12345;

		if (!duration_parse(cases[i].text, &ms))
			fail_msg("%s", cases[i].text);
		assert_int_equal(ms, cases[i].ms);
	}
}

static void what_is_no_duration_is_refused(void **state)
{
	static const char *const texts[] = {
		"",
		" 5",
		"5 ",
		"-5",
		"+5",
		"5x",
		"5sec",
		"s",
		".5",
		"inf",
		"nan",
		"0x10",
		"0X10",
		"0x1p3",
		"1e3",
		"1E3",
		"1e3s",
		"1.2.3",
		"5,0",
		"5 s",
		"5ms2",
		"1000001s",
		"999999999999999999999",
		"5M",
		"5mss",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
		unsigned ms = 12345;

		if (duration_parse(texts[i], &ms))
			fail_msg("taken: '%s'", texts[i]);
		assert_int_equal(ms, 12345);
	}
}

static size_t count(const char *text, const char *piece)
{
	size_t found = 0;

	while ((text = strstr(text, piece)) != NULL) {
		found++;
		text += strlen(piece);
	}
	return found;
}

static void help_lists_every_option_and_field_once(void **state)
{
	static const char *const names[] = {
		"-f, --fanout N ",
		"-p, --port N ",
		"-t, --connect-timeout S ",
		"-T, --host-timeout S ",
		"    --retries N ",
		"    --max-runtime S ",
		"-c, --command CMD ",
		"-O, --format F ",
		"    --fields LIST ",
		"    --header ",
		"    --no-header ",
		"-o, --output FILE ",
		"    --db DSN ",
		"    --no-db ",
		"    --db-timeout S ",
		"    --no-spool ",
		"    --store-password ",
		"    --print-schema DIALECT ",
		"    --adopt-table ",
		"    --resume ",
		"    --only-failed ",
		"    --retry-file FILE ",
		"-w, --targets LIST ",
		"-x, --exclude LIST ",
		"    --inventory FILE ",
		"-l, --user USER ",
		"-F, --ssh-config FILE ",
		"-i, --identity FILE ",
		"    --auth LIST ",
		"-A, --ask-password ",
		"    --password-file FILE ",
		"    --password-fd N ",
		"    --password-env NAME ",
		"    --password-command CMD ",
		"    --max-auth-failures N ",
		"    --host-keys MODE ",
		"    --known-hosts FILE ",
		"-J, --jump LIST ",
		"    --jump-channels N ",
		"-4, --ipv4 ",
		"-6, --ipv6 ",
		"    --bind ADDRESS ",
		"    --legacy ",
		"    --rate N ",
		"    --per-net N ",
		"    --shuffle ",
		"-q, --quiet ",
		"-v, --verbose ",
		"    --version ",
		"-h, --help ",
	};
	char *text = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&text, &size);

	(void)state;
	assert_non_null(to);
	options_help(to);
	assert_int_equal(fclose(to), 0);
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
		if (count(text, names[i]) != 1)
			fail_msg("%s", names[i]);
	}
	assert_int_equal(count(text, "\n  -") + count(text, "\n      --"),
	                 ARRAY_LENGTH(names));
	for (size_t i = 0; i < fields_count; i++) {
		char begin[32];

		snprintf(begin, sizeof(begin), "\n  %s ", fields[i].name);
		assert_int_equal(count(text, begin), 1);
	}
	for (size_t i = 0; i < formats_count; i++)
		assert_true(count(text, formats[i]->name) >= 1);
	assert_int_equal(count(text, "  hosts in flight (default 64)\n"), 1);
	for (const char *at = text; *at != '\0'; at += strcspn(at, "\n") + 1)
		assert_true(strcspn(at, "\n") < 80);
	free(text);
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
		cmocka_unit_test(what_is_wrong_is_said),
		cmocka_unit_test(ranges_hold_at_their_ends),
		cmocka_unit_test(durations_have_units),
		cmocka_unit_test(what_is_no_duration_is_refused),
		cmocka_unit_test(help_lists_every_option_and_field_once),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}

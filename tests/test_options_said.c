#include "tests/options_fixture.h"

#include <stdlib.h>

/* What the program says of its options: of those that are wrong, and as help.
 */

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
	{ "--ver h", "there is no option --ver" },
	{ "--verb h", "there is no option --verb (but --verbose)" },
	{ "--fan 3 h", "there is no option --fan (but --fanout)" },
	{ "--fanou=3 h", "there is no option --fanou (but --fanout)" },
	{ "h --password-c x",
	  "there is no option --password-c (but --password-command)" },
	{ "--=x h", "there is no option --" },
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
		cmocka_unit_test(what_is_wrong_is_said),
		cmocka_unit_test(help_lists_every_option_and_field_once),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}

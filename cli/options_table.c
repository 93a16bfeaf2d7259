#include "cli/options_table.h"

#include "cli/options.h"

#include <limits.h>
#include <string.h>

#define FIELD(name) .field = offsetof(struct options, name)

#define SET(long_name, short_name, member, stored, words)                      \
	{                                                                      \
		.name = (long_name), .letter = (short_name), .kind = OPT_SET,  \
		FIELD(member), .minimum = (stored), .help = (words)            \
	}

#define COUNT(long_name, short_name, member, words)                            \
	{                                                                      \
		.name = (long_name), .letter = (short_name),                   \
		.kind = OPT_COUNT, FIELD(member), .help = (words)              \
	}

#define NUMBER(long_name, short_name, member, least, most, usual, words)       \
	{                                                                      \
		.name = (long_name), .letter = (short_name),                   \
		.kind = OPT_NUMBER, .value = "N", FIELD(member),               \
		.minimum = (least), .maximum = (most), .initial = (usual),     \
		.help = (words)                                                \
	}

#define SECONDS(long_name, short_name, member, least, most, usual, words)      \
	{                                                                      \
		.name = (long_name), .letter = (short_name),                   \
		.kind = OPT_SECONDS, .value = "S", FIELD(member),              \
		.minimum = (least), .maximum = (most), .initial = (usual),     \
		.help = (words)                                                \
	}

#define TEXT(long_name, short_name, called, member, words)                     \
	{                                                                      \
		.name = (long_name), .letter = (short_name), .kind = OPT_TEXT, \
		.value = (called), FIELD(member), .help = (words)              \
	}

#define LIST(long_name, short_name, called, member, words)                     \
	{                                                                      \
		.name = (long_name), .letter = (short_name), .kind = OPT_LIST, \
		.value = (called), FIELD(member), .help = (words)              \
	}

/* clang-format off */
const struct option_def option_defs[OPTIONS_COUNT] = {
	LIST("targets", 'w', "LIST", targets,
	     "hosts, ranges, networks, @file; also repeated"),
	LIST("exclude", 'x', "LIST", exclude, "leave these out"),
	TEXT("inventory", 0, "FILE", inventory, "hosts of an Ansible inventory"),
	TEXT("user", 'l', "USER", user, "user if none is named"),
	NUMBER("port", 'p', port, 1, 65535, 0, "port if none is named (default 22)"),
	TEXT("ssh-config", 'F', "FILE", ssh_config,
	     "instead of ~/.ssh/config; 'none': no file"),
	SET("resume", 0, resume, 1, "go on with this file's unfinished run"),
	SET("only-failed", 0, only_failed, 1, "pass over hosts whose row is ok"),
	TEXT("retry-file", 0, "FILE", retry_file,
	     "keep the failed hosts in FILE, only try those"),

	LIST("identity", 'i', "FILE", identities, "private key; also repeated"),
	TEXT("auth", 0, "LIST", auth,
	     "publickey,agent,password,keyboard-interactive"),
	SET("ask-password", 'A', ask_password, 1, "ask for the hosts' password"),
	TEXT("password-file", 0, "FILE", password_file, "or read it from FILE"),
	NUMBER("password-fd", 0, password_fd, 0, 1000000, UINT_MAX,
	       "or from this descriptor"),
	TEXT("password-env", 0, "NAME", password_env,
	     "or take it from the environment"),
	TEXT("password-command", 0, "CMD", password_command,
	     "or run CMD; with %h, %u once per host"),
	NUMBER("max-auth-failures", 0, max_auth_failures, 0, 1000000, 3,
	       "refusals that give a password up"),

	TEXT("host-keys", 0, "MODE", host_keys,
	     "strict, accept-new (default), off or db"),
	LIST("known-hosts", 0, "FILE", known_hosts,
	     "instead of OpenSSH's files; also repeated"),
	TEXT("jump", 'J', "LIST", jump, "by way of [user@]host[:port],..."),
	NUMBER("jump-channels", 0, jump_channels, 1, 4096, 256,
	       "connections per login there"),
	SET("ipv4", '4', family, FAMILY_V4, "IPv4 only"),
	SET("ipv6", '6', family, FAMILY_V6, "IPv6 only"),
	TEXT("bind", 0, "ADDRESS", bind, "connect from this address"),
	SET("legacy", 0, legacy, 1, "old algorithms too (SHA-1, CBC)"),

	NUMBER("fanout", 'f', fanout, 1, 4096, 64, "hosts in flight"),
	SECONDS("connect-timeout", 't', connect_timeout_ms, 1, 3600000, 5000,
	        "one TCP connection"),
	SECONDS("host-timeout", 'T', host_timeout_ms, 1, 3600000, 30000,
	        "everything for one host"),
	NUMBER("retries", 0, retries, 0, 10, 1, "more attempts to connect"),
	SECONDS("max-runtime", 0, max_runtime_ms, 1000, 604800000, 0,
	        "begin no host after so long"),
	NUMBER("rate", 0, rate, 1, 1000000, 0, "connections per second"),
	NUMBER("per-net", 0, per_net, 1, 4096, 0,
	       "hosts in flight per /24 or IPv6 /64"),
	SET("shuffle", 0, shuffle, 1, "in random order"),

	TEXT("command", 'c', "CMD", command, "also run this on every host"),
	TEXT("format", 'O', "F", format_name, "how the lines look (default text)"),
	TEXT("fields", 0, "LIST", field_list,
	     "columns of tsv, csv and json (default all)"),
	SET("header", 0, header, HEADER_YES,
	    "begin tsv or csv with column names (csv does)"),
	SET("no-header", 0, header, HEADER_NO, "begin with the first host"),
	TEXT("output", 'o', "FILE", output,
	     "write to FILE instead of standard output"),

	TEXT("db", 0, "DSN", db, "mysql://user@host/database or sqlite:PATH"),
	SET("no-db", 0, no_db, 1, "store nothing"),
	SECONDS("db-timeout", 0, db_timeout_ms, 1000, 3600000, 60000,
	        "wait so long for a lost database"),
	SET("no-spool", 0, no_spool, 1, "then end the run, put nothing into a spool"),
	SET("store-password", 0, store_password, 1,
	    "store the passwords too (a bad idea)"),
	TEXT("print-schema", 0, "DIALECT", print_schema,
	     "print the tables as SQL (mysql, sqlite)"),
	SET("adopt-table", 0, adopt_table, 1,
	    "rename and copy a server_status not ours"),

	SET("quiet", 'q', quiet, 1, "no summary and no warnings"),
	COUNT("verbose", 'v', verbose, "say more; twice: a line for every probe"),
	SET("version", 0, version, 1, "print the version, and exit"),
	SET("help", 'h', help, 1, "print this, and exit"),
};
/* clang-format on */

const char *option_heading(const struct option_def *def)
{
	static const struct {
		const char *option, *heading;
	} headings[] = {
		{ "targets", "Which hosts" },
		{ "identity", "Logging in" },
		{ "host-keys", "The way there" },
		{ "fanout", "Pace" },
		{ "command", "Command and output" },
		{ "db", "Store" },
		{ "quiet", "Other" },
	};

	for (size_t i = 0; i < sizeof(headings) / sizeof(headings[0]); i++) {
		if (strcmp(headings[i].option, def->name) == 0)
			return headings[i].heading;
	}
	return NULL;
}

#pragma once

#include "cli/format.h"
#include "inventory/err.h"
#include "inventory/hostkey.h"
#include "inventory/login.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/*
 * The command line. One table in options_table.c gives every option its name,
 * value, range, default, place in this struct and line of --help. Texts are
 * borrowed from argv.
 */
enum verb {
	VERB_SCAN,  /* also without a verb */
	VERB_REPLAY /* bring a spool into the database */
};

/* An option that may be repeated. */
#define OPTION_LIST_MAX 64
struct option_list {
	const char *items[OPTION_LIST_MAX];
	size_t count;
};

enum family_choice { FAMILY_ANY, FAMILY_V4, FAMILY_V6 };

struct options {
	enum verb verb;
	const char *host_file; /* "-" is standard input; NULL: none */
	const char *spool;     /* of VERB_REPLAY, then host_file is NULL */

	struct option_list targets, exclude;
	const char *inventory;  /* NULL: none */
	const char *user;       /* NULL: none */
	const char *ssh_config; /* NULL: OpenSSH's */
	unsigned port;          /* 0: not given */
	unsigned resume, only_failed, shuffle;
	const char *retry_file; /* NULL: none */

	struct option_list identities;
	const char *auth; /* NULL: all ways */
	unsigned ask_password;
	const char *password_file, *password_env, *password_command;
	unsigned password_fd; /* UINT_MAX: none */
	unsigned max_auth_failures;

	const char *host_keys; /* NULL: accept-new */
	struct option_list known_hosts;
	const char *jump; /* NULL: ssh_config's; "none" */
	unsigned jump_channels;
	unsigned family;  /* an enum family_choice */
	const char *bind; /* NULL: the system's choice */
	unsigned legacy;

	unsigned fanout;
	unsigned connect_timeout_ms, host_timeout_ms;
	unsigned retries;
	unsigned max_runtime_ms; /* 0: none */
	unsigned rate, per_net;  /* 0: any */

	const char *command; /* NULL without -c */

	const char *format_name;
	const char *field_list; /* NULL: all */
	unsigned header;        /* an enum header_choice */
	const char *output;     /* NULL: stdout */

	const char *db; /* NULL: find it, see sql/store.h */
	unsigned db_timeout_ms;
	unsigned no_db, no_spool, store_password, adopt_table;
	const char *print_schema;

	unsigned quiet, verbose, version, help;

	/* What the check made of the texts above. */
	const struct format *format;
	struct columns columns;
	bool with_header;
	enum login_way ways[LOGIN_WAYS]; /* --auth, or all that there are */
	size_t way_count;
	enum hostkeys_mode host_keys_mode;
};

enum header_choice { HEADER_BY_FORMAT, HEADER_YES, HEADER_NO };

/*
 * Fills *options from the table's defaults and argv, and checks what belongs
 * together. ERR_INPUT says what is wrong. After --help, --version or
 * --print-schema nothing else is checked.
 */
bool options_parse(struct options *options, int argc, char **argv,
                   struct err *err);

/* Whether hosts come from standard input. */
bool options_read_input(const struct options *options);

void options_help(FILE *to);

/*
 * Reads "5", "0.5", "500ms", "30s", "2m", "1h" as milliseconds; false for
 * anything else, and for what does not fit.
 */
bool duration_parse(const char *text, unsigned *ms);

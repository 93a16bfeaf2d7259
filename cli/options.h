#pragma once

#include "cli/format.h"
#include "inventory/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/*
 * The command line. One table in options.c gives every option its name, value,
 * range, default, place in this struct and line of --help. Texts are borrowed
 * from argv.
 */
enum verb {
	VERB_SCAN,  /* also without a verb */
	VERB_REPLAY /* bring a spool into the database */
};

struct options {
	enum verb verb;
	const char *host_file; /* "-" is standard input */
	const char *spool;     /* of VERB_REPLAY, then host_file is NULL */

	unsigned fanout;
	unsigned port;
	unsigned connect_timeout_ms, host_timeout_ms;
	unsigned retries;
	unsigned max_runtime_ms; /* 0: none */
	unsigned resume, only_failed;
	const char *retry_file; /* NULL: none */
	const char *command;    /* NULL without -c */

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
};

enum header_choice { HEADER_BY_FORMAT, HEADER_YES, HEADER_NO };

/*
 * Fills *options from the table's defaults and argv, and checks what belongs
 * together. ERR_INPUT says what is wrong. After --help, --version or
 * --print-schema nothing else is checked.
 */
bool options_parse(struct options *options, int argc, char **argv,
                   struct err *err);

void options_help(FILE *to);

/*
 * Reads "5", "0.5", "500ms", "30s", "2m", "1h" as milliseconds; false for
 * anything else, and for what does not fit.
 */
bool duration_parse(const char *text, unsigned *ms);

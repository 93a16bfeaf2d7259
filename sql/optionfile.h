#pragma once

#include "inventory/err.h"
#include "sql/server.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * The option files of MySQL and MariaDB, read by ourselves: the two client
 * libraries look at different groups and keys (ssl-mode is unknown to one,
 * login paths to the other), and neither tells whether a [sshinv] group was
 * there. So both behave alike here.
 *
 * Read are [client], [client-server], [client-mariadb] and [sshinv] of all
 * files in order; a later value wins, whatever its group. !include and
 * !includedir (*.cnf) are followed. A file that all can write is ignored with a
 * warning, as MySQL does.
 */
struct optionfile {
	struct server server;
	bool names_server; /* a [sshinv] names a host or a database */
};

/* What a line of such a file says. */
enum option_line {
	OPTION_NOTHING, /* blank, comment */
	OPTION_GROUP,   /* name */
	OPTION_VALUE,   /* name, value: "" where there is none */
	OPTION_INCLUDE, /* value is the file */
	OPTION_INCLUDEDIR,
	OPTION_BAD
};

struct option_text {
	const char *name; /* into the line */
	size_t name_length;
	const char *value; /* into the line, unescaped in place */
	size_t value_length;
};

/*
 * Takes one line apart, without its newline; the line is changed. Quotes,
 * escapes (\b \t \n \r \s \\ \' \") and comments in mid-line are as MySQL's
 * manual has them: an unquoted # ends a value.
 */
enum option_line optionfile_line(struct option_text *text, char *line,
                                 size_t length);

/*
 * Reads each file that exists over *options, which the caller has zeroed and
 * wipes with server_forget_password(). A file that cannot be read to its end or
 * is larger than 1 MiB is a warning, and nothing of it is taken. False
 * (ERR_INPUT): a value that cannot be; err names file and line.
 */
bool optionfile_read(struct optionfile *options, const char *const *paths,
                     size_t count, void (*warn)(void *arg, const char *text),
                     void *warn_arg, struct err *err);

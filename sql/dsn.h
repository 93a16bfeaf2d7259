#pragma once

#include "inventory/err.h"
#include "sql/server.h"

#include <stdbool.h>

/*
 * The name of a store in one text, as --db and SSHINV_DB have it:
 *
 *   mysql://[user[:password]@][host[:port]]/[database][?option=value&…]
 *   mariadb://…                            the same
 *   sqlite:PATH     sqlite:///abs/path     PATH as it is, without decoding;
 *                                          it does not begin with ':'
 *
 * An IPv6 host stands in brackets; %XX is a byte in every part of the first
 * form. The options are socket, connect-timeout, ssl-mode, ssl-ca, ssl-capath,
 * ssl-cert and ssl-key ('_' is '-').
 */
enum dsn_kind { DSN_SQLITE, DSN_MYSQL };

#define DSN_PATH_SIZE 4096

struct dsn {
	enum dsn_kind kind;
	char path[DSN_PATH_SIZE]; /* of DSN_SQLITE */
	struct server server; /* of DSN_MYSQL; what was not named is empty */
};

/*
 * On false, err (ERR_INPUT) names the part that is wrong and quotes none of it
 * but the name of an unknown option: any part may be a password that was not
 * encoded. The caller ends it with dsn_wipe() either way.
 */
bool dsn_parse(struct dsn *dsn, const char *text, struct err *err);

void dsn_wipe(struct dsn *dsn);

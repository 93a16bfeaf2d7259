#pragma once

#include "sql/server.h"

#include <string.h>

/* True when both name the same server in the same way. */
static inline bool same_server(const struct server *a, const struct server *b)
{
	return strcmp(a->host, b->host) == 0 && a->port == b->port &&
	       a->port_in_dsn == b->port_in_dsn &&
	       strcmp(a->user, b->user) == 0 &&
	       strcmp(a->password, b->password) == 0 &&
	       a->has_password == b->has_password &&
	       strcmp(a->database, b->database) == 0 &&
	       strcmp(a->socket, b->socket) == 0 && a->tls == b->tls &&
	       strcmp(a->ssl_ca, b->ssl_ca) == 0 &&
	       strcmp(a->ssl_capath, b->ssl_capath) == 0 &&
	       strcmp(a->ssl_cert, b->ssl_cert) == 0 &&
	       strcmp(a->ssl_key, b->ssl_key) == 0 &&
	       a->connect_timeout_s == b->connect_timeout_s;
}

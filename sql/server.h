#pragma once

#include "inventory/err.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * How to reach a MySQL or MariaDB server. Each part may be left out ("", 0,
 * TLS_UNSET), so that a DSN and the option files can be laid over each other.
 */

/* MySQL's ssl-mode, with its meaning in every client library. */
enum tls_mode {
	TLS_UNSET,
	TLS_DISABLED,
	TLS_PREFERRED,      /* encrypted where the server can */
	TLS_REQUIRED,       /* encrypted, the server not verified */
	TLS_VERIFY_CA,      /* and its certificate is from ssl-ca */
	TLS_VERIFY_IDENTITY /* and made out for the host's name */
};

#define SERVER_TEXT_SIZE 256
#define SERVER_PATH_SIZE 1024

#define SERVER_PORT 3306
#define SERVER_CONNECT_TIMEOUT_S 10

struct server {
	char host[SERVER_TEXT_SIZE];
	unsigned port;
	/* The DSN named it: "localhost" then means TCP, not the socket. */
	bool port_in_dsn;
	char user[SERVER_TEXT_SIZE];
	char password[SERVER_PATH_SIZE]; /* secret */
	bool has_password;               /* may be empty all the same */
	char database[SERVER_TEXT_SIZE];
	char socket[SERVER_TEXT_SIZE];
	enum tls_mode tls;
	char ssl_ca[SERVER_PATH_SIZE];
	char ssl_capath[SERVER_PATH_SIZE];
	char ssl_cert[SERVER_PATH_SIZE];
	char ssl_key[SERVER_PATH_SIZE];
	unsigned connect_timeout_s;
};

enum server_set {
	SERVER_SET,
	SERVER_UNKNOWN, /* no such option */
	SERVER_BAD,     /* *err (ERR_INPUT) names the option, not the value */
};

/*
 * Sets one option by its name in option files; '_' is '-'. The value is not
 * terminated. A control character in it is refused.
 */
enum server_set server_set(struct server *server, const char *name,
                           size_t name_length, const char *value, size_t length,
                           struct err *err);

/* Fills what is left out in server with what is named in other. */
void server_merge(struct server *server, const struct server *other);

/*
 * Fills the rest with defaults and checks what does not go together
 * (ERR_INPUT): no database, a certificate to be verified without ssl-ca or
 * ssl-capath.
 */
bool server_finish(struct server *server, struct err *err);

/* True where the connection goes through a Unix socket. */
bool server_is_local(const struct server *server);

/* "mysql://inv@db1:3306/fleet", without the password. Cut to size. */
void server_name(const struct server *server, char *name, size_t size);

/* Overwrites the password. */
void server_forget_password(struct server *server);

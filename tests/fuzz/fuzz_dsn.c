#include "sql/dsn.h"

#include <stdio.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/same_server.h"

/*
 * One line is a DSN. Three lines are the user, the end of the password and what
 * follows the @ of one whose password is secret, encoded or not.
 */

#define SECRET "tHe-5eCrEt"
#define ENCODED_SIZE 40000

static const char *const tls_names[] = {
	[TLS_DISABLED] = "disabled",
	[TLS_PREFERRED] = "preferred",
	[TLS_REQUIRED] = "required",
	[TLS_VERIFY_CA] = "verify_ca",
	[TLS_VERIFY_IDENTITY] = "verify_identity",
};

/* Ends in its array; no control character reaches a message or a library. */
static void check_text(const char *text, size_t size)
{
	const char *end = memchr(text, '\0', size);

	PROMISE(end != NULL);
	for (; text < end; text++)
		PROMISE((unsigned char)*text >= 0x20 && *text != 0x7F);
}

static void check_parts(const struct server *server)
{
	check_text(server->host, sizeof(server->host));
	check_text(server->user, sizeof(server->user));
	check_text(server->database, sizeof(server->database));
	check_text(server->socket, sizeof(server->socket));
	check_text(server->ssl_ca, sizeof(server->ssl_ca));
	check_text(server->ssl_capath, sizeof(server->ssl_capath));
	check_text(server->ssl_cert, sizeof(server->ssl_cert));
	check_text(server->ssl_key, sizeof(server->ssl_key));
	PROMISE(memchr(server->password, '\0', sizeof(server->password)) !=
	        NULL);
	PROMISE(server->password[0] == '\0' || server->has_password);
	PROMISE(server->port <= 65535 && server->connect_timeout_s <= 3600);
	PROMISE(server->port_in_dsn || server->port == 0);
}

/* Every byte as %XX. Returns the end. */
static char *encode(char *to, const char *text)
{
	for (; *text != '\0'; text++)
		to += snprintf(to, 4, "%%%02x", (unsigned char)*text);
	return to;
}

static char *encode_option(char *to, char *before, const char *name,
                           const char *value)
{
	if (*value == '\0')
		return to;
	to += sprintf(to, "%c%s=", *before, name);
	*before = '&';
	return encode(to, value);
}

static void encode_server(char *to, const struct server *server)
{
	char before = '?';
	char seconds[16] = "";

	to = encode(stpcpy(to, "mysql://"), server->user);
	if (server->has_password)
		to = encode(stpcpy(to, ":"), server->password);
	to = encode(stpcpy(to, "@"), server->host);
	if (server->port_in_dsn)
		to += sprintf(to, ":%u", server->port);
	to = encode(stpcpy(to, "/"), server->database);
	to = encode_option(to, &before, "socket", server->socket);
	to = encode_option(to, &before, "ssl-ca", server->ssl_ca);
	to = encode_option(to, &before, "ssl_capath", server->ssl_capath);
	to = encode_option(to, &before, "ssl-cert", server->ssl_cert);
	to = encode_option(to, &before, "ssl-key", server->ssl_key);
	if (server->tls != TLS_UNSET)
		to = encode_option(to, &before, "ssl-mode",
		                   tls_names[server->tls]);
	if (server->connect_timeout_s != 0)
		snprintf(seconds, sizeof(seconds), "%u",
		         server->connect_timeout_s);
	to = encode_option(to, &before, "connect-timeout", seconds);
	*to = '\0';
}

/* What was understood and is written again means the same. */
static void check_again(const struct dsn *dsn)
{
	char *text = malloc(ENCODED_SIZE);
	struct dsn again;
	struct err err;

	PROMISE(text != NULL);
	encode_server(text, &dsn->server);
	PROMISE(dsn_parse(&again, text, &err));
	PROMISE(same_server(&dsn->server, &again.server));
	dsn_wipe(&again);
	free(text);
}

static bool is_plain(const char *text)
{
	return text[strspn(text, "abcdefghijklmnopqrstuvwxyz"
	                         "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_")] ==
	       '\0';
}

/* Where nothing in it needs to be encoded, the name is a DSN of the place. */
static void check_name(const struct dsn *dsn)
{
	struct server server = dsn->server;
	char name[1024];
	struct dsn named;
	struct err err;

	if (!server_finish(&server, &err)) {
		PROMISE(err.kind == ERR_INPUT);
		return;
	}
	server_name(&server, name, sizeof(name));
	PROMISE(strlen(name) < sizeof(name) - 1);
	if (!is_plain(server.user) || !is_plain(server.host) ||
	    !is_plain(server.database))
		return;
	PROMISE(dsn_parse(&named, name, &err));
	PROMISE(strcmp(named.server.user, server.user) == 0);
	PROMISE(strcmp(named.server.host, server.host) == 0);
	PROMISE(strcmp(named.server.database, server.database) == 0);
	PROMISE(!named.server.has_password);
	PROMISE(server_is_local(&named.server) == server_is_local(&server));
	if (!server_is_local(&server))
		PROMISE(named.server.port ==
		        (server.port != 0 ? server.port : SERVER_PORT));
}

/* What a DSN names wins, the rest is taken; twice is once. */
static void check_merge(const struct dsn *dsn)
{
	static const struct server empty;
	struct server all = empty;
	struct server twice;

	server_merge(&all, &dsn->server);
	twice = all;
	server_merge(&twice, &dsn->server);
	PROMISE(same_server(&all, &twice));
	twice = dsn->server;
	server_merge(&twice, &empty);
	PROMISE(same_server(&twice, &dsn->server));
}

static void check(const char *text)
{
	struct dsn dsn;
	struct err err = { .kind = ERR_NONE };
	size_t skipped;

	if (!dsn_parse(&dsn, text, &err)) {
		PROMISE(err.kind == ERR_INPUT && err.text[0] != '\0');
	} else if (dsn.kind == DSN_SQLITE) {
		PROMISE(dsn.path[0] != '\0' && dsn.path[0] != ':');
		skipped = strlen(text) - strlen(dsn.path);
		PROMISE(strcmp(text + skipped, dsn.path) == 0);
	} else {
		check_parts(&dsn.server);
		check_again(&dsn);
		check_name(&dsn);
		check_merge(&dsn);
	}
	dsn_wipe(&dsn);
	PROMISE(dsn.server.password[0] == '\0');
}

/* However it is written, no message has it, nor has the store's name. */
static void check_secret(const char *user, const char *tail, const char *rest)
{
	size_t size = strlen(user) + strlen(tail) + strlen(rest) + 64;
	char *text = malloc(size);
	char name[1024];
	struct dsn dsn;
	struct err err;

	PROMISE(text != NULL);
	snprintf(text, size, "mysql://%s:" SECRET "%s@%s", user, tail, rest);
	if (dsn_parse(&dsn, text, &err)) {
		PROMISE(strstr(dsn.server.password, SECRET) != NULL);
		server_name(&dsn.server, name, sizeof(name));
		PROMISE(strstr(name, SECRET) == NULL);
		check(text);
	} else {
		PROMISE(strstr(err.text, SECRET) == NULL);
	}
	dsn_wipe(&dsn);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	char *tail, *rest;

	PROMISE(text != NULL);
	memcpy(text, data, size);
	text[size] = '\0';
	tail = strchr(text, '\n');
	rest = tail != NULL ? strchr(tail + 1, '\n') : NULL;
	if (rest == NULL) {
		check(text);
	} else if (strstr(text, SECRET) == NULL) {
		*tail++ = '\0';
		*rest++ = '\0';
		check_secret(text, tail, rest);
	}
	free(text);
	return 0;
}

#include "sql/server.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum option_type { OPTION_TEXT, OPTION_PASSWORD, OPTION_COUNT, OPTION_TLS };

struct option {
	const char *name;
	size_t offset;
	size_t size; /* of a text */
	enum option_type type;
	unsigned max; /* of a count */
};

/* clang-format off */
#define TEXT(name, member, type) \
	{ name, offsetof(struct server, member), \
	  sizeof(((struct server *)0)->member), type, 0 }
#define COUNT(name, member, max) \
	{ name, offsetof(struct server, member), 0, OPTION_COUNT, (max) }

static const struct option options[] = {
	TEXT("host", host, OPTION_TEXT),
	COUNT("port", port, 65535),
	TEXT("user", user, OPTION_TEXT),
	TEXT("password", password, OPTION_PASSWORD),
	TEXT("database", database, OPTION_TEXT),
	TEXT("socket", socket, OPTION_TEXT),
	TEXT("ssl-mode", tls, OPTION_TLS),
	TEXT("ssl-ca", ssl_ca, OPTION_TEXT),
	TEXT("ssl-capath", ssl_capath, OPTION_TEXT),
	TEXT("ssl-cert", ssl_cert, OPTION_TEXT),
	TEXT("ssl-key", ssl_key, OPTION_TEXT),
	COUNT("connect-timeout", connect_timeout_s, 3600),
};
/* clang-format on */

static const size_t options_count = sizeof(options) / sizeof(options[0]);

static const char *const tls_names[] = {
	[TLS_DISABLED] = "DISABLED",
	[TLS_PREFERRED] = "PREFERRED",
	[TLS_REQUIRED] = "REQUIRED",
	[TLS_VERIFY_CA] = "VERIFY_CA",
	[TLS_VERIFY_IDENTITY] = "VERIFY_IDENTITY",
};

static bool same_name(const char *name, const char *other, size_t length)
{
	if (strlen(name) != length)
		return false;
	for (size_t i = 0; i < length; i++) {
		if ((other[i] == '_' ? '-' : other[i]) != name[i])
			return false;
	}
	return true;
}

static bool has_control(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7F)
			return true;
	}
	return false;
}

static bool set_count(unsigned *count, const struct option *option,
                      const char *value, size_t length, struct err *err)
{
	unsigned number = 0;

	for (size_t i = 0; i < length; i++) {
		if (value[i] < '0' || value[i] > '9' || number > option->max)
			goto fail;
		number = number * 10 + (unsigned)(value[i] - '0');
	}
	if (length == 0 || number > option->max)
		goto fail;
	*count = number;
	return true;
fail:
	return err_set(err, ERR_INPUT, "%s is not a number from 0 to %u",
	               option->name, option->max);
}

static bool set_tls(enum tls_mode *mode, const char *value, size_t length,
                    struct err *err)
{
	for (size_t i = TLS_DISABLED; i <= TLS_VERIFY_IDENTITY; i++) {
		if (strlen(tls_names[i]) == length &&
		    strncasecmp(tls_names[i], value, length) == 0) {
			*mode = (enum tls_mode)i;
			return true;
		}
	}
	return err_set(err, ERR_INPUT,
	               "ssl-mode is not one of DISABLED, PREFERRED, REQUIRED, "
	               "VERIFY_CA, VERIFY_IDENTITY");
}

static bool set_text(char *text, const struct option *option, const char *value,
                     size_t length, struct err *err)
{
	if (length >= option->size)
		return err_set(err, ERR_INPUT, "%s is longer than %zu bytes",
		               option->name, option->size - 1);
	if (option->type != OPTION_PASSWORD && has_control(value, length))
		return err_set(err, ERR_INPUT, "%s holds a control character",
		               option->name);
	if (memchr(value, '\0', length) != NULL)
		return err_set(err, ERR_INPUT, "%s holds a NUL", option->name);
	explicit_bzero(text, option->size);
	memcpy(text, value, length);
	return true;
}

enum server_set server_set(struct server *server, const char *name,
                           size_t name_length, const char *value, size_t length,
                           struct err *err)
{
	const struct option *option = options;
	char *member;
	bool ok = false;

	while (option < options + options_count &&
	       !same_name(option->name, name, name_length))
		option++;
	if (option == options + options_count)
		return SERVER_UNKNOWN;
	member = (char *)server + option->offset;
	switch (option->type) {
	case OPTION_PASSWORD:
		ok = set_text(member, option, value, length, err);
		server->has_password = server->has_password || ok;
		break;
	case OPTION_TEXT:
		ok = set_text(member, option, value, length, err);
		break;
	case OPTION_COUNT:
		ok = set_count((unsigned *)(void *)member, option, value,
		               length, err);
		break;
	case OPTION_TLS:
		ok = set_tls(&server->tls, value, length, err);
		break;
	}
	return ok ? SERVER_SET : SERVER_BAD;
}

/* The parts of a connection that mean something only together. */
static void merge_place(struct server *server, const struct server *other)
{
	bool has_host = server->host[0] != '\0';
	bool has_socket = server->socket[0] != '\0';

	/* A named socket is this machine, a named host is no other's socket. */
	if (!has_host && !has_socket)
		memcpy(server->host, other->host, sizeof(server->host));
	if (!has_socket &&
	    (!has_host || strcmp(server->host, "localhost") == 0))
		memcpy(server->socket, other->socket, sizeof(server->socket));
	if (server->port == 0)
		server->port = other->port;
}

void server_merge(struct server *server, const struct server *other)
{
	merge_place(server, other);
	for (size_t i = 0; i < options_count; i++) {
		const struct option *option = &options[i];
		char *member = (char *)server + option->offset;
		const char *from = (const char *)other + option->offset;

		if (option->type != OPTION_TEXT || member[0] != '\0' ||
		    member == server->host || member == server->socket)
			continue;
		memcpy(member, from, option->size);
	}
	if (!server->has_password) {
		memcpy(server->password, other->password,
		       sizeof(server->password));
		server->has_password = other->has_password;
	}
	if (server->tls == TLS_UNSET)
		server->tls = other->tls;
	if (server->connect_timeout_s == 0)
		server->connect_timeout_s = other->connect_timeout_s;
}

bool server_finish(struct server *server, struct err *err)
{
	bool has_ca =
	    server->ssl_ca[0] != '\0' || server->ssl_capath[0] != '\0';

	if (server->database[0] == '\0')
		return err_set(err, ERR_INPUT,
		               "no database is named "
		               "(mysql://user@host/database)");
	if (server->host[0] == '\0')
		memcpy(server->host, "localhost", sizeof("localhost"));
	if (server->connect_timeout_s == 0)
		server->connect_timeout_s = SERVER_CONNECT_TIMEOUT_S;
	/* As mysql(1) has it: who names an authority wants it asked. */
	if (server->tls == TLS_UNSET)
		server->tls = has_ca ? TLS_VERIFY_CA : TLS_PREFERRED;
	if (server->tls >= TLS_VERIFY_CA && !has_ca)
		return err_set(err, ERR_INPUT,
		               "ssl-mode %s needs ssl-ca or ssl-capath",
		               tls_names[server->tls]);
	if ((server->ssl_cert[0] == '\0') != (server->ssl_key[0] == '\0'))
		return err_set(err, ERR_INPUT,
		               "ssl-cert and ssl-key go together");
	return true;
}

bool server_is_local(const struct server *server)
{
	return strcmp(server->host, "localhost") == 0 && !server->port_in_dsn;
}

void server_name(const struct server *server, char *name, size_t size)
{
	bool v6 = strchr(server->host, ':') != NULL;
	char place[SERVER_TEXT_SIZE + 16];

	if (server_is_local(server))
		snprintf(place, sizeof(place), "%s", server->host);
	else
		snprintf(place, sizeof(place), "%s%s%s:%u", v6 ? "[" : "",
		         server->host, v6 ? "]" : "",
		         server->port != 0 ? server->port : SERVER_PORT);
	snprintf(name, size, "mysql://%s%s%s/%s", server->user,
	         server->user[0] != '\0' ? "@" : "", place, server->database);
}

void server_forget_password(struct server *server)
{
	explicit_bzero(server->password, sizeof(server->password));
}

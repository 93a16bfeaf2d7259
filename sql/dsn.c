#include "sql/dsn.h"

#include <string.h>
#include <strings.h>

/* A part of the text that is being parsed. */
struct span {
	const char *text;
	size_t length;
};

static const char encode_hint[] =
    "(in a user or password, write / ? # @ : % as %2F %3F %23 %40 %3A "
    "%25)";

static struct span span_until(const char *text, const char *stop)
{
	return (struct span){ text, strcspn(text, stop) };
}

static const char *span_end(struct span span)
{
	return span.text + span.length;
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Decodes the value and sets it under that name. */
static bool set(struct dsn *dsn, const char *name, size_t name_length,
                struct span value, struct err *err)
{
	char plain[SERVER_PATH_SIZE];
	enum server_set result = SERVER_BAD;
	size_t used = 0;

	for (size_t i = 0; i < value.length; i++) {
		char c = value.text[i];

		if (c == '%') {
			int high = -1;
			int low = -1;

			if (i + 2 < value.length) {
				high = hex(value.text[i + 1]);
				low = hex(value.text[i + 2]);
			}
			if (high < 0 || low < 0) {
				err_set(err, ERR_INPUT,
				        "a %% without two hexadecimal digits");
				goto out;
			}
			c = (char)(high * 16 + low);
			i += 2;
		}
		if (used + 1 == sizeof(plain)) {
			err_set(err, ERR_INPUT, "%.*s is too long",
			        (int)name_length, name);
			goto out;
		}
		plain[used++] = c;
	}
	result = server_set(&dsn->server, name, name_length, plain, used, err);
out:
	explicit_bzero(plain, sizeof(plain));
	if (result == SERVER_UNKNOWN)
		return err_set(err, ERR_INPUT, "unknown option '%.*s'",
		               (int)name_length, name);
	return result == SERVER_SET;
}

static bool set_named(struct dsn *dsn, const char *name, struct span value,
                      struct err *err)
{
	return value.length == 0 || set(dsn, name, strlen(name), value, err);
}

static bool parse_user(struct dsn *dsn, struct span user, struct err *err)
{
	const char *colon = memchr(user.text, ':', user.length);
	struct span password;

	if (colon == NULL)
		return set_named(dsn, "user", user, err);
	password.text = colon + 1;
	password.length = (size_t)(span_end(user) - password.text);
	user.length = (size_t)(colon - user.text);
	return set_named(dsn, "user", user, err) &&
	       set(dsn, "password", strlen("password"), password, err);
}

static bool parse_place(struct dsn *dsn, struct span place, struct err *err)
{
	struct span host = place;
	struct span port = { NULL, 0 };
	const char *end = span_end(place);
	const char *rest;
	struct err bad;

	if (place.length > 0 && place.text[0] == '[') {
		rest = memchr(place.text, ']', place.length);
		if (rest == NULL)
			return err_set(err, ERR_INPUT, "a [ without a ]");
		host.text++;
		host.length = (size_t)(rest - host.text);
		rest++;
	} else {
		rest = memchr(place.text, ':', place.length);
		if (rest == NULL)
			rest = end;
		host.length = (size_t)(rest - place.text);
	}
	if (rest < end) {
		port.text = rest + 1;
		port.length = (size_t)(end - port.text);
		if (*rest != ':' || port.length == 0)
			return err_set(err, ERR_INPUT,
			               "the port is not a number %s",
			               encode_hint);
		if (!set_named(dsn, "port", port, &bad))
			return err_set(err, ERR_INPUT, "%s %s", bad.text,
			               encode_hint);
		dsn->server.port_in_dsn = true;
	}
	return set_named(dsn, "host", host, err);
}

/* Where and as whom are no options: each is said in one way. */
static bool is_option(struct span name)
{
	static const char *const places[] = { "host", "port", "user",
		                              "password", "database" };

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if (strlen(places[i]) == name.length &&
		    strncmp(places[i], name.text, name.length) == 0)
			return false;
	}
	return true;
}

static bool parse_options(struct dsn *dsn, const char *text, struct err *err)
{
	while (*text != '\0') {
		struct span name = span_until(text, "=&");
		struct span value;

		text = span_end(name);
		if (*text != '=')
			return err_set(err, ERR_INPUT,
			               "an option without a value");
		value = span_until(text + 1, "&");
		text = span_end(value);
		if (*text == '&')
			text++;
		if (!is_option(name))
			return err_set(err, ERR_INPUT, "unknown option '%.*s'",
			               (int)name.length, name.text);
		if (!set(dsn, name.text, name.length, value, err))
			return false;
	}
	return true;
}

static bool check_socket(struct dsn *dsn, struct err *err)
{
	struct server *server = &dsn->server;

	if (server->socket[0] == '\0')
		return true;
	if ((server->host[0] != '\0' &&
	     strcmp(server->host, "localhost") != 0) ||
	    server->port_in_dsn)
		return err_set(err, ERR_INPUT,
		               "a socket goes with no other host than "
		               "localhost, and with no port");
	return true;
}

/* What follows "mysql://". */
static bool parse_server(struct dsn *dsn, const char *text, struct err *err)
{
	struct span authority = span_until(text, "/?#");
	struct span place = authority;
	struct span database = { "", 0 };
	const char *rest = span_end(authority);
	const char *at = memrchr(authority.text, '@', authority.length);

	/* Then a password was cut in two, and no half may be quoted. */
	if (strpbrk(rest, "@#") != NULL)
		return err_set(err, ERR_INPUT, "an @ or # behind the host %s",
		               encode_hint);
	if (at != NULL) {
		place.text = at + 1;
		place.length = (size_t)(rest - place.text);
		authority.length = (size_t)(at - authority.text);
		if (!parse_user(dsn, authority, err))
			return false;
	}
	if (!parse_place(dsn, place, err))
		return false;
	if (*rest == '/') {
		database = span_until(rest + 1, "?");
		rest = span_end(database);
	}
	if (memchr(database.text, '/', database.length) != NULL)
		return err_set(err, ERR_INPUT, "a second / behind the host %s",
		               encode_hint);
	if (!set_named(dsn, "database", database, err))
		return false;
	return (*rest != '?' || parse_options(dsn, rest + 1, err)) &&
	       check_socket(dsn, err);
}

static bool parse_path(struct dsn *dsn, const char *path, struct err *err)
{
	size_t length = strlen(path);

	if (strncmp(path, "//", 2) == 0 && path[2] != '/')
		return err_set(err, ERR_INPUT,
		               "sqlite:// is followed by an absolute path: "
		               "sqlite:///var/lib/inventory.db");
	if (strncmp(path, "//", 2) == 0)
		return parse_path(dsn, path + 2, err);
	if (length == 0)
		return err_set(err, ERR_INPUT, "sqlite: without a path");
	/* SQLite's own names, ":memory:" for one, are no files. */
	if (path[0] == ':')
		return err_set(err, ERR_INPUT,
		               "a path that begins with ':' is not a file to "
		               "SQLite (write ./ in front)");
	if (length >= sizeof(dsn->path))
		return err_set(err, ERR_INPUT, "the path is too long");
	memcpy(dsn->path, path, length + 1);
	return true;
}

bool dsn_parse(struct dsn *dsn, const char *text, struct err *err)
{
	static const char *const schemes[] = { "mysql://", "mariadb://" };

	memset(dsn, 0, sizeof(*dsn));
	dsn->kind = DSN_SQLITE;
	if (strncasecmp(text, "sqlite:", strlen("sqlite:")) == 0)
		return parse_path(dsn, text + strlen("sqlite:"), err);
	dsn->kind = DSN_MYSQL;
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		size_t length = strlen(schemes[i]);

		if (strncasecmp(text, schemes[i], length) == 0)
			return parse_server(dsn, text + length, err);
	}
	return err_set(err, ERR_INPUT,
	               "it begins with none of mysql://, mariadb://, sqlite:");
}

void dsn_wipe(struct dsn *dsn)
{
	server_forget_password(&dsn->server);
}

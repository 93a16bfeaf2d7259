#include "inventory/host.h"

#include "inventory/utf8.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A piece of the line; not terminated. */
struct span {
	const char *text;
	size_t length;
};

/* What a message may quote at most: the first field, and that much of it. */
#define QUOTE_MAX 80

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static struct span next_field(struct span *rest)
{
	struct span field;

	while (rest->length > 0 && is_blank(rest->text[0])) {
		rest->text++;
		rest->length--;
	}
	field.text = rest->text;
	while (rest->length > 0 && !is_blank(rest->text[0])) {
		rest->text++;
		rest->length--;
	}
	field.length = (size_t)(rest->text - field.text);
	return field;
}

bool host_line_is_blank(const char *line, size_t length)
{
	size_t i = 0;

	while (i < length && is_blank(line[i]))
		i++;
	return i == length || line[i] == '#';
}

static bool parse_port(struct span text, uint16_t *port)
{
	unsigned long value = 0;

	if (text.length == 0 || text.length > 5)
		return false;
	for (size_t i = 0; i < text.length; i++) {
		if (!isdigit((unsigned char)text.text[i]))
			return false;
		value = value * 10 + (unsigned long)(text.text[i] - '0');
	}
	if (value == 0 || value > 65535)
		return false;
	*port = (uint16_t)value;
	return true;
}

/* RFC 1123 section 2.1, and the underscore that real networks use. */
static bool is_name(const char *text)
{
	size_t label = 0;
	bool digits_only = true;

	for (const char *p = text; *p != '\0'; p++) {
		if (*p == '.') {
			if (label == 0 || p[-1] == '-')
				return false;
			label = 0;
			digits_only = true;
			continue;
		}
		if (!isalnum((unsigned char)*p) && *p != '_' &&
		    (*p != '-' || label == 0))
			return false;
		if (!isdigit((unsigned char)*p))
			digits_only = false;
		if (++label > 63)
			return false;
	}
	/* A last label of digits alone is an IPv4 address gone wrong
	 * (RFC 3696 section 2). */
	return label > 0 && text[strlen(text) - 1] != '-' && !digits_only;
}

static bool canonical_ipv6(char *ip, size_t size)
{
	struct in6_addr v6;
	char buf[INET6_ADDRSTRLEN];
	char zone[IF_NAMESIZE + 1] = "";
	char *percent = strchr(ip, '%');

	if (percent != NULL) {
		if (strlen(percent) < 2 || strlen(percent) > IF_NAMESIZE ||
		    strpbrk(percent, "[]/") != NULL)
			return false;
		memcpy(zone, percent, strlen(percent) + 1);
		*percent = '\0';
	}
	if (inet_pton(AF_INET6, ip, &v6) != 1)
		return false;
	/* The same host as without the prefix, which must not get its password
	 * twice. */
	if (IN6_IS_ADDR_V4MAPPED(&v6)) {
		inet_ntop(AF_INET, &v6.s6_addr[12], ip, (socklen_t)size);
		return true;
	}
	inet_ntop(AF_INET6, &v6, buf, sizeof(buf));
	snprintf(ip, size, "%s%s", buf, zone);
	return true;
}

/* Makes host->ip canonical and says what it is. */
static bool canonical_address(struct host *host)
{
	struct in_addr v4;
	size_t length;

	if (inet_pton(AF_INET, host->ip, &v4) == 1)
		return true; /* it takes one form only */
	if (strchr(host->ip, ':') != NULL)
		return canonical_ipv6(host->ip, sizeof(host->ip));
	host->is_name = true;
	length = strlen(host->ip);
	if (length > 1 && host->ip[length - 1] == '.')
		host->ip[length - 1] = '\0';
	for (char *p = host->ip; *p != '\0'; p++)
		*p = (char)tolower((unsigned char)*p);
	return is_name(host->ip);
}

/* Cuts "address:port" or "[v6]:port"; a port of "" is none. An IPv6 literal
 * without brackets keeps all its colons. */
static bool split_port(struct span field, struct span *address,
                       struct span *port, bool *has_port)
{
	const char *colon;

	*address = field;
	*has_port = false;
	if (field.length > 0 && field.text[0] == '[') {
		const char *close = memchr(field.text, ']', field.length);
		size_t after;

		if (close == NULL)
			return false;
		address->text = field.text + 1;
		address->length = (size_t)(close - field.text) - 1;
		if (memchr(address->text, ':', address->length) == NULL)
			return false;
		after = field.length - address->length - 2;
		if (after == 0)
			return true;
		if (close[1] != ':')
			return false;
		*port = (struct span){ close + 2, after - 1 };
		*has_port = true;
		return true;
	}
	colon = memchr(field.text, ':', field.length);
	if (colon == NULL || memrchr(field.text, ':', field.length) != colon)
		return true;
	address->length = (size_t)(colon - field.text);
	*port = (struct span){ colon + 1, field.length - address->length - 1 };
	*has_port = true;
	return true;
}

static bool copy(char *to, size_t size, struct span from)
{
	if (from.length >= size)
		return false;
	memcpy(to, from.text, from.length);
	to[from.length] = '\0';
	return true;
}

/* quote is what a message shows: the address, or the field that it is in. */
static bool parse_address(struct host *host, struct span text,
                          struct span quote, struct err *err)
{
	struct span address, port = { NULL, 0 };
	int quoted = (int)(quote.length < QUOTE_MAX ? quote.length : QUOTE_MAX);

	host->is_name = false;
	if (!split_port(text, &address, &port, &host->has_port) ||
	    address.length == 0 || !copy(host->ip, sizeof(host->ip), address) ||
	    !canonical_address(host))
		return err_set(err, ERR_INPUT, "'%.*s' is not an address",
		               quoted, quote.text);
	if (host->has_port && !parse_port(port, &host->port))
		return err_set(err, ERR_INPUT,
		               "bad port in '%.*s' (1 to 65535)", quoted,
		               quote.text);
	return true;
}

bool host_set_address(struct host *host, const char *text, size_t length,
                      struct err *err)
{
	struct span address = { text, length };

	return parse_address(host, address, address, err);
}

bool host_is_ipv6(const char *text, size_t length)
{
	char copied[HOST_IP_MAX + 1];

	return copy(copied, sizeof(copied), (struct span){ text, length }) &&
	       strchr(copied, ':') != NULL &&
	       canonical_ipv6(copied, sizeof(copied));
}

/* The keys whose value is a text. */
static const struct text_key {
	const char *name;
	size_t offset, size;
} text_keys[] = {
	{ "user", offsetof(struct host, user), HOST_USER_MAX + 1 },
	{ "key", offsetof(struct host, key), HOST_KEY_MAX + 1 },
	{ "name", offsetof(struct host, name), HOST_NAME_MAX_BYTES + 1 },
	{ "group", offsetof(struct host, group), HOST_NAME_MAX_BYTES + 1 },
};

#define TEXT_KEYS (sizeof(text_keys) / sizeof(text_keys[0]))

static bool is_key(struct span field, const char *key)
{
	size_t length = strlen(key);

	return field.length > length && field.text[length] == '=' &&
	       memcmp(field.text, key, length) == 0;
}

/* NULL for none. */
static const struct text_key *find_text_key(struct span field)
{
	for (size_t i = 0; i < TEXT_KEYS; i++) {
		if (is_key(field, text_keys[i].name))
			return &text_keys[i];
	}
	return NULL;
}

static bool is_option(struct span field)
{
	return is_key(field, "port") || find_text_key(field) != NULL;
}

static bool parse_port_option(struct host *host, struct span value,
                              struct err *err)
{
	if (host->has_port)
		return err_set(err, ERR_INPUT, "port given twice");
	host->has_port = true;
	if (!parse_port(value, &host->port))
		return err_set(err, ERR_INPUT, "bad port= (1 to 65535)");
	return true;
}

static bool parse_text_option(struct host *host, const struct text_key *key,
                              struct span value, struct err *err)
{
	char *to = (char *)host + key->offset;

	if (to[0] != '\0')
		return err_set(err, ERR_INPUT, "%s%s given twice", key->name,
		               to == host->user ? "" : "=");
	if (value.length == 0 || !copy(to, key->size, value))
		return err_set(err, ERR_INPUT, "%s= takes 1 to %zu bytes",
		               key->name, key->size - 1);
	return true;
}

/* One key=value after the login. Its text is never quoted: a password with a
 * blank in it ends up here. */
static bool parse_option(struct host *host, struct span field, struct err *err)
{
	const struct text_key *key = find_text_key(field);
	const char *equals = memchr(field.text, '=', field.length);
	struct span value;

	if (equals == NULL && host->lacks_password)
		return err_set(err, ERR_INPUT,
		               "stray field (behind key=value comes nothing "
		               "else)");
	if (equals == NULL)
		return err_set(err, ERR_INPUT,
		               "stray field after the password (a password "
		               "cannot hold blanks)");
	value.text = equals + 1;
	value.length = field.length - (size_t)(value.text - field.text);
	if (key != NULL)
		return parse_text_option(host, key, value, err);
	if (is_key(field, "port"))
		return parse_port_option(host, value, err);
	return err_set(err, ERR_INPUT,
	               "unknown key (port=, user=, key=, name= and group= are "
	               "known)");
}

bool host_is_text(const char *text, size_t length, struct err *err)
{
	for (size_t i = 0; i < length;) {
		uint32_t code;
		size_t step = utf8_decode(text + i, length - i, &code);

		if (step == 0)
			return err_set(err, ERR_INPUT, "not UTF-8 (byte %zu)",
			               i + 1);
		if (code == 0)
			return err_set(err, ERR_INPUT, "NUL byte (byte %zu)",
			               i + 1);
		i += step;
	}
	return true;
}

/* Cuts USER@ADDRESS at the last '@': a user may hold one. */
static bool parse_first(struct host *host, struct span field, struct err *err)
{
	const char *at = memrchr(field.text, '@', field.length);
	struct span user, address;

	if (at == NULL || at == field.text)
		return parse_address(host, field, field, err);
	user = (struct span){ field.text, (size_t)(at - field.text) };
	address = (struct span){ at + 1, field.length - user.length - 1 };
	if (!parse_address(host, address, field, err))
		return false;
	if (!copy(host->user, sizeof(host->user), user))
		return err_set(err, ERR_INPUT, "user over %d bytes",
		               HOST_USER_MAX);
	return true;
}

/* User and password by their places, where the line has them. */
static bool parse_login(struct host *host, struct span *rest, struct err *err)
{
	struct span ahead = *rest;
	struct span field = next_field(&ahead);

	host->lacks_password = true;
	if (field.length == 0 || is_option(field))
		return true;
	if (host->user[0] == '\0') {
		if (!copy(host->user, sizeof(host->user), field))
			return err_set(err, ERR_INPUT, "user over %d bytes",
			               HOST_USER_MAX);
		field = next_field(&ahead);
	}
	*rest = ahead;
	if (field.length == 0)
		return true;
	host->lacks_password = false;
	host->has_password = field.length != 1 || field.text[0] != '-';
	if (host->has_password &&
	    !copy(host->password, sizeof(host->password), field))
		return err_set(err, ERR_INPUT, "password over %d bytes",
		               HOST_PASSWORD_MAX);
	return true;
}

/* Fills in what the line does not say, if it need not. */
static bool complete_login(struct host *host,
                           const struct host_defaults *defaults,
                           struct err *err)
{
	bool no_password = host->lacks_password && host->key[0] == '\0' &&
	                   !defaults->may_lack_password;
	bool no_user;

	if (host->user[0] == '\0' && defaults->user != NULL) {
		struct span user = { defaults->user, strlen(defaults->user) };

		if (!copy(host->user, sizeof(host->user), user))
			return err_set(err, ERR_INPUT, "user over %d bytes",
			               HOST_USER_MAX);
	}
	no_user = host->user[0] == '\0' && !defaults->may_lack_user;
	if (no_user && no_password)
		return err_set(err, ERR_INPUT, "no user and no password");
	if (no_user)
		return err_set(err, ERR_INPUT, "no user");
	if (no_password)
		return err_set(err, ERR_INPUT, "no password ('-' means none)");
	return true;
}

static bool parse(struct host *host, const char *line, size_t length,
                  const struct host_defaults *defaults, struct err *err)
{
	struct span rest = { line, length };
	struct span option;

	if (!host_is_text(line, length, err) ||
	    !parse_first(host, next_field(&rest), err) ||
	    !parse_login(host, &rest, err))
		return false;
	while ((option = next_field(&rest)).length > 0) {
		if (!parse_option(host, option, err))
			return false;
	}
	return complete_login(host, defaults, err);
}

bool host_parse(struct host *host, const char *line, size_t length,
                const struct host_defaults *defaults, struct err *err)
{
	memset(host, 0, sizeof(*host));
	host->port = defaults->port;
	if (parse(host, line, length, defaults, err))
		return true;
	host_wipe(host);
	return false;
}

bool host_is_name(const char *address)
{
	struct in_addr v4;

	return strchr(address, ':') == NULL &&
	       inet_pton(AF_INET, address, &v4) != 1;
}

void host_forget_password(struct host *host)
{
	explicit_bzero(host->password, sizeof(host->password));
}

void host_wipe(struct host *host)
{
	explicit_bzero(host, sizeof(*host));
}

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
		if (strlen(percent) < 2 || strlen(percent) > IF_NAMESIZE)
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

static bool parse_address(struct host *host, struct span field, bool *has_port,
                          struct err *err)
{
	struct span address, port = { NULL, 0 };
	int quoted = (int)(field.length < QUOTE_MAX ? field.length : QUOTE_MAX);

	if (!split_port(field, &address, &port, has_port) ||
	    address.length == 0 || !copy(host->ip, sizeof(host->ip), address) ||
	    !canonical_address(host))
		return err_set(err, ERR_INPUT, "'%.*s' is not an address",
		               quoted, field.text);
	if (*has_port && !parse_port(port, &host->port))
		return err_set(err, ERR_INPUT,
		               "bad port in '%.*s' (1 to 65535)", quoted,
		               field.text);
	return true;
}

static bool is_key(struct span field, const char *key)
{
	size_t length = strlen(key);

	return field.length > length && field.text[length] == '=' &&
	       memcmp(field.text, key, length) == 0;
}

/* One key=value after the password. Its text is never quoted: a password with
 * a blank in it ends up here. */
static bool parse_option(struct host *host, struct span field, bool *has_port,
                         struct err *err)
{
	const char *equals = memchr(field.text, '=', field.length);
	struct span value;

	if (equals == NULL)
		return err_set(err, ERR_INPUT,
		               "stray field after the password (a password "
		               "cannot hold blanks)");
	value.text = equals + 1;
	value.length = field.length - (size_t)(value.text - field.text);
	if (is_key(field, "port")) {
		if (*has_port)
			return err_set(err, ERR_INPUT, "port given twice");
		*has_port = true;
		if (!parse_port(value, &host->port))
			return err_set(err, ERR_INPUT,
			               "bad port= (1 to 65535)");
		return true;
	}
	if (is_key(field, "name") || is_key(field, "group")) {
		bool name = is_key(field, "name");
		char *to = name ? host->name : host->group;

		if (to[0] != '\0')
			return err_set(err, ERR_INPUT, "%s= given twice",
			               name ? "name" : "group");
		if (value.length == 0 ||
		    !copy(to, HOST_NAME_MAX_BYTES + 1, value))
			return err_set(
			    err, ERR_INPUT, "%s= takes 1 to %d bytes",
			    name ? "name" : "group", HOST_NAME_MAX_BYTES);
		return true;
	}
	return err_set(err, ERR_INPUT,
	               "unknown key after the password (port=, name= and "
	               "group= are known)");
}

static bool is_text(const char *line, size_t length, struct err *err)
{
	for (size_t i = 0; i < length;) {
		uint32_t code;
		size_t step = utf8_decode(line + i, length - i, &code);

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

static bool parse(struct host *host, const char *line, size_t length,
                  struct err *err)
{
	struct span rest = { line, length };
	struct span address, user, password, option;
	bool has_port = false;

	if (!is_text(line, length, err))
		return false;
	address = next_field(&rest);
	user = next_field(&rest);
	password = next_field(&rest);
	if (!parse_address(host, address, &has_port, err))
		return false;
	if (user.length == 0)
		return err_set(err, ERR_INPUT, "no user and no password");
	if (password.length == 0)
		return err_set(err, ERR_INPUT, "no password ('-' means none)");
	if (!copy(host->user, sizeof(host->user), user))
		return err_set(err, ERR_INPUT, "user over %d bytes",
		               HOST_USER_MAX);
	host->has_password = password.length != 1 || password.text[0] != '-';
	if (host->has_password &&
	    !copy(host->password, sizeof(host->password), password))
		return err_set(err, ERR_INPUT, "password over %d bytes",
		               HOST_PASSWORD_MAX);
	while ((option = next_field(&rest)).length > 0) {
		if (!parse_option(host, option, &has_port, err))
			return false;
	}
	return true;
}

bool host_parse(struct host *host, const char *line, size_t length,
                uint16_t default_port, struct err *err)
{
	memset(host, 0, sizeof(*host));
	host->port = default_port;
	if (parse(host, line, length, err))
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

#include "inventory/target.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* A piece of the word; not terminated. */
struct piece {
	const char *text;
	size_t length;
};

static const char *find(struct piece piece, char c)
{
	return memchr(piece.text, c, piece.length);
}

static bool parse_file(struct target *target, struct piece path,
                       struct err *err)
{
	if (path.length == 0)
		return err_set(err, ERR_INPUT, "no file behind the '@'");
	target->kind = TARGET_FILE;
	target->path = strndup(path.text, path.length);
	if (target->path == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	return true;
}

/* Cuts USER@ off the front. */
static bool parse_user(struct target *target, struct piece *text,
                       struct err *err)
{
	const char *at = memrchr(text->text, '@', text->length);
	size_t length;

	if (at == NULL)
		return true;
	length = (size_t)(at - text->text);
	if (length > HOST_USER_MAX)
		return err_set(err, ERR_INPUT, "user over %d bytes",
		               HOST_USER_MAX);
	memcpy(target->user, text->text, length);
	target->user[length] = '\0';
	text->length -= length + 1;
	text->text = at + 1;
	return true;
}

/* An address by itself, or one that lends its port to what has none. */
static bool parse_host(struct target *target, struct piece text,
                       struct err *err)
{
	struct host host = { .port = 0 };

	if (!host_set_address(&host, text.text, text.length, err))
		return false;
	target->kind = TARGET_HOST;
	memcpy(target->ip, host.ip, sizeof(target->ip));
	target->port = host.port;
	target->has_port = host.has_port;
	return true;
}

/* Cuts ":PORT" off the end, where it begins. */
static bool parse_port(struct target *target, struct piece *text,
                       const char *colon, struct err *err)
{
	char number[8] = "h";
	size_t length = text->length - (size_t)(colon - text->text);
	struct host host = { .port = 0 };

	if (length >= sizeof(number) - 1)
		return err_set(err, ERR_INPUT, "bad port (1 to 65535)");
	memcpy(number + 1, colon, length);
	if (!host_set_address(&host, number, length + 1, err))
		return err_set(err, ERR_INPUT, "bad port (1 to 65535)");
	target->port = host.port;
	target->has_port = true;
	text->length -= length;
	return true;
}

/* ADDRESS/LENGTH[:PORT]; an IPv6 address may stand in brackets. */
static bool parse_network(struct target *target, struct piece text,
                          struct err *err)
{
	struct piece length;
	const char *colon;
	char plain[64];
	size_t used = 0;

	length.text = find(text, '/');
	length.length = text.length - (size_t)(length.text - text.text);
	colon = find(length, ':');
	if (colon != NULL && !parse_port(target, &text, colon, err))
		return false;
	for (size_t i = 0; i < text.length && used < sizeof(plain); i++) {
		bool first = i == 0 && text.text[i] == '[';
		bool last = text.text[i] == ']' && text.text[0] == '[' &&
		            text.text + i + 1 == length.text;

		if (!first && !last)
			plain[used++] = text.text[i];
	}
	target->kind = TARGET_NETWORK;
	return network_parse(&target->network, plain, used, err);
}

static const char *colon_outside(struct piece text)
{
	bool inside = false;

	for (size_t i = 0; i < text.length; i++) {
		char c = text.text[i];

		if (c == ':' && !inside)
			return text.text + i;
		inside = c == '[' || (inside && c != ']');
	}
	return NULL;
}

/* Names are compared in lower case and without a final dot. */
static bool parse_range(struct target *target, struct piece text,
                        struct err *err)
{
	const char *colon = colon_outside(text);
	char *lower;
	bool ok;

	if (colon != NULL &&
	    memchr(colon + 1, ':',
	           text.length - (size_t)(colon + 1 - text.text)))
		return err_set(err, ERR_INPUT,
		               "an IPv6 address takes no range; a network is "
		               "written as 2001:db8::/120");
	if (colon != NULL && !parse_port(target, &text, colon, err))
		return false;
	lower = strndup(text.text, text.length);
	if (lower == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	for (char *p = lower; *p != '\0'; p++)
		*p = (char)tolower((unsigned char)*p);
	if (text.length > 1 && lower[text.length - 1] == '.' &&
	    lower[text.length - 2] != '.')
		text.length--;
	target->kind = TARGET_RANGE;
	ok = range_parse(&target->range, lower, text.length, RANGE_DASH, err);
	free(lower);
	return ok;
}

/* "[v6]" as against "[1-3]". */
static bool begins_with_ipv6(struct piece text)
{
	const char *close = find(text, ']');

	return text.text[0] == '[' && close != NULL &&
	       memchr(text.text, ':', (size_t)(close - text.text)) != NULL;
}

static bool parse(struct target *target, struct piece word, struct err *err)
{
	if (word.length == 1 && word.text[0] == '-')
		return parse_file(target, word, err);
	if (word.length > 0 && word.text[0] == '@')
		return parse_file(
		    target, (struct piece){ word.text + 1, word.length - 1 },
		    err);
	if (!host_is_text(word.text, word.length, err) ||
	    !parse_user(target, &word, err))
		return false;
	if (word.length == 0)
		return err_set(err, ERR_INPUT, "no address");
	if (find(word, '/') != NULL)
		return parse_network(target, word, err);
	if (find(word, '[') == NULL || begins_with_ipv6(word))
		return parse_host(target, word, err);
	return parse_range(target, word, err);
}

bool target_parse(struct target *target, const char *word, size_t length,
                  struct err *err)
{
	memset(target, 0, sizeof(*target));
	if (parse(target, (struct piece){ word, length }, err))
		return true;
	target_release(target);
	return false;
}

void target_release(struct target *target)
{
	range_release(&target->range);
	free(target->path);
	memset(target, 0, sizeof(*target));
}

uint64_t target_count(const struct target *target)
{
	switch (target->kind) {
	case TARGET_HOST:
		return 1;
	case TARGET_RANGE:
		return target->range.count;
	case TARGET_NETWORK:
		return network_count(&target->network);
	case TARGET_FILE:
		break;
	}
	return 0;
}

static bool check_network(const struct network *network, struct err *err)
{
	uint64_t most =
	    network->bits == 32 ? NETWORK_COUNT_MAX : NETWORK_COUNT_MAX_IPV6;

	if (network_count(network) > most)
		return err_set(err, ERR_INPUT,
		               "more than %llu hosts (an IPv%d network goes "
		               "down to /%d)",
		               (unsigned long long)most,
		               network->bits == 32 ? 4 : 6,
		               network->bits == 32 ? 8 : 112);
	return true;
}

/* What all have in common is wrong in the first and in the last. */
static bool check_range(const struct target *target, struct err *err)
{
	struct host host;

	return target_host(target, 0, &host, err) &&
	       target_host(target, target->range.count - 1, &host, err);
}

bool target_check(const struct target *target, struct err *err)
{
	if (target->kind == TARGET_NETWORK)
		return check_network(&target->network, err);
	return target->kind != TARGET_RANGE || check_range(target, err);
}

bool target_host(const struct target *target, uint64_t n, struct host *host,
                 struct err *err)
{
	char name[HOST_IP_MAX + 2];
	size_t length;

	memcpy(host->user, target->user, sizeof(host->user));
	switch (target->kind) {
	case TARGET_HOST:
		memcpy(host->ip, target->ip, sizeof(host->ip));
		host->is_name = host_is_name(host->ip);
		break;
	case TARGET_RANGE:
		length = range_name(&target->range, n, name, sizeof(name));
		if (length >= sizeof(name))
			length = sizeof(name) - 1;
		if (!host_set_address(host, name, length, err))
			return false;
		break;
	case TARGET_NETWORK:
		network_host(&target->network, n, host->ip, sizeof(host->ip));
		host->is_name = false;
		break;
	case TARGET_FILE:
		break;
	}
	host->has_port = target->has_port;
	if (target->has_port)
		host->port = target->port;
	return true;
}

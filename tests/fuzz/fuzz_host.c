#include "inventory/host.h"

#include <string.h>

#include "tests/fuzz/fuzz.h"

static bool is_zero(const struct host *host)
{
	const unsigned char *bytes = (const unsigned char *)host;

	for (size_t i = 0; i < sizeof(*host); i++) {
		if (bytes[i] != 0)
			return false;
	}
	return true;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Overwrites the second and the third field. */
static void mask(char *line, size_t length)
{
	size_t i = 0;

	for (int field = 1; field <= 3; field++) {
		while (i < length && is_blank(line[i]))
			i++;
		for (; i < length && !is_blank(line[i]); i++) {
			if (field > 1)
				line[i] = 'q';
		}
	}
}

/* The message about a bad line does not depend on user and password. */
static void check_bad(const char *line, size_t length, const struct err *err)
{
	struct host host;
	struct err other = { .kind = ERR_NONE };
	char *masked;

	PROMISE(err->kind == ERR_INPUT);
	if (strncmp(err->text, "not UTF-8", 9) == 0 ||
	    strncmp(err->text, "NUL", 3) == 0 || length == 0)
		return;
	masked = malloc(length);
	PROMISE(masked != NULL);
	memcpy(masked, line, length);
	mask(masked, length);
	PROMISE(!host_parse(&host, masked, length, 22, &other));
	PROMISE(strcmp(err->text, other.text) == 0);
	free(masked);
}

static bool is_same(const struct host *a, const struct host *b)
{
	return strcmp(a->ip, b->ip) == 0 && strcmp(a->user, b->user) == 0 &&
	       strcmp(a->name, b->name) == 0 &&
	       strcmp(a->group, b->group) == 0 &&
	       strcmp(a->password, b->password) == 0 && a->port == b->port &&
	       a->has_password == b->has_password && a->is_name == b->is_name;
}

/* What was understood and is written again means the same. */
static void check_good(const struct host *host)
{
	char line[HOST_IP_MAX + HOST_USER_MAX + HOST_PASSWORD_MAX +
	          2 * HOST_NAME_MAX_BYTES + 64];
	struct host again;
	struct err err;
	int length;

	PROMISE(host->ip[0] != '\0' && host->user[0] != '\0');
	PROMISE(host->port > 0);
	PROMISE(host->has_password == (host->password[0] != '\0'));
	length = snprintf(
	    line, sizeof(line), "%s %s %s port=%u%s%s%s%s", host->ip,
	    host->user, host->has_password ? host->password : "-",
	    (unsigned)host->port, host->name[0] != '\0' ? " name=" : "",
	    host->name, host->group[0] != '\0' ? " group=" : "", host->group);
	PROMISE(host_parse(&again, line, (size_t)length, 1, &err));
	PROMISE(is_same(host, &again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *line = (const char *)data;
	struct host host;
	struct err err;

	memset(&host, 0xAA, sizeof(host));
	(void)host_line_is_blank(line, size);
	if (host_parse(&host, line, size, 22, &err)) {
		check_good(&host);
	} else {
		PROMISE(is_zero(&host));
		check_bad(line, size, &err);
	}
	return 0;
}

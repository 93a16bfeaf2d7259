#include "inventory/host.h"

#include <string.h>

#include "tests/fuzz/fuzz.h"

static const struct host_defaults port_22 = { .port = 22 };
static const struct host_defaults lax = { .port = 22,
	                                  .may_lack_user = true,
	                                  .may_lack_password = true };

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

static bool is_option(const char *text, size_t length)
{
	static const char *const keys[] = { "port=", "user=", "key=", "name=",
		                            "group=" };

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		size_t size = strlen(keys[i]);

		if (length >= size && memcmp(text, keys[i], size) == 0)
			return true;
	}
	return false;
}

/* Overwrites user and password where they stand in fields of their own. */
static void mask(char *line, size_t length)
{
	size_t i = 0;
	int last = 3;

	for (int field = 1; field <= last; field++) {
		size_t begin;

		while (i < length && is_blank(line[i]))
			i++;
		for (begin = i; i < length && !is_blank(line[i]);)
			i++;
		if (field == 1 && i > begin &&
		    memchr(line + begin + 1, '@', i - begin - 1) != NULL)
			last = 2;
		if (field == 2 && is_option(line + begin, i - begin))
			return;
		if (field > 1)
			memset(line + begin, 'q', i - begin);
	}
}

/* The message about a bad line does not depend on user and password. */
static void check_bad(const char *line, size_t length,
                      const struct host_defaults *defaults,
                      const struct err *err)
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
	PROMISE(!host_parse(&host, masked, length, defaults, &other));
	PROMISE(strcmp(err->text, other.text) == 0);
	free(masked);
}

static bool is_same(const struct host *a, const struct host *b)
{
	return strcmp(a->ip, b->ip) == 0 && strcmp(a->user, b->user) == 0 &&
	       strcmp(a->name, b->name) == 0 &&
	       strcmp(a->group, b->group) == 0 && strcmp(a->key, b->key) == 0 &&
	       strcmp(a->password, b->password) == 0 && a->port == b->port &&
	       a->has_password == b->has_password &&
	       a->lacks_password == b->lacks_password &&
	       a->is_name == b->is_name;
}

static int print_option(char *to, size_t size, const char *key,
                        const char *value)
{
	if (value[0] == '\0')
		return snprintf(to, size, "%s", "");
	return snprintf(to, size, " %s=%s", key, value);
}

/* The fields of the login, in a form that can hold them. */
static int print_login(char *to, size_t size, const struct host *host)
{
	bool v6 = strchr(host->ip, ':') != NULL;
	const char *password = host->has_password ? host->password : "-";
	bool in_third = is_option(password, strlen(password));
	bool in_front = host->user[0] != '\0' && !in_third;

	return snprintf(to, size, "%s%s%s%s%s%s%s%s%s",
	                in_front ? host->user : "", in_front ? "@" : "",
	                v6 ? "[" : "", host->ip, v6 ? "]" : "",
	                in_third ? " " : "", in_third ? host->user : "",
	                host->lacks_password ? "" : " ",
	                host->lacks_password ? "" : password);
}

/* What was understood and is written again means the same. */
static void check_good(const struct host *host)
{
	char line[sizeof(*host) + 64];
	const size_t size = sizeof(line);
	size_t used;
	struct host again;
	struct err err;

	PROMISE(host->ip[0] != '\0' && host->port > 0);
	PROMISE(host->has_password == (host->password[0] != '\0'));
	PROMISE(!host->has_password || !host->lacks_password);
	used = (size_t)print_login(line, size, host);
	used += (size_t)snprintf(line + used, size - used, " port=%u",
	                         (unsigned)host->port);
	used +=
	    (size_t)print_option(line + used, size - used, "key", host->key);
	used +=
	    (size_t)print_option(line + used, size - used, "name", host->name);
	used += (size_t)print_option(line + used, size - used, "group",
	                             host->group);
	PROMISE(host_parse(&again, line, used, &lax, &err));
	PROMISE(is_same(host, &again));
}

static void check(const char *line, size_t size,
                  const struct host_defaults *defaults)
{
	struct host host;
	struct err err;

	memset(&host, 0xAA, sizeof(host));
	if (host_parse(&host, line, size, defaults, &err)) {
		check_good(&host);
		PROMISE(defaults->may_lack_user || host.user[0] != '\0');
		PROMISE(defaults->may_lack_password || !host.lacks_password ||
		        host.key[0] != '\0');
	} else {
		PROMISE(is_zero(&host));
		check_bad(line, size, defaults, &err);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *line = (const char *)data;

	(void)host_line_is_blank(line, size);
	check(line, size, &port_22);
	check(line, size, &lax);
	return 0;
}

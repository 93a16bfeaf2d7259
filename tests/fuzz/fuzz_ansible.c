#include "inventory/ansible.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"

/*
 * The input is an inventory, INI or JSON. In place of its first NUL stands a
 * line with a secret: no message may show it.
 */

#define SECRET "tHe-5eCrEt"

#define LINE_LENGTH (sizeof(line) - 1)
static const char line[] = { "\nsecret ansible_password=" SECRET "\n" };

/* What stands in brackets to count with, in all the input: more is a million
 * hosts, and no time left for anything else. */
#define COUNTERS_MAX 4

static int file = -1;
static char path[32];

static void write_file(const char *bytes, size_t size)
{
	if (file < 0) {
		file = memfd_create("inventory", MFD_CLOEXEC);
		PROMISE(file >= 0);
		PROMISE(fchmod(file, 0600) == 0);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	}
	PROMISE(ftruncate(file, 0) == 0);
	PROMISE(pwrite(file, bytes, size, 0) == (ssize_t)size);
}

/* Of a value that is not known, and of hosts that are left out. */
static void check_warning(void *arg, const char *sentence)
{
	unsigned *warnings = arg;

	PROMISE(++*warnings <= 2);
	PROMISE(strstr(sentence, SECRET) == NULL);
}

static void check_bad(const struct err *err)
{
	PROMISE(err->kind == ERR_INPUT);
	PROMISE(strncmp(err->text, path, strlen(path)) == 0);
	PROMISE(strstr(err->text, SECRET) == NULL);
}

static void check_good(const struct host *host)
{
	struct host again;
	struct err err;

	PROMISE(host->ip[0] != '\0' && host->port > 0);
	PROMISE(host->name[0] != '\0');
	PROMISE(host->user[0] != '\0');
	PROMISE(host->has_password == (host->password[0] != '\0'));
	PROMISE(host->has_password != host->lacks_password);
	PROMISE(host_is_name(host->ip) == host->is_name);
	memset(&again, 0, sizeof(again));
	PROMISE(host_set_address(&again, host->ip, strlen(host->ip), &err));
	PROMISE(strcmp(again.ip, host->ip) == 0);
}

static void check_inventory(void)
{
	const struct host_defaults defaults = { .port = 22, .user = "u" };
	unsigned warnings = 0;
	struct ansible_settings settings = { .path = path,
		                             .cancel_fd = -1,
		                             .warn = check_warning,
		                             .arg = &warnings };
	struct ansible *ansible;
	enum host_read got;
	struct err err = { .kind = ERR_NONE, .text = "" };

	if (!ansible_open(&ansible, &settings, &err)) {
		check_bad(&err);
		return;
	}
	do {
		struct host host;

		got = ansible_next(ansible, &host, &defaults, &err);
		PROMISE(got == HOST_READ || got == HOST_BAD || got == HOST_END);
		if (got == HOST_BAD)
			check_bad(&err);
		if (got == HOST_READ)
			check_good(&host);
	} while (got != HOST_END);
	ansible_close(ansible);
}

/* "[1:999]" has four. */
static size_t counters_in(const char *text, size_t size)
{
	size_t count = 0;

	for (size_t i = 0; i < size; i++) {
		size_t digits = 0, length = 0;

		if (text[i] != '[')
			continue;
		while (i + 1 + length < size &&
		       (isdigit((unsigned char)text[i + 1 + length]) ||
		        text[i + 1 + length] == ':'))
			digits += text[i + 1 + length++] != ':';
		if (i + 4 < size && text[i + 2] == ':' &&
		    isalpha((unsigned char)text[i + 1]) &&
		    isalpha((unsigned char)text[i + 3]))
			digits = 2;
		count += digits;
	}
	return count;
}

/* Also where it is put together: 'tHe-'"5eCrEt". As a host's name it is told.
 */
static bool has_secret(const char *bytes, size_t size)
{
	char *bare = malloc(size + 1);
	size_t length = 0;
	bool has;

	PROMISE(bare != NULL);
	for (size_t i = 0; i < size; i++) {
		if (bytes[i] != '\'' && bytes[i] != '"' && bytes[i] != '\\')
			bare[length++] = bytes[i];
	}
	has = memmem(bare, length, SECRET, strlen(SECRET)) != NULL;
	free(bare);
	return has;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *bytes = (const char *)data;
	const char *nul = size > 0 ? memchr(bytes, '\0', size) : NULL;
	size_t front = nul != NULL ? (size_t)(nul - bytes) : size;
	char *text;

	if (has_secret(bytes, size) || counters_in(bytes, size) > COUNTERS_MAX)
		return 0;
	text = malloc(size + sizeof(line));
	PROMISE(text != NULL);
	if (size > 0)
		memcpy(text, bytes, front);
	if (nul != NULL) {
		memcpy(text + front, line, LINE_LENGTH);
		memcpy(text + front + LINE_LENGTH, nul + 1, size - front - 1);
		size += LINE_LENGTH - 1;
	}
	write_file(text, size);
	check_inventory();
	free(text);
	return 0;
}

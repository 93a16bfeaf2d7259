#include "inventory/ansible.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"

/*
 * The input is an inventory, INI or JSON. In place of its first NUL stands a
 * line with a secret: no message may show it.
 */

#define SECRET "tHe-5eCrEt"
#define LINE "\nsecret ansible_password=" SECRET "\n"

static int file = -1;
static char path[32];

static void write_file(const char *bytes, size_t size)
{
	if (file < 0) {
		file = memfd_create("inventory", MFD_CLOEXEC);
		PROMISE(file >= 0);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	}
	PROMISE(ftruncate(file, 0) == 0);
	PROMISE(pwrite(file, bytes, size, 0) == (ssize_t)size);
}

static void check_warning(void *arg, const char *sentence)
{
	unsigned *warnings = arg;

	PROMISE(++*warnings == 1);
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *bytes = (const char *)data;
	const char *nul = size > 0 ? memchr(bytes, '\0', size) : NULL;
	size_t front = nul != NULL ? (size_t)(nul - bytes) : size;
	char *text;

	if (memmem(bytes, size, SECRET, strlen(SECRET)) != NULL)
		return 0;
	text = malloc(size + sizeof(LINE));
	PROMISE(text != NULL);
	if (size > 0)
		memcpy(text, bytes, front);
	if (nul != NULL) {
		memcpy(text + front, LINE, strlen(LINE));
		memcpy(text + front + strlen(LINE), nul + 1, size - front - 1);
		size += strlen(LINE) - 1;
	}
	write_file(text, size);
	check_inventory();
	free(text);
	return 0;
}

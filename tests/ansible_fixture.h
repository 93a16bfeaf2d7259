#pragma once

#include "inventory/ansible.h"

#include <sys/stat.h>

#include "tests/targets_fixture.h"

#define ARRAY_LENGTH(a) (sizeof(a) / sizeof((a)[0]))

/* What a warning said last, and how many there were. */
static struct {
	char text[512];
	unsigned count;
} warned;

static inline void warn(void *arg, const char *sentence)
{
	(void)arg;
	warned.count++;
	snprintf(warned.text, sizeof(warned.text), "%s", sentence);
}

static const struct host_defaults with_user = { .port = 22, .user = "dflt" };

static inline bool open_text(struct ansible **ansible,
                             struct memory_file *memory, const char *text,
                             size_t length, struct err *err)
{
	struct ansible_settings settings = { .cancel_fd = -1, .warn = warn };

	memset(&warned, 0, sizeof(warned));
	*memory = memory_file(text, length);
	assert_int_equal(fchmod(memory->fd, 0600), 0);
	settings.path = memory->path;
	return ansible_open(ansible, &settings, err);
}

/* "name=ip:port user password key [group]" of each host, or "(sentence)"; the
 * file's path is left out of it. */
static inline void read_hosts(struct ansible *ansible, const char *path,
                              char *to, size_t size)
{
	size_t used = 0;

	to[0] = '\0';
	for (;;) {
		struct host host;
		struct err err = { .text = "" };
		const char *text = err.text;
		enum host_read got =
		    ansible_next(ansible, &host, &with_user, &err);

		if (got == HOST_END)
			return;
		if (got == HOST_READ) {
			used += (size_t)snprintf(
			    to + used, size - used, "%s=%s:%u %s %s %s [%s]\n",
			    host.name, host.ip, (unsigned)host.port, host.user,
			    host.has_password ? host.password : "-",
			    host.key[0] != '\0' ? host.key : "-", host.group);
			assert_int_equal(host.has_password,
			                 !host.lacks_password);
			host_wipe(&host);
		} else {
			assert_int_equal(got, HOST_BAD);
			assert_int_equal(err.kind, ERR_INPUT);
			assert_memory_equal(text, path, strlen(path));
			used += (size_t)snprintf(to + used, size - used,
			                         "(%s)\n", text + strlen(path));
		}
		assert_true(used < size);
	}
}

static inline void assert_hosts(const char *text, const char *expected)
{
	struct memory_file memory;
	struct ansible *ansible = NULL;
	struct err err;
	char hosts[8192];

	if (!open_text(&ansible, &memory, text, strlen(text), &err))
		fail_msg("%s", err.text);
	read_hosts(ansible, memory.path, hosts, sizeof(hosts));
	ansible_close(ansible);
	close(memory.fd);
	assert_string_equal(hosts, expected);
}

/* The sentence, with the file's path left out of it. */
static inline void assert_no_inventory(const char *text, const char *expected)
{
	struct memory_file memory;
	struct ansible *ansible = NULL;
	struct err err = { .text = "" };

	if (open_text(&ansible, &memory, text, strlen(text), &err))
		fail_msg("taken: %s", text);
	close(memory.fd);
	assert_null(ansible);
	assert_int_equal(err.kind, ERR_INPUT);
	assert_memory_equal(err.text, memory.path, strlen(memory.path));
	assert_string_equal(err.text + strlen(memory.path), expected);
}

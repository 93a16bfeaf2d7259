#include "inventory/sshconfig.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "inventory/pattern.h"
#include "tests/fuzz/fuzz.h"

/*
 * The input is an ssh_config; after a line "--" comes another one, which it may
 * include as OTHER, and no other file. What it says is asked for a few hosts.
 */

static const char separator[] = "\n--\n";

struct file {
	int fd;
	char path[32];
};

static struct file first = { .fd = -1 }, other = { .fd = -1 };

static void write_file(struct file *file, const char *bytes, size_t size)
{
	if (file->fd < 0) {
		file->fd = memfd_create("config", MFD_CLOEXEC);
		PROMISE(file->fd >= 0);
		/* A memfd's is 0777: anybody could write it. */
		PROMISE(fchmod(file->fd, 0600) == 0);
		snprintf(file->path, sizeof(file->path), "/proc/self/fd/%d",
		         file->fd);
	}
	PROMISE(ftruncate(file->fd, 0) == 0);
	PROMISE(pwrite(file->fd, bytes, size, 0) == (ssize_t)size);
}

/* Room for two, with every name of the other one longer than it was. */
static size_t prepare(char *to, const char *from, size_t size)
{
	static const char include[] = "include", good[] = "include OTHER";
	size_t used = 0;

	for (size_t i = 0; i < size; i++) {
		const char *at = from + i;

		if (size - i >= strlen(good) &&
		    strncasecmp(at, good, strlen(good)) == 0) {
			used += (size_t)sprintf(to + used, "include %s\n",
			                        other.path);
			i += strlen(good) - 1;
		} else if (size - i >= strlen(include) &&
		           strncasecmp(at, include, strlen(include)) == 0) {
			to[used++] = '#';
		} else {
			to[used++] = *at;
		}
	}
	return used;
}

static void check_note(const char *sentence)
{
	PROMISE(strncmp(sentence, "/proc/self/fd/", 14) == 0);
}

static void check_list(const char *const *values, size_t count)
{
	for (size_t i = 0; i < count; i++)
		PROMISE(values[i][0] != '\0');
}

static void check_shared(const struct sshconfig_shared *shared)
{
	check_list(shared->identity_files, shared->identity_count);
	check_list(shared->user_known_hosts, shared->user_known_hosts_count);
	check_list(shared->global_known_hosts,
	           shared->global_known_hosts_count);
	PROMISE(shared->identity_count <= 100);
	PROMISE(shared->checking <= SSHCONFIG_NO);
	PROMISE(shared->identity_agent == NULL ||
	        shared->identity_agent[0] != '\0');
	PROMISE(shared->proxy_jump == NULL || !shared->proxy_command);
}

static void check_host(struct sshconfig *config, const char *host,
                       const char *user)
{
	struct sshconfig_host found, again;
	struct err err;

	if (!sshconfig_find(config, host, user, 0, &found, &err)) {
		PROMISE(err.kind == ERR_INPUT);
		PROMISE(strncmp(err.text, "/proc/self/fd/", 14) == 0);
		return;
	}
	PROMISE(memchr(found.hostname, '\0', sizeof(found.hostname)) != NULL);
	PROMISE(memchr(found.user, '\0', sizeof(found.user)) != NULL);
	PROMISE(user == NULL || found.user[0] == '\0');
	check_shared(found.shared);
	PROMISE(sshconfig_find(config, host, user, 0, &again, &err));
	PROMISE(again.shared == found.shared);
	PROMISE(strcmp(again.hostname, found.hostname) == 0);
	PROMISE(strcmp(again.user, found.user) == 0);
	PROMISE(again.port == found.port);
	if (sshconfig_is_empty(config))
		PROMISE(found.hostname[0] == '\0' && found.port == 0);
}

static void check_config(void)
{
	const struct sshconfig_settings settings = { .path = first.path,
		                                     .home = "/home/bob",
		                                     .note = check_note };
	struct sshconfig *config;
	struct err err;

	if (!sshconfig_open(&config, &settings, &err)) {
		PROMISE(err.kind == ERR_INPUT);
		PROMISE(strncmp(err.text, "/proc/self/fd/", 14) == 0);
		return;
	}
	check_host(config, "web1", NULL);
	check_host(config, "web1", "bob");
	check_host(config, "db.example.org", NULL);
	check_host(config, "192.0.2.1", NULL);
	sshconfig_close(config);
}

/* The plain way: each star tries all that it could be. */
static bool matches(const char *text, const char *pattern, size_t length)
{
	if (length == 0)
		return *text == '\0';
	if (*pattern == '*')
		return matches(text, pattern + 1, length - 1) ||
		       (*text != '\0' && matches(text + 1, pattern, length));
	return *text != '\0' && (*pattern == '?' || *pattern == *text) &&
	       matches(text + 1, pattern + 1, length - 1);
}

/* The first line as a pattern. */
static void check_pattern(const char *bytes, size_t size)
{
	static const char *const texts[] = { "", "web1", "aab", "abababab" };
	const char *end = memchr(bytes, '\n', size);
	size_t length = end != NULL ? (size_t)(end - bytes) : size;

	if (length > 16)
		return;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		PROMISE(pattern_matches(texts[i], bytes, length, false) ==
		        matches(texts[i], bytes, length));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *bytes = (const char *)data;
	const char *at =
	    size > 0 ? memmem(bytes, size, separator, strlen(separator)) : NULL;
	size_t length = at != NULL ? (size_t)(at - bytes) : size;
	const char *rest = at != NULL ? at + strlen(separator) : bytes + size;
	char *text = malloc(3 * size + 64);

	PROMISE(text != NULL);
	if (size > 0)
		check_pattern(bytes, size);
	write_file(&other, "", 0);
	write_file(&other, text,
	           prepare(text, rest, size - (size_t)(rest - bytes)));
	write_file(&first, text, prepare(text, bytes, length));
	check_config();
	free(text);
	return 0;
}

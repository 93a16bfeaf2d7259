#pragma once

#include "inventory/hostfile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

/*
 * A host file in memory: its path is /proc/self/fd/N, and each open() reads it
 * from the front.
 */
struct memory_file {
	int fd;
	char path[32];
};

static inline struct memory_file memory_file(const void *bytes, size_t length)
{
	struct memory_file file = { .fd = memfd_create("hosts", MFD_CLOEXEC) };

	assert_true(file.fd >= 0);
	assert_int_equal(write(file.fd, bytes, length), length);
	snprintf(file.path, sizeof(file.path), "/proc/self/fd/%d", file.fd);
	return file;
}

static const struct host_defaults port_22 = { .port = 22 };

static inline struct hostfile *open_file(const char *path, int cancel_fd)
{
	struct hostfile *file = NULL;
	struct err err;

	if (!hostfile_open(&file, path, &port_22, cancel_fd, &err))
		fail_msg("%s", err.text);
	return file;
}

/* The bad line's sentence is "PATH:" and text. */
static inline void assert_bad(struct hostfile *file, enum host_read kind,
                              const char *text)
{
	struct host host;
	struct err err = { .text = "" };
	size_t name = strlen(hostfile_name(file));

	assert_int_equal(hostfile_next(file, &host, NULL, &err), kind);
	assert_int_equal(err.kind, ERR_INPUT);
	assert_memory_equal(err.text, hostfile_name(file), name);
	assert_int_equal(err.text[name], ':');
	assert_string_equal(err.text + name + 1, text);
}

static inline void assert_host(struct hostfile *file, const char *ip,
                               size_t line)
{
	struct host host;
	struct err err = { .text = "" };
	enum host_read got = hostfile_next(file, &host, NULL, &err);

	if (got != HOST_READ)
		fail_msg("line %zu: %d %s", line, (int)got, err.text);
	assert_string_equal(host.ip, ip);
	assert_int_equal(host.line, line);
	host_wipe(&host);
}

static inline void assert_end(struct hostfile *file)
{
	struct host host;
	struct err err = { .text = "" };

	assert_int_equal(hostfile_next(file, &host, NULL, &err), HOST_END);
	/* And again. */
	assert_int_equal(hostfile_next(file, &host, NULL, &err), HOST_END);
	hostfile_close(file);
}

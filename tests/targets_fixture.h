#pragma once

#include "inventory/targets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/hostfile_fixture.h"

/* -w lists with a default user, and nothing else. */
static inline struct targets_settings lists(const char *const *texts,
                                            size_t count)
{
	return (struct targets_settings){
		.lists = texts,
		.list_count = count,
		.defaults = { .port = 22, .user = "root" },
		.cancel_fd = -1,
	};
}

static inline struct targets *
open_targets(const struct targets_settings *settings)
{
	struct targets *targets = NULL;
	struct err err;

	if (!targets_open(&targets, settings, &err))
		fail_msg("%s", err.text);
	return targets;
}

/* The sentence of a bad one. */
static inline void assert_refused(const struct targets_settings *settings,
                                  const char *text)
{
	struct targets *targets = NULL;
	struct err err = { .text = "" };

	if (targets_open(&targets, settings, &err))
		fail_msg("taken, instead of: %s", text);
	assert_null(targets);
	assert_int_equal(err.kind, ERR_INPUT);
	assert_string_equal(err.text, text);
}

/*
 * Reads all: "user@ip:port" of each host, and of what is bad its sentence in
 * parentheses, with blanks between them.
 */
static inline void read_targets(struct targets *targets, char *to, size_t size)
{
	size_t used = 0;

	to[0] = '\0';
	for (;;) {
		struct host host;
		struct err err = { .text = "" };
		enum host_read got = targets_next(targets, &host, NULL, &err);

		if (got == HOST_END)
			break;
		if (got == HOST_READ)
			used += (size_t)snprintf(
			    to + used, size - used, "%s%s%s%s:%u",
			    used > 0 ? " " : "", host.user,
			    host.user[0] != '\0' ? "@" : "", host.ip,
			    (unsigned)host.port);
		else
			used +=
			    (size_t)snprintf(to + used, size - used, "%s(%s)",
			                     used > 0 ? " " : "", err.text);
		assert_true(used < size);
		assert_int_not_equal(got, HOST_FAILED);
		host_wipe(&host);
	}
}

static inline void assert_targets(const struct targets_settings *settings,
                                  const char *expected)
{
	struct targets *targets = open_targets(settings);
	char text[8192];

	read_targets(targets, text, sizeof(text));
	targets_close(targets);
	assert_string_equal(text, expected);
}

#pragma once

#include "inventory/host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ARRAY_LENGTH(a) (sizeof(a) / sizeof((a)[0]))

static const struct host_defaults port_22 = { .port = 22 };

/* In memory of exactly that size, without a NUL. */
static inline bool parse(struct host *host, const char *line, size_t length,
                         struct err *err)
{
	char *exact = malloc(length > 0 ? length : 1);
	bool ok;

	assert_non_null(exact);
	memcpy(exact, line, length);
	memset(host, 0xAA, sizeof(*host));
	ok = host_parse(host, exact, length, &port_22, err);
	free(exact);
	return ok;
}

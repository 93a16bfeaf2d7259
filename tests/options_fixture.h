#pragma once

#include "cli/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define ARRAY_LENGTH(a) (sizeof(a) / sizeof((a)[0]))

#define WORDS_MAX 48

/* The last command line: the texts of options are borrowed from it. */
static struct {
	char words[512];
	char *argv[WORDS_MAX + 1];
	int argc;
} line;

/* Makes it of words with one blank between them. */
static inline void split(const char *text)
{
	char *at = line.words;

	assert_true(strlen(text) < sizeof(line.words) - 8);
	snprintf(at, sizeof(line.words), "sshinv %s", text);
	line.argc = 0;
	while (*at != '\0') {
		size_t length = strcspn(at, " ");

		assert_true(line.argc < WORDS_MAX);
		line.argv[line.argc++] = at;
		at += length;
		if (*at == ' ')
			*at++ = '\0';
	}
	line.argv[line.argc] = NULL;
}

static inline struct options parsed(const char *text)
{
	struct options options;
	struct err err;

	split(text);
	if (!options_parse(&options, line.argc, line.argv, &err))
		fail_msg("%s: %s", text, err.text);
	return options;
}

#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * The table of all options, for the files options*.c: one row gives an option
 * its name, value, range, default, place in struct options and line of --help.
 */
enum option_kind {
	OPT_SET,     /* takes no value, stores .minimum */
	OPT_COUNT,   /* takes no value, counts how often */
	OPT_NUMBER,  /* minimum to maximum */
	OPT_SECONDS, /* likewise, in milliseconds */
	OPT_TEXT,
	OPT_LIST /* a text, as often as the user likes: a struct option_list */
};

struct option_def {
	const char *name;
	const char *value; /* what --help calls it; NULL takes none */
	const char *help;  /* a number's default is written after it */
	size_t field;      /* in struct options */
	unsigned minimum, maximum, initial;
	enum option_kind kind;
	char letter; /* 0: none */
};

#define OPTIONS_COUNT 50
extern const struct option_def option_defs[OPTIONS_COUNT];

/* Checks what was parsed for a scan, and fills what is made of it. */
struct options;
struct err;
bool options_check(struct options *options, struct err *err);

/* What --help writes above an option, or NULL. */
const char *option_heading(const struct option_def *def);

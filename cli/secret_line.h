#pragma once

#include "inventory/err.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * The first line of what comes piece by piece: a password. The caller wipes
 * bytes, and every piece that he feeds.
 */
struct secret_line {
	char *bytes; /* terminated */
	size_t size, length;
	bool ended;    /* with its newline */
	bool too_long; /* does not fit */
	bool has_nul;
};

/* size with the NUL. */
void secret_line_begin(struct secret_line *line, char *bytes, size_t size);

/* What comes after the newline is dropped. */
void secret_line_feed(struct secret_line *line, const char *piece,
                      size_t length);

/* At its end: takes a carriage return away. ERR_INPUT for a line that is no
 * password: empty, too long, with a NUL. what names where it comes from. */
bool secret_line_finish(struct secret_line *line, const char *what,
                        struct err *err);

/* All of that from fd, and not a byte more than the line, so that who reads
 * fd later finds the rest. cancel_fd or -1: ERR_CANCELLED. */
bool secret_line_read(int fd, int cancel_fd, const char *what, char *bytes,
                      size_t size, struct err *err);

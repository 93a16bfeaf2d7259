#pragma once

#include "inventory/deadline.h"
#include "inventory/err.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Reads a text file line by line through one fixed buffer, whose bytes are
 * wiped as soon as the next line is wanted, or before: lines may hold secrets.
 * Understands CRLF, a byte-order mark and a last line without an end. For one
 * thread.
 */

/* Longest line, in bytes without its end. A longer one is a bad line, not a
 * bigger buffer. */
#define LINES_LINE_MAX 4096

struct lines {
	char *name; /* the path, or words for standard input */
	int fd;
	int cancel_fd;
	bool at_end;
	bool too_long; /* the line that is being read; its front was dropped */
	size_t line;   /* number of the last one that was taken, from 1 */
	size_t taken;  /* of unread bytes: the line that was handed out */

	/* Unread bytes are buf[begin, end); the rest is wiped. */
	size_t begin, end;
	char buf[2 * LINES_LINE_MAX];
};

/* What came of reading a line, or the host in it. */
enum host_read {
	HOST_READ, /* *host is filled; the caller ends it with host_wipe() */
	HOST_BAD,  /* *err says file, line and reason; reading may go on */
	HOST_REPEATED, /* likewise: the address and port were on another line */
	HOST_END,      /* nothing more, or the cancel descriptor fired */
	HOST_NOT_YET,  /* no line yet, and the caller wanted to be woken */
	HOST_FAILED    /* *err says why nothing more can be read */
};

/* What ends waiting for input early. */
struct hostfile_wake {
	int fd;            /* readable; -1 for none */
	nanoseconds until; /* 0: for ever */
};

/*
 * path "-" is standard input. While it waits for input (a pipe, a terminal)
 * cancel_fd is polled as well; -1 is none. The caller ends *lines with
 * lines_release(), also after a false.
 */
bool lines_open(struct lines *lines, const char *path, int cancel_fd,
                struct err *err);

/*
 * HOST_READ: the next line is *line, of *length bytes, not terminated, there
 * until the next call. HOST_BAD: it was too long, and is passed over. wake NULL
 * waits as long as it takes.
 */
enum host_read lines_next(struct lines *lines, const struct hostfile_wake *wake,
                          const char **line, size_t *length, struct err *err);

/* Overwrites the line that was handed out. */
void lines_forget(struct lines *lines);

void lines_release(struct lines *lines);

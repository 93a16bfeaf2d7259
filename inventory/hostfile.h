#pragma once

#include "inventory/err.h"
#include "inventory/host.h"
#include "inventory/lines.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Reads a host file line by line through one fixed buffer, whose bytes are
 * wiped as soon as a line was parsed: memory does not grow with the file. A
 * host that comes again is read again. For one thread.
 */
struct hostfile;

/* Longest line, in bytes without its end. */
#define HOSTFILE_LINE_MAX LINES_LINE_MAX

/*
 * path "-" is standard input. The defaults serve lines that say less; what they
 * point to is borrowed. While it waits for input (a pipe, a terminal) cancel_fd
 * is polled as well; -1 is none. The caller ends *file with hostfile_close().
 */
bool hostfile_open(struct hostfile **file, const char *path,
                   const struct host_defaults *defaults, int cancel_fd,
                   struct err *err);

/* HOST_READ, HOST_BAD, HOST_END, HOST_NOT_YET or HOST_FAILED. Blank lines and
 * comments are passed over. Understands CRLF, a byte-order mark and a last line
 * without an end. wake NULL waits as long as it takes. */
enum host_read hostfile_next(struct hostfile *file, struct host *host,
                             const struct hostfile_wake *wake, struct err *err);

enum hostfile_hold {
	HOSTFILE_HOLDS,
	HOSTFILE_HELD,       /* by another process */
	HOSTFILE_CANNOT_HOLD /* no regular file, or its file system knows no
	                      * locks */
};

/*
 * Shows other processes that this file is being worked on, until it is closed
 * or the process ends (flock(2)). Any number may do so; alone: only if nobody
 * else does so now.
 */
enum hostfile_hold hostfile_hold(const struct hostfile *file, bool alone);

/* True for a regular file that anybody on the machine may read. */
bool hostfile_is_exposed(const struct hostfile *file);

/* True when path names the same regular file, by whatever name. */
bool hostfile_is(const struct hostfile *file, const char *path);

/* The path, or words for standard input; lives as long as the file. */
const char *hostfile_name(const struct hostfile *file);

/* NULL is fine. */
void hostfile_close(struct hostfile *file);

#pragma once

#include "inventory/err.h"

#include <stdbool.h>
#include <stddef.h>

/* A known_hosts file's bytes: reading its lines, and adding one. */

/* Longest line that is read: a key of 16384 bits takes 3 KiB, the rest is the
 * names of some ten thousand hosts that share it. */
#define KNOWNHOSTS_LINE_MAX ((size_t)1024 * 1024)

/* Largest file: over a million lines. */
#define KNOWNHOSTS_FILE_MAX ((size_t)256 * 1024 * 1024)

/*
 * Calls line for each line without its newline, which it may overwrite; text is
 * NULL for one that is too long. False from it (no memory) ends the reading
 * with ERR_SYSTEM. ERR_INPUT for what is no file, too large, or cannot be read.
 * A file that is not there, and /dev/null, have no lines.
 */
bool knownhosts_read(const char *path,
                     bool (*line)(void *arg, char *text, size_t length,
                                  size_t number),
                     void *arg, struct err *err);

/*
 * Opens a file to be added to, and makes it (0600) and its folders (0700) where
 * they are not there. *fd stays -1 on false (ERR_SYSTEM).
 */
bool knownhosts_append_open(const char *path, int *fd, struct err *err);

/* Whether its last line has no newline: torn by a full disk, also in another
 * process's hands just now, or edited by hand. */
bool knownhosts_append_is_cut(int fd);

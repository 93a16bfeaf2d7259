#pragma once

#include "inventory/err.h"
#include "inventory/host.h"
#include "inventory/record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The file of --retry-file: the hosts that failed, as lines of a host file
 * without secrets ("192.0.2.7:22 root -"). A host leaves it when it succeeded.
 * The file is replaced atomically and is there only while it has lines.
 *
 * Open and close are for one thread, the others for any.
 */
struct retryfile;

/* One that is empty is as if it were not there. ERR_INPUT for what is no
 * regular file, cannot be read or has a bad line: what is there must not get
 * lost; and for one whose folder is not there or cannot be written to. */
bool retryfile_open(struct retryfile **file, const char *path, uint16_t port,
                    struct err *err);

/* Whether it was there, with hosts in it. */
bool retryfile_is_old(const struct retryfile *file);

bool retryfile_has(struct retryfile *file, const struct host *host);

/*
 * Takes note of what became of a host; every few seconds a file that was there
 * is written meanwhile. False when it could not be: said once, the notes are
 * kept.
 */
bool retryfile_note(struct retryfile *file, const struct record *record,
                    struct err *err);

/* Adds a host that failed before this process began. False without memory. */
bool retryfile_note_failed(struct retryfile *file, const struct host *host);

/*
 * Writes (or removes) the file and frees; NULL is fine. complete: every host
 * had its turn. A file that was not there is made only then, since it would
 * keep the next run from the hosts that did not; and only then the hosts are
 * known that nobody asked retryfile_has() for: they are taken out, *gone says
 * how many.
 */
bool retryfile_close(struct retryfile *file, bool complete, size_t *gone,
                     struct err *err);

#pragma once

#include "inventory/host.h"
#include "inventory/words.h"

#include <stdbool.h>
#include <stdint.h>

/* The hosts of -w: its words, each counted out. For one thread. */
struct hostlist {
	struct words words;
	struct target target; /* the one that is being counted out */
	uint64_t next, count; /* of its hosts */
};

/* See words_open(). The caller ends *list with hostlist_release(), also after a
 * false. */
bool hostlist_open(struct hostlist *list, const char *const *lists,
                   size_t count, int cancel_fd, unsigned *uses_stdin,
                   struct err *err);

/* HOST_READ, HOST_BAD, HOST_END, HOST_NOT_YET, HOST_FAILED. */
enum host_read hostlist_next(struct hostlist *list, struct host *host,
                             const struct host_defaults *defaults,
                             const struct hostfile_wake *wake, struct err *err);

void hostlist_release(struct hostlist *list);

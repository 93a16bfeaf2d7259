#pragma once

#include "inventory/host.h"
#include "inventory/hostset.h"
#include "inventory/target.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * What -x takes out. A host is meant by its address as written (a network by
 * comparison, whatever its size), or by its name (name=, an inventory's name);
 * no name is looked up for it. A word with a port means that port only; a user
 * makes no difference. For one thread.
 */
struct exclude {
	struct hostset hosts;  /* by address and port, 0 for any */
	bool has_ports;        /* some word has one */
	struct target *others; /* ranges and networks */
	size_t count;
};

#define EXCLUDE_INIT                                                           \
	{                                                                      \
		.hosts = HOSTSET_INIT                                          \
	}

/*
 * Reads all words, those of files as well. One that is bad, anywhere, is an
 * ERR_INPUT: a host that somebody wants to be left alone must be. ERR_CANCELLED
 * once cancel_fd is readable. *uses_stdin: see words_open(). The caller ends
 * *exclude with exclude_release(), also after a false.
 */
bool exclude_read(struct exclude *exclude, const char *const *lists,
                  size_t count, int cancel_fd, unsigned *uses_stdin,
                  struct err *err);

/* port_known false: words with a port are passed over. */
bool exclude_has(const struct exclude *exclude, const struct host *host,
                 bool port_known);

void exclude_release(struct exclude *exclude);

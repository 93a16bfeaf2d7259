#pragma once

#include "inventory/deadline.h"
#include "inventory/err.h"
#include "inventory/host.h"
#include "inventory/hostfile.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * The hosts of a run, wherever they are named: a host file, lists (-w), an
 * Ansible inventory; less those that are excluded (-x). Each distinct address
 * and port comes once. Ranges and networks are counted out one by one, so
 * memory grows with the hosts only by 21 to 43 bytes each, see hostset.h (an
 * inventory, and with shuffle all hosts: by what they say). For one thread.
 */
struct targets;

struct targets_settings {
	const char *host_file;    /* NULL: none; "-": standard input */
	const char *const *lists; /* -w: see target.h and words.h */
	size_t list_count;
	const char *const *excludes; /* -x: see exclude.h */
	size_t exclude_count;
	const char *inventory; /* --inventory: see ansible.h; NULL: none */
	bool way_is_known; /* what it has of jump hosts counts for nothing */
	bool shuffle;      /* read all, then hand them out in random order */
	/* The password of a list's and an inventory's host may always be
	 * missing. */
	struct host_defaults defaults;
	int cancel_fd;
	/* Completes a host that was read (ssh_config, -l, how it is reached);
	 * it is no repeat and not excluded as far as it is known until then.
	 * False with ERR_INPUT makes it a bad line: file and line are put in
	 * front. NULL: nothing to complete. */
	bool (*complete)(void *arg, struct host *host, struct err *err);
	/* A warning that is worth a line. NULL: nobody is told. */
	void (*warn)(void *arg, const char *sentence);
	void *arg; /* of both */
};

/*
 * Reads the exclusions and the inventory, and looks at the lists. ERR_INPUT
 * names what is wrong, and where; ERR_CANCELLED once cancel_fd is readable.
 * While it reads an inventory no other thread may use jansson. What the
 * settings point to is borrowed.
 */
bool targets_open(struct targets **targets,
                  const struct targets_settings *settings, struct err *err);
void targets_close(struct targets *targets); /* NULL is fine */

/*
 * As hostfile_next(): the host file first, then lists and inventory in the
 * order of this struct. A host that comes again in the host file is
 * HOST_REPEATED; in a list or an inventory it is passed over in silence, since
 * lists overlap as a matter of course.
 */
enum host_read targets_next(struct targets *targets, struct host *host,
                            const struct hostfile_wake *wake, struct err *err);

/* How many -x has taken out so far; one that comes again counts again. */
size_t targets_excluded(const struct targets *targets);

/* The host file, or NULL. Borrowed. */
const struct hostfile *targets_hostfile(const struct targets *targets);

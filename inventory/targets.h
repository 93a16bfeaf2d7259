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
 * memory grows with the hosts only by 16 bytes each (--shuffle: by what they
 * say). For one thread.
 */
struct targets;

struct targets_settings {
	const char *host_file;    /* NULL: none; "-": standard input */
	const char *const *lists; /* -w: hosts, ranges, networks, @file */
	size_t list_count;
	const char *const *excludes; /* -x, likewise */
	size_t exclude_count;
	const char *inventory; /* --inventory: Ansible's INI or JSON; NULL */
	bool shuffle;
	struct host_defaults defaults;
	int cancel_fd;
	/* Completes a host that was read (ssh_config, -l, how it is reached).
	 * False with ERR_INPUT makes it a bad line: file and line are put in
	 * front. NULL: nothing to complete. */
	bool (*complete)(void *arg, struct host *host, struct err *err);
	void *arg;
};

/* ERR_INPUT names what is wrong, and where. */
bool targets_open(struct targets **targets,
                  const struct targets_settings *settings, struct err *err);
void targets_close(struct targets *targets); /* NULL is fine */

/* As hostfile_next(): the host file first, then lists and inventory in the
 * order of this struct. */
enum host_read targets_next(struct targets *targets, struct host *host,
                            const struct hostfile_wake *wake, struct err *err);

/* Hosts that -x has taken out so far. */
size_t targets_excluded(const struct targets *targets);

/* The host file, or NULL. Borrowed. */
const struct hostfile *targets_hostfile(const struct targets *targets);

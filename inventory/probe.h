#pragma once

#include "inventory/deadline.h"
#include "inventory/frame.h"
#include "inventory/record.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * The story of one host: resolve, connect, shake hands, log in, forget the
 * password, ask, read. What happens to a host is a result, never an error.
 */

struct probe_settings {
	unsigned connect_timeout_ms; /* one TCP connection */
	unsigned host_timeout_ms;    /* everything for one host */
	const char *command; /* also run this; NULL for none. Borrowed until
	                      * probe_init() returns */
	/* Leaves the password in the record, for a store that was asked by name
	 * to keep it. Else it is overwritten right after the login. */
	bool keep_password;
	const char *name_servers; /* NULL: the system's; see resolve.h */
};

/* Shared, read-only, by all probes of a run. */
struct probe {
	struct probe_settings settings;
	struct frame frame;
	char *script; /* for a command; NULL for none */
	size_t script_length;
	int64_t wall_us;       /* the wall clock at probe_init() … */
	nanoseconds monotonic; /* … and the other clock at that moment */
};

/* Once in main, before the first thread, and at the very end. */
bool probe_library_init(struct err *err);
void probe_library_end(void);

/* Ends with probe_release(). */
bool probe_init(struct probe *probe, const struct probe_settings *settings,
                struct err *err);
void probe_release(struct probe *probe);

/* Microseconds since the epoch, by the wall clock at the start and monotonic
 * time since then: a clock that is set meanwhile changes no result. */
int64_t probe_now(const struct probe *probe);

/*
 * Fills everything but .host and .run_id, within settings.host_timeout_ms. Once
 * cancel_fd is readable it ends at once with STATUS_SKIPPED. May be called by
 * any number of threads at once, each with a record of its own; wants less than
 * 48 KiB of stack.
 */
void probe_run(const struct probe *probe, struct record *record, int cancel_fd);

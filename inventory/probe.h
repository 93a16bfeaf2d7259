#pragma once

#include "inventory/deadline.h"
#include "inventory/dial.h"
#include "inventory/frame.h"
#include "inventory/record.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * The story of one host: resolve, connect, shake hands, log in, forget the
 * password, ask, read. What happens to a host is a result, never an error.
 */

struct probe_settings {
	struct dial dial;
	unsigned host_timeout_ms; /* everything for one host */
	const char *command; /* also run this; NULL for none. Borrowed until
	                      * probe_init() returns */
	/* Leaves the password in the record, for a store that was asked by name
	 * to keep it. Else it is overwritten right after the login. */
	bool keep_password;
	/* What probe_init() takes for the wall clock: the database's, for one
	 * time in all rows. 0: this machine's. */
	int64_t now_us;
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

/* One host's way through its attempts. Zero-initialised before the first. */
struct probe_progress {
	nanoseconds begin; /* of the first attempt; 0: not begun */
	unsigned attempts; /* so far */
	_Atomic int phase; /* an enum phase, where it is now: for any thread */
};

/*
 * One attempt. Fills everything of the record but .host and .run_id; all
 * attempts of a host and the pauses between them take no more than
 * settings.host_timeout_ms from progress->begin. May be called by any number of
 * threads at once, each with a record and a progress of its own; wants less
 * than 48 KiB of stack.
 *
 * True: this is the result, and the password is wiped (see keep_password).
 *
 * False: the attempt failed in a way that may pass (refused; reset or dropped
 * before the login, by OpenSSH's MaxStartups or PerSourcePenalties, say; no
 * descriptor, memory or port for a socket), nothing secret was sent, and the
 * password is still there. The record is filled as if this were the result.
 * The caller waits, then calls it again with the same record and progress,
 * which starts from a clean record; or calls probe_give_up().
 *
 * Never false once cancel_fd is readable (it then ends at once, as
 * STATUS_SKIPPED) or when no time is left. When the time has passed before a
 * later attempt begins, the result is that of the attempt before. After several
 * attempts the error says how many.
 */
bool probe_run(const struct probe *probe, struct record *record,
               struct probe_progress *progress, int cancel_fd);

/* Instead of another attempt: the record stays, the password is wiped (see
 * keep_password). */
void probe_give_up(const struct probe *probe, struct record *record);

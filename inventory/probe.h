#pragma once

#include "inventory/deadline.h"
#include "inventory/dial.h"
#include "inventory/frame.h"
#include "inventory/pace.h"
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
	/* For hosts whose line has no password, when one is needed, see
	 * login.h; NULL: they have none. */
	bool (*ask)(void *arg, const struct host *host, char *password,
	            size_t size, const struct wait *wait, struct err *err);
	void *ask_arg;
	/* ask gives all hosts the same, and at once: where nobody sends that
	 * any more, hosts that have nothing else are not called. */
	bool one_password;
	struct pace *pace; /* NULL: no manners */
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
	/* Of the first attempt; 0: not begun. Later by the time in which the
	 * host waited for others. */
	nanoseconds begin;
	nanoseconds parked; /* since when; 0: it is not */
	unsigned attempts;  /* so far */
	_Atomic int phase;  /* an enum phase, where it is now: for any thread */
	struct pace_place place; /* in the host's network */
};

enum probe_end {
	/* This is the result, and the password is wiped (see keep_password). */
	PROBE_DONE,
	/*
	 * The attempt failed in a way that may pass (refused; reset or dropped
	 * before the login, by OpenSSH's MaxStartups or PerSourcePenalties,
	 * say; no descriptor, memory or port for a socket), nothing secret was
	 * sent, and the password is still there. The record is filled as if
	 * this were the result. The caller waits, then calls probe_run() again
	 * with the same record and progress, which starts from a clean record;
	 * or calls probe_give_up().
	 */
	PROBE_AGAIN,
	/*
	 * The host's network is full (pace.h): no attempt was made, the record
	 * is as it was. The caller calls probe_run() again when progress->place
	 * was granted its turn; or probe_give_up().
	 */
	PROBE_PARKED
};

/*
 * One attempt. Fills everything of the record but .host and .run_id; all
 * attempts of a host and the pauses between them take no more than
 * settings.host_timeout_ms from progress->begin: the time stands still while
 * the host waits for others (a place in its network, the rate, a channel of a
 * jump host, the credential guard). May be called by any number of threads at
 * once, each with a record and a progress of its own; wants less than 48 KiB of
 * stack.
 *
 * Always PROBE_DONE once cancel_fd is readable (it then ends at once, as
 * STATUS_SKIPPED) or when no time is left. When the time has passed before a
 * later attempt begins, the result is that of the attempt before. After several
 * attempts the error says how many.
 */
enum probe_end probe_run(const struct probe *probe, struct record *record,
                         struct probe_progress *progress, int cancel_fd);

/* Instead of another attempt: the record stays, the password is wiped (see
 * keep_password), a place in a network is given back. */
void probe_give_up(const struct probe *probe, struct record *record,
                   struct probe_progress *progress);

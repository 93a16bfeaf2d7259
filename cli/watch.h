#pragma once

#include "inventory/deadline.h"
#include "inventory/err.h"
#include "pool/cancel.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * One thread that watches over a run: over the signals that want to end it, and
 * over its end.
 *
 * SIGHUP, SIGINT and SIGTERM: the first fires the run's cancel and has the
 * hosts in flight reported, the second leaves at once with exit status 128 +
 * its number. SIGUSR1: the report. Those that were ignored at the start stay
 * ignored (nohup). SIGPIPE is ignored.
 *
 * However the cancel was fired, half a second later the run's second, `hurry`,
 * is fired too and hurry_up() called: what has not ended by itself must not be
 * waited for.
 */
#define WATCH_PATIENCE (NS_PER_S / 2)

struct watch_settings {
	const struct cancel *cancel, *hurry;
	/* At most so many hosts. Must not wait for anybody. */
	void (*report)(void *arg, size_t most);
	void (*hurry_up)(void *arg);
	void *arg;
};

struct watch {
	struct watch_settings settings;
	struct cancel closing;
	int fd; /* signalfd; -1 when closed */
	pthread_t thread;
	atomic_int first; /* the number of the first one, or 0 */
};

/* At the very start: a SIGUSR1 that comes before the watch waits for it,
 * instead of ending the process. */
void watch_prepare(void);

/*
 * Blocks the signals in this thread, hence in all that it starts from now on.
 * *watch must stay where it is until watch_close(). Where the system gives no
 * thread it is said, and nobody watches: a signal then ends the process as if
 * there were no watch.
 */
bool watch_open(struct watch *watch, const struct watch_settings *settings,
                struct err *err);

/* The signal that ended the run, or 0. */
int watch_signal(const struct watch *watch);

/* watch_signal() may still be asked. Closed ones, { .fd = -1 }, are fine. */
void watch_close(struct watch *watch);

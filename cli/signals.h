#pragma once

#include "inventory/err.h"
#include "pool/cancel.h"

#include <pthread.h>
#include <stdatomic.h>

/*
 * SIGHUP, SIGINT and SIGTERM, taken by one thread: the first fires the run's
 * cancel, the second leaves at once with exit status 128 + its number. Those
 * that were ignored at the start stay ignored (nohup). SIGPIPE is ignored.
 */
struct signals {
	const struct cancel *cancel;
	struct cancel closing;
	int fd; /* signalfd; -1 when closed */
	pthread_t thread;
	atomic_int first; /* the number of the first one, or 0 */
};

/* Blocks the signals in this thread, hence in all that it starts from now on.
 * *signals must stay where it is until signals_close(). */
bool signals_open(struct signals *signals, const struct cancel *cancel,
                  struct err *err);

/* The signal that ended the run, or 0. */
int signals_seen(const struct signals *signals);

/* signals_seen() may still be asked. Closed ones, { .fd = -1 }, are fine. */
void signals_close(struct signals *signals);

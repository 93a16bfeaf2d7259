#pragma once

#include "inventory/deadline.h"
#include "inventory/err.h"

#include <stdbool.h>

/* What bounds every wait of a probe. */
struct wait {
	nanoseconds deadline;
	unsigned limit_ms; /* the time that was given, for the sentence */
	int cancel_fd;     /* readable at the end of the run; -1 for none */
};

/* The earlier of wait's deadline and limit_ms from now. */
struct wait wait_at_most(const struct wait *wait, unsigned limit_ms);

/*
 * Waits until fd has one of the poll() events (or an error, which the next call
 * on fd will tell). False with ERR_TIMEOUT, ERR_CANCELLED or ERR_SYSTEM.
 */
bool wait_ready(const struct wait *wait, int fd, short events, struct err *err);

/* True once the run has ended. -1 is no descriptor: never. */
bool wait_cancelled(int cancel_fd);

/* False with ERR_TIMEOUT or ERR_CANCELLED when the wait is over. */
bool wait_check(const struct wait *wait, struct err *err);

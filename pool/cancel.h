#pragma once

#include <stdbool.h>

/*
 * One trigger that any number of waits can watch: an eventfd that is written
 * and never read, so that every poll() on it wakes, now and later.
 *
 * cancel_open() and cancel_close() belong to the owner; the others may be
 * called from any thread between the two, and cancel_fire() from a signal
 * handler too (it keeps errno).
 */
struct cancel {
	int fd; /* readable from the moment it was fired; -1 when closed */
};

/* Returns 0, or an errno value (EMFILE, ENFILE, ENOMEM); fd is then -1. */
int cancel_open(struct cancel *cancel);
/* A second close is fine. */
void cancel_close(struct cancel *cancel);

/* Firing again changes nothing. */
void cancel_fire(const struct cancel *cancel);
bool cancel_fired(const struct cancel *cancel);

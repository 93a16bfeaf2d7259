#pragma once

#include "cli/retryfile.h"
#include "inventory/err.h"
#include "inventory/host.h"
#include "inventory/hostset.h"
#include "sql/store.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Which hosts of the host file a run is for: with --resume those that the run
 * has not done, with --only-failed those whose row is not ok, with --retry-file
 * those that are in it. For the reader alone.
 */
struct choice {
	struct hostset without; /* done, or ok */
	struct retryfile *only; /* NULL: all */
	size_t passed_over;
};

/* Takes the hosts that run_id has done. ERR_STORE, ERR_SYSTEM. */
bool choice_without_done(struct choice *choice, struct store *store,
                         const char *run_id, struct err *err);

/* Takes the hosts whose row is ok. */
bool choice_without_ok(struct choice *choice, struct store *store,
                       struct err *err);

/* Counts those that are passed over. */
bool choice_takes(struct choice *choice, const struct host *host);

void choice_release(struct choice *choice);

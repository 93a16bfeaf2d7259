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
	struct hostset ok;      /* with … */
	bool knows_failures;    /* … choice_knows_failures() */
	struct retryfile *only; /* NULL: all */
	size_t passed_over;
};

/* Takes the hosts that run_id has done. ERR_STORE, ERR_SYSTEM. */
bool choice_without_done(struct choice *choice, struct store *store,
                         const char *run_id, struct err *err);

/* Takes the hosts whose row is ok. */
bool choice_without_ok(struct choice *choice, struct store *store,
                       struct err *err);

/* Takes the hosts whose row is ok too, to know which of those that are done are
 * not. */
bool choice_knows_failures(struct choice *choice, struct store *store,
                           struct err *err);

enum choice_verdict {
	CHOICE_TAKES,
	CHOICE_PASSES_OVER,
	CHOICE_HAD_FAILED /* done before and not ok; passed over as well */
};

/* Counts those that are passed over. */
enum choice_verdict choice_of(struct choice *choice, const struct host *host);

void choice_release(struct choice *choice);

#pragma once

#include "cli/choice.h"
#include "cli/jobs.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/reach.h"
#include "cli/retryfile.h"
#include "cli/tally.h"
#include "cli/watch.h"
#include "inventory/deadline.h"
#include "inventory/dial.h"
#include "inventory/pace.h"
#include "inventory/pins.h"
#include "inventory/probe.h"
#include "inventory/targets.h"
#include "pool/cancel.h"
#include "pool/pool.h"
#include "sql/store.h"

#include <pthread.h>
#include <stdbool.h>

/*
 * The parts that a run consists of, for run.c alone: opened in this order,
 * closed in the other.
 */
struct run {
	const struct options *options;
	struct cancel cancel; /* the run ends … */
	struct cancel hurry;  /* … and who is waited for had his time */
	struct dial dial;
	struct pins *pins; /* NULL without --host-keys db */
	struct reach *reach;
	struct targets *targets;
	struct store *store; /* NULL with --no-db; taken away under lock */
	struct pace *pace;
	struct probe probe;
	struct retryfile *retryfile; /* NULL without --retry-file */
	struct choice choice;
	struct output output;
	char id[RUN_ID_MAX + 1];
	nanoseconds begin;
	nanoseconds time_up; /* no host begins later; 0: none */
	int64_t begin_us;    /* of its row, also when it was taken up again */
	struct jobs jobs;
	struct pool *pool;
	struct watch watch;
	bool cut_short; /* the reader stopped before the last line */
	bool complete;  /* known at the end: nothing is left to take up */

	pthread_mutex_t lock; /* guards what is below */
	struct tally tally;
	bool pipe_closed;
	bool store_lost; /* told once */
};

/* Nothing is open: what parts_open() starts from. */
#define RUN_INIT(settings)                                                     \
	{                                                                      \
		.options = (settings), .cancel.fd = -1, .hurry.fd = -1,        \
		.output.fd = -1, .jobs.wake_fd = -1, .watch.fd = -1,           \
		.lock = PTHREAD_MUTEX_INITIALIZER                              \
	}

/*
 * Opens everything up to the first worker, and writes the run's row. ERR_INPUT
 * for what the user named wrongly. On false everything is closed again.
 */
bool parts_open(struct run *run, struct err *err);

/* After the last host: completes the run's row in the store; false when that
 * failed. */
bool parts_complete(struct run *run, struct err *err);

/* False when the end of the output or of the retry file could not be written.
 */
bool parts_close(struct run *run, struct err *err);

#pragma once

#include "cli/options.h"
#include "cli/output.h"
#include "cli/signals.h"
#include "cli/tally.h"
#include "inventory/deadline.h"
#include "inventory/hostfile.h"
#include "inventory/probe.h"
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
	struct cancel cancel;
	struct hostfile *file;
	struct store *store; /* NULL with --no-db */
	struct output output;
	struct probe probe;
	char id[RUN_ID_MAX + 1];
	nanoseconds begin;
	int64_t begin_us;
	struct signals signals;
	struct pool *pool;

	pthread_mutex_t lock; /* guards what is below */
	struct tally tally;
	bool pipe_closed;
	bool store_lost; /* told once */
};

/* Nothing is open: what parts_open() starts from. */
#define RUN_INIT(settings)                                                     \
	{                                                                      \
		.options = (settings), .cancel.fd = -1, .output.fd = -1,       \
		.signals.fd = -1, .lock = PTHREAD_MUTEX_INITIALIZER            \
	}

/*
 * Opens everything up to the first worker, and writes the run's row. ERR_INPUT
 * for what the user named wrongly. On false everything is closed again.
 */
bool parts_open(struct run *run, struct err *err);

/* Drains the pool, then completes the run's row in the store; false when that
 * failed. */
bool parts_drain(struct run *run, struct err *err);

/* False when the output's end could not be written. */
bool parts_close(struct run *run, struct err *err);

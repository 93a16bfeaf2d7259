#pragma once

#include "cli/jobs.h"
#include "tests/skewed_clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* Jobs without a run, and a clock that the tests move on. */

#define FAR (monotonic_ns() + 3600 * NS_PER_S)

static inline int setup(void **state)
{
	struct jobs *jobs = calloc(1, sizeof(*jobs));
	struct err err;

	skew = 0;
	assert_non_null(jobs);
	assert_true(jobs_open(jobs, &err));
	*state = jobs;
	return 0;
}

static inline int teardown(void **state)
{
	jobs_close(*state);
	free(*state);
	return 0;
}

static inline struct job *begin(struct jobs *jobs, const char *ip)
{
	struct job *job = job_new(NULL);

	assert_non_null(job);
	snprintf(job->record->host.ip, sizeof(job->record->host.ip), "%s", ip);
	job->record->host.port = 22;
	job->progress.attempts = 1;
	jobs_begin(jobs, job);
	return job;
}

static inline struct jobs_state look(struct jobs *jobs)
{
	struct jobs_state looked;

	jobs_look(jobs, &looked);
	return looked;
}

static inline bool wakes(const struct jobs *jobs)
{
	struct pollfd fd = { .fd = jobs->wake_fd, .events = POLLIN };

	return poll(&fd, 1, 0) == 1;
}

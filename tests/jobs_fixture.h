#pragma once

#include "cli/jobs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* Jobs without a run, and a clock that the tests move on. Wants the linker's
 * WRAP clock_gettime. */

#define FAR (monotonic_ns() + 3600 * NS_PER_S)

/* The clock that jobs.c sees is moved on by the tests. */
static nanoseconds skew;

int __real_clock_gettime(clockid_t clock, struct timespec *time);
int __wrap_clock_gettime(clockid_t clock, struct timespec *time);

int __wrap_clock_gettime(clockid_t clock, struct timespec *time)
{
	int failed = __real_clock_gettime(clock, time);
	nanoseconds now = time->tv_sec * NS_PER_S + time->tv_nsec + skew;

	time->tv_sec = now / NS_PER_S;
	time->tv_nsec = now % NS_PER_S;
	return failed;
}

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

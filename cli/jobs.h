#pragma once

#include "inventory/deadline.h"
#include "inventory/err.h"
#include "inventory/probe.h"
#include "inventory/record.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * The hosts that a run has read and not yet done with: those that the pool has
 * (queued, or in flight on a worker), those that wait for their next attempt,
 * and those that are parked: their network is full (pace.h). No worker waits
 * with either. A job has one owner at a time: the reader, then the pool, then a
 * list, then the reader again.
 */
struct run;

enum job_stage { JOB_QUEUED, JOB_PROBING, JOB_STORING, JOB_PRINTING };

struct job {
	struct run *run;
	struct record *record;
	struct probe_progress progress;
	bool last;  /* no more attempts: deliver what the last one found */
	bool again; /* it was with the pool before, and goes first */
	_Atomic(enum job_stage) stage; /* and before it: */
	nanoseconds begin;             /* of this attempt */

	/* For jobs.c, under its lock. */
	struct jobs *jobs;           /* once it has begun */
	bool parked;                 /* is in that list */
	bool granted;                /* before it was parked */
	nanoseconds due;             /* of the next attempt */
	struct job *next, *previous; /* in a list */
	struct job *left, *right;    /* in the heap */
};

/* A host of run with an empty record; NULL without memory. */
struct job *job_new(struct run *run);
void job_free(struct job *job); /* NULL is fine */

struct job_list {
	struct job *first, *last;
	size_t count;
};

/* By the time of their next attempt. */
struct job_heap {
	struct job *first;
	size_t count;
};

/* So many may wait, for their next attempt or parked, before the reader waits
 * for them: 32 MiB of records, and 10,000 refused hosts a second. */
#define JOBS_WAITING_MAX 8192

struct jobs {
	pthread_mutex_t lock; /* guards what is below */
	struct job_list busy; /* the pool's */
	struct job_heap waiting;
	struct job_list parked;
	unsigned seed; /* of the jitter */
	int wake_fd; /* eventfd, readable when jobs_wait() has to look again */
};

bool jobs_open(struct jobs *jobs, struct err *err);
void jobs_close(struct jobs *jobs); /* wake_fd -1 is fine */

/* The reader: hands a job to the pool. */
void jobs_begin(struct jobs *jobs, struct job *job);

/* The worker: shows where its job is. */
void job_enter(struct job *job, enum job_stage stage);

/*
 * The worker: its job may have another attempt, after a pause of half a second
 * to a second, doubled for each attempt that it had. False if that would be
 * later than deadline: it has had its last. After true the job is somebody
 * else's.
 */
bool jobs_try_again(struct jobs *jobs, struct job *job, nanoseconds deadline);

/*
 * The worker: pace_enter() had no place for it. It is handed out by jobs_due()
 * once jobs_granted() was called. It is somebody else's at once.
 */
void jobs_park(struct jobs *jobs, struct job *job);

/*
 * For pace.h: the place in a job's .progress has its turn. From any thread;
 * before jobs_park(), meanwhile, or after it, when it may have been handed out
 * at the run's end: then it changes nothing. Until it has returned,
 * pace_leave() of that place does not, so the job is there.
 */
void jobs_granted(struct pace_place *place);

/* The worker: it is done with, and has no place (pace.h). Frees. */
void jobs_end(struct jobs *jobs, struct job *job);

/* The reader: a job whose next attempt is due, or that was parked and granted
 * its place (or any that waits or is parked, with all), or NULL. It is among
 * the busy ones then. */
struct job *jobs_due(struct jobs *jobs, bool all);

struct jobs_state {
	size_t busy, waiting; /* waiting: parked ones too */
	nanoseconds next;     /* attempt; 0: none waits */
};

/* The reader: forgets what has woken it, then looks. */
void jobs_look(struct jobs *jobs, struct jobs_state *state);

/*
 * Says on standard error where each host in flight is, those first that take
 * longest, at most so many. From any thread; gives up where standard error
 * takes no more.
 */
void jobs_report(struct jobs *jobs, size_t most);

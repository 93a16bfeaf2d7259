#include "cli/jobs.h"

#include "cli/log.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define PAUSE_FIRST_MS 1000
#define PAUSE_DOUBLINGS_MAX 6

struct job *job_new(struct run *run)
{
	struct job *job = calloc(1, sizeof(*job));

	if (job == NULL)
		return NULL;
	job->run = run;
	job->record = record_new();
	if (job->record == NULL) {
		free(job);
		return NULL;
	}
	return job;
}

void job_free(struct job *job)
{
	if (job == NULL)
		return;
	record_free(job->record);
	free(job);
}

bool jobs_open(struct jobs *jobs, struct err *err)
{
	int failed = pthread_mutex_init(&jobs->lock, NULL);

	jobs->seed = (unsigned)getpid() ^ (unsigned)monotonic_ns();
	if (failed != 0)
		return err_errno(err, ERR_SYSTEM, failed, "mutex");
	jobs->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (jobs->wake_fd >= 0)
		return true;
	err_errno(err, ERR_SYSTEM, errno, "eventfd");
	pthread_mutex_destroy(&jobs->lock);
	return false;
}

void jobs_close(struct jobs *jobs)
{
	if (jobs->wake_fd < 0)
		return;
	assert(jobs->busy.count == 0 && jobs->waiting.count == 0 &&
	       jobs->parked.count == 0);
	close(jobs->wake_fd);
	jobs->wake_fd = -1;
	pthread_mutex_destroy(&jobs->lock);
}

static void append(struct job_list *list, struct job *job)
{
	job->previous = list->last;
	job->next = NULL;
	if (list->last != NULL)
		list->last->next = job;
	else
		list->first = job;
	list->last = job;
	list->count++;
}

static void take_out(struct job_list *list, struct job *job)
{
	if (job->previous != NULL)
		job->previous->next = job->next;
	else
		list->first = job->next;
	if (job->next != NULL)
		job->next->previous = job->previous;
	else
		list->last = job->previous;
	list->count--;
}

/*
 * A skew heap: each job is due before those below it, and its sides change
 * places with every merge that comes by, which keeps them even. So a put and a
 * take cost the logarithm of the count, over many, and need no memory.
 */
static struct job *merge(struct job *a, struct job *b)
{
	struct job *top = NULL;
	struct job **end = &top;

	while (a != NULL && b != NULL) {
		struct job *first = a->due <= b->due ? a : b;

		b = first == a ? b : a;
		a = first->right;
		first->right = first->left;
		*end = first;
		end = &first->left;
	}
	*end = a != NULL ? a : b;
	return top;
}

static void heap_put(struct job_heap *heap, struct job *job)
{
	job->left = NULL;
	job->right = NULL;
	heap->first = merge(heap->first, job);
	heap->count++;
}

static struct job *heap_take(struct job_heap *heap)
{
	struct job *job = heap->first;

	heap->first = merge(job->left, job->right);
	heap->count--;
	return job;
}

/* Its counter cannot be full: it is at most the number of jobs. */
static void wake_reader(struct jobs *jobs)
{
	uint64_t one = 1;
	ssize_t written;

	do
		written = write(jobs->wake_fd, &one, sizeof(one));
	while (written < 0 && errno == EINTR);
	assert(written == (ssize_t)sizeof(one));
}

void jobs_begin(struct jobs *jobs, struct job *job)
{
	atomic_store(&job->stage, JOB_QUEUED);
	job->jobs = jobs;
	pthread_mutex_lock(&jobs->lock);
	append(&jobs->busy, job);
	pthread_mutex_unlock(&jobs->lock);
}

void job_enter(struct job *job, enum job_stage stage)
{
	if (stage == JOB_PROBING)
		job->begin = monotonic_ns();
	atomic_store(&job->stage, stage);
}

/* Between half and the whole of PAUSE_FIRST_MS, doubled for each attempt after
 * the first: those that failed together do not come back together. */
static nanoseconds pause_before(struct jobs *jobs, unsigned attempts)
{
	unsigned doublings = attempts > 0 ? attempts - 1 : 0;
	int ms;

	if (doublings > PAUSE_DOUBLINGS_MAX)
		doublings = PAUSE_DOUBLINGS_MAX;
	ms = PAUSE_FIRST_MS << doublings;
	return (ms / 2 + rand_r(&jobs->seed) % (ms / 2 + 1)) * NS_PER_MS;
}

bool jobs_try_again(struct jobs *jobs, struct job *job, nanoseconds deadline)
{
	pthread_mutex_lock(&jobs->lock);
	job->due = monotonic_ns() + pause_before(jobs, job->progress.attempts);
	if (job->due >= deadline) {
		pthread_mutex_unlock(&jobs->lock);
		return false;
	}
	take_out(&jobs->busy, job);
	job->granted = false; /* the place that it was for was given back */
	heap_put(&jobs->waiting, job);
	wake_reader(jobs);
	pthread_mutex_unlock(&jobs->lock);
	return true;
}

/* Among those that wait, as due now. The lock is held. */
static void wait_for_reader(struct jobs *jobs, struct job *job)
{
	job->due = monotonic_ns();
	heap_put(&jobs->waiting, job);
	wake_reader(jobs);
}

void jobs_park(struct jobs *jobs, struct job *job)
{
	pthread_mutex_lock(&jobs->lock);
	take_out(&jobs->busy, job);
	if (job->granted) {
		job->granted = false;
		wait_for_reader(jobs, job);
	} else {
		job->parked = true;
		append(&jobs->parked, job);
		/* It may be the last one that was busy. */
		wake_reader(jobs);
	}
	pthread_mutex_unlock(&jobs->lock);
}

void jobs_granted(struct pace_place *place)
{
	struct job *job =
	    (void *)((char *)place - offsetof(struct job, progress.place));
	struct jobs *jobs = job->jobs;

	pthread_mutex_lock(&jobs->lock);
	if (job->parked) {
		job->parked = false;
		take_out(&jobs->parked, job);
		wait_for_reader(jobs, job);
	} else {
		job->granted = true;
	}
	pthread_mutex_unlock(&jobs->lock);
}

void jobs_end(struct jobs *jobs, struct job *job)
{
	pthread_mutex_lock(&jobs->lock);
	take_out(&jobs->busy, job);
	if (jobs->busy.count == 0)
		wake_reader(jobs);
	pthread_mutex_unlock(&jobs->lock);
	job_free(job);
}

/* NULL: none is due. The lock is held. */
static struct job *take_due(struct jobs *jobs, bool all)
{
	struct job *job = jobs->waiting.first;

	if (job != NULL)
		return all || job->due <= monotonic_ns()
		           ? heap_take(&jobs->waiting)
		           : NULL;
	job = all ? jobs->parked.first : NULL;
	if (job != NULL) {
		take_out(&jobs->parked, job);
		job->parked = false;
	}
	return job;
}

struct job *jobs_due(struct jobs *jobs, bool all)
{
	struct job *job;

	pthread_mutex_lock(&jobs->lock);
	job = take_due(jobs, all);
	if (job != NULL) {
		job->again = true;
		atomic_store(&job->stage, JOB_QUEUED);
		append(&jobs->busy, job);
	}
	pthread_mutex_unlock(&jobs->lock);
	return job;
}

void jobs_look(struct jobs *jobs, struct jobs_state *state)
{
	uint64_t woken;

	/* EAGAIN: nobody has. */
	(void)!read(jobs->wake_fd, &woken, sizeof(woken));
	pthread_mutex_lock(&jobs->lock);
	state->busy = jobs->busy.count;
	state->waiting = jobs->waiting.count + jobs->parked.count;
	state->next =
	    jobs->waiting.first != NULL ? jobs->waiting.first->due : 0;
	pthread_mutex_unlock(&jobs->lock);
}

/* What is said of a host in flight, taken while it cannot end. */
struct sight {
	char ip[HOST_IP_MAX + 1];
	unsigned port;
	const char *where;
	nanoseconds begin;
};

static const char *where_is(const struct job *job)
{
	enum phase phase = (enum phase)atomic_load(&job->progress.phase);

	switch (atomic_load(&job->stage)) {
	case JOB_STORING:
		return "database";
	case JOB_PRINTING:
		return "output";
	case JOB_QUEUED:
	case JOB_PROBING:
		break;
	}
	/* Before its first one, or behind its last. */
	return phase != PHASE_NONE ? phase_name(phase) : "between steps";
}

static int compare_sights(const void *a, const void *b)
{
	const struct sight *x = a;
	const struct sight *y = b;

	return (x->begin > y->begin) - (x->begin < y->begin);
}

/* Allocated; NULL without memory. */
static struct sight *look_around(struct jobs *jobs, size_t *count,
                                 size_t *waiting, size_t *parked)
{
	struct sight *sights;

	*count = 0;
	pthread_mutex_lock(&jobs->lock);
	*waiting = jobs->waiting.count;
	*parked = jobs->parked.count;
	sights = calloc(jobs->busy.count + 1, sizeof(*sights));
	for (const struct job *job = jobs->busy.first;
	     sights != NULL && job != NULL; job = job->next) {
		struct sight *sight = &sights[*count];

		if (atomic_load(&job->stage) == JOB_QUEUED)
			continue;
		memcpy(sight->ip, job->record->host.ip, sizeof(sight->ip));
		sight->port = job->record->host.port;
		sight->where = where_is(job);
		sight->begin = job->begin;
		++*count;
	}
	pthread_mutex_unlock(&jobs->lock);
	return sights;
}

void jobs_report(struct jobs *jobs, size_t most)
{
	size_t count, waiting, parked;
	struct sight *sights = look_around(jobs, &count, &waiting, &parked);
	nanoseconds now = monotonic_ns();

	if (sights == NULL)
		return;
	qsort(sights, count, sizeof(*sights), compare_sights);
	for (size_t i = 0; i < count && i < most; i++) {
		if (!log_try(LOG_NOTICE, "in flight: %s port %u: %s for %.1f s",
		             sights[i].ip, sights[i].port, sights[i].where,
		             (double)(now - sights[i].begin) / NS_PER_S))
			break;
	}
	if (count > most)
		log_try(LOG_NOTICE, "in flight: and %zu more", count - most);
	if (waiting > 0)
		log_try(LOG_NOTICE, "waiting for another attempt: %zu %s",
		        waiting, waiting == 1 ? "host" : "hosts");
	if (parked > 0)
		log_try(LOG_NOTICE,
		        "waiting for a place in their network: "
		        "%zu %s",
		        parked, parked == 1 ? "host" : "hosts");
	if (count == 0)
		log_try(LOG_NOTICE, "no host is in flight");
	free(sights);
}

#include "cli/run.h"

#include "cli/log.h"
#include "cli/parts.h"
#include "cli/text.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

/*
 *     host file --> job --> [pool's queue] --> worker: probe_run()
 *                    ^                          |      store_put()
 *                    |                          |      output_write()
 *                    +-- [waiting for its next attempt]
 *
 * One object makes the trip and has one owner at a time. The queue is short and
 * the submit waits, so a slow host, database or reader of our output slows the
 * reading of the file, and memory stays flat. A host's line is written after
 * its row was committed. A host that is worth another attempt goes to a bounded
 * list that the reader drains, so that it occupies no worker meanwhile.
 *
 * The end comes in one way, whoever wants it (the file's end, a signal, a
 * closed pipe, a lost database): nothing is read any more, and what is under
 * way is brought to its end. Once the cancel has fired a probe ends at once,
 * and so does the waiting for the next attempt; half a second later nobody is
 * waited for.
 */

#define MEMORY_PAUSE (20 * NS_PER_MS)

/* Something that no host is to blame for. */
static void run_failed(struct run *run, const struct err *err)
{
	pthread_mutex_lock(&run->lock);
	if (err->kind == ERR_INPUT)
		run->tally.unreadable++;
	else
		run->tally.failures++;
	pthread_mutex_unlock(&run->lock);
	log_say(LOG_ERROR, "%s", err->text);
}

static void out_of_memory(struct run *run, const char *what)
{
	struct err err;

	err_set(&err, ERR_SYSTEM, "out of memory for %s", what);
	run_failed(run, &err);
}

static void count(struct run *run, const struct record *record)
{
	pthread_mutex_lock(&run->lock);
	run->tally.counts[record->status]++;
	if (record->unfinished)
		run->tally.unfinished++;
	pthread_mutex_unlock(&run->lock);
}

/* Tells of the first row that a lost store did not take: all others follow. */
static void store_lost(struct run *run, const struct err *err)
{
	bool first;

	pthread_mutex_lock(&run->lock);
	first = !run->store_lost;
	run->store_lost = true;
	pthread_mutex_unlock(&run->lock);
	if (first)
		log_say(LOG_ERROR,
		        "the run ends, its results cannot be stored: %s",
		        err->text);
	cancel_fire(&run->cancel);
}

static void not_stored(struct run *run, const struct record *record,
                       struct err *err)
{
	pthread_mutex_lock(&run->lock);
	run->tally.not_stored++;
	if (err->kind != ERR_STORE_DATA)
		run->tally.unfinished++;
	pthread_mutex_unlock(&run->lock);
	if (err->kind == ERR_STORE) {
		store_lost(run, err);
		return;
	}
	err_prefix(err, "%s port %u was not stored", record->host.ip,
	           (unsigned)record->host.port);
	if (err->kind == ERR_SYSTEM)
		run_failed(run, err);
	else
		log_say(LOG_ERROR, "%s", err->text);
}

static void write_line(struct run *run, const char *line, size_t length)
{
	struct err err = { .kind = ERR_NONE };
	enum output_state state;

	if (output_write(&run->output, line, length, &state, &err))
		return;
	if (state == OUTPUT_CLOSED) {
		pthread_mutex_lock(&run->lock);
		run->pipe_closed = true;
		pthread_mutex_unlock(&run->lock);
	}
	if (err.kind != ERR_NONE)
		run_failed(run, &err);
	cancel_fire(&run->cancel);
}

/* Ends the line, writes and releases it. */
static void print_text(struct run *run, struct text *text)
{
	text_puts(text, "\n");
	if (text->out_of_memory)
		out_of_memory(run, "a line");
	else
		write_line(run, text->data, text->length);
	text_release(text);
}

static void print_header(struct run *run)
{
	const struct options *options = run->options;
	struct text text = { 0 };

	if (!options->with_header)
		return;
	options->format->header(&text, &options->columns);
	print_text(run, &text);
}

static void print(struct run *run, const struct record *record)
{
	const struct options *options = run->options;
	struct text text = { 0 };

	options->format->row(&text, &options->columns, record);
	print_text(run, &text);
}

/* After the pipe was closed a host that was cut short is nobody's result. */
static bool is_dropped(struct run *run, const struct record *record)
{
	bool closed;

	pthread_mutex_lock(&run->lock);
	closed = run->pipe_closed;
	pthread_mutex_unlock(&run->lock);
	return closed && record->unfinished;
}

static void note_for_retry(struct run *run, const struct record *record)
{
	struct err err;

	if (run->retryfile != NULL &&
	    !retryfile_note(run->retryfile, record, &err))
		run_failed(run, &err);
}

/* Stores, prints, counts: in this order, for a line means durable. */
static void deliver(struct run *run, struct job *job)
{
	const struct record *record = job->record;
	struct err err;

	log_say(LOG_DEBUG, "%s port %u: %s after %lld ms (%s) %s",
	        record->host.ip, (unsigned)record->host.port,
	        status_name(record->status), (long long)record->total_ms,
	        record->ssh_version, record->error);
	if (is_dropped(run, record))
		return;
	job_enter(job, JOB_STORING);
	if (run->store != NULL && !store_put(run->store, record, &err)) {
		not_stored(run, record, &err);
		return;
	}
	job_enter(job, JOB_PRINTING);
	print(run, record);
	count(run, record);
	note_for_retry(run, record);
}

static bool time_is_up(const struct run *run)
{
	return run->time_up != 0 && monotonic_ns() >= run->time_up;
}

static void skip_for_time(struct run *run, struct job *job)
{
	struct err err;

	err_set(&err, ERR_CANCELLED, "the run's time was up");
	record_fail(job->record, &err);
	job->record->last_attempt = probe_now(&run->probe);
	probe_give_up(&run->probe, job->record, &job->progress);
}

static bool may_try_again(struct run *run, struct job *job)
{
	nanoseconds limit = run->options->host_timeout_ms * NS_PER_MS;

	return job->progress.attempts <= run->options->retries &&
	       !time_is_up(run) &&
	       jobs_try_again(&run->jobs, job, job->progress.begin + limit);
}

/* The result of its last attempt is in the record already. */
static bool is_over(const struct run *run, const struct job *job)
{
	bool parked = job->progress.parked != 0;

	return job->progress.attempts > 0 &&
	       (job->last || (parked && time_is_up(run)));
}

static bool has_no_time(const struct run *run, const struct job *job)
{
	return job->progress.attempts == 0 && time_is_up(run);
}

/* False: the job is somebody else's now. */
static bool probe(struct run *run, struct job *job)
{
	/* The run's own cancel, not the pool's: each host that was read has its
	 * record. */
	switch (probe_run(&run->probe, job->record, &job->progress,
	                  run->cancel.fd)) {
	case PROBE_DONE:
		break;
	case PROBE_AGAIN:
		if (may_try_again(run, job))
			return false;
		probe_give_up(&run->probe, job->record, &job->progress);
		break;
	case PROBE_PARKED:
		jobs_park(&run->jobs, job);
		return false;
	}
	return true;
}

static int work(void *arg, int cancel_fd)
{
	struct job *job = arg;
	struct run *run = job->run;

	(void)cancel_fd;
	job_enter(job, JOB_PROBING);
	if (is_over(run, job))
		probe_give_up(&run->probe, job->record, &job->progress);
	else if (has_no_time(run, job))
		skip_for_time(run, job);
	else if (!probe(run, job))
		return 0;
	deliver(run, job);
	jobs_end(&run->jobs, job);
	return 0;
}

/* Where the system gives no thread at all, this one does the work. */
static void submit(struct run *run, struct job *job)
{
	/* What comes again has waited already. */
	struct pool_task task = { .run = work,
		                  .arg = job,
		                  .first = job->again };

	if (pool_submit(run->pool, &task, NULL) != 0)
		work(job, -1);
}

static void bad_line(struct run *run, bool repeat, const struct err *err)
{
	pthread_mutex_lock(&run->lock);
	if (repeat)
		run->tally.repeats++;
	else
		run->tally.bad_lines++;
	pthread_mutex_unlock(&run->lock);
	log_say(LOG_ERROR, "%s", err->text);
}

/* Takes a host of the file to the pool. */
static void take_host(struct run *run, struct job *job)
{
	switch (choice_of(&run->choice, &job->record->host)) {
	case CHOICE_TAKES:
		break;
	case CHOICE_HAD_FAILED:
		if (!retryfile_note_failed(run->retryfile, &job->record->host))
			out_of_memory(run, "the retry file");
		job_free(job);
		return;
	case CHOICE_PASSES_OVER:
		job_free(job);
		return;
	}
	memcpy(job->record->run_id, run->id, sizeof(run->id));
	jobs_begin(&run->jobs, job);
	submit(run, job);
}

/* Until a job wants another attempt, all are done with, or the run ends, if it
 * is not ending already. */
static void wait_for_jobs(struct run *run, nanoseconds next_attempt,
                          bool ending)
{
	struct pollfd fds[2] = {
		{ .fd = run->jobs.wake_fd, .events = POLLIN },
		{ .fd = ending ? -1 : run->cancel.fd, .events = POLLIN },
	};

	/* Whatever ended it, the caller looks again. */
	(void)poll(fds, 2,
	           next_attempt != 0 ? deadline_poll_ms(next_attempt) : -1);
}

/* Memory is short: when others are under way, it is worth waiting for them.
 * False when nobody is. */
static bool wait_for_memory(struct run *run)
{
	struct jobs_state state;

	jobs_look(&run->jobs, &state);
	if (state.busy == 0 && state.waiting == 0) {
		out_of_memory(run, "the next host");
		run->cut_short = true;
		return false;
	}
	wait_for_jobs(run, monotonic_ns() + MEMORY_PAUSE, true);
	return true;
}

/* Reads one line; false when there will be nothing more. */
static bool read_line(struct run *run, nanoseconds next_attempt)
{
	struct hostfile_wake wake = { .fd = run->jobs.wake_fd,
		                      .until = next_attempt };
	struct job *job = job_new(run);
	struct err err;
	bool more = true;

	if (job == NULL)
		return wait_for_memory(run);
	if (run->time_up != 0 && (wake.until == 0 || run->time_up < wake.until))
		wake.until = run->time_up;
	switch (targets_next(run->targets, &job->record->host, &wake, &err)) {
	case HOST_READ:
		take_host(run, job);
		return true;
	case HOST_BAD:
		bad_line(run, false, &err);
		break;
	case HOST_REPEATED:
		bad_line(run, true, &err);
		break;
	case HOST_NOT_YET:
		more = !time_is_up(run);
		run->tally.out_of_time = !more;
		run->cut_short = !more;
		break;
	case HOST_END:
		run->cut_short = cancel_fired(&run->cancel);
		more = false;
		break;
	case HOST_FAILED:
		run_failed(run, &err);
		run->cut_short = true;
		more = false;
		break;
	}
	job_free(job);
	return more;
}

/* The reader's work, to the end of the last host. */
static void read_hosts(struct run *run)
{
	bool reading = true;

	for (;;) {
		bool ending = cancel_fired(&run->cancel);
		struct jobs_state state;
		struct job *job;
		bool last;

		jobs_look(&run->jobs, &state);
		last = ending || time_is_up(run);
		job = jobs_due(&run->jobs, last);
		if (job != NULL) {
			job->last = last;
			submit(run, job);
		} else if (reading && state.waiting < JOBS_WAITING_MAX) {
			reading = read_line(run, state.next);
		} else if (reading || state.busy > 0 || state.waiting > 0) {
			wait_for_jobs(run, state.next, ending);
		} else {
			return;
		}
	}
}

static void end_not_stored(struct run *run, struct err *err)
{
	err_prefix(err, "the run's end was not stored");
	if (err->kind == ERR_SYSTEM) {
		run_failed(run, err);
		return;
	}
	run->tally.end_not_stored = true;
	log_say(LOG_ERROR, "%s", err->text);
}

/* One wrong password, and most hosts were not asked. */
static void tell_of_guard(const struct run *run)
{
	struct guard *guard = reach_guard(run->reach);
	unsigned most = run->options->max_auth_failures;
	struct guard_counts counts;

	if (guard == NULL)
		return;
	guard_counts(guard, &counts);
	if (counts.hosts == 0)
		return;
	log_say(LOG_NOTICE,
	        "warning: %zu %s not tried, since %u other%s had refused the "
	        "same user and password (--max-auth-failures)",
	        counts.hosts, counts.hosts == 1 ? "host was" : "hosts were",
	        most, most == 1 ? "" : "s");
}

static void sum_up(const struct run *run)
{
	double seconds = (double)(monotonic_ns() - run->begin) / NS_PER_S;
	struct text text = { 0 };

	if (run->pipe_closed)
		return;
	tell_of_guard(run);
	tally_summary(&run->tally, seconds, &text);
	if (run->store_lost)
		text_printf(&text, "; %s was lost", store_name(run->store));
	else if (run->store != NULL)
		text_printf(&text, "; stored in %s", store_name(run->store));
	else
		text_puts(&text, "; not stored (--no-db)");
	if (run->tally.spooled)
		text_printf(&text, " and, since it was lost, in %s",
		            store_spool(run->store));
	log_say(LOG_NOTICE, "%.*s", (int)text.length, text.data);
	text_release(&text);
}

/* Exit status of a run that did not begin. */
static int not_begun(const struct run *run, const struct err *err)
{
	int signal_number = watch_signal(&run->watch);

	log_say(LOG_ERROR, "%s", err->text);
	return signal_number != 0 ? 128 + signal_number
	                          : tally_error_status(err);
}

int run_hosts(const struct options *options)
{
	struct run run = RUN_INIT(options);
	struct err err;

	if (!parts_open(&run, &err))
		return not_begun(&run, &err);
	log_say(LOG_INFO, "run %s, %s", run.id,
	        run.store != NULL ? store_name(run.store) : "not stored");
	print_header(&run);
	read_hosts(&run);
	if (!parts_complete(&run, &err))
		end_not_stored(&run, &err);
	sum_up(&run);
	if (!parts_close(&run, &err))
		run_failed(&run, &err);
	return tally_exit_status(&run.tally, watch_signal(&run.watch));
}

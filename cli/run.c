#include "cli/run.h"

#include "cli/log.h"
#include "cli/parts.h"
#include "cli/text.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

/*
 *     host file --> struct job --> [pool's queue] --> worker: probe_run()
 *                                                             store_put()
 *                                                             output_write()
 *
 * One object makes the trip and has one owner at a time. The queue is short and
 * the submit waits, so a slow host, database or reader of our output slows the
 * reading of the file, and memory stays flat. A host's line is written after
 * its row was committed.
 *
 * The end comes in one way, whoever wants it (the file's end, a signal, a
 * closed pipe, a lost database): the reader stops, the pool drains. Once the
 * cancel has fired a probe ends at once, so draining takes no time.
 */

struct job {
	struct run *run;
	struct record *record;
};

static void job_free(struct job *job)
{
	if (job == NULL)
		return;
	record_free(job->record);
	free(job);
}

static struct job *job_new(struct run *run)
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
	memcpy(job->record->run_id, run->id, sizeof(run->id));
	return job;
}

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
	bool interrupted =
	    record->status == STATUS_SKIPPED && cancel_fired(&run->cancel);

	pthread_mutex_lock(&run->lock);
	run->tally.counts[record->status]++;
	if (interrupted)
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
	return closed && record->status == STATUS_SKIPPED;
}

/* Stores, prints, counts: in this order, for a line means durable. */
static void deliver(struct run *run, const struct record *record)
{
	struct err err;

	log_say(LOG_DEBUG, "%s port %u: %s after %lld ms (%s) %s",
	        record->host.ip, (unsigned)record->host.port,
	        status_name(record->status), (long long)record->total_ms,
	        record->ssh_version, record->error);
	if (is_dropped(run, record))
		return;
	if (run->store != NULL && !store_put(run->store, record, &err)) {
		not_stored(run, record, &err);
		return;
	}
	print(run, record);
	count(run, record);
}

static int work(void *arg, int cancel_fd)
{
	struct job *job = arg;

	/* The run's own cancel, not the pool's: it drains, so that a queued
	 * host has its record as well. */
	(void)cancel_fd;
	probe_run(&job->run->probe, job->record, job->run->cancel.fd);
	deliver(job->run, job->record);
	return 0;
}

static void done(void *arg, enum pool_outcome outcome, int result)
{
	(void)outcome;
	(void)result;
	job_free(arg);
}

static void submit(struct run *run, struct job *job)
{
	struct pool_task task = { .run = work, .done = done, .arg = job };
	int failed = pool_submit(run->pool, &task, NULL);
	struct err err;

	if (failed == 0)
		return;
	err_errno(&err, ERR_SYSTEM, failed,
	          failed == EAGAIN ? "cannot start a thread" : "no worker");
	record_fail(job->record, &err);
	job->record->last_attempt = probe_now(&run->probe);
	deliver(run, job->record);
	job_free(job);
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

/* Takes one line's host to the pool; false when there is nothing more. */
static bool take_host(struct run *run)
{
	struct job *job = job_new(run);
	struct err err;

	if (job == NULL) {
		out_of_memory(run, "the next host");
		return false;
	}
	switch (hostfile_next(run->file, &job->record->host, &err)) {
	case HOST_READ:
		submit(run, job);
		return true;
	case HOST_BAD:
		bad_line(run, false, &err);
		break;
	case HOST_REPEATED:
		bad_line(run, true, &err);
		break;
	case HOST_END:
		job_free(job);
		return false;
	case HOST_FAILED:
		run_failed(run, &err);
		job_free(job);
		return false;
	}
	job_free(job);
	return true;
}

static void sum_up(const struct run *run)
{
	double seconds = (double)(monotonic_ns() - run->begin) / NS_PER_S;
	struct text text = { 0 };

	if (run->pipe_closed)
		return;
	tally_summary(&run->tally, seconds, &text);
	if (run->store != NULL)
		text_printf(&text, "; stored in %s", store_name(run->store));
	else
		text_puts(&text, "; not stored (--no-db)");
	log_say(LOG_NOTICE, "%.*s", (int)text.length, text.data);
	text_release(&text);
}

/* Exit status of a run that did not begin. */
static int not_begun(const struct err *err)
{
	log_say(LOG_ERROR, "%s", err->text);
	if (err->kind == ERR_CANCELLED) /* at the database's password */
		return 128 + SIGINT;
	if (err->kind == ERR_INPUT)
		return 2;
	return err->kind == ERR_SYSTEM ? 1 : 6;
}

int run_hosts(const struct options *options)
{
	struct run run = RUN_INIT(options);
	struct err err;

	if (!parts_open(&run, &err))
		return not_begun(&err);
	log_say(LOG_INFO, "run %s, %s", run.id,
	        run.store != NULL ? store_name(run.store) : "not stored");
	print_header(&run);
	while (take_host(&run))
		;
	if (!parts_drain(&run, &err))
		run_failed(&run, &err);
	sum_up(&run);
	if (!parts_close(&run, &err))
		run_failed(&run, &err);
	return tally_exit_status(&run.tally, signals_seen(&run.signals));
}

#include "cli/parts.h"

#include "cli/log.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

/* Hosts that were read and wait for a worker: enough that none waits for the
 * reader, few enough that memory stays flat. */
#define QUEUE_MAX 64

/* A probe was measured at less than 20 KiB, the database's client at 15. */
#define STACK_SIZE ((size_t)128 * 1024)

static struct store_run describe(const struct run *run, const char *path)
{
	return (struct store_run){
		.id = run->id,
		.file = path,
		.version = SSHINV_VERSION,
		.begin = run->begin_us,
	};
}

static bool begin_in_store(struct run *run, struct err *err)
{
	const char *file = run->options->host_file;
	char path[PATH_MAX];
	struct store_run row;

	if (run->store == NULL)
		return true;
	if (strcmp(file, "-") != 0 && realpath(file, path) != NULL)
		file = path;
	row = describe(run, file);
	return store_run_begin(run->store, &row, err);
}

/* Sorts by time, and two runs that begin in one second differ. */
static bool make_id(struct run *run, struct err *err)
{
	time_t seconds = (time_t)(run->begin_us / 1000000);
	unsigned random;
	struct tm tm;
	size_t used;

	if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return err_errno(err, ERR_SYSTEM, errno, "no random bytes");
	gmtime_r(&seconds, &tm);
	used = strftime(run->id, sizeof(run->id), "%Y%m%dT%H%M%SZ-", &tm);
	snprintf(run->id + used, sizeof(run->id) - used, "%08x", random);
	return true;
}

static void warn(void *arg, const char *text)
{
	(void)arg;
	log_say(LOG_NOTICE, "warning: %s", text);
}

static bool open_store(struct run *run, struct err *err)
{
	const struct options *options = run->options;
	struct store_settings settings = {
		.dsn = options->db,
		.store_password = options->store_password != 0,
		.adopt_table = options->adopt_table != 0,
		.cancel_fd = run->cancel.fd,
		.warn = warn,
	};

	if (options->no_db == 0)
		return store_open(&run->store, &settings, err);
	store_forget_password();
	return true;
}

static bool open_probe(struct run *run, struct err *err)
{
	const struct options *options = run->options;
	struct probe_settings settings = {
		.connect_timeout_ms = options->connect_timeout_ms,
		.host_timeout_ms = options->host_timeout_ms,
		.command = options->command,
		.keep_password = options->store_password != 0,
	};

	if (!probe_init(&run->probe, &settings, err))
		return false;
	run->begin = monotonic_ns();
	run->begin_us = probe_now(&run->probe);
	return make_id(run, err);
}

static bool open_pool(struct run *run, struct err *err)
{
	struct pool_settings settings = {
		.threads_max = run->options->fanout,
		.queue_max = QUEUE_MAX,
		.stack_size = STACK_SIZE,
	};
	int failed = pool_open(&run->pool, &settings);

	return failed == 0 ||
	       err_errno(err, ERR_SYSTEM, failed, "cannot start the pool");
}

static bool open_host_file(struct run *run, struct err *err)
{
	const struct options *options = run->options;

	if (!hostfile_open(&run->file, options->host_file,
	                   (uint16_t)options->port, run->cancel.fd, err))
		return false;
	if (options->output != NULL && hostfile_is(run->file, options->output))
		return err_set(err, ERR_INPUT,
		               "--output would overwrite the host file");
	if (hostfile_is_exposed(run->file))
		log_say(LOG_NOTICE,
		        "warning: %s holds passwords and others can read it "
		        "(chmod o= %s)",
		        hostfile_name(run->file), hostfile_name(run->file));
	return true;
}

/* The signals keep their default meaning while the store is opened, which may
 * take long: nothing is lost by leaving at once. */
static bool open_all(struct run *run, struct err *err)
{
	int failed = cancel_open(&run->cancel);

	if (failed != 0)
		return err_errno(err, ERR_SYSTEM, failed, "eventfd");
	return open_host_file(run, err) && open_store(run, err) &&
	       open_probe(run, err) &&
	       output_open(&run->output, run->options->output, run->cancel.fd,
	                   err) &&
	       open_pool(run, err) &&
	       signals_open(&run->signals, &run->cancel, err) &&
	       begin_in_store(run, err);
}

/* NULL and -1 are fine. The signal thread goes last: until then a second signal
 * ends the process, whatever is stuck. */
bool parts_close(struct run *run, struct err *err)
{
	bool ok;

	pool_free(run->pool);
	ok = run->output.fd < 0 || output_close(&run->output, err);
	probe_release(&run->probe);
	store_close(run->store);
	hostfile_close(run->file);
	signals_close(&run->signals);
	cancel_close(&run->cancel);
	return ok;
}

bool parts_open(struct run *run, struct err *err)
{
	struct err ignored;

	if (open_all(run, err))
		return true;
	parts_close(run, &ignored);
	return false;
}

static void tell_of_refused_threads(const struct run *run)
{
	struct pool_counts counts;

	pool_counts(run->pool, &counts);
	if (counts.threads_refused > 0)
		log_say(LOG_NOTICE,
		        "warning: only %u threads could be started, so there "
		        "were never more hosts in flight",
		        counts.threads);
}

bool parts_drain(struct run *run, struct err *err)
{
	struct store_run row = describe(run, "");

	tell_of_refused_threads(run); /* while they are there to be counted */
	pool_drain(run->pool);
	if (run->store == NULL || run->store_lost)
		return true;
	row.end = probe_now(&run->probe);
	memcpy(row.counts, run->tally.counts, sizeof(row.counts));
	return store_run_end(run->store, &row, err);
}

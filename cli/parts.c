#include "cli/parts_inside.h"

#include "cli/limits.h"
#include "cli/log.h"
#include "inventory/memory.h"

#include <limits.h>
#include <string.h>
#include <sys/stat.h>

/* Hosts that were read and wait for a worker: enough that none waits for the
 * reader, few enough that memory stays flat. */
#define QUEUE_MAX 64

/* A probe was measured at less than 20 KiB, the database's client at 15. */
#define STACK_SIZE ((size_t)128 * 1024)

static void warn(void *arg, const char *text)
{
	(void)arg;
	log_say(LOG_NOTICE, "warning: %s", text);
}

static bool open_cancels(struct run *run, struct err *err)
{
	int failed = cancel_open(&run->cancel);

	if (failed == 0)
		failed = cancel_open(&run->hurry);
	if (failed != 0)
		return err_errno(err, ERR_SYSTEM, failed, "eventfd");
	log_set_end(run->hurry.fd);
	memory_set_end(run->hurry.fd);
	return true;
}

static bool open_store(struct run *run, struct err *err)
{
	const struct options *options = run->options;
	struct store_settings settings = {
		.dsn = options->db,
		.store_password = options->store_password != 0,
		.pin_host_keys = options->host_keys_mode == HOSTKEYS_DB,
		.adopt_table = options->adopt_table != 0,
		.cancel_fd = run->hurry.fd,
		.db_timeout = options->db_timeout_ms * NS_PER_MS,
		.no_spool = options->no_spool != 0,
		.warn = warn,
	};

	if (options->no_db == 0)
		return store_open(&run->store, &settings, err);
	store_forget_password();
	return true;
}

/* For hosts whose line has no password. */
static bool ask(void *secret, const struct host *host, char *password,
                size_t size, const struct wait *wait, struct err *err)
{
	return secret_get(secret, host->ip, host->user, password, size, wait,
	                  err);
}

/* What the store knows of the hosts' keys. */
static bool fill_pins(struct run *run, struct err *err)
{
	return run->pins == NULL ||
	       (store_each_pin(run->store, pins_add, run->pins, err) &&
	        store_each_refused_pin(run->store, pins_add_refused, run->pins,
	                               err));
}

static bool open_pace(struct run *run, struct err *err)
{
	struct pace_settings settings = {
		.rate = run->options->rate,
		.per_net = run->options->per_net,
		.until = run->time_up,
		.granted = jobs_granted,
	};

	return pace_open(&run->pace, &settings, err);
}

static bool open_probe(struct run *run, struct err *err)
{
	const struct options *options = run->options;
	struct probe_settings settings = {
		.dial = run->dial,
		.host_timeout_ms = options->host_timeout_ms,
		.command = options->command,
		.keep_password = options->store_password != 0,
	};

	if (reach_secret(run->reach) != NULL) {
		settings.ask = ask;
		settings.ask_arg = reach_secret(run->reach);
		settings.one_password =
		    secret_commands_most(reach_secret(run->reach)) == 0;
	}
	run->begin = monotonic_ns();
	if (options->max_runtime_ms > 0)
		run->time_up = run->begin + options->max_runtime_ms * NS_PER_MS;
	if (!open_pace(run, err) || !fill_pins(run, err))
		return false;
	settings.pace = run->pace;
	if (run->store != NULL &&
	    !store_clock(run->store, &settings.now_us, err))
		return false;
	if (!probe_init(&run->probe, &settings, err))
		return false;
	run->begin_us = probe_now(&run->probe);
	return true;
}

bool parts_same_file(const char *a, const char *b)
{
	struct stat x, y;

	return stat(a, &x) == 0 && stat(b, &y) == 0 && S_ISREG(x.st_mode) &&
	       x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* What is written as a whole must not be the store. */
static bool check_store_file(const struct run *run, const char *option,
                             const char *path, struct err *err)
{
	static const char sqlite[] = "sqlite:";
	const char *name = run->store != NULL ? store_name(run->store) : "";

	if (path == NULL || strncmp(name, sqlite, strlen(sqlite)) != 0 ||
	    !parts_same_file(path, name + strlen(sqlite)))
		return true;
	return err_set(err, ERR_INPUT, "%s would overwrite the store", option);
}

static bool open_output(struct run *run, struct err *err)
{
	const char *output = run->options->output;
	const char *retry_file = run->options->retry_file;
	bool both = output != NULL && retry_file != NULL;

	if (!check_store_file(run, "--output", output, err) ||
	    !check_store_file(run, "--retry-file", retry_file, err))
		return false;
	if (both && parts_same_file(output, retry_file))
		return err_set(err, ERR_INPUT,
		               "--output would overwrite the retry file");
	if (!output_open(&run->output, output, run->hurry.fd, err))
		return false;
	/* Neither may have been there before. */
	if (both && parts_same_file(output, retry_file))
		return err_set(err, ERR_INPUT,
		               "--retry-file would overwrite the output");
	return true;
}

static unsigned fanout_that_fits(const struct run *run)
{
	const struct secret *secret = reach_secret(run->reach);
	struct reach_sessions sessions = reach_jump_sessions(run->reach);
	struct limits_need need = { .per_host = LIMITS_PER_HOST };

	if (!sessions.none) {
		need.per_host = LIMITS_PER_JUMPED_HOST +
		                sessions.per_host * LIMITS_PER_JUMP_SESSION;
		need.others = sessions.others * LIMITS_PER_JUMP_SESSION;
	}
	if (secret != NULL)
		need.commands = secret_commands_most(secret);
	return limits_fanout(run->options->fanout, &need);
}

static bool open_pool(struct run *run, struct err *err)
{
	unsigned wanted = run->options->fanout;
	struct pool_settings settings = {
		.threads_max = fanout_that_fits(run),
		.queue_max = QUEUE_MAX,
		.stack_size = STACK_SIZE,
	};
	int failed = pool_open(&run->pool, &settings);

	if (failed != 0)
		return err_errno(err, ERR_SYSTEM, failed,
		                 "cannot start the pool");
	if (settings.threads_max < wanted)
		log_say(LOG_NOTICE,
		        "warning: the limit of open files (ulimit -n) allows "
		        "%u %s in flight, not %u",
		        settings.threads_max,
		        settings.threads_max == 1 ? "host" : "hosts", wanted);
	return true;
}

static void report(void *arg, size_t most)
{
	struct run *run = arg;

	jobs_report(&run->jobs, most);
}

static void hurry_up(void *arg)
{
	struct run *run = arg;

	pthread_mutex_lock(&run->lock);
	if (run->store != NULL)
		store_interrupt(run->store);
	pthread_mutex_unlock(&run->lock);
}

/* The watch may be about to interrupt it. */
static struct store *take_store(struct run *run)
{
	struct store *store;

	pthread_mutex_lock(&run->lock);
	store = run->store;
	run->store = NULL;
	pthread_mutex_unlock(&run->lock);
	return store;
}

static bool open_watch(struct run *run, struct err *err)
{
	struct watch_settings settings = {
		.cancel = &run->cancel,
		.hurry = &run->hurry,
		.report = report,
		.hurry_up = hurry_up,
		.arg = run,
	};

	return watch_open(&run->watch, &settings, err);
}

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
	char path[PATH_MAX];
	struct store_run row = describe(run, parts_host_file(run, path));

	return run->store == NULL || store_run_begin(run->store, &row, err);
}

/* The signals keep their default meaning while the store is opened, which may
 * take long: nothing is lost by leaving at once. */
static bool open_all(struct run *run, struct err *err)
{
	return open_cancels(run, err) && parts_open_hosts(run, err) &&
	       open_store(run, err) && open_probe(run, err) &&
	       parts_open_choice(run, err) && open_output(run, err) &&
	       jobs_open(&run->jobs, err) && open_pool(run, err) &&
	       open_watch(run, err) && begin_in_store(run, err);
}

/* NULL and -1 are fine. The watch goes last: until then a second signal ends
 * the process, whatever is stuck. */
bool parts_close(struct run *run, struct err *err)
{
	size_t gone = 0;
	bool ok;

	pool_free(run->pool);
	ok = run->output.fd < 0 || output_close(&run->output, err);
	ok = retryfile_close(run->retryfile, run->complete, &gone, err) && ok;
	if (gone > 0)
		log_say(LOG_NOTICE,
		        "%zu %s of %s %s not in the host file any more: taken "
		        "out",
		        gone, gone == 1 ? "host" : "hosts",
		        run->options->retry_file, gone == 1 ? "is" : "are");
	choice_release(&run->choice);
	probe_release(&run->probe);
	pace_close(run->pace);
	store_close(take_store(run));
	targets_close(run->targets);
	reach_close(run->reach);
	pins_close(run->pins);
	watch_close(&run->watch);
	jobs_close(&run->jobs);
	log_set_end(-1);
	memory_set_end(-1);
	cancel_close(&run->hurry);
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

/* All lines were read, and each of their hosts was done. */
static bool is_complete(const struct run *run)
{
	return !run->cut_short && run->tally.unfinished == 0 &&
	       !run->pipe_closed;
}

bool parts_complete(struct run *run, struct err *err)
{
	char path[PATH_MAX];
	struct store_run row = describe(run, parts_host_file(run, path));
	bool ok;

	tell_of_refused_threads(run); /* while they are there to be counted */
	run->tally.excluded = targets_excluded(run->targets);
	run->tally.passed_over = run->choice.passed_over;
	run->complete = is_complete(run);
	if (run->store == NULL || run->store_lost)
		return true;
	if (run->complete)
		row.end = probe_now(&run->probe);
	for (int i = 0; i < STATUS_COUNT; i++)
		row.counts[i] = tally_count(&run->tally, (enum status)i);
	ok = store_run_end(run->store, &row, err);
	run->tally.spooled = store_spool(run->store) != NULL;
	return ok;
}

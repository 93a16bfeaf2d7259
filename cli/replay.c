#include "cli/replay.h"

#include "cli/log.h"
#include "cli/tally.h"
#include "sql/store.h"

static void warn(void *arg, const char *text)
{
	(void)arg;
	log_say(LOG_NOTICE, "warning: %s", text);
}

static int failed(const struct err *err)
{
	log_say(LOG_ERROR, "%s", err->text);
	return tally_error_status(err);
}

static void sum_up(const struct options *options, const struct store *store,
                   const struct replay_counts *counts)
{
	log_say(LOG_NOTICE, "%zu of %zu rows of %s are in %s", counts->stored,
	        counts->rows, options->spool, store_name(store));
	if (counts->refused > 0)
		log_say(
		    LOG_ERROR,
		    "%zu rows were refused; %s is kept, so that they can be "
		    "tried again",
		    counts->refused, options->spool);
}

/* Signals keep their default meaning: one ends the process, and the spool is
 * there still. */
int replay_spool(const struct options *options)
{
	struct store_settings settings = {
		.dsn = options->db,
		.cancel_fd = -1,
		.db_timeout = options->db_timeout_ms * NS_PER_MS,
		.no_spool = true,
		.warn = warn,
	};
	struct replay_counts counts = { 0 };
	struct store *store = NULL;
	struct err err;
	int status = 0;

	if (!store_open(&store, &settings, &err))
		return failed(&err);
	if (store_replay(store, options->spool, &counts, &err)) {
		sum_up(options, store, &counts);
		status = counts.refused > 0 ? 6 : 0;
	} else {
		status = failed(&err);
	}
	store_close(store);
	return status;
}

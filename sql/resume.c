#include "sql/store_private.h"

#include "sql/row.h"
#include "sql/spool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

/* NULL is none. */
static bool parse_count(const char *text, uint64_t most, int64_t *count)
{
	return text != NULL && row_parse_number(text, count) && *count >= 0 &&
	       (uint64_t)*count <= most;
}

static bool take_clock(void *arg, const char *const *values, size_t count)
{
	int64_t number;
	int64_t *microseconds = arg;

	if (count == 1 && parse_count(values[0], INT64_MAX, &number))
		*microseconds = number;
	return true;
}

bool store_clock(struct store *store, int64_t *microseconds, struct err *err)
{
	struct timespec now;
	int64_t theirs = -1;

	if (store->db->ops->dialect == DIALECT_SQLITE) {
		clock_gettime(CLOCK_REALTIME, &now);
		*microseconds =
		    (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
		return true;
	}
	if (!store_select(store,
	                  "SELECT TIMESTAMPDIFF(MICROSECOND, '1970-01-01', "
	                  "UTC_TIMESTAMP(6))",
	                  take_clock, &theirs, err))
		return false;
	if (theirs < 0)
		return err_set(err, ERR_STORE, "%s does not tell the time",
		               store->name);
	*microseconds = theirs;
	return true;
}

/* Looking for a run. */
struct search {
	const struct row_value *file; /* as it is stored */
	struct store_unfinished *found;
};

static bool take_run(void *arg, const char *const *values, size_t count)
{
	struct search *search = arg;
	struct store_unfinished *found = search->found;
	const char *id = values[0];
	const char *file = values[1];
	const char *begin = values[2];

	(void)count;
	if (id == NULL || file == NULL || begin == NULL || !spool_is_run_id(id))
		return true;
	if (strlen(file) != search->file->length ||
	    memcmp(file, search->file->text, search->file->length) != 0)
		return true;
	if (!row_parse_time(begin, &found->begin))
		return true;
	snprintf(found->id, sizeof(found->id), "%s", id);
	return false;
}

static bool find_run(struct store *store, const struct row *like,
                     struct store_unfinished *found, struct err *err)
{
	struct search search = { &like->values[RUN_COLUMN_FILE], found };

	*found = (struct store_unfinished){ .id = "" };
	return store_select(store,
	                    "SELECT run_id, file, begin_time FROM runs "
	                    "WHERE end_time IS NULL "
	                    "ORDER BY begin_time DESC, run_id DESC",
	                    take_run, &search, err);
}

static bool take_count(void *arg, const char *const *values, size_t count)
{
	struct store_unfinished *unfinished = arg;
	int64_t number;

	(void)count;
	if (values[0] == NULL || !parse_count(values[1], SIZE_MAX, &number))
		return true;
	for (int i = 0; i < STATUS_COUNT; i++) {
		if (i != STATUS_SKIPPED &&
		    strcmp(values[0], status_name((enum status)i)) == 0)
			unfinished->counts[i] = (size_t)number;
	}
	return true;
}

static bool count_done(struct store *store, struct store_unfinished *unfinished,
                       struct err *err)
{
	char sql[256];

	snprintf(sql, sizeof(sql),
	         "SELECT status, COUNT(*) FROM server_status "
	         "WHERE run_id = '%s' GROUP BY status",
	         unfinished->id);
	return store_select(store, sql, take_count, unfinished, err);
}

/* What the run could not bring into the database. */
static bool replay_and_tell(struct store *store, const char *path,
                            struct err *err)
{
	struct replay_counts counts;
	char text[DSN_PATH_SIZE + 256];

	if (!store_replay(store, path, &counts, err))
		return false;
	snprintf(
	    text, sizeof(text),
	    "the spool of the unfinished run, %s, was brought in: %zu rows,"
	    " %zu refused%s",
	    path, counts.rows, counts.refused,
	    counts.refused > 0 ? "; the file stays" : "");
	store_tell(store, text);
	return true;
}

/* A run that was killed at once may have left an empty file. */
static bool has_spool(const char *run_id, char *path, size_t size)
{
	struct err none;
	struct stat st;

	return spool_path(run_id, path, size, &none) && stat(path, &st) == 0 &&
	       st.st_size > 0;
}

/* The end of a run may be in its spool, so that another is the one to be taken
 * up. A spool that stays is brought in once. */
static bool find_and_replay(struct store *store, const struct row *like,
                            struct store_unfinished *found, struct err *err)
{
	char done[RUN_ID_MAX + 1] = "";
	char path[DSN_PATH_SIZE];

	for (;;) {
		if (!find_run(store, like, found, err))
			return false;
		if (found->id[0] == '\0' || strcmp(found->id, done) == 0 ||
		    !has_spool(found->id, path, sizeof(path)))
			return true;
		if (!replay_and_tell(store, path, err))
			return false;
		memcpy(done, found->id, sizeof(done));
	}
}

bool store_resume(struct store *store, const char *file,
                  struct store_unfinished *unfinished, struct err *err)
{
	const struct store_run run = { .id = "", .file = file, .version = "" };
	struct row like;
	bool ok;

	if (!row_from_run(&like, &run, err))
		return false;
	ok = find_and_replay(store, &like, unfinished, err);
	row_release(&like);
	return ok && (unfinished->id[0] == '\0' ||
	              count_done(store, unfinished, err));
}

struct handing_out {
	bool (*each)(void *arg, const char *ip, unsigned port);
	void *arg;
	bool stopped;
};

static bool take_key(void *arg, const char *const *values, size_t count)
{
	struct handing_out *out = arg;
	const char *ip = values[0];
	int64_t port = 0;

	(void)count;
	if (ip == NULL || strlen(ip) > HOST_IP_MAX ||
	    !parse_count(values[1], UINT16_MAX, &port))
		return true;
	out->stopped = !out->each(out->arg, ip, (unsigned)port);
	return !out->stopped;
}

bool store_each_key(struct store *store, enum store_keys which,
                    const char *run_id,
                    bool (*each)(void *arg, const char *ip, unsigned port),
                    void *arg, struct err *err)
{
	struct handing_out out = { .each = each, .arg = arg };
	char condition[128] = "status = 'ok'";
	char sql[256];

	if (which == STORE_KEYS_OF_RUN) {
		if (!spool_is_run_id(run_id))
			return err_set(err, ERR_INPUT, "'%s' is no run",
			               run_id);
		snprintf(condition, sizeof(condition),
		         "run_id = '%s' AND status <> 'skipped'", run_id);
	}
	snprintf(sql, sizeof(sql),
	         "SELECT ip, port FROM server_status WHERE %s", condition);
	if (!store_select(store, sql, take_key, &out, err))
		return false;
	return !out.stopped || err_set(err, ERR_SYSTEM, "out of memory");
}

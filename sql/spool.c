#include "sql/spool.h"

#include "sql/dsn.h"
#include "sql/locate.h"
#include "sql/schema.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool spool_is_run_id(const char *text)
{
	size_t length = strlen(text);

	return length > 0 && length <= RUN_ID_MAX &&
	       strspn(text, "0123456789-_abcdefghijklmnopqrstuvwxyz"
	                    "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == length;
}

bool spool_path(const char *run_id, char *path, size_t size, struct err *err)
{
	static const struct place place = {
		.what = "a spool",
		.variable = "XDG_STATE_HOME",
		.below_home = ".local/state",
		.advice = "",
	};
	char name[RUN_ID_MAX + 16];

	if (!spool_is_run_id(run_id))
		return err_set(err, ERR_STORE,
		               "the run has no id to name a spool after");
	snprintf(name, sizeof(name), "spool-%s.db", run_id);
	return locate_file(&place, name, path, size, err);
}

/* So that a new file's name survives a power cut as well. */
static void sync_folder(const char *path)
{
	char folder[DSN_PATH_SIZE];
	char *slash;
	int fd;

	snprintf(folder, sizeof(folder), "%s", path);
	slash = strrchr(folder, '/');
	if (slash == NULL)
		return;
	slash[1] = '\0';
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return;
	fsync(fd);
	close(fd);
}

/* One that is there was made earlier by the same run, or is no file of ours. It
 * is not opened here: to close it would drop the locks that this process may
 * have on it. */
static bool make_file(const char *path, bool *made, struct err *err)
{
	char folders[DSN_PATH_SIZE];
	struct stat st;
	int fd;

	snprintf(folders, sizeof(folders), "%s", path);
	if (!locate_make_folders(folders, err))
		return false;
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd >= 0) {
		close(fd);
		sync_folder(path);
		*made = true;
		return true;
	}
	if (errno != EEXIST)
		return err_errno(err, ERR_STORE, errno,
		                 "cannot create the file");
	if (lstat(path, &st) != 0)
		return err_errno(err, ERR_STORE, errno, "lstat");
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
	    (st.st_mode & 077) != 0)
		return err_set(err, ERR_STORE,
		               "there is something else by that name");
	return true;
}

/* Both are 0 for an empty file. The lock stays until the db is closed. */
static enum db_result hold(struct db *db, int64_t *mark, int64_t *tables,
                           struct err *err)
{
	struct wait wait = { .cancel_fd = -1 };
	enum db_result result = db->ops->connect(db, &wait, err);

	if (result == DB_OK)
		result = db->ops->exec(db, "BEGIN EXCLUSIVE", err);
	if (result == DB_OK)
		result =
		    db->ops->number(db, "PRAGMA application_id", mark, err);
	if (result == DB_OK)
		result = db->ops->number(
		    db, "SELECT COUNT(*) FROM sqlite_schema", tables, err);
	return result;
}

static bool set_mark(struct db *db, struct err *err)
{
	char sql[64];

	snprintf(sql, sizeof(sql), "PRAGMA application_id = %d",
	         SPOOL_APPLICATION_ID);
	return db->ops->exec(db, sql, err) == DB_OK;
}

/* What hold() began. The journal is emptied and not removed at each commit, so
 * that the file is complete without it. */
static bool commit(struct db *db, struct err *err)
{
	return db->ops->exec(db, "COMMIT", err) == DB_OK &&
	       db->ops->exec(db, "PRAGMA journal_mode=DELETE", err) == DB_OK;
}

static bool prepare_new(struct db *db, struct err *err)
{
	int64_t mark = 0;
	int64_t tables = 0;

	if (hold(db, &mark, &tables, err) != DB_OK)
		return false;
	if (tables > 0 && mark != SPOOL_APPLICATION_ID)
		return err_set(err, ERR_STORE,
		               "there is something else by that name");
	return set_mark(db, err) && commit(db, err) &&
	       schema_prepare(db, false, err);
}

bool spool_create(const char *path, struct db **out, struct err *err)
{
	struct db *db;
	bool made = false;

	if (!make_file(path, &made, err))
		return false;
	db = sqlite_spool_new(path);
	if (db == NULL)
		err_set(err, ERR_STORE, "out of memory");
	if (db != NULL && prepare_new(db, err)) {
		*out = db;
		return true;
	}
	if (db != NULL)
		db->ops->close(db);
	/* Nothing is in it yet. */
	if (made)
		unlink(path);
	return false;
}

static bool take_found(struct db *db, struct err *err)
{
	int64_t mark = 0;
	int64_t tables = 0;
	struct err failed;

	switch (hold(db, &mark, &tables, &failed)) {
	case DB_OK:
		break;
	case DB_AGAIN:
		return err_set(err, ERR_INPUT,
		               "the spool is held by its run or by another "
		               "replay (%s)",
		               failed.text);
	case DB_GONE:
	case DB_DATA:
	case DB_EXISTS:
	case DB_DENIED:
	case DB_FAILED:
		return err_set(err, ERR_INPUT, "cannot be read as a spool: %s",
		               failed.text);
	}
	if (mark != SPOOL_APPLICATION_ID)
		return err_set(err, ERR_INPUT, "the file is not a spool");
	return commit(db, err) && schema_prepare(db, false, err);
}

bool spool_open(const char *path, struct db **out, struct err *err)
{
	struct stat st;
	struct db *db;

	if (stat(path, &st) != 0)
		return err_errno(err, ERR_INPUT, errno,
		                 "cannot open the spool %s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_INPUT, "%s: the file is not a spool",
		               path);
	db = sqlite_spool_new(path);
	if (db == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	if (!take_found(db, err)) {
		db->ops->close(db);
		return err_prefix(err, "%s", path);
	}
	*out = db;
	return true;
}

#include "sql/schema.h"

#include "sql/schema_text.h"

#include <stddef.h>
#include <stdio.h>

static bool exec(struct db *db, const char *sql, struct err *err)
{
	return db->ops->exec(db, sql, err) == DB_OK;
}

static bool table_exists(struct db *db, const char *table, bool *exists,
                         struct err *err)
{
	char sql[256];
	int64_t count = 0;

	snprintf(sql, sizeof(sql), "%s '%s'",
	         schema_text(db->ops->dialect)->table_exists, table);
	if (db->ops->number(db, sql, &count, err) != DB_OK)
		return false;
	*exists = count > 0;
	return true;
}

/* 0 where the tables are not there or not complete. A newer one than ours is a
 * failure. */
static bool read_version(struct db *db, int64_t *version, struct err *err)
{
	bool exists = false;

	*version = 0;
	if (!table_exists(db, "sshinv_schema", &exists, err))
		return false;
	if (!exists)
		return true;
	if (db->ops->number(db, "SELECT MAX(version) FROM sshinv_schema",
	                    version, err) != DB_OK)
		return false;
	if (*version > SCHEMA_VERSION)
		return err_set(err, ERR_STORE,
		               "its tables have version %lld, this sshinv "
		               "knows %d: a newer sshinv is needed",
		               (long long)*version, SCHEMA_VERSION);
	return true;
}

static bool lock(struct db *db, struct err *err)
{
	int64_t locked = 0;

	if (db->ops->dialect == DIALECT_SQLITE)
		return exec(db, db->ops->begin, err);
	/* A lock's name has at most 64 characters. */
	if (db->ops->number(db,
	                    "SELECT GET_LOCK(LEFT(CONCAT('sshinv-', "
	                    "DATABASE()), 64), 50)",
	                    &locked, err) != DB_OK)
		return false;
	if (locked != 1)
		return err_set(err, ERR_STORE,
		               "another process has been changing the tables "
		               "for 50 s");
	return true;
}

/* SQLite takes all back that was not done completely. */
static bool unlock(struct db *db, bool ok, struct err *err)
{
	struct err ignored;

	if (db->ops->dialect == DIALECT_MYSQL) {
		exec(db,
		     "DO RELEASE_LOCK(LEFT(CONCAT('sshinv-', DATABASE()), "
		     "64))",
		     &ignored);
		return ok;
	}
	if (ok)
		return exec(db, "COMMIT", err);
	exec(db, "ROLLBACK", &ignored);
	return false;
}

/* Puts a server_status that is not ours out of the way, or says that it is in
 * it. */
static bool check_foreign(struct db *db, bool adopt, struct err *err)
{
	bool status, runs, history, old, ours;
	int64_t rows;

	if (!table_exists(db, "sshinv_schema", &ours, err) ||
	    !table_exists(db, "server_status", &status, err) ||
	    !table_exists(db, "server_status_old", &old, err) ||
	    !table_exists(db, "runs", &runs, err) ||
	    !table_exists(db, "server_history", &history, err))
		return false;
	if (ours)
		return true;
	if (runs || history)
		return err_set(err, ERR_STORE_FOREIGN,
		               "there is a table %s that is not sshinv's; "
		               "give sshinv a database of its own",
		               runs ? "runs" : "server_history");
	if (!status)
		return true;
	if (!adopt)
		return err_set(err, ERR_STORE_FOREIGN,
		               "there is a table server_status that is not "
		               "sshinv's; --adopt-table renames it to "
		               "server_status_old and copies ip and hostname "
		               "from it");
	if (old)
		return err_set(err, ERR_STORE_FOREIGN,
		               "cannot rename server_status: there is a "
		               "server_status_old already");
	if (db->ops->number(db,
	                    "SELECT COUNT(ip) + COUNT(hostname) "
	                    "FROM server_status",
	                    &rows, err) != DB_OK) {
		err->kind = ERR_STORE_FOREIGN;
		return err_prefix(err, "server_status cannot be adopted");
	}
	return exec(db, schema_text(db->ops->dialect)->rename, err);
}

static bool is_done(struct db *db, const struct migration *migration,
                    bool *done, struct err *err)
{
	char sql[256];
	int64_t count = 0;

	*done = false;
	if (migration->done == NULL)
		return true;
	snprintf(sql, sizeof(sql), "SELECT COUNT(*)%s", migration->done);
	if (db->ops->number(db, sql, &count, err) != DB_OK)
		return false;
	*done = count > 0;
	return true;
}

static bool migrate_one(struct db *db, int64_t version, struct err *err)
{
	const struct schema_text *text = schema_text(db->ops->dialect);
	const struct migration *migration = &text->migrations[version - 1];
	const char *const *statement = migration->statements;
	char sql[128];
	bool done;

	if (!is_done(db, migration, &done, err))
		return false;
	for (; !done && *statement != NULL; statement++) {
		struct err failed;
		enum db_result result = db->ops->exec(db, *statement, &failed);

		/* Done by a process that ended before it could say so. */
		if (result == DB_OK || result == DB_EXISTS)
			continue;
		*err = failed;
		return false;
	}
	snprintf(sql, sizeof(sql),
	         "%s INTO sshinv_schema (version) VALUES (%d)",
	         text->insert_ignore, (int)version);
	return exec(db, sql, err);
}

static bool copy_adopted(struct db *db, struct err *err)
{
	bool old = false;

	if (!table_exists(db, "server_status_old", &old, err))
		return false;
	if (!old || exec(db, schema_text(db->ops->dialect)->copy, err))
		return true;
	err->kind = ERR_STORE; /* also where it is the data's fault */
	return err_prefix(err, "cannot copy from server_status_old");
}

static bool migrate(struct db *db, bool adopt, struct err *err)
{
	int64_t version = 0;

	if (!check_foreign(db, adopt, err) || !read_version(db, &version, err))
		return false;
	while (version < SCHEMA_VERSION) {
		if (!migrate_one(db, version + 1, err))
			return err_prefix(err,
			                  "cannot make the tables (sshinv "
			                  "--print-schema %s has the "
			                  "statements for an administrator)",
			                  db->ops->dialect == DIALECT_SQLITE
			                      ? "sqlite"
			                      : "mysql");
		version++;
	}
	return !adopt || copy_adopted(db, err);
}

/* Somebody may have given the table another key, such as an id: every write
 * would add a row then, and none be replaced. */
static bool check_key(struct db *db, struct err *err)
{
	const char *lacks_key = schema_text(db->ops->dialect)->lacks_key;
	int64_t count = 0;

	if (lacks_key == NULL)
		return true;
	if (db->ops->number(db, lacks_key, &count, err) != DB_OK)
		return false;
	return count == 0 ||
	       err_set(err, ERR_STORE,
	               "server_status has lost its key, so that hosts would be "
	               "in it twice (ALTER TABLE server_status ADD UNIQUE "
	               "(ip, port) mends it)");
}

bool schema_prepare(struct db *db, bool adopt, struct err *err)
{
	int64_t version = 0;

	if (!read_version(db, &version, err))
		return false;
	if (version == SCHEMA_VERSION && !adopt)
		return check_key(db, err);
	if (!lock(db, err))
		return false;
	return unlock(db, migrate(db, adopt, err), err) && check_key(db, err);
}

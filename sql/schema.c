#include "sql/schema.h"

#include <stddef.h>

/* clang-format off */
static const char *const mysql_1[] = {
	"CREATE TABLE IF NOT EXISTS sshinv_schema (\n"
	"  version INT NOT NULL PRIMARY KEY\n"
	") ENGINE=InnoDB",

	/* ip has its own character set: the key stays short, and no collation
	 * makes two addresses one. */
	"CREATE TABLE IF NOT EXISTS server_status (\n"
	"  ip VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,\n"
	"  port INT UNSIGNED NOT NULL,\n"
	"  address VARCHAR(63),\n"
	"  user VARCHAR(255),\n"
	"  password VARCHAR(1023),\n"
	"  name VARCHAR(255),\n"
	"  host_group VARCHAR(255),\n"
	"  hostname VARCHAR(255),\n"
	"  status VARCHAR(31) NOT NULL,\n"
	"  phase VARCHAR(31),\n"
	"  error VARCHAR(1023),\n"
	"  output MEDIUMTEXT,\n"
	"  exit_code BIGINT,\n"
	"  ssh_version VARCHAR(255),\n"
	"  host_key_type VARCHAR(63),\n"
	"  host_key_sha256 VARCHAR(63),\n"
	"  host_key_pinned TINYINT NOT NULL DEFAULT 0,\n"
	"  connect_ms BIGINT,\n"
	"  total_ms BIGINT,\n"
	"  run_id VARCHAR(31),\n"
	"  first_seen DATETIME(6),\n"
	"  last_seen DATETIME(6),\n"
	"  last_attempt DATETIME(6),\n"
	"  PRIMARY KEY (ip, port)\n"
	") ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",

	"CREATE TABLE IF NOT EXISTS runs (\n"
	"  run_id VARCHAR(31) CHARACTER SET ascii COLLATE ascii_bin NOT NULL\n"
	"    PRIMARY KEY,\n"
	"  file TEXT,\n"
	"  version VARCHAR(63),\n"
	"  begin_time DATETIME(6) NOT NULL,\n"
	"  end_time DATETIME(6),\n"
	"  hosts BIGINT NOT NULL,\n"
	"  ok BIGINT NOT NULL,\n"
	"  unresolved BIGINT NOT NULL,\n"
	"  unreachable BIGINT NOT NULL,\n"
	"  refused BIGINT NOT NULL,\n"
	"  timeout BIGINT NOT NULL,\n"
	"  protocol BIGINT NOT NULL,\n"
	"  hostkey BIGINT NOT NULL,\n"
	"  auth BIGINT NOT NULL,\n"
	"  command BIGINT NOT NULL,\n"
	"  skipped BIGINT NOT NULL,\n"
	"  error BIGINT NOT NULL\n"
	") ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
	NULL
};

/*
 * What changed, and nothing of what did not: one row for each field of a host
 * that had another value before. The host key's is written when a run refuses
 * another one than the pinned one, which stays.
 */
static const char *const mysql_2[] = {
	"CREATE TABLE IF NOT EXISTS server_history (\n"
	"  ip VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,\n"
	"  port INT UNSIGNED NOT NULL,\n"
	"  field VARCHAR(63) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,\n"
	"  changed_at DATETIME(6) NOT NULL,\n"
	"  run_id VARCHAR(31),\n"
	"  old_value MEDIUMTEXT,\n"
	"  new_value MEDIUMTEXT,\n"
	"  PRIMARY KEY (ip, port, field, changed_at)\n"
	") ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
	NULL
};

/* Whether a run with --host-keys db has been there: then the row's host key is
 * what the host has to show, and no run puts another one in its place. */
static const char *const mysql_3[] = {
	"ALTER TABLE server_status\n"
	"  ADD COLUMN host_key_pinned TINYINT NOT NULL DEFAULT 0",
	NULL
};

static const char *const sqlite_1[] = {
	"CREATE TABLE IF NOT EXISTS sshinv_schema (\n"
	"  version INTEGER NOT NULL PRIMARY KEY\n"
	") STRICT",

	/* Times are UTC, 'YYYY-MM-DD HH:MM:SS.ffffff'. */
	"CREATE TABLE IF NOT EXISTS server_status (\n"
	"  ip TEXT NOT NULL,\n"
	"  port INTEGER NOT NULL,\n"
	"  address TEXT,\n"
	"  user TEXT,\n"
	"  password TEXT,\n"
	"  name TEXT,\n"
	"  host_group TEXT,\n"
	"  hostname TEXT,\n"
	"  status TEXT NOT NULL,\n"
	"  phase TEXT,\n"
	"  error TEXT,\n"
	"  output TEXT,\n"
	"  exit_code INTEGER,\n"
	"  ssh_version TEXT,\n"
	"  host_key_type TEXT,\n"
	"  host_key_sha256 TEXT,\n"
	"  host_key_pinned INTEGER NOT NULL DEFAULT 0,\n"
	"  connect_ms INTEGER,\n"
	"  total_ms INTEGER,\n"
	"  run_id TEXT,\n"
	"  first_seen TEXT,\n"
	"  last_seen TEXT,\n"
	"  last_attempt TEXT,\n"
	"  PRIMARY KEY (ip, port)\n"
	") STRICT, WITHOUT ROWID",

	"CREATE TABLE IF NOT EXISTS runs (\n"
	"  run_id TEXT NOT NULL PRIMARY KEY,\n"
	"  file TEXT,\n"
	"  version TEXT,\n"
	"  begin_time TEXT NOT NULL,\n"
	"  end_time TEXT,\n"
	"  hosts INTEGER NOT NULL,\n"
	"  ok INTEGER NOT NULL,\n"
	"  unresolved INTEGER NOT NULL,\n"
	"  unreachable INTEGER NOT NULL,\n"
	"  refused INTEGER NOT NULL,\n"
	"  timeout INTEGER NOT NULL,\n"
	"  protocol INTEGER NOT NULL,\n"
	"  hostkey INTEGER NOT NULL,\n"
	"  auth INTEGER NOT NULL,\n"
	"  command INTEGER NOT NULL,\n"
	"  skipped INTEGER NOT NULL,\n"
	"  error INTEGER NOT NULL\n"
	") STRICT, WITHOUT ROWID",
	NULL
};

static const char *const sqlite_2[] = {
	"CREATE TABLE IF NOT EXISTS server_history (\n"
	"  ip TEXT NOT NULL,\n"
	"  port INTEGER NOT NULL,\n"
	"  field TEXT NOT NULL,\n"
	"  changed_at TEXT NOT NULL,\n"
	"  run_id TEXT,\n"
	"  old_value TEXT,\n"
	"  new_value TEXT,\n"
	"  PRIMARY KEY (ip, port, field, changed_at)\n"
	") STRICT, WITHOUT ROWID",
	NULL
};

static const char *const sqlite_3[] = {
	"ALTER TABLE server_status\n"
	"  ADD COLUMN host_key_pinned INTEGER NOT NULL DEFAULT 0",
	NULL
};
/* clang-format on */

/* Number n is at n - 1. A new one also raises SCHEMA_VERSION. */
struct migration {
	const char *const *statements;
	const char *done; /* counts what is there already; NULL: nothing is */
};

static const struct migration mysql_migrations[SCHEMA_VERSION] = {
	{ mysql_1, NULL },
	{ mysql_2, NULL },
	{ mysql_3, "SELECT COUNT(*) FROM information_schema.columns"
	           " WHERE table_schema = DATABASE()"
	           " AND table_name = 'server_status'"
	           " AND column_name = 'host_key_pinned'" },
};
static const struct migration sqlite_migrations[SCHEMA_VERSION] = {
	{ sqlite_1, NULL },
	{ sqlite_2, NULL },
	{ sqlite_3, "SELECT COUNT(*) FROM pragma_table_info('server_status')"
	            " WHERE name = 'host_key_pinned'" },
};

/*
 * What the original script's table has: ip, password, hostname. Nothing in it
 * was probed by us and when it was is not known: so status is skipped, which
 * is "never tried", and all times are NULL. The first ok fills the row. Rows
 * that are there already stay, so that this can be run again; of several rows
 * for one address, one with a hostname is taken.
 */
#define ADOPT_SELECT                                                           \
	" INTO server_status (ip, port, hostname, status, error)"              \
	" SELECT LOWER(TRIM(ip)), 22, NULLIF(SUBSTR(hostname, 1, 255), ''),"   \
	" 'skipped', 'copied from server_status_old'"                          \
	" FROM server_status_old"

struct dialect_text {
	const struct migration *migrations;
	const char *table_exists; /* ends before the table's name */
	const char *insert_ignore;
	const char *rename;
	const char *copy;
	const char *lacks_key; /* counts tables without the upsert's key */
};

static const struct dialect_text dialects[] = {
	[DIALECT_MYSQL] = {
		.migrations = mysql_migrations,
		.table_exists = "SELECT COUNT(*) FROM information_schema.tables"
		                " WHERE table_schema = DATABASE()"
		                " AND table_name =",
		.insert_ignore = "INSERT IGNORE",
		.rename = "RENAME TABLE server_status TO server_status_old",
		.copy = "INSERT IGNORE" ADOPT_SELECT
		        " WHERE TRIM(ip) REGEXP '^[!-~]{1,255}$'"
		        " ORDER BY NULLIF(hostname, '') IS NULL",
		/* SQLite refuses an upsert without its key by itself. */
		.lacks_key = "SELECT COUNT(*) FROM information_schema.tables"
		             " WHERE table_schema = DATABASE()"
		             " AND table_name = 'server_status'"
		             " AND table_type = 'BASE TABLE' AND NOT EXISTS"
		             " (SELECT 1 FROM information_schema.statistics"
		             " WHERE table_schema = DATABASE()"
		             " AND table_name = 'server_status'"
		             " AND non_unique = 0 GROUP BY index_name"
		             " HAVING GROUP_CONCAT(column_name"
		             " ORDER BY column_name) = 'ip,port')",
	},
	[DIALECT_SQLITE] = {
		.migrations = sqlite_migrations,
		.table_exists = "SELECT COUNT(*) FROM sqlite_schema"
		                " WHERE type IN ('table', 'view') AND name =",
		.insert_ignore = "INSERT OR IGNORE",
		.rename = "ALTER TABLE server_status RENAME TO"
		          " server_status_old",
		.copy = "INSERT OR IGNORE" ADOPT_SELECT
		        " WHERE TRIM(ip) <> ''"
		        " AND TRIM(ip) NOT GLOB '*[^!-~]*'"
		        " AND LENGTH(TRIM(ip)) <= 255"
		        " ORDER BY NULLIF(hostname, '') IS NULL",
	},
};

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
	         dialects[db->ops->dialect].table_exists, table);
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
	return exec(db, dialects[db->ops->dialect].rename, err);
}

static bool is_done(struct db *db, const struct migration *migration,
                    bool *done, struct err *err)
{
	int64_t count = 0;

	if (migration->done != NULL &&
	    db->ops->number(db, migration->done, &count, err) != DB_OK)
		return false;
	*done = count > 0;
	return true;
}

static bool migrate_one(struct db *db, int64_t version, struct err *err)
{
	const struct dialect_text *text = &dialects[db->ops->dialect];
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
	if (!old || exec(db, dialects[db->ops->dialect].copy, err))
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
	const char *lacks_key = dialects[db->ops->dialect].lacks_key;
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

static void print_statement(FILE *out, const char *sql)
{
	fprintf(out, "%s;\n\n", sql);
}

void schema_print(enum dialect dialect, FILE *out)
{
	const struct dialect_text *text = &dialects[dialect];

	fprintf(out, "-- The tables of sshinv, version %d, for %s.\n\n",
	        SCHEMA_VERSION,
	        dialect == DIALECT_SQLITE ? "SQLite 3.37 or newer"
	                                  : "MySQL and MariaDB");
	for (int version = 1; version <= SCHEMA_VERSION; version++) {
		const struct migration *migration =
		    &text->migrations[version - 1];
		const char *const *statement = migration->statements;

		for (; migration->done == NULL && *statement != NULL;
		     statement++)
			print_statement(out, *statement);
		fprintf(out, "%s INTO sshinv_schema (version) VALUES (%d);\n",
		        text->insert_ignore, version);
	}
}

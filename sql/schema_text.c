#include "sql/schema_text.h"

#include "sql/schema.h"

#include <stddef.h>
#include <stdio.h>

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
static const struct migration mysql_migrations[SCHEMA_VERSION] = {
	{ mysql_1, NULL },
	{ mysql_2, NULL },
	{ mysql_3, " FROM information_schema.columns"
	           " WHERE table_schema = DATABASE()"
	           " AND table_name = 'server_status'"
	           " AND column_name = 'host_key_pinned'" },
};
static const struct migration sqlite_migrations[SCHEMA_VERSION] = {
	{ sqlite_1, NULL },
	{ sqlite_2, NULL },
	{ sqlite_3, " FROM pragma_table_info('server_status')"
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

static const struct schema_text texts[] = {
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

const struct schema_text *schema_text(enum dialect dialect)
{
	return &texts[dialect];
}

/* For tables that an older sshinv has made; in new ones it is done. */
static void print_remark(FILE *out, const char *sql)
{
	fputs("\n-- Tables of an older sshinv want this first:\n-- ", out);
	for (; *sql != '\0'; sql++) {
		fputc(*sql, out);
		if (*sql == '\n')
			fputs("-- ", out);
	}
	fputs(";\n", out);
}

/* The number is written where the migration is done: tables that are there
 * already stay as they are. */
static void print_migration(FILE *out, const struct schema_text *text,
                            int version)
{
	const struct migration *migration = &text->migrations[version - 1];
	const char *const *statement = migration->statements;

	for (; *statement != NULL; statement++) {
		if (migration->done != NULL)
			print_remark(out, *statement);
		else
			fprintf(out, "%s;\n\n", *statement);
	}
	fprintf(out, "%s INTO sshinv_schema (version)", text->insert_ignore);
	if (migration->done != NULL)
		fprintf(out, " SELECT %d%s;\n", version, migration->done);
	else
		fprintf(out, " VALUES (%d);\n", version);
}

void schema_print(enum dialect dialect, FILE *out)
{
	const struct schema_text *text = schema_text(dialect);

	fprintf(out, "-- The tables of sshinv, version %d, for %s.\n\n",
	        SCHEMA_VERSION,
	        dialect == DIALECT_SQLITE ? "SQLite 3.37 or newer"
	                                  : "MySQL and MariaDB");
	for (int version = 1; version <= SCHEMA_VERSION; version++)
		print_migration(out, text, version);
}

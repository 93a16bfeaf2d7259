#pragma once

#include "inventory/field.h"

#include <stddef.h>

/*
 * The columns of our tables and the statement that writes them. server_status
 * has the catalogue's fields in their order, then what the store alone knows;
 * a new fact needs nothing here (and one migration in schema.c).
 */
enum table {
	TABLE_SERVER_STATUS,
	TABLE_RUNS,
	/* The same two for a replay: what is there and newer stays. */
	TABLE_REPLAYED_STATUS,
	TABLE_REPLAYED_RUNS,
	/* What was another value before, for a replay as well: a row has all of
	 * a change in its key and is never altered. */
	TABLE_HISTORY,
};
#define TABLE_COUNT 5

/* More than any table has: rows are arrays of this size. */
#define TABLE_COLUMNS_MAX 96

/* What a written row does to one that is there. */
enum column_rule {
	RULE_KEY,      /* finds it */
	RULE_OK,       /* replaces it when the new status is ok */
	RULE_KEY_SEEN, /* likewise, unless a key is pinned there and this is
	                * another one; and where no host key is known yet,
	                * unless the new status is skipped; and in a replay
	                * where it was pinned and the newer one is not */
	RULE_TRIED,    /* replaces it unless the new status is skipped */
	RULE_KEEP,     /* replaces only NULL, or a later time in a replay */
	RULE_RAISE,    /* replaces what is less, in a replay of old rows too */
	RULE_ALWAYS,   /* replaces it */
	RULE_INSERTED, /* stays as it was inserted */
};

struct column {
	const char *name;
	size_t max; /* bytes of a text at most */
	enum field_type type;
	enum column_rule rule;
};

/* Columns of server_status that are no field, counted from fields_count. */
enum {
	EXTRA_PASSWORD,
	EXTRA_FIRST_SEEN,
	EXTRA_LAST_SEEN,
	EXTRA_KEY_PINNED,
	EXTRA_COUNT,
};

/* Columns of runs. The counts follow, one per status, named after it. */
enum {
	RUN_COLUMN_ID,
	RUN_COLUMN_FILE,
	RUN_COLUMN_VERSION,
	RUN_COLUMN_BEGIN,
	RUN_COLUMN_END,
	RUN_COLUMN_HOSTS,
	RUN_COLUMN_COUNTS,
};

/* Columns of server_history. */
enum {
	HISTORY_COLUMN_IP,
	HISTORY_COLUMN_PORT,
	HISTORY_COLUMN_FIELD,
	HISTORY_COLUMN_CHANGED,
	HISTORY_COLUMN_RUN_ID,
	HISTORY_COLUMN_OLD,
	HISTORY_COLUMN_NEW,
	HISTORY_COLUMNS,
};

const char *table_name(enum table table);
size_t table_columns(enum table table);
struct column table_column(enum table table, size_t index);

/*
 * The three ways to say "the row that was to be inserted" in an upsert. MySQL
 * warns about VALUES() since 8.0.20, MariaDB does not know the alias.
 */
enum upsert {
	UPSERT_EXCLUDED, /* SQLite */
	UPSERT_VALUES,   /* MariaDB, MySQL before 8.0.19 */
	UPSERT_ALIAS,    /* MySQL */
};

/*
 * The upsert of that many rows, with a ? for each value, row by row. Allocated,
 * the caller frees it; NULL without memory.
 *
 * A replay leaves server_status as if its row had come at its time: what a
 * probe that was ok replaces is compared by last_seen, what any probe replaces
 * by last_attempt, and a row that says skipped is older than all else. Of runs
 * it leaves a row that began later, ended later, or counts more hosts where
 * neither has ended. What is NULL is older than all else.
 *
 * MySQL and MariaDB assign from left to right, so that an expression sees what
 * stands before it already changed. What a replay compares is assigned after
 * all else; whoever adds such a column must keep to that.
 *
 * A row that another unique key than ours would write into another host's row
 * is refused for its data.
 */
char *table_upsert(enum table table, enum upsert upsert, size_t rows);

/* SELECT of all rows by key, with the columns in their order. Allocated, the
 * caller frees it; NULL without memory. */
char *table_select(enum table table);

#include "sql/table.h"

#include "sql/stream.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_runs(enum table table)
{
	return table == TABLE_RUNS || table == TABLE_REPLAYED_RUNS;
}

static bool is_replayed(enum table table)
{
	return table == TABLE_REPLAYED_STATUS || table == TABLE_REPLAYED_RUNS;
}

const char *table_name(enum table table)
{
	if (table == TABLE_HISTORY)
		return "server_history";
	return is_runs(table) ? "runs" : "server_status";
}

size_t table_columns(enum table table)
{
	size_t count = is_runs(table) ? RUN_COLUMN_COUNTS + STATUS_COUNT
	                              : fields_count + EXTRA_COUNT;

	if (table == TABLE_HISTORY)
		count = HISTORY_COLUMNS;
	assert(count <= TABLE_COLUMNS_MAX);
	return count;
}

static enum column_rule field_rule(const char *name)
{
	static const char *const keys[] = { "ip", "port" };
	static const char *const seen[] = { "host_key_type",
		                            "host_key_sha256" };
	static const char *const tried[] = { "status", "phase", "error",
		                             "run_id", "last_attempt" };

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (strcmp(name, keys[i]) == 0)
			return RULE_KEY;
	}
	for (size_t i = 0; i < sizeof(seen) / sizeof(seen[0]); i++) {
		if (strcmp(name, seen[i]) == 0)
			return RULE_KEY_SEEN;
	}
	for (size_t i = 0; i < sizeof(tried) / sizeof(tried[0]); i++) {
		if (strcmp(name, tried[i]) == 0)
			return RULE_TRIED;
	}
	return RULE_OK;
}

static struct column status_column(size_t index)
{
	static const struct column extra[EXTRA_COUNT] = {
		[EXTRA_PASSWORD] = { "password", HOST_PASSWORD_MAX, FIELD_TEXT,
		                     RULE_OK },
		[EXTRA_FIRST_SEEN] = { "first_seen", 0, FIELD_TIME, RULE_KEEP },
		[EXTRA_LAST_SEEN] = { "last_seen", 0, FIELD_TIME, RULE_OK },
		[EXTRA_KEY_PINNED] = { "host_key_pinned", 0, FIELD_NUMBER,
		                       RULE_RAISE },
	};
	struct column column;

	if (index >= fields_count)
		return extra[index - fields_count];
	column.name = fields[index].name;
	column.type = fields[index].type;
	column.max = fields[index].max;
	column.rule = field_rule(column.name);
	return column;
}

static struct column run_column(size_t index)
{
	static const struct column named[RUN_COLUMN_COUNTS] = {
		[RUN_COLUMN_ID] = { "run_id", RUN_ID_MAX, FIELD_TEXT,
		                    RULE_KEY },
		[RUN_COLUMN_FILE] = { "file", 4096, FIELD_TEXT, RULE_INSERTED },
		[RUN_COLUMN_VERSION] = { "version", 63, FIELD_TEXT,
		                         RULE_INSERTED },
		[RUN_COLUMN_BEGIN] = { "begin_time", 0, FIELD_TIME,
		                       RULE_INSERTED },
		[RUN_COLUMN_END] = { "end_time", 0, FIELD_TIME, RULE_ALWAYS },
		[RUN_COLUMN_HOSTS] = { "hosts", 0, FIELD_NUMBER, RULE_ALWAYS },
	};
	struct column count = { .type = FIELD_NUMBER, .rule = RULE_ALWAYS };

	if (index < RUN_COLUMN_COUNTS)
		return named[index];
	count.name = status_name((enum status)(index - RUN_COLUMN_COUNTS));
	return count;
}

static struct column history_column(size_t index)
{
	static const struct column columns[HISTORY_COLUMNS] = {
		[HISTORY_COLUMN_IP] = { "ip", HOST_IP_MAX, FIELD_TEXT,
		                        RULE_KEY },
		[HISTORY_COLUMN_PORT] = { "port", 0, FIELD_NUMBER, RULE_KEY },
		[HISTORY_COLUMN_FIELD] = { "field", 63, FIELD_TEXT, RULE_KEY },
		[HISTORY_COLUMN_CHANGED] = { "changed_at", 0, FIELD_TIME,
		                             RULE_KEY },
		[HISTORY_COLUMN_RUN_ID] = { "run_id", RUN_ID_MAX, FIELD_TEXT,
		                            RULE_ALWAYS },
		[HISTORY_COLUMN_OLD] = { "old_value", RECORD_OUTPUT_MAX,
		                         FIELD_TEXT, RULE_ALWAYS },
		[HISTORY_COLUMN_NEW] = { "new_value", RECORD_OUTPUT_MAX,
		                         FIELD_TEXT, RULE_ALWAYS },
	};

	return columns[index];
}

struct column table_column(enum table table, size_t index)
{
	if (table == TABLE_HISTORY)
		return history_column(index);
	return is_runs(table) ? run_column(index) : status_column(index);
}

/* "the new row's column" */
static void put_new(FILE *out, enum upsert upsert, const char *column)
{
	switch (upsert) {
	case UPSERT_EXCLUDED:
		fprintf(out, "excluded.`%s`", column);
		break;
	case UPSERT_VALUES:
		fprintf(out, "VALUES(`%s`)", column);
		break;
	case UPSERT_ALIAS:
		fprintf(out, "new.`%s`", column);
		break;
	}
}

static void put_old(FILE *out, enum table table, const char *column)
{
	fprintf(out, "%s.`%s`", table_name(table), column);
}

static void put_comparison(FILE *out, enum table table, enum upsert upsert,
                           const char *column, const char *operator)
{
	put_old(out, table, column);
	fprintf(out, " %s ", operator);
	put_new(out, upsert, column);
}

/* "the row that is there is no newer". Still true, or still false, when that
 * column is assigned: never a plain "<". */
static void put_is_no_newer(FILE *out, enum table table, enum upsert upsert,
                            const char *time)
{
	fputc('(', out);
	put_old(out, table, time);
	fputs(" IS NULL OR ", out);
	put_comparison(out, table, upsert, time, "<=");
	fputc(')', out);
}

/* The same of a run, which may have been taken up again. */
static void put_is_no_later_run(FILE *out, enum table table, enum upsert upsert)
{
	put_comparison(out, table, upsert, "begin_time", "<=");
	fputs(" AND (", out);
	put_old(out, table, "end_time");
	fputs(" IS NULL AND (", out);
	put_new(out, upsert, "end_time");
	fputs(" IS NOT NULL OR ", out);
	put_comparison(out, table, upsert, "hosts", "<=");
	fputs(") OR ", out);
	put_comparison(out, table, upsert, "end_time", "<=");
	fputc(')', out);
}

/* "the new row's status is …" */
static void put_status(FILE *out, enum upsert upsert, const char *is)
{
	put_new(out, upsert, "status");
	fputs(is, out);
}

static void put_is_ok(FILE *out, enum table table, enum upsert upsert)
{
	put_status(out, upsert, " = 'ok'");
	if (!is_replayed(table))
		return;
	fputs(" AND ", out);
	put_is_no_newer(out, table, upsert, "last_seen");
}

/* A row that says skipped knows nothing, however new it is. */
static void put_was_tried(FILE *out, enum table table, enum upsert upsert)
{
	put_status(out, upsert, " <> 'skipped'");
	if (!is_replayed(table))
		return;
	fputs(" AND (", out);
	put_old(out, table, "status");
	fputs(" = 'skipped' OR ", out);
	put_is_no_newer(out, table, upsert, "last_attempt");
	fputc(')', out);
}

/* host_key_type stands before host_key_sha256, and host_key_pinned after both:
 * where assignments are seen by those that follow, both are replaced or none.
 * With the same key comes the type that an administrator left out. What a
 * replayed run has pinned it would have kept from the later one that is there.
 */
static void put_is_key_seen(FILE *out, enum table table, enum upsert upsert)
{
	put_is_ok(out, table, upsert);
	fputs(" AND (", out);
	put_old(out, table, "host_key_pinned");
	fputs(" = 0 OR ", out);
	put_comparison(out, table, upsert, "host_key_sha256", "=");
	fputs(") OR ", out);
	if (is_replayed(table)) {
		put_status(out, upsert, " = 'ok' AND ");
		put_comparison(out, table, upsert, "host_key_pinned", "<");
		fputs(" OR ", out);
	}
	put_status(out, upsert, " <> 'skipped' AND ");
	put_old(out, table, "host_key_sha256");
	fputs(" IS NULL", out);
}

static void put_is_first(FILE *out, enum table table, enum upsert upsert,
                         const char *column)
{
	put_old(out, table, column);
	fputs(" IS NULL", out);
	if (!is_replayed(table))
		return;
	fputs(" OR ", out);
	put_comparison(out, table, upsert, column, ">");
}

/* When the new row's value replaces the old one. */
static void put_condition(FILE *out, enum table table, enum upsert upsert,
                          const struct column *column)
{
	switch (column->rule) {
	case RULE_OK:
		put_is_ok(out, table, upsert);
		break;
	case RULE_KEY_SEEN:
		put_is_key_seen(out, table, upsert);
		break;
	case RULE_TRIED:
		put_was_tried(out, table, upsert);
		break;
	case RULE_KEEP:
		put_is_first(out, table, upsert, column->name);
		break;
	case RULE_RAISE:
		put_comparison(out, table, upsert, column->name, "<");
		break;
	case RULE_KEY:
	case RULE_ALWAYS:
	case RULE_INSERTED:
		put_is_no_later_run(out, table, upsert);
		break;
	}
}

static void put_value(FILE *out, enum table table, enum upsert upsert,
                      const struct column *column)
{
	if (column->rule == RULE_ALWAYS && !is_replayed(table)) {
		put_new(out, upsert, column->name);
		return;
	}
	fputs("CASE WHEN ", out);
	put_condition(out, table, upsert, column);
	fputs(" THEN ", out);
	put_new(out, upsert, column->name);
	fputs(" ELSE ", out);
	put_old(out, table, column->name);
	fputs(" END", out);
}

/* The names of all columns, or of those of the key. */
static void put_names(FILE *out, enum table table, bool key)
{
	const char *comma = "";

	for (size_t i = 0; i < table_columns(table); i++) {
		struct column column = table_column(table, i);

		if (key && column.rule != RULE_KEY)
			continue;
		fprintf(out, "%s`%s`", comma, column.name);
		comma = ", ";
	}
}

static void put_conflict(FILE *out, enum table table, enum upsert upsert)
{
	if (upsert != UPSERT_EXCLUDED) {
		if (upsert == UPSERT_ALIAS)
			fputs(" AS new", out);
		fputs(" ON DUPLICATE KEY UPDATE", out);
		return;
	}
	fputs(" ON CONFLICT (", out);
	put_names(out, table, true);
	fputs(") DO UPDATE SET", out);
}

/*
 * ON DUPLICATE KEY finds a row by any unique key, also by one that somebody
 * added: that may be another host's row, which has to stay as it is. A port
 * that is no number has ours refused, with these words. (SQLite is told which
 * key is meant.)
 */
static void put_same_host(FILE *out, enum table table, enum upsert upsert)
{
	if (upsert == UPSERT_EXCLUDED || is_runs(table))
		return;
	fputs(" `port` = CASE WHEN ", out);
	put_comparison(out, table, upsert, "ip", "=");
	fputs(" AND ", out);
	put_comparison(out, table, upsert, "port", "=");
	fputs(" THEN ", out);
	put_old(out, table, "port");
	fputs(" ELSE 'another row has a value that a unique key wants once' "
	      "END,",
	      out);
}

/* What a replay compares is assigned last, and status, which says whether
 * last_attempt counts, after it. */
static const char *const compared[] = { "last_seen", "last_attempt", "status",
	                                "end_time", "hosts" };
static const size_t compared_count = sizeof(compared) / sizeof(*compared);

static bool is_compared(const char *name)
{
	for (size_t i = 0; i < compared_count; i++) {
		if (strcmp(name, compared[i]) == 0)
			return true;
	}
	return false;
}

static bool find_column(enum table table, const char *name,
                        struct column *column)
{
	for (size_t i = 0; i < table_columns(table); i++) {
		*column = table_column(table, i);
		if (strcmp(column->name, name) == 0)
			return true;
	}
	return false;
}

static bool is_assigned(const struct column *column)
{
	return column->rule != RULE_KEY && column->rule != RULE_INSERTED;
}

static void put_assignment(FILE *out, enum table table, enum upsert upsert,
                           const struct column *column, const char **comma)
{
	fprintf(out, "%s `%s` = ", *comma, column->name);
	put_value(out, table, upsert, column);
	*comma = ",";
}

static void put_assignments(FILE *out, enum table table, enum upsert upsert)
{
	const char *comma = "";

	for (size_t i = 0; i < table_columns(table); i++) {
		struct column column = table_column(table, i);

		if (is_assigned(&column) && !is_compared(column.name))
			put_assignment(out, table, upsert, &column, &comma);
	}
	for (size_t i = 0; i < compared_count; i++) {
		struct column column;

		if (find_column(table, compared[i], &column) &&
		    is_assigned(&column))
			put_assignment(out, table, upsert, &column, &comma);
	}
}

static void put_upsert(FILE *out, enum table table, enum upsert upsert,
                       size_t rows)
{
	size_t columns = table_columns(table);

	fprintf(out, "INSERT INTO %s (", table_name(table));
	put_names(out, table, false);
	fputs(") VALUES ", out);
	for (size_t row = 0; row < rows; row++) {
		fputs(row > 0 ? ", (" : "(", out);
		for (size_t i = 0; i < columns; i++)
			fputs(i > 0 ? ",?" : "?", out);
		fputc(')', out);
	}
	put_conflict(out, table, upsert);
	put_same_host(out, table, upsert);
	put_assignments(out, table, upsert);
}

char *table_upsert(enum table table, enum upsert upsert, size_t rows)
{
	struct stream stream;

	stream_open(&stream);
	if (stream.out != NULL)
		put_upsert(stream.out, table, upsert, rows);
	return stream_close(&stream);
}

static void put_select(FILE *out, enum table table)
{
	fputs("SELECT ", out);
	put_names(out, table, false);
	fprintf(out, " FROM %s ORDER BY ", table_name(table));
	put_names(out, table, true);
}

char *table_select(enum table table)
{
	struct stream stream;

	stream_open(&stream);
	if (stream.out != NULL)
		put_select(stream.out, table);
	return stream_close(&stream);
}

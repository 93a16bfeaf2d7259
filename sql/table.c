#include "sql/table.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *table_name(enum table table)
{
	return table == TABLE_RUNS ? "runs" : "server_status";
}

size_t table_columns(enum table table)
{
	size_t count = table == TABLE_RUNS ? RUN_COLUMN_COUNTS + STATUS_COUNT
	                                   : fields_count + EXTRA_COUNT;

	assert(count <= TABLE_COLUMNS_MAX);
	return count;
}

static enum column_rule field_rule(const char *name)
{
	static const char *const keys[] = { "ip", "port" };
	static const char *const tried[] = { "status", "phase", "error",
		                             "run_id", "last_attempt" };

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (strcmp(name, keys[i]) == 0)
			return RULE_KEY;
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

struct column table_column(enum table table, size_t index)
{
	return table == TABLE_RUNS ? run_column(index) : status_column(index);
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

static void put_case(FILE *out, enum table table, enum upsert upsert,
                     const struct column *column, const char *condition)
{
	fputs("CASE WHEN ", out);
	put_new(out, upsert, "status");
	fprintf(out, " %s THEN ", condition);
	put_new(out, upsert, column->name);
	fprintf(out, " ELSE %s.`%s` END", table_name(table), column->name);
}

static void put_value(FILE *out, enum table table, enum upsert upsert,
                      const struct column *column)
{
	switch (column->rule) {
	case RULE_OK:
		put_case(out, table, upsert, column, "= 'ok'");
		break;
	case RULE_TRIED:
		put_case(out, table, upsert, column, "<> 'skipped'");
		break;
	case RULE_KEEP:
		fprintf(out, "COALESCE(%s.`%s`, ", table_name(table),
		        column->name);
		put_new(out, upsert, column->name);
		fputc(')', out);
		break;
	case RULE_KEY:
	case RULE_INSERTED:
	case RULE_ALWAYS:
		put_new(out, upsert, column->name);
		break;
	}
}

static void put_conflict(FILE *out, enum table table, enum upsert upsert)
{
	const char *comma = "";

	if (upsert != UPSERT_EXCLUDED) {
		if (upsert == UPSERT_ALIAS)
			fputs(" AS new", out);
		fputs(" ON DUPLICATE KEY UPDATE", out);
		return;
	}
	fputs(" ON CONFLICT (", out);
	for (size_t i = 0; i < table_columns(table); i++) {
		struct column column = table_column(table, i);

		if (column.rule != RULE_KEY)
			continue;
		fprintf(out, "%s`%s`", comma, column.name);
		comma = ", ";
	}
	fputs(") DO UPDATE SET", out);
}

static void put_upsert(FILE *out, enum table table, enum upsert upsert,
                       size_t rows)
{
	size_t columns = table_columns(table);
	const char *comma = "";

	fprintf(out, "INSERT INTO %s (", table_name(table));
	for (size_t i = 0; i < columns; i++)
		fprintf(out, "%s`%s`", i > 0 ? ", " : "",
		        table_column(table, i).name);
	fputs(") VALUES ", out);
	for (size_t row = 0; row < rows; row++) {
		fputs(row > 0 ? ", (" : "(", out);
		for (size_t i = 0; i < columns; i++)
			fputs(i > 0 ? ",?" : "?", out);
		fputc(')', out);
	}
	put_conflict(out, table, upsert);
	for (size_t i = 0; i < columns; i++) {
		struct column column = table_column(table, i);

		if (column.rule == RULE_KEY || column.rule == RULE_INSERTED)
			continue;
		fprintf(out, "%s `%s` = ", comma, column.name);
		put_value(out, table, upsert, &column);
		comma = ",";
	}
}

char *table_upsert(enum table table, enum upsert upsert, size_t rows)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	bool ok;

	if (out == NULL)
		return NULL;
	put_upsert(out, table, upsert, rows);
	ok = !ferror(out);
	if (fclose(out) != 0 || !ok) {
		free(text);
		return NULL;
	}
	return text;
}

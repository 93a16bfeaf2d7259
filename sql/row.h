#pragma once

#include "inventory/record.h"
#include "sql/store.h"
#include "sql/table.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * One row on its way into a table: a value per column, in the order of
 * table_column(). Texts point into the record or run it was made from, which
 * has to outlive it; those that were no valid UTF-8 are copies that the row
 * owns. Made by the thread that brings the record, so that the one who writes
 * has only to bind.
 */
struct row_value {
	const char *text; /* valid UTF-8 without NUL bytes, not terminated */
	size_t length;
	int64_t number; /* or a time */
	bool is_null;
};

struct row_copy;

struct row {
	struct row_value values[TABLE_COLUMNS_MAX];
	size_t bytes; /* of all texts */
	struct row_copy *copies;
};

/* False without memory (ERR_SYSTEM); there is nothing to release then. */
bool row_from_record(struct row *row, const struct record *record,
                     bool with_password, struct err *err);
/* A row of server_status whose host key no later run replaces. */
void row_pin_host_key(struct row *row);
/* A host key that was refused for the one that is pinned. */
bool row_from_refusal(struct row *row, const struct record *record,
                      struct err *err);
bool row_from_run(struct row *row, const struct store_run *run,
                  struct err *err);

/* Of what table_select() reads: a value per column, as text or NULL. The row
 * owns its texts. ERR_STORE_DATA where one is no number or no time. */
bool row_from_values(struct row *row, enum table table,
                     const char *const *values, struct err *err);
void row_release(struct row *row);

/* Orders rows of server_status and of runs by their key: all writers take their
 * locks in this order. */
int row_compare(const struct row *a, const struct row *b);

/* UTC. Years 0 to 9999, others are held there. */
struct row_time {
	unsigned year, month, day, hour, minute, second, microsecond;
};

struct row_time row_time(int64_t microseconds);

/* And back, from the text that databases make of it: "2023-11-14 22:13:20" with
 * or without a fraction. False for anything else. */
bool row_parse_time(const char *text, int64_t *microseconds);

/* A decimal number and nothing else; false for all that is none. */
bool row_parse_number(const char *text, int64_t *number);

#pragma once

#include "cli/text.h"
#include "inventory/field.h"
#include "inventory/record.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Output formats: a table of pure writers. A new one is a file, and a line in
 * format.c.
 */

/* Which fields, in which order: indexes of fields[]. */
#define COLUMNS_MAX 64

struct columns {
	size_t count;
	size_t field[COLUMNS_MAX];
};

struct format {
	const char *name;
	const char *help;
	bool takes_columns; /* else --fields and --header are errors */
	bool header_by_default;
	/* The first line, without its end; NULL when there never is one. */
	void (*header)(struct text *text, const struct columns *columns);
	/* One line, without its end. */
	void (*row)(struct text *text, const struct columns *columns,
	            const struct record *record);
};

extern const struct format *const formats[];
extern const size_t formats_count;

extern const struct format format_text, format_tsv, format_csv, format_json;

/* NULL when there is none of that name. */
const struct format *format_find(const char *name);

/* Every field, in the catalogue's order. */
void columns_all(struct columns *columns);

/* Reads "ip,hostname,…"; ERR_INPUT names what is unknown or given twice. */
bool columns_parse(struct columns *columns, const char *list, struct err *err);

/* Adds the names of the columns, for a header. */
void format_names(struct text *text, const struct columns *columns,
                  const char *between);

/* Adds a value for tsv and csv: escaped, "" for one that is not known, times as
 * ISO 8601. */
void format_value(struct text *text, const struct field_value *value,
                  enum field_type type);

/* 2026-11-22T05:11:22.123456Z */
void format_time(struct text *text, int64_t us);

#pragma once

#include "inventory/record.h"

/*
 * The catalogue of a record's fields: the one source of the columns of
 * server_status and of the tsv, csv and json formats, in their order. A new
 * fact is one line in field.c.
 *
 * The password is a column of the store and not a field of any format; first
 * and last sight are known to the store alone.
 */
enum field_type {
	FIELD_TEXT, /* bytes as the host sent them */
	FIELD_NUMBER,
	FIELD_TIME /* microseconds since the epoch, UTC */
};

/* One value. A text is not terminated and lives as long as its record. */
struct field_value {
	bool is_null;
	const char *text;
	size_t length;
	int64_t number;
};

struct field {
	const char *name;
	enum field_type type;
	unsigned max;     /* bytes of a text at most; 0 for others */
	const char *help; /* one line for people */
	/* How field_get() finds it: for field.c only. */
	struct field_value (*get)(const struct record *record, size_t offset);
	size_t offset;
};

extern const struct field fields[];
extern const size_t fields_count;

/* The index in fields[], or -1. name need not be terminated. */
int field_find(const char *name, size_t length);

struct field_value field_get(const struct record *record, size_t index);

#pragma once

#include "sql/backend.h"

/* The statements of schema.c, in each dialect. */

struct migration {
	const char *const *statements; /* up to NULL */
	/* " FROM …" has a row where it is done already; NULL: it can be done
	 * again. */
	const char *done;
};

struct schema_text {
	const struct migration *migrations; /* SCHEMA_VERSION of them */
	const char *table_exists;           /* ends before the table's name */
	const char *insert_ignore;
	const char *rename;
	const char *copy;
	const char *lacks_key; /* counts tables without the upsert's key */
};

const struct schema_text *schema_text(enum dialect dialect);

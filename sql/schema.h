#pragma once

#include "inventory/err.h"
#include "sql/backend.h"

#include <stdbool.h>
#include <stdio.h>

/*
 * Our tables and how they came to be: numbered migrations for each dialect,
 * written down once and only followed by others. The table sshinv_schema has
 * the numbers of those that were done, and makes a server_status beside it
 * ours.
 *
 * A column that came later is in the CREATE of its table as well, and its
 * migration is passed over where it is there: a new database takes no more than
 * the right to CREATE.
 *
 * Each step can be run again: MySQL commits every CREATE by itself, so that one
 * may end in the middle.
 */

/* The version that this program writes. */
#define SCHEMA_VERSION 3

/*
 * Brings the tables up to that version. Only one process does so at a time; the
 * others wait and find it done. See store_open() for adopt and the errors.
 */
bool schema_prepare(struct db *db, bool adopt, struct err *err);

/* Writes all statements, for an empty database; one that is there stays as it
 * is. */
void schema_print(enum dialect dialect, FILE *out);

#pragma once

/*
 * A database looked at past sql/: what the tests compare with. Any failure is a
 * failed assertion, so it is for the test's own thread.
 */
void db_read_open(const char *text);
void db_read_close(void);

void db_exec(const char *sql);

/* Like db_exec(), for what may fail. */
void db_try(const char *sql);

/* Ends all other connections of this account; a server only. */
void db_kill_others(void);

/* All rows, values joined by '|' and rows by a newline; NULL is "NULL". Valid
 * until the next call. */
const char *db_rows(const char *sql);

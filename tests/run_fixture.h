#pragma once

#include "tests/spool_fixture.h"
#include "tests/store_fixture.h"

#include <stdint.h>

/*
 * A run whose database is lost, on top of the store_fixture: "run-1", with what
 * it says in heard, and its spool in a folder of the test's. Failures are
 * failed assertions.
 */
extern const struct store_run run;

/* Around each test; these call the store_fixture's. */
int set_up_run(void **state);
int tear_down_run(void **state);

#undef TEST
#define TEST(test)                                                             \
	cmocka_unit_test_setup_teardown(test, set_up_run, tear_down_run)

/* A table that is renamed is the quickest way to lose a database, and what was
 * in it can still be looked at. */
#define LOSE_IT "ALTER TABLE server_status RENAME TO server_status_old"

/* Of the store that begins the run, and of db_read.h. */
struct store_settings run_settings(void);
struct store *open_run(const struct store_settings *with);

/* A descriptor that is readable at the end of the run. */
int new_cancel_fd(void);

/* False as store_put() is. */
bool put_host(struct store *store, unsigned number);
void must_put_host(struct store *store, unsigned number);

/* The spool's path, whether it is there or not. */
const char *spool_file(void);

/* Closes the store, whose spool db_read.h looks into from then on. */
void close_and_look_into_spool(struct store *store);
void look_into_database(void);

int64_t count_rows(const char *table);
size_t count_heard(const char *word);

/* NULL takes it out. */
void set_variable(const char *name, const char *value);

/* PUTTERS threads that put PUTTER_ROWS hosts each. */
enum { PUTTERS = 32, PUTTER_ROWS = 60, PUTTERS_ROWS = PUTTERS * PUTTER_ROWS };

void start_putters(struct store *store);
/* Until that many rows were put. */
void wait_for_putters(unsigned rows);
/* All were stored. */
void join_putters(void);

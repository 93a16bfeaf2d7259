#pragma once

#include "sql/writer.h"

#include <stdint.h>

/*
 * A database that keeps a log ("B" begin, "w<rows>" write, "C" commit, "R"
 * rollback, "K" connect), fails when told to, and refuses rows whose hostname
 * is "bad".
 */
struct fake {
	struct db db;
	char log[4096];
	/* Results of the calls to come; DB_OK when they are used up. */
	enum db_result writes[8];
	enum db_result commits[8];
	enum db_result connects[8];
	size_t written, committed, connected;
	enum db_result for_ever; /* of every write, unless DB_OK */
	char order[4096];        /* ip:port of each row written */
};

extern struct fake fake;
extern struct writer writer;
extern char warnings[2048];

#define ITEMS_MAX WRITER_BATCH_MAX

struct batch {
	struct record *records[ITEMS_MAX];
	struct row rows[ITEMS_MAX];
	struct err errs[ITEMS_MAX];
	struct writer_item items[ITEMS_MAX];
	size_t count;
};

extern struct batch batch;

/* The fake's functions, for tests that replace some of them. */
extern const struct db_ops fake_ops;
enum db_result fake_write(struct db *db, enum table table,
                          const struct row *const *rows, size_t count,
                          struct err *err);
void note(const char *what);

/* Around each test. */
int set_up(void **state);
int tear_down(void **state);

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

/* Puts a host into the batch. */
void add(const char *ip, uint16_t port, const char *hostname);
void add_many(size_t count);

void write_batch(void);
void assert_all_stored(void);
void assert_all_lost(void);

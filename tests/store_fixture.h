#pragma once

#include "sql/store.h"
#include "tests/db_read.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * What the tests of the store share. They run on any database: SSHINV_TEST_DB
 * names it (a DSN, with a password where one is needed), and each test drops
 * its tables. Without it, it is a temporary SQLite file.
 */
extern const char *dsn;
extern bool on_mysql;
extern struct err err;

#define TIME INT64_C(1700000000000000) /* 2023-11-14 22:13:20 */
#define SECOND INT64_C(1000000)

/* Around all tests of a program; the first returns false when there is no
 * database to be had. */
bool store_fixture_begin(void);
bool store_fixture_end(void);

/* Around each: an empty database, looked at by db_read.h. */
int set_up(void **state);
int tear_down(void **state);
void drop_all(void);

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

/* Failures of these are failed assertions. */
struct store_settings settings(void);
struct store *open_with(const struct store_settings *with);
struct store *open_store(void);
struct record *new_record(const char *ip, enum status status, int64_t attempt);
void put(struct store *store, const struct record *record);
void put_and_free(struct store *store, struct record *record);

#define assert_rows(sql, rows) assert_string_equal(db_rows(sql), rows)

/* A record with something in every field, different for each letter. */
struct record *full_record(char letter, enum status status, int64_t attempt);

/* What becomes of it: all columns but the key, in two halves. */
#define KNOWN                                                                  \
	"SELECT address, user, password, name, host_group, hostname, "         \
	"output, exit_code, ssh_version, host_key_type, host_key_sha256, "     \
	"connect_ms, total_ms, first_seen, last_seen FROM server_status"
#define TRIED                                                                  \
	"SELECT status, phase, error, run_id, last_attempt FROM server_status"

#define KNOWN_A                                                                \
	"address-a|user-a|NULL|name-a|group-a|host-a|a|97|ssh-a|type-a|"       \
	"sha-a|1097|2097|2023-11-14 22:13:20.000000|"                          \
	"2023-11-14 22:13:20.000000"
#define TRIED_A "ok|NULL|error-a|run-a|2023-11-14 22:13:20.000000"

/* Host number n is 127.1.n/256.n%256 and calls itself host-n. */
void name_host(struct record *record, unsigned number);
void assert_every_row_is_right(const char *count);

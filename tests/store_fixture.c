#include "tests/store_fixture.h"

#include "tests/scratch.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

const char *dsn;
bool on_mysql;
struct err err;

static char folder[] = "/tmp/test_store.XXXXXX";
static char file_dsn[64];

void drop_all(void)
{
	static const char *const drops[] = {
		"DROP TABLE IF EXISTS server_status",
		"DROP TABLE IF EXISTS server_status_old",
		"DROP TABLE IF EXISTS runs",
		"DROP TABLE IF EXISTS server_history",
		"DROP TABLE IF EXISTS sshinv_schema",
	};

	for (size_t i = 0; i < sizeof(drops) / sizeof(drops[0]); i++)
		db_exec(drops[i]);
}

int set_up(void **state)
{
	(void)state;
	err = (struct err){ .kind = ERR_NONE };
	db_read_open(dsn);
	drop_all();
	return 0;
}

int tear_down(void **state)
{
	(void)state;
	db_read_close();
	return 0;
}

struct store_settings settings(void)
{
	return (struct store_settings){ .dsn = dsn,
		                        .cancel_fd = -1,
		                        .db_timeout = 60 * NS_PER_S };
}

struct store *open_with(const struct store_settings *with)
{
	struct store *store = NULL;

	if (!store_open(&store, with, &err))
		fail_msg("%s", err.text);
	return store;
}

struct store *open_store(void)
{
	const struct store_settings plain = settings();

	return open_with(&plain);
}

struct record *new_record(const char *ip, enum status status, int64_t attempt)
{
	struct record *record = record_new();

	assert_non_null(record);
	snprintf(record->host.ip, sizeof(record->host.ip), "%s", ip);
	record->host.port = 22;
	record->status = status;
	record->last_attempt = attempt;
	return record;
}

void put(struct store *store, const struct record *record)
{
	if (!store_put(store, record, &err))
		fail_msg("%s", err.text);
}

void put_and_free(struct store *store, struct record *record)
{
	put(store, record);
	record_free(record);
}

struct record *full_record(char letter, enum status status, int64_t attempt)
{
	struct record *record = new_record("127.0.0.1", status, attempt);

	snprintf(record->host.user, sizeof(record->host.user), "user-%c",
	         letter);
	snprintf(record->host.name, sizeof(record->host.name), "name-%c",
	         letter);
	snprintf(record->host.group, sizeof(record->host.group), "group-%c",
	         letter);
	snprintf(record->host.password, sizeof(record->host.password),
	         "secret-%c", letter);
	record->host.has_password = true;
	snprintf(record->error, sizeof(record->error), "error-%c", letter);
	snprintf(record->address, sizeof(record->address), "address-%c",
	         letter);
	snprintf(record->hostname, sizeof(record->hostname), "host-%c", letter);
	record->output = malloc(2);
	assert_non_null(record->output);
	record->output[0] = letter;
	record->output_length = 1;
	record->exit_code = (unsigned char)letter;
	snprintf(record->ssh_version, sizeof(record->ssh_version), "ssh-%c",
	         letter);
	snprintf(record->host_key_type, sizeof(record->host_key_type),
	         "type-%c", letter);
	snprintf(record->host_key_sha256, sizeof(record->host_key_sha256),
	         "sha-%c", letter);
	record->connect_ms = letter + 1000;
	record->total_ms = letter + 2000;
	snprintf(record->run_id, sizeof(record->run_id), "run-%c", letter);
	record->phase = letter == 'a' ? PHASE_NONE : PHASE_AUTH;
	return record;
}

void name_host(struct record *record, unsigned number)
{
	snprintf(record->host.ip, sizeof(record->host.ip), "127.1.%u.%u",
	         number / 256, number % 256);
	snprintf(record->hostname, sizeof(record->hostname), "host-%u", number);
}

/* Every address has its own hostname. */
#define WRONG_ON_MYSQL                                                         \
	"SELECT COUNT(*) FROM server_status WHERE hostname <> "                \
	"CONCAT('host-', SUBSTRING_INDEX(SUBSTRING_INDEX(ip, '.', 3), '.', "   \
	"-1) * 256 + SUBSTRING_INDEX(ip, '.', -1))"
#define WRONG_ON_SQLITE                                                        \
	"WITH parts AS (SELECT hostname, SUBSTR(ip, 7) AS rest "               \
	"FROM server_status) "                                                 \
	"SELECT COUNT(*) FROM parts WHERE hostname <> 'host-' || "             \
	"(SUBSTR(rest, 1, INSTR(rest, '.') - 1) * 256 + "                      \
	"SUBSTR(rest, INSTR(rest, '.') + 1))"

void assert_every_row_is_right(const char *count)
{
	assert_rows("SELECT COUNT(*) FROM server_status", count);
	assert_rows(on_mysql ? WRONG_ON_MYSQL : WRONG_ON_SQLITE, "0");
}

bool store_fixture_begin(void)
{
	signal(SIGPIPE, SIG_IGN);
	/* A spool never gets into the home of whoever runs the tests. */
	if (!scratch_make(folder) ||
	    /* NOLINTNEXTLINE(concurrency-mt-unsafe): there is one thread */
	    setenv("XDG_STATE_HOME", folder, 1) != 0)
		return false;
	snprintf(file_dsn, sizeof(file_dsn), "sqlite:%s/x.db", folder);
	dsn = secure_getenv("SSHINV_TEST_DB");
	if (!dsn)
		dsn = file_dsn;
	on_mysql = strncmp(dsn, "sqlite:", strlen("sqlite:")) != 0;
	return store_library_init(&err);
}

bool store_fixture_end(void)
{
	/* Threads that a test's silent server has kept come to their end with
	 * it, but not at once. */
	while (!store_library_end())
		usleep(1000);
	return scratch_remove(folder);
}

#include "tests/run_fixture.h"

#include "sql/dsn.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

const struct store_run run = {
	.id = "run-1", .file = "/etc/hosts.txt", .version = "1.2", .begin = TIME
};

static char state_home[256];
static bool database_is_mysql;

void set_variable(const char *name, const char *value)
{
	/* NOLINTBEGIN(concurrency-mt-unsafe): there is one thread */
	if (value != NULL)
		assert_int_equal(setenv(name, value, 1), 0);
	else
		assert_int_equal(unsetenv(name), 0);
	/* NOLINTEND(concurrency-mt-unsafe) */
}

const char *spool_file(void)
{
	static char path[512];

	snprintf(path, sizeof(path), "%s/sshinv/spool-run-1.db", state_home);
	return path;
}

int set_up_run(void **state)
{
	const char *home = secure_getenv("XDG_STATE_HOME");

	if (home == NULL)
		return -1;
	snprintf(state_home, sizeof(state_home), "%s", home);
	return set_up(state);
}

int tear_down_run(void **state)
{
	unlink(spool_file());
	set_variable("XDG_STATE_HOME", state_home);
	return tear_down(state);
}

struct store_settings run_settings(void)
{
	struct store_settings with = settings();

	with.warn = hear;
	return with;
}

struct store *open_run(const struct store_settings *with)
{
	struct store *store = open_with(with);

	/* The DSN may have been worth a warning. */
	heard[0] = '\0';
	if (!store_run_begin(store, &run, &err))
		fail_msg("%s", err.text);
	return store;
}

int new_cancel_fd(void)
{
	int fd = eventfd(0, EFD_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

bool put_host(struct store *store, unsigned number)
{
	struct record *record = new_record("", STATUS_OK, TIME);
	bool stored;

	name_host(record, number);
	stored = store_put(store, record, &err);
	record_free(record);
	return stored;
}

void must_put_host(struct store *store, unsigned number)
{
	if (!put_host(store, number))
		fail_msg("host %u: %s", number, err.text);
}

void close_and_look_into_spool(struct store *store)
{
	char spool_dsn[DSN_PATH_SIZE + 16];

	assert_non_null(store_spool(store));
	snprintf(spool_dsn, sizeof(spool_dsn), "sqlite:%s", store_spool(store));
	store_close(store);
	db_read_close();
	db_read_open(spool_dsn);
	database_is_mysql = on_mysql;
	on_mysql = false;
}

void look_into_database(void)
{
	db_read_close();
	db_read_open(dsn);
	on_mysql = database_is_mysql;
}

int64_t count_rows(const char *table)
{
	char sql[64];

	snprintf(sql, sizeof(sql), "SELECT COUNT(*) FROM %s", table);
	return strtoll(db_rows(sql), NULL, 10);
}

size_t count_heard(const char *word)
{
	size_t count = 0;

	for (const char *at = heard; (at = strstr(at, word)) != NULL; at++)
		count++;
	return count;
}

struct putter {
	struct store *store;
	unsigned first;
	unsigned failed;
	pthread_t thread;
};

static struct putter putters[PUTTERS];
static atomic_uint done;

static void *put_hosts(void *arg)
{
	struct putter *putter = arg;
	struct record *record = record_new();
	struct err failure;

	if (record == NULL) {
		putter->failed = PUTTER_ROWS;
		return NULL;
	}
	record->host.port = 22;
	record->status = STATUS_OK;
	record->last_attempt = TIME;
	for (unsigned i = 0; i < PUTTER_ROWS; i++) {
		name_host(record, putter->first + i);
		if (!store_put(putter->store, record, &failure))
			putter->failed++;
		atomic_fetch_add(&done, 1);
		/* It may be asked for from any thread. */
		if (store_spool(putter->store) != NULL &&
		    store_spool(putter->store)[0] != '/')
			putter->failed++;
	}
	record_free(record);
	return NULL;
}

void start_putters(struct store *store)
{
	atomic_store(&done, 0);
	for (unsigned i = 0; i < PUTTERS; i++) {
		putters[i] =
		    (struct putter){ .store = store, .first = i * PUTTER_ROWS };
		assert_int_equal(pthread_create(&putters[i].thread, NULL,
		                                put_hosts, &putters[i]),
		                 0);
	}
}

void wait_for_putters(unsigned rows)
{
	while (atomic_load(&done) < rows)
		usleep(100);
}

void join_putters(void)
{
	for (unsigned i = 0; i < PUTTERS; i++)
		assert_int_equal(pthread_join(putters[i].thread, NULL), 0);
	for (unsigned i = 0; i < PUTTERS; i++)
		assert_int_equal(putters[i].failed, 0);
}

#include "tests/spool_fixture.h"

#include "sql/spool.h"
#include "tests/store_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

char heard[4096];

void hear(void *arg, const char *text)
{
	size_t used = strlen(heard);

	(void)arg;
	if (used + 2 > sizeof(heard))
		return;
	while (*text != '\0' && used + 2 < sizeof(heard))
		heard[used++] = *text++;
	heard[used++] = '\n';
	heard[used] = '\0';
}

struct db *spool_begin(const char *path)
{
	struct db *spool = NULL;

	if (!spool_create(path, &spool, &err))
		fail_msg("%s", err.text);
	return spool;
}

static void write_row(struct db *spool, enum table table, struct row *row)
{
	const struct row *rows[] = { row };

	if (spool->ops->write(spool, table, rows, 1, &err) != DB_OK)
		fail_msg("%s", err.text);
	row_release(row);
}

void spool_put(struct db *spool, const struct record *record)
{
	struct row row;

	assert_true(row_from_record(&row, record, true, &err));
	write_row(spool, TABLE_SERVER_STATUS, &row);
}

void spool_put_and_free(struct db *spool, struct record *record)
{
	spool_put(spool, record);
	record_free(record);
}

void spool_put_run(struct db *spool, const struct store_run *run)
{
	struct row row;

	assert_true(row_from_run(&row, run, &err));
	write_row(spool, TABLE_RUNS, &row);
}

void spool_exec(struct db *spool, const char *sql)
{
	if (spool->ops->exec(spool, sql, &err) != DB_OK)
		fail_msg("%s: %s", sql, err.text);
}

void spool_close(struct db *spool)
{
	spool->ops->close(spool);
}

void make_spool(const char *path, unsigned hosts, int64_t attempt)
{
	struct store_run run = { .id = "run-a",
		                 .file = "/etc/hosts.txt",
		                 .version = "1",
		                 .begin = TIME,
		                 .end = TIME + SECOND };
	struct db *spool = spool_begin(path);

	spool_exec(spool, "BEGIN");
	for (unsigned i = 0; i < hosts; i++) {
		struct record *record = full_record('a', STATUS_OK, attempt);

		name_host(record, i);
		spool_put_and_free(spool, record);
	}
	run.counts[STATUS_OK] = hosts;
	spool_put_run(spool, &run);
	spool_exec(spool, "COMMIT");
	spool_close(spool);
}

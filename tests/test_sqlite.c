#include "sql/store.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <cmocka.h>

#include "db_read.h"
#include "scratch.h"

/* What is SQLite's alone: the file. The rest is in test_store.c. */
static char folder[64];
static char path[128];
static char dsn[160];
static char warnings[1024];
static long fs_type; /* what statfs() says, unless 0 */
static struct err err;

int __real_statfs(const char *file, struct statfs *fs);
int __wrap_statfs(const char *file, struct statfs *fs);

int __wrap_statfs(const char *file, struct statfs *fs)
{
	int result = __real_statfs(file, fs);

	if (fs_type != 0)
		fs->f_type = fs_type;
	return result;
}

static void collect(void *arg, const char *warning)
{
	(void)arg;
	strncat(warnings, warning, sizeof(warnings) - strlen(warnings) - 1);
}

static int set_up(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/test_sqlite.XXXXXX");
	if (!scratch_make(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/x.db", folder);
	snprintf(dsn, sizeof(dsn), "sqlite:%s", path);
	warnings[0] = '\0';
	fs_type = 0;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	return scratch_remove(folder) ? 0 : -1;
}

static bool open_store(struct store **store)
{
	const struct store_settings settings = { .dsn = dsn,
		                                 .cancel_fd = -1,
		                                 .warn = collect };

	err = (struct err){ .kind = ERR_NONE };
	return store_open(store, &settings, &err);
}

static bool put_one(struct store *store)
{
	struct record *record = record_new();
	bool ok;

	assert_non_null(record);
	strcpy(record->host.ip, "127.0.0.1");
	record->host.port = 22;
	record->status = STATUS_OK;
	record->last_attempt = 1700000000123456;
	ok = store_put(store, record, &err);
	record_free(record);
	return ok;
}

static unsigned mode_of(const char *suffix)
{
	char file[160];
	struct stat st;

	snprintf(file, sizeof(file), "%s%s", path, suffix);
	assert_int_equal(stat(file, &st), 0);
	return st.st_mode & 0777u;
}

static void a_new_file_is_its_owners_alone(void **state)
{
	struct store *store;
	mode_t old = umask(0);

	(void)state;
	assert_true(open_store(&store));
	assert_true(put_one(store));
	umask(old);
	assert_int_equal(mode_of(""), 0600);
	assert_int_equal(mode_of("-wal"), 0600);
	assert_int_equal(mode_of("-shm"), 0600);
	store_close(store);
}

static void one_file_is_left_behind(void **state)
{
	struct store *store;
	char wal[160];
	struct stat st;

	(void)state;
	assert_true(open_store(&store));
	assert_string_equal(store_name(store), dsn);
	assert_true(put_one(store));
	store_close(store);
	snprintf(wal, sizeof(wal), "%s-wal", path);
	assert_int_not_equal(stat(wal, &st), 0);
	db_read_open(dsn);
	assert_string_equal(db_rows("SELECT last_seen FROM server_status"),
	                    "2023-11-14 22:13:20.123456");
	assert_string_equal(db_rows("PRAGMA journal_mode"), "wal");
	db_read_close();
	assert_string_equal(warnings, "");
}

static void a_network_file_system_gets_no_log(void **state)
{
	struct store *store;

	(void)state;
	fs_type = 0x6969;
	assert_true(open_store(&store));
	assert_true(put_one(store));
	store_close(store);
	assert_non_null(strstr(warnings, "network"));
	fs_type = 0;
	db_read_open(dsn);
	assert_string_equal(db_rows("PRAGMA journal_mode"), "delete");
	db_read_close();
}

static void what_is_no_database_is_an_error(void **state)
{
	struct store *store;
	FILE *file = fopen(path, "w");

	(void)state;
	assert_non_null(file);
	for (int i = 0; i < 1000; i++)
		fputs("this is a diary\n", file);
	assert_int_equal(fclose(file), 0);
	assert_false(open_store(&store));
	assert_int_equal(err.kind, ERR_STORE);
	assert_non_null(strstr(err.text, path));
	assert_non_null(strstr(err.text, "not a database"));
}

static void a_missing_folder_is_an_error(void **state)
{
	struct store *store;

	(void)state;
	snprintf(dsn, sizeof(dsn), "sqlite:%s/none/x.db", folder);
	assert_false(open_store(&store));
	assert_int_equal(err.kind, ERR_STORE);
	assert_non_null(strstr(err.text, "No such file"));
}

static void a_folder_is_no_file(void **state)
{
	struct store *store;

	(void)state;
	snprintf(dsn, sizeof(dsn), "sqlite:%s", folder);
	assert_false(open_store(&store));
	assert_int_equal(err.kind, ERR_STORE);
}

/* No file of this process may grow beyond that: as good as a full disk. */
static void limit_files(rlim_t bytes)
{
	struct rlimit limit;

	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void a_full_disk_is_the_end_of_the_store(void **state)
{
	struct store *store;
	struct record *record = record_new();
	bool stored = true;

	(void)state;
	assert_non_null(record);
	assert_true(open_store(&store));
	record->output_length = RECORD_OUTPUT_MAX;
	record->output = malloc(RECORD_OUTPUT_MAX);
	assert_non_null(record->output);
	memset(record->output, 'x', RECORD_OUTPUT_MAX);
	record->host.port = 22;
	limit_files((rlim_t)256 * 1024);
	for (int i = 0; i < 100 && stored; i++) {
		snprintf(record->host.ip, sizeof(record->host.ip), "127.0.0.%d",
		         i);
		stored = store_put(store, record, &err);
	}
	assert_false(stored);
	assert_int_equal(err.kind, ERR_STORE);
	record_free(record);
	assert_false(put_one(store));
	assert_int_equal(err.kind, ERR_STORE);
	limit_files(RLIM_INFINITY);
	store_close(store);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_new_file_is_its_owners_alone),
		TEST(one_file_is_left_behind),
		TEST(a_network_file_system_gets_no_log),
		TEST(what_is_no_database_is_an_error),
		TEST(a_missing_folder_is_an_error),
		TEST(a_folder_is_no_file),
		TEST(a_full_disk_is_the_end_of_the_store),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}

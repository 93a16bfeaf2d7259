#include "sql/store.h"

#include "sql/backend.h"

#include "tests/db_read.h"
#include "tests/scratch.h"

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
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

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

static int busy_ms = -1; /* how long SQLite waits for locks */
static int busy_ms_in_checkpoint = -1;

int __real_sqlite3_busy_timeout(sqlite3 *handle, int ms);
int __wrap_sqlite3_busy_timeout(sqlite3 *handle, int ms);

int __wrap_sqlite3_busy_timeout(sqlite3 *handle, int ms)
{
	busy_ms = ms;
	return __real_sqlite3_busy_timeout(handle, ms);
}

int __real_sqlite3_wal_checkpoint_v2(sqlite3 *handle, const char *name,
                                     int mode, int *frames, int *done);
int __wrap_sqlite3_wal_checkpoint_v2(sqlite3 *handle, const char *name,
                                     int mode, int *frames, int *done);

int __wrap_sqlite3_wal_checkpoint_v2(sqlite3 *handle, const char *name,
                                     int mode, int *frames, int *done)
{
	busy_ms_in_checkpoint = busy_ms;
	return __real_sqlite3_wal_checkpoint_v2(handle, name, mode, frames,
	                                        done);
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
	const struct store_settings settings = {
		.dsn = dsn, .cancel_fd = -1, .no_spool = true, .warn = collect
	};

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

/* With its log open SQLite went on writing into a file without a name, and the
 * run said "stored". */
static void a_file_that_was_deleted_is_a_lost_store(void **state)
{
	struct store *store = NULL;

	(void)state;
	assert_true(open_store(&store));
	assert_true(put_one(store));
	assert_int_equal(unlink(path), 0);
	assert_false(put_one(store));
	assert_int_equal(err.kind, ERR_STORE);
	assert_non_null(strstr(err.text, "moved or deleted"));
	store_close(store);
}

/* Debian's SQLite reads names that begin with "file:" as URIs: this one was a
 * database in memory, beside an empty file. */
static void a_name_that_looks_like_a_uri_is_a_file(void **state)
{
	static const char name[] = "file:x?mode=memory";
	char there[512];
	struct store *store = NULL;
	struct stat st;

	(void)state;
	assert_non_null(getcwd(there, sizeof(there)));
	assert_int_equal(chdir(folder), 0);
	snprintf(dsn, sizeof(dsn), "sqlite:%s", name);
	assert_true(open_store(&store));
	assert_true(put_one(store));
	store_close(store);
	assert_int_equal(stat(name, &st), 0);
	assert_true(st.st_size > 0);
	assert_int_equal(chdir(there), 0);
}

static void a_link_to_a_file_that_is_yet_to_be_made_is_followed(void **state)
{
	char target[160];
	struct store *store = NULL;
	struct stat st;

	(void)state;
	snprintf(target, sizeof(target), "%s/target.db", folder);
	assert_int_equal(symlink(target, path), 0);
	assert_true(open_store(&store));
	store_close(store);
	assert_int_equal(stat(target, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void a_reader_does_not_hold_the_end_up(void **state)
{
	struct store *store;

	(void)state;
	assert_true(open_store(&store));
	assert_true(put_one(store));
	db_read_open(dsn);
	db_exec("BEGIN");
	assert_string_equal(db_rows("SELECT COUNT(*) FROM server_status"), "1");
	assert_true(put_one(store));
	store_close(store);
	assert_int_equal(busy_ms_in_checkpoint, 0);
	db_exec("COMMIT");
	db_read_close();
}

/* SQLite does not look whether the run ends: what it waits by itself has to be
 * little beside the second that an end may take. */
static void the_end_of_the_run_is_seen_while_others_hold_the_lock(void **state)
{
	struct store_settings settings = { .dsn = dsn, .no_spool = true };
	struct store *store;
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	settings.cancel_fd = ends[0];
	assert_true(store_open(&store, &settings, &err));
	assert_true(busy_ms > 0 && busy_ms <= 100);
	db_read_open(dsn);
	db_exec("BEGIN IMMEDIATE");
	assert_int_equal(write(ends[1], "x", 1), 1);
	assert_false(put_one(store));
	assert_int_equal(err.kind, ERR_STORE);
	assert_non_null(strstr(err.text, dsn));
	assert_non_null(strstr(err.text, "locked"));
	store_close(store);
	db_exec("COMMIT");
	db_read_close();
	close(ends[0]);
	close(ends[1]);
}

static void a_moment_without_memory_is_not_the_end(void **state)
{
	const struct wait wait = { .cancel_fd = -1 };
	struct db *db = sqlite_db_new(path, NULL, NULL);

	(void)state;
	assert_non_null(db);
	assert_int_equal(db->ops->connect(db, &wait, &err), DB_OK);
	sqlite3_hard_heap_limit64(sqlite3_memory_used() + 65536);
	assert_int_equal(
	    db->ops->exec(db, "SELECT length(hex(zeroblob(1000000)))", &err),
	    DB_AGAIN);
	sqlite3_hard_heap_limit64(0);
	assert_int_equal(
	    db->ops->exec(db, "SELECT length(hex(zeroblob(1000000)))", &err),
	    DB_OK);
	db->ops->close(db);
}

static bool file_holds(const char *text)
{
	static char content[1024 * 1024];
	FILE *file = fopen(path, "r");
	size_t size;

	assert_non_null(file);
	size = fread(content, 1, sizeof(content), file);
	assert_int_equal(fclose(file), 0);
	return memmem(content, size, text, strlen(text)) != NULL;
}

static void put_passwords(bool kept)
{
	const struct store_settings settings = { .dsn = dsn,
		                                 .cancel_fd = -1,
		                                 .store_password = kept };
	struct record *record = record_new();
	struct store *store;

	assert_non_null(record);
	assert_true(store_open(&store, &settings, &err));
	record->host.port = 22;
	record->host.has_password = true;
	record->status = STATUS_OK;
	for (unsigned i = 0; i < 200; i++) {
		snprintf(record->host.ip, sizeof(record->host.ip), "127.0.0.%u",
		         i);
		snprintf(record->host.password, sizeof(record->host.password),
		         "a-secret-of-%u", i);
		assert_true(store_put(store, record, &err));
	}
	record_free(record);
	store_close(store);
}

static void a_forgotten_password_leaves_the_file(void **state)
{
	(void)state;
	put_passwords(true);
	assert_true(file_holds("a-secret-of-"));
	put_passwords(false);
	assert_false(file_holds("a-secret-of-"));
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
		TEST(a_file_that_was_deleted_is_a_lost_store),
		TEST(a_name_that_looks_like_a_uri_is_a_file),
		TEST(a_link_to_a_file_that_is_yet_to_be_made_is_followed),
		TEST(a_reader_does_not_hold_the_end_up),
		TEST(the_end_of_the_run_is_seen_while_others_hold_the_lock),
		TEST(a_moment_without_memory_is_not_the_end),
		TEST(a_forgotten_password_leaves_the_file),
		TEST(a_full_disk_is_the_end_of_the_store),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}

#include "sql/spool.h"

#include "sql/store.h"
#include "tests/db_read.h"
#include "tests/scratch.h"

#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64];
static char path[256];
static struct err err;

static void set_variable(const char *name, const char *value)
{
	/* NOLINTBEGIN(concurrency-mt-unsafe): there is one thread */
	if (value != NULL)
		assert_int_equal(setenv(name, value, 1), 0);
	else
		assert_int_equal(unsetenv(name), 0);
	/* NOLINTEND(concurrency-mt-unsafe) */
}

static int set_up(void **state)
{
	(void)state;
	err = (struct err){ .kind = ERR_NONE };
	strcpy(folder, "/tmp/test_spool.XXXXXX");
	if (!scratch_make(folder))
		return -1;
	set_variable("XDG_STATE_HOME", folder);
	return spool_path("run-1", path, sizeof(path), &err) ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	return scratch_remove(folder) ? 0 : -1;
}

static struct db *create(void)
{
	struct db *db = NULL;

	if (!spool_create(path, &db, &err))
		fail_msg("%s", err.text);
	return db;
}

static void exec(struct db *db, const char *sql)
{
	if (db->ops->exec(db, sql, &err) != DB_OK)
		fail_msg("%s: %s", sql, err.text);
}

static int64_t number(struct db *db, const char *sql)
{
	int64_t value = 0;

	if (db->ops->number(db, sql, &value, &err) != DB_OK)
		fail_msg("%s: %s", sql, err.text);
	return value;
}

static void insert_rows(struct db *db, unsigned count)
{
	char sql[160];

	for (unsigned i = 0; i < count; i++) {
		snprintf(sql, sizeof(sql),
		         "INSERT INTO server_status (ip, port, status) "
		         "VALUES ('127.0.0.%u', 22, 'ok')",
		         i);
		exec(db, sql);
	}
}

static void assert_rows_of(const char *file, const char *count)
{
	char dsn[320];

	snprintf(dsn, sizeof(dsn), "sqlite:%s", file);
	db_read_open(dsn);
	assert_string_equal(db_rows("PRAGMA integrity_check"), "ok");
	assert_string_equal(db_rows("SELECT COUNT(*) FROM server_status"),
	                    count);
	db_read_close();
}

static void assert_refused(const char *file, const char *word)
{
	struct db *db = NULL;

	err = (struct err){ .kind = ERR_NONE };
	assert_false(spool_open(file, &db, &err));
	assert_int_equal(err.kind, ERR_INPUT);
	if (strstr(err.text, word) == NULL || strstr(err.text, file) == NULL)
		fail_msg("%s", err.text);
}

static void the_path_follows_the_environment(void **state)
{
	char longest[5000];

	(void)state;
	set_variable("XDG_STATE_HOME", "/var/state");
	set_variable("HOME", "/home/me");
	assert_true(spool_path("r-1", path, sizeof(path), &err));
	assert_string_equal(path, "/var/state/sshinv/spool-r-1.db");
	/* The standard has relative paths ignored. */
	set_variable("XDG_STATE_HOME", "state");
	assert_true(spool_path("r-1", path, sizeof(path), &err));
	assert_string_equal(path, "/home/me/.local/state/sshinv/spool-r-1.db");
	set_variable("XDG_STATE_HOME", NULL);
	set_variable("HOME", NULL);
	assert_false(spool_path("r-1", path, sizeof(path), &err));
	assert_int_equal(err.kind, ERR_STORE);
	assert_non_null(strstr(err.text, "HOME is not set"));
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	longest[0] = '/';
	set_variable("HOME", longest);
	assert_false(spool_path("r-1", path, sizeof(path), &err));
	assert_non_null(strstr(err.text, "too long"));
}

static void a_run_that_is_no_file_name_has_no_spool(void **state)
{
	static const char *const ids[] = {
		"",    "../x", "a/b",
		"a b", ".",    "0123456789012345678901234567890123"
	};

	(void)state;
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		assert_false(spool_path(ids[i], path, sizeof(path), &err));
		assert_int_equal(err.kind, ERR_STORE);
	}
}

static unsigned mode_of(const char *file)
{
	struct stat st;

	assert_int_equal(stat(file, &st), 0);
	return st.st_mode & 0777u;
}

static void a_new_spool_is_its_owners_alone(void **state)
{
	char ours[128];
	mode_t old = umask(0);
	struct db *db;

	(void)state;
	db = create();
	insert_rows(db, 1);
	umask(old);
	snprintf(ours, sizeof(ours), "%s/sshinv", folder);
	assert_int_equal(mode_of(ours), 0700);
	assert_int_equal(mode_of(path), 0600);
	db->ops->close(db);
}

#define NOTE_SIZE 64

static bool note_text(void *arg, const char *const *values, size_t count)
{
	assert_int_equal(count, 1);
	snprintf(arg, NOTE_SIZE, "%s", values[0]);
	return true;
}

static void every_commit_is_on_the_disk(void **state)
{
	struct db *db = create();
	char text[NOTE_SIZE] = "";

	(void)state;
	assert_int_equal(number(db, "PRAGMA synchronous"), 2);
	assert_int_equal(
	    db->ops->select(db, "PRAGMA journal_mode", note_text, text, &err),
	    DB_OK);
	assert_string_equal(text, "delete");
	assert_int_equal(number(db, "PRAGMA application_id"),
	                 SPOOL_APPLICATION_ID);
	db->ops->close(db);
}

/* In a process of its own, as SQLite does not let a child use what it has open,
 * and a file that we open and close ourselves loses our locks. */
static pid_t spawn(char *const *argv)
{
	pid_t pid;

	assert_int_equal(posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ),
	                 0);
	return pid;
}

static int run(char *const *argv)
{
	int status;

	assert_true(waitpid(spawn(argv), &status, 0) > 0);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static char self[] = "/proc/self/exe";

static void the_file_alone_has_every_row(void **state)
{
	char copy[128];
	char program[] = "cp";
	char *const argv[] = { program, path, copy, NULL };
	struct db *db = create();

	(void)state;
	insert_rows(db, 50);
	snprintf(copy, sizeof(copy), "%s/copy.db", folder);
	assert_int_equal(run(argv), 0);
	assert_rows_of(copy, "50");
	db->ops->close(db);
}

/* What this program does when it is started with a word. */
enum { OPENED = 10, HELD = 11, OTHERWISE = 12 };

static int open_only(const char *file)
{
	struct db *db = NULL;

	if (spool_open(file, &db, &err)) {
		db->ops->close(db);
		return OPENED;
	}
	return strstr(err.text, "is held") != NULL ? HELD : OTHERWISE;
}

static int write_until_killed(const char *file)
{
	struct db *db = NULL;

	if (!spool_create(file, &db, &err))
		return 1;
	insert_rows(db, 20);
	/* The last one is not committed. */
	exec(db, "BEGIN");
	exec(db, "DELETE FROM server_status");
	raise(SIGKILL);
	return 1;
}

static void its_run_holds_it_against_replays(void **state)
{
	char word[] = "open";
	char *const argv[] = { self, word, path, NULL };
	struct db *db = create();

	(void)state;
	assert_refused(path, "is held by its run");
	assert_int_equal(run(argv), HELD);
	insert_rows(db, 1);
	assert_int_equal(run(argv), HELD);
	db->ops->close(db);
	assert_int_equal(run(argv), OPENED);
}

static void a_replay_holds_it_against_another(void **state)
{
	char word[] = "open";
	char *const argv[] = { self, word, path, NULL };
	struct db *db = create();

	(void)state;
	insert_rows(db, 3);
	db->ops->close(db);
	assert_true(spool_open(path, &db, &err));
	assert_int_equal(number(db, "SELECT COUNT(*) FROM server_status"), 3);
	assert_int_equal(run(argv), HELD);
	db->ops->close(db);
	assert_int_equal(run(argv), OPENED);
}

static void a_killed_run_leaves_what_it_committed(void **state)
{
	char word[] = "write";
	char *const argv[] = { self, word, path, NULL };
	struct db *db = NULL;
	int status;

	(void)state;
	assert_true(waitpid(spawn(argv), &status, 0) > 0);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	if (!spool_open(path, &db, &err))
		fail_msg("%s", err.text);
	assert_int_equal(number(db, "SELECT COUNT(*) FROM server_status"), 20);
	db->ops->close(db);
	assert_rows_of(path, "20");
}

static void its_run_opens_it_again(void **state)
{
	struct db *db = create();

	(void)state;
	insert_rows(db, 2);
	db->ops->close(db);
	db = create();
	assert_int_equal(number(db, "SELECT COUNT(*) FROM server_status"), 2);
	db->ops->close(db);
}

static void write_file(const char *file, const char *text)
{
	FILE *out = fopen(file, "w");

	assert_non_null(out);
	assert_true(fputs(text, out) >= 0);
	assert_int_equal(fclose(out), 0);
}

static void assert_not_created(const char *word)
{
	struct db *db = NULL;

	assert_false(spool_create(path, &db, &err));
	assert_int_equal(err.kind, ERR_STORE);
	if (strstr(err.text, word) == NULL)
		fail_msg("%s", err.text);
}

static void what_is_something_else_stays(void **state)
{
	struct stat st;
	char other[128];
	struct db *db = create();

	(void)state;
	db->ops->close(db);
	/* Ours, but others could read it. */
	assert_int_equal(chmod(path, 0644), 0);
	assert_not_created("something else");
	assert_int_equal(unlink(path), 0);

	snprintf(other, sizeof(other), "%s/other", folder);
	write_file(other, "precious");
	assert_int_equal(symlink(other, path), 0);
	assert_not_created("something else");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(stat(other, &st), 0);
	assert_int_equal(st.st_size, strlen("precious"));

	write_file(path,
	           "precious, and longer than SQLite's header, which has "
	           "a hundred bytes: so that it is read at all, and found "
	           "to be wrong");
	assert_int_equal(chmod(path, 0600), 0);
	assert_not_created("not a database");
	assert_int_equal(stat(path, &st), 0);
}

static void no_folder_no_spool(void **state)
{
	(void)state;
	snprintf(path, sizeof(path), "/dev/null/sshinv/spool-x.db");
	assert_not_created("cannot create the folder");
}

static void a_full_disk_leaves_no_empty_spool(void **state)
{
	struct rlimit before, none;
	struct stat st;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	none = before;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	assert_not_created("");
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_not_equal(stat(path, &st), 0);
}

static void a_replay_takes_spools_only(void **state)
{
	char file[128];
	char dsn[160];
	struct stat st;
	struct store *store = NULL;
	const struct store_settings settings = { .dsn = dsn, .cancel_fd = -1 };

	(void)state;
	snprintf(file, sizeof(file), "%s/x.db", folder);
	assert_refused(file, "No such file");
	assert_refused(folder, "not a spool");
	write_file(file, "");
	assert_refused(file, "not a spool");
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_size, 0);
	write_file(file, "this is a diary, and longer than SQLite's header, "
	                 "which has a hundred bytes: so that it is read at "
	                 "all, and found to be wrong");
	assert_refused(file, "not a database");
	assert_int_equal(unlink(file), 0);
	snprintf(dsn, sizeof(dsn), "sqlite:%s", file);
	assert_true(store_open(&store, &settings, &err));
	store_close(store);
	assert_refused(file, "not a spool");
	assert_rows_of(file, "0");
}

static void a_store_is_no_spool(void **state)
{
	char dsn[320];
	struct store *store = NULL;
	const struct store_settings settings = { .dsn = dsn,
		                                 .cancel_fd = -1,
		                                 .adopt_table = true };
	struct db *db = create();

	(void)state;
	insert_rows(db, 1);
	db->ops->close(db);
	snprintf(dsn, sizeof(dsn), "sqlite:%s", path);
	assert_false(store_open(&store, &settings, &err));
	assert_int_equal(err.kind, ERR_STORE);
	assert_non_null(strstr(err.text, "is a spool"));
	/* And it is one still. */
	assert_true(spool_open(path, &db, &err));
	db->ops->close(db);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(the_path_follows_the_environment),
		TEST(a_run_that_is_no_file_name_has_no_spool),
		TEST(a_new_spool_is_its_owners_alone),
		TEST(every_commit_is_on_the_disk),
		TEST(the_file_alone_has_every_row),
		TEST(its_run_holds_it_against_replays),
		TEST(a_replay_holds_it_against_another),
		TEST(a_killed_run_leaves_what_it_committed),
		TEST(its_run_opens_it_again),
		TEST(what_is_something_else_stays),
		TEST(no_folder_no_spool),
		TEST(a_full_disk_leaves_no_empty_spool),
		TEST(a_replay_takes_spools_only),
		TEST(a_store_is_no_spool),
	};

	if (argc == 3)
		return strcmp(argv[1], "open") == 0
		           ? open_only(argv[2])
		           : write_until_killed(argv[2]);
	return !!cmocka_run_group_tests(tests, NULL, NULL);
}

#include "cli/retryfile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <pthread.h>
#include <search.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static size_t gone; /* as the last retryfile_close() said */
static unsigned walks;

void __real_twalk_r(const void *root,
                    void (*action)(const void *node, VISIT visit, void *arg),
                    void *arg);

void __wrap_twalk_r(const void *root,
                    void (*action)(const void *node, VISIT visit, void *arg),
                    void *arg);

void __wrap_twalk_r(const void *root,
                    void (*action)(const void *node, VISIT visit, void *arg),
                    void *arg)
{
	walks++;
	__real_twalk_r(root, action, arg);
}

struct scene {
	char folder[64], path[80];
};

static int setup(void **state)
{
	struct scene *scene = calloc(1, sizeof(*scene));

	assert_non_null(scene);
	snprintf(scene->folder, sizeof(scene->folder), "/tmp/retry.XXXXXX");
	assert_non_null(mkdtemp(scene->folder));
	snprintf(scene->path, sizeof(scene->path), "%s/F", scene->folder);
	*state = scene;
	return 0;
}

static int teardown(void **state)
{
	struct scene *scene = *state;

	(void)unlink(scene->path);
	/* Nothing of ours stays beside the file. */
	assert_int_equal(rmdir(scene->folder), 0);
	free(scene);
	return 0;
}

static struct retryfile *open_it(const struct scene *scene)
{
	struct retryfile *file = NULL;
	struct err err;

	if (!retryfile_open(&file, scene->path, 22, &err))
		fail_msg("%s", err.text);
	return file;
}

static void close_it(struct retryfile *file)
{
	struct err err;

	if (!retryfile_close(file, true, &gone, &err))
		fail_msg("%s", err.text);
}

static void write_it(const struct scene *scene, const char *text)
{
	FILE *out = fopen(scene->path, "w");

	assert_non_null(out);
	assert_true(fputs(text, out) >= 0);
	assert_int_equal(fclose(out), 0);
}

static void assert_file(const struct scene *scene, const char *expected)
{
	char text[512] = "";
	FILE *in = fopen(scene->path, "r");

	assert_non_null(in);
	text[fread(text, 1, sizeof(text) - 1, in)] = '\0';
	fclose(in);
	assert_string_equal(text, expected);
}

static struct host host_of(const char *line)
{
	const struct host_defaults defaults = { .port = 22,
		                                .may_lack_user = true,
		                                .may_lack_password = true };
	struct host host;
	struct err err;

	if (!host_parse(&host, line, strlen(line), &defaults, &err))
		fail_msg("%s", err.text);
	return host;
}

static void note(struct retryfile *file, const char *line, enum status status)
{
	struct record *record = record_new();
	struct err err;

	assert_non_null(record);
	record->host = host_of(line);
	record->status = status;
	if (!retryfile_note(file, record, &err))
		fail_msg("%s", err.text);
	record_free(record);
}

static void failed_hosts_are_lines_without_their_secret(void **state)
{
	struct retryfile *file = open_it(*state);

	assert_false(retryfile_is_old(file));
	note(file, "127.0.0.1 root fleet-secret", STATUS_TIMEOUT);
	note(file, "127.0.0.2 root fleet-secret", STATUS_OK);
	note(file, "::1 admin fleet-secret port=2222", STATUS_AUTH);
	note(file, "db.example ops fleet-secret", STATUS_SKIPPED);
	close_it(file);
	assert_file(*state, "127.0.0.1:22 root -\n[::1]:2222 admin -\n"
	                    "db.example:22 ops -\n");
}

/* -l and ssh_config's User are no part of it, nor is what breaks a line. */
static void a_user_that_came_from_elsewhere_is_left_out(void **state)
{
	struct retryfile *file = open_it(*state);
	struct record *record = record_new();
	struct err err;

	assert_non_null(record);
	record->host = host_of("127.0.0.2");
	snprintf(record->host.user, sizeof(record->host.user), "a user=b");
	record->status = STATUS_TIMEOUT;
	note(file, "127.0.0.1", STATUS_TIMEOUT);
	assert_true(retryfile_note(file, record, &err));
	record_free(record);
	close_it(file);
	assert_file(*state, "127.0.0.1:22\n127.0.0.2:22\n");
	file = open_it(*state);
	assert_true(retryfile_is_old(file));
	note(file, "127.0.0.1", STATUS_OK);
	note(file, "127.0.0.2", STATUS_TIMEOUT);
	close_it(file);
	assert_file(*state, "127.0.0.2:22\n");
}

/* Any word is a host's name: what is no file of ours must not get lost. */
static void a_file_of_bare_words_is_refused(void **state)
{
	const struct scene *scene = *state;
	struct retryfile *file;
	struct err err;

	write_it(scene, "nonsense\n");
	assert_false(retryfile_open(&file, scene->path, 22, &err));
	assert_int_equal(err.kind, ERR_INPUT);
	assert_non_null(strstr(err.text, ":1: no user and no password"));
	assert_file(scene, "nonsense\n");
}

static void a_host_leaves_the_file_when_it_succeeded(void **state)
{
	struct retryfile *file;

	write_it(*state, "127.0.0.1:22 root -\n127.0.0.2:22 root -\n");
	file = open_it(*state);
	assert_true(retryfile_is_old(file));
	note(file, "127.0.0.1 root x", STATUS_OK);
	note(file, "127.0.0.2 root x", STATUS_REFUSED);
	close_it(file);
	assert_file(*state, "127.0.0.2:22 root -\n");
}

static void a_host_that_was_not_probed_stays(void **state)
{
	struct retryfile *file;
	struct host host = host_of("127.0.0.2 root x");

	write_it(*state, "127.0.0.1:22 root -\n127.0.0.2:22 root -\n");
	file = open_it(*state);
	assert_true(retryfile_has(file, &host));
	host = host_of("127.0.0.1 root x");
	assert_true(retryfile_has(file, &host));
	note(file, "127.0.0.1 root x", STATUS_OK);
	close_it(file);
	assert_int_equal(gone, 0);
	assert_file(*state, "127.0.0.2:22 root -\n");
}

static void a_host_that_left_the_host_file_does_not_stay_for_ever(void **state)
{
	const struct scene *scene = *state;
	struct retryfile *file;
	struct host host = host_of("127.0.0.9 root x");
	struct err err;

	write_it(scene, "127.0.0.1:22 root -\n127.0.0.2:22 root -\n");
	file = open_it(scene);
	assert_false(retryfile_has(file, &host));
	assert_true(retryfile_close(file, false, &gone, &err));
	assert_int_equal(gone, 0);
	file = open_it(scene);
	assert_false(retryfile_has(file, &host));
	close_it(file);
	assert_int_equal(gone, 2);
	assert_int_equal(access(scene->path, F_OK), -1);
}

/* Once for each of them was a minute and more at the end of a run. */
static void
thousands_that_left_the_host_file_are_found_in_one_walk(void **state)
{
	const struct scene *scene = *state;
	struct retryfile *file;
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	assert_non_null(stream);
	for (unsigned i = 0; i < 5000; i++)
		fprintf(stream, "10.0.%u.%u:22 root -\n", i / 250, i % 250);
	assert_int_equal(fclose(stream), 0);
	write_it(scene, text);
	free(text);
	file = open_it(scene);
	walks = 0;
	close_it(file);
	assert_int_equal(gone, 5000);
	assert_int_equal(walks, 1);
	assert_int_equal(access(scene->path, F_OK), -1);
}

static void what_failed_before_this_process_is_there_too(void **state)
{
	struct retryfile *file = open_it(*state);
	struct host host = host_of("127.0.0.9 root x");

	assert_true(retryfile_note_failed(file, &host));
	close_it(file);
	assert_file(*state, "127.0.0.9:22 root -\n");
}

static void a_file_that_happens_to_have_a_like_name_is_let_alone(void **state)
{
	const struct scene *scene = *state;
	struct retryfile *file;
	char other[96];
	FILE *out;

	snprintf(other, sizeof(other), "%s.new", scene->path);
	out = fopen(other, "w");
	assert_non_null(out);
	fclose(out);
	file = open_it(scene);
	note(file, "127.0.0.1 root x", STATUS_AUTH);
	close_it(file);
	assert_int_equal(unlink(other), 0);
}

static void a_file_keeps_its_mode(void **state)
{
	const struct scene *scene = *state;
	struct retryfile *file;
	struct stat st;

	write_it(scene, "127.0.0.1:22 root -\n");
	assert_int_equal(chmod(scene->path, 0640), 0);
	file = open_it(scene);
	note(file, "127.0.0.1 root x", STATUS_AUTH);
	note(file, "127.0.0.2 root x", STATUS_AUTH);
	close_it(file);
	assert_int_equal(stat(scene->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
}

static void the_file_goes_with_its_last_host(void **state)
{
	const struct scene *scene = *state;
	struct retryfile *file;

	write_it(scene, "127.0.0.1:22 root -\n");
	file = open_it(scene);
	note(file, "127.0.0.1 root x", STATUS_OK);
	close_it(file);
	assert_int_equal(access(scene->path, F_OK), -1);
}

static void without_failures_there_is_no_file(void **state)
{
	const struct scene *scene = *state;
	struct retryfile *file = open_it(scene);

	note(file, "127.0.0.1 root x", STATUS_OK);
	close_it(file);
	assert_int_equal(access(scene->path, F_OK), -1);
}

static void it_has_hosts_by_address_and_port(void **state)
{
	struct retryfile *file;
	struct host host;

	write_it(*state, "127.0.0.1:22 root -\n[::1]:2222 root -\n");
	file = open_it(*state);
	host = host_of("127.0.0.1 other x");
	assert_true(retryfile_has(file, &host));
	host = host_of("127.0.0.1:23 root x");
	assert_false(retryfile_has(file, &host));
	host = host_of("::1 root x port=2222");
	assert_true(retryfile_has(file, &host));
	close_it(file);
	assert_file(*state, "127.0.0.1:22 root -\n[::1]:2222 root -\n");
}

static void a_bad_line_is_an_error_and_the_file_stays_as_it_is(void **state)
{
	const struct scene *scene = *state;
	struct retryfile *file = NULL;
	struct err err = { .kind = ERR_NONE };

	write_it(scene, "127.0.0.1:22 root -\n127.0.0.2\n");
	assert_false(retryfile_open(&file, scene->path, 22, &err));
	assert_int_equal(err.kind, ERR_INPUT);
	assert_non_null(strstr(err.text, "--retry-file: "));
	assert_non_null(strstr(err.text, "F:2: "));
	assert_file(scene, "127.0.0.1:22 root -\n127.0.0.2\n");
}

static void a_file_that_cannot_be_written_is_told_of(void **state)
{
	const struct scene *scene = *state;
	struct retryfile *file;
	struct err err = { .kind = ERR_NONE };

	file = open_it(scene);
	note(file, "127.0.0.9 root x", STATUS_AUTH);
	/* Also root cannot replace a folder. */
	assert_int_equal(mkdir(scene->path, 0700), 0);
	assert_false(retryfile_close(file, true, &gone, &err));
	assert_int_equal(err.kind, ERR_SYSTEM);
	assert_int_equal(rmdir(scene->path), 0);
}

static void a_folder_that_is_not_there_is_told_before_the_run(void **state)
{
	const struct scene *scene = *state;
	struct retryfile *file = NULL;
	char path[96];
	struct err err;

	snprintf(path, sizeof(path), "%s/none/F", scene->folder);
	assert_false(retryfile_open(&file, path, 22, &err));
	assert_int_equal(err.kind, ERR_INPUT);
	assert_non_null(strstr(err.text, "cannot be written"));
}

static void
a_run_that_was_cut_short_makes_no_file_that_hides_the_rest(void **state)
{
	const struct scene *scene = *state;
	struct retryfile *file = open_it(scene);
	struct err err;

	note(file, "127.0.0.1 root x", STATUS_AUTH);
	assert_true(retryfile_close(file, false, &gone, &err));
	assert_int_equal(access(scene->path, F_OK), -1);
}

static void
a_run_that_was_cut_short_goes_on_with_a_file_that_was_there(void **state)
{
	struct retryfile *file;
	struct err err;

	write_it(*state, "127.0.0.1:22 root -\n127.0.0.2:22 root -\n");
	file = open_it(*state);
	note(file, "127.0.0.1 root x", STATUS_OK);
	assert_true(retryfile_close(file, false, &gone, &err));
	assert_file(*state, "127.0.0.2:22 root -\n");
}

static void an_empty_file_is_as_none(void **state)
{
	struct retryfile *file;

	write_it(*state, "");
	file = open_it(*state);
	assert_false(retryfile_is_old(file));
	note(file, "127.0.0.1 root x", STATUS_AUTH);
	close_it(file);
	assert_file(*state, "127.0.0.1:22 root -\n");
}

static void a_device_is_refused_and_stays(void **state)
{
	const struct scene *scene = *state;
	struct retryfile *file = NULL;
	struct err err = { .kind = ERR_NONE };

	assert_int_equal(symlink("/dev/null", scene->path), 0);
	assert_false(retryfile_open(&file, scene->path, 22, &err));
	assert_int_equal(err.kind, ERR_INPUT);
	assert_non_null(strstr(err.text, "no regular file"));
	assert_int_equal(access("/dev/null", F_OK), 0);
}

static void a_link_stays_a_link(void **state)
{
	const struct scene *scene = *state;
	char target[96];
	struct retryfile *file;
	struct stat st;

	snprintf(target, sizeof(target), "%s/target", scene->folder);
	write_it(scene, "127.0.0.1:22 root -\n");
	assert_int_equal(rename(scene->path, target), 0);
	assert_int_equal(symlink(target, scene->path), 0);
	file = open_it(scene);
	note(file, "127.0.0.1 root x", STATUS_AUTH);
	note(file, "127.0.0.2 root x", STATUS_AUTH);
	close_it(file);
	assert_int_equal(lstat(scene->path, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_file(scene, "127.0.0.1:22 root -\n127.0.0.2:22 root -\n");
	assert_int_equal(unlink(target), 0);
}

struct asker {
	struct retryfile *file;
	struct host host;
	atomic_bool done;
};

static void *ask_on_and_on(void *arg)
{
	struct asker *asker = arg;

	while (!atomic_load(&asker->done))
		(void)retryfile_has(asker->file, &asker->host);
	return NULL;
}

/* Told by the thread sanitizer, or by luck. */
static void hosts_are_looked_up_while_others_leave(void **state)
{
	struct asker asker = { .file = open_it(*state),
		               .host = host_of("127.0.0.77 root x") };
	pthread_t thread;
	char line[64];

	assert_int_equal(pthread_create(&thread, NULL, ask_on_and_on, &asker),
	                 0);
	for (int turn = 0; turn < 2; turn++) {
		for (int i = 1; i < 250; i++) {
			snprintf(line, sizeof(line), "127.0.0.%d root x", i);
			note(asker.file, line,
			     turn == 0 ? STATUS_AUTH : STATUS_OK);
		}
	}
	atomic_store(&asker.done, true);
	assert_int_equal(pthread_join(thread, NULL), 0);
	close_it(asker.file);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(failed_hosts_are_lines_without_their_secret),
		T(a_user_that_came_from_elsewhere_is_left_out),
		T(a_file_of_bare_words_is_refused),
		T(a_host_leaves_the_file_when_it_succeeded),
		T(a_host_that_was_not_probed_stays),
		T(the_file_goes_with_its_last_host),
		T(without_failures_there_is_no_file),
		T(it_has_hosts_by_address_and_port),
		T(a_bad_line_is_an_error_and_the_file_stays_as_it_is),
		T(a_run_that_was_cut_short_makes_no_file_that_hides_the_rest),
		T(a_run_that_was_cut_short_goes_on_with_a_file_that_was_there),
		T(an_empty_file_is_as_none),
		T(a_host_that_left_the_host_file_does_not_stay_for_ever),
		T(thousands_that_left_the_host_file_are_found_in_one_walk),
		T(what_failed_before_this_process_is_there_too),
		T(a_file_that_happens_to_have_a_like_name_is_let_alone),
		T(a_file_keeps_its_mode),
		T(a_device_is_refused_and_stays),
		T(a_link_stays_a_link),
		T(hosts_are_looked_up_while_others_leave),
		T(a_file_that_cannot_be_written_is_told_of),
		T(a_folder_that_is_not_there_is_told_before_the_run),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}

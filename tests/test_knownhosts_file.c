#include "inventory/knownhosts_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/known_fixture.h"
#include "tests/knownhosts_fixture.h"

static enum knownhosts_verdict remember(const char *host, uint16_t port,
                                        char filler)
{
	struct known_blob blob = known_blob(ED25519, (unsigned char)filler);

	return knownhosts_remember(f.known, host, port, blob.bytes, blob.length,
	                           &f.entry);
}

static void assert_types(const char *host, uint16_t port, const char *expected)
{
	char types[256];

	knownhosts_types(f.known, host, port, types, sizeof(types));
	assert_string_equal(types, expected);
}

static void assert_state(const char *const *lines)
{
	char expected[4096] = "", found[4096] = "";
	char path[128];
	FILE *in;
	size_t got;

	snprintf(path, sizeof(path), "%s/expected", f.folder);
	write_file(path, lines);
	in = fopen(path, "re");
	assert_non_null(in);
	got = fread(expected, 1, sizeof(expected) - 1, in);
	assert_true(got > 0);
	fclose(in);
	in = fopen(f.state, "re");
	assert_non_null(in);
	got = fread(found, 1, sizeof(found) - 1, in);
	assert_true(got > 0);
	fclose(in);
	assert_string_equal(found, expected);
}

static void a_new_key_is_remembered_in_the_file(void **state)
{
	struct stat st;
	char folder[128];

	(void)state;
	open_files();
	assert_int_equal(remember("web1", 22, '1'), KNOWNHOSTS_KNOWN);
	assert_int_equal(look_ed("web1", '1'), KNOWNHOSTS_KNOWN);
	assert_types("web1", 22, ED25519);
	assert_int_equal(look_ed("web1", '2'), KNOWNHOSTS_CHANGED);
	assert_entry(f.state, 0, ED25519, '1');
	assert_int_equal(remember("::1", 2200, '3'), KNOWNHOSTS_KNOWN);
	assert_state(LINES("web1 %E1", "[::1]:2200 %E3"));
	assert_int_equal(stat(f.state, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	snprintf(folder, sizeof(folder), "%s/state/sshinv", f.folder);
	assert_int_equal(stat(folder, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	/* And by the next run. */
	open_files();
	assert_int_equal(look_ed("web1", '1'), KNOWNHOSTS_KNOWN);
	assert_int_equal(look("::1", 2200, ED25519, '4'), KNOWNHOSTS_CHANGED);
	assert_entry(f.state, 2, ED25519, '3');
	assert_int_equal(warned, 0);
}

static void two_that_find_one_host_new_write_one_line(void **state)
{
	(void)state;
	open_files();
	assert_int_equal(remember("web1", 22, '1'), KNOWNHOSTS_KNOWN);
	assert_int_equal(remember("web1", 22, '1'), KNOWNHOSTS_KNOWN);
	assert_int_equal(remember("web1", 22, '2'), KNOWNHOSTS_CHANGED);
	assert_entry(f.state, 0, ED25519, '1');
	assert_state(LINES("web1 %E1"));
}

static void nothing_is_lost_between_two_processes(void **state)
{
	struct knownhosts *first;

	(void)state;
	open_files();
	assert_int_equal(remember("web1", 22, '1'), KNOWNHOSTS_KNOWN);
	first = f.known;
	f.known = NULL;
	open_files();
	assert_int_equal(remember("web2", 22, '2'), KNOWNHOSTS_KNOWN);
	knownhosts_close(f.known);
	f.known = first;
	assert_int_equal(remember("web3", 22, '3'), KNOWNHOSTS_KNOWN);
	assert_state(LINES("web1 %E1", "web2 %E2", "web3 %E3"));
}

static void a_last_line_that_was_cut_off_does_no_harm(void **state)
{
	FILE *out;

	(void)state;
	open_files();
	assert_int_equal(remember("web1", 22, '1'), KNOWNHOSTS_KNOWN);
	out = fopen(f.state, "ae");
	assert_non_null(out);
	fputs("web2 ssh-ed25519 AAAAC3Nz", out);
	assert_int_equal(fclose(out), 0);
	open_files();
	assert_int_equal(warned, 1);
	assert_int_equal(remember("web3", 22, '3'), KNOWNHOSTS_KNOWN);
	assert_int_equal(remember("web4", 22, '4'), KNOWNHOSTS_KNOWN);
	open_files();
	assert_int_equal(look_ed("web1", '1'), KNOWNHOSTS_KNOWN);
	assert_int_equal(look_ed("web3", '3'), KNOWNHOSTS_KNOWN);
	assert_int_equal(look_ed("web4", '4'), KNOWNHOSTS_KNOWN);
}

/* Where the two lines met they would be a third one. */
static void a_line_that_another_process_tore_does_no_harm(void **state)
{
	FILE *out;

	(void)state;
	open_files();
	assert_int_equal(remember("web1", 22, '1'), KNOWNHOSTS_KNOWN);
	out = fopen(f.state, "ae");
	assert_non_null(out);
	fputs("10.0.0.1", out);
	assert_int_equal(fclose(out), 0);
	assert_int_equal(remember("10.0.0.2", 22, '2'), KNOWNHOSTS_KNOWN);
	assert_state(LINES("web1 %E1", "10.0.0.1", "10.0.0.2 %E2"));
}

static void a_file_that_cannot_be_written_is_told_once(void **state)
{
	char blocked[128];
	FILE *out;

	(void)state;
	/* A file where a folder should be: root may write everywhere else. */
	snprintf(blocked, sizeof(blocked), "%s/state", f.folder);
	out = fopen(blocked, "we");
	assert_non_null(out);
	assert_int_equal(fclose(out), 0);
	open_files();
	assert_int_equal(remember("web1", 22, '1'), KNOWNHOSTS_KNOWN);
	assert_int_equal(remember("web2", 22, '2'), KNOWNHOSTS_KNOWN);
	assert_int_equal(warned, 1);
	assert_non_null(strstr(warning, "new host keys are not remembered: "));
	/* Only for this run, which is better than not at all. */
	assert_int_equal(look_ed("web1", '1'), KNOWNHOSTS_KNOWN);
	assert_int_equal(look_ed("web1", '2'), KNOWNHOSTS_CHANGED);
}

static void without_a_file_keys_are_remembered_for_the_run(void **state)
{
	(void)state;
	assert_true(try_open(NULL));
	assert_int_equal(remember("web1", 22, '1'), KNOWNHOSTS_KNOWN);
	assert_int_equal(look_ed("web1", '2'), KNOWNHOSTS_CHANGED);
	assert_entry("this run", 0, ED25519, '1');
	assert_int_equal(warned, 0);
}

static void a_name_that_would_mean_more_is_not_written(void **state)
{
	struct stat st;

	(void)state;
	open_files();
	assert_int_equal(remember("a,b", 22, '1'), KNOWNHOSTS_KNOWN);
	assert_int_equal(remember("*", 22, '1'), KNOWNHOSTS_KNOWN);
	assert_int_equal(remember("|1", 22, '1'), KNOWNHOSTS_KNOWN);
	assert_int_not_equal(stat(f.state, &st), 0);
}

static void a_bad_line_is_told_and_reading_goes_on(void **state)
{
	char expected[256];

	(void)state;
	write_file(f.user,
	           LINES("# comment", "web1 ssh-ed25519 A", "web2 %E2"));
	open_files();
	assert_int_equal(warned, 1);
	snprintf(expected, sizeof(expected),
	         "%s:2: the key is no base64: line ignored", f.user);
	assert_string_equal(warning, expected);
	assert_int_equal(look_ed("web2", '2'), KNOWNHOSTS_KNOWN);
}

static void many_bad_lines_are_counted(void **state)
{
	FILE *out = fopen(f.user, "we");

	(void)state;
	assert_non_null(out);
	for (int i = 0; i < 1000; i++)
		fputs("bad\n", out);
	assert_int_equal(fclose(out), 0);
	open_files();
	assert_int_equal(warned, 11);
	assert_non_null(strstr(warning, ": 990 more lines ignored"));
}

static void a_line_that_is_too_long_is_passed_over(void **state)
{
	FILE *out = fopen(f.user, "we");

	(void)state;
	assert_non_null(out);
	for (size_t i = 0; i < 3 * KNOWNHOSTS_LINE_MAX; i++)
		fputc('a', out);
	fputc('\n', out);
	write_line(out, "web1 %E1");
	for (size_t i = 0; i < KNOWNHOSTS_LINE_MAX + 1; i++)
		fputc('b', out);
	assert_int_equal(fclose(out), 0);
	open_files();
	assert_int_equal(warned, 2);
	assert_non_null(strstr(warning, ":3: the line is too long"));
	assert_int_equal(look_ed("web1", '1'), KNOWNHOSTS_KNOWN);
}

static void a_long_line_is_read(void **state)
{
	FILE *out = fopen(f.user, "we");

	(void)state;
	assert_non_null(out);
	for (int i = 0; i < 6000; i++)
		fprintf(out, "web%04d,", i);
	write_line(out, "last %E1");
	write_line(out, "web1 %E2");
	assert_int_equal(fclose(out), 0);
	open_files();
	assert_int_equal(warned, 0);
	assert_int_equal(look_ed("web4711", '1'), KNOWNHOSTS_KNOWN);
	assert_int_equal(look_ed("last", '1'), KNOWNHOSTS_KNOWN);
	assert_int_equal(look_ed("web1", '2'), KNOWNHOSTS_KNOWN);
}

static void crlf_and_a_missing_newline_are_fine(void **state)
{
	char key[KNOWN_TEXT_SIZE];
	FILE *out = fopen(f.user, "we");

	(void)state;
	assert_non_null(out);
	known_key_text(key, ED25519, '1');
	fprintf(out, "web1 %s\r\nweb2 %s", key, key);
	assert_int_equal(fclose(out), 0);
	open_files();
	assert_int_equal(look_ed("web1", '1'), KNOWNHOSTS_KNOWN);
	assert_int_equal(look_ed("web2", '1'), KNOWNHOSTS_KNOWN);
}

static void what_is_no_file_is_refused(void **state)
{
	char sentence[256];

	(void)state;
	assert_int_equal(mkdir(f.user, 0700), 0);
	assert_false(try_open(f.state));
	assert_int_equal(f.err.kind, ERR_INPUT);
	snprintf(sentence, sizeof(sentence),
	         "known hosts '%s': cannot read: Is a directory", f.user);
	assert_string_equal(f.err.text, sentence);
	assert_int_equal(rmdir(f.user), 0);
	assert_int_equal(mkfifo(f.user, 0600), 0);
	assert_false(try_open(f.state));
	assert_non_null(strstr(f.err.text, "': not a file"));
	assert_int_equal(unlink(f.user), 0);
	assert_int_equal(symlink("/dev/zero", f.user), 0);
	assert_false(try_open(f.state));
	assert_non_null(strstr(f.err.text, "': not a file"));
	assert_int_equal(unlink(f.user), 0);
	assert_int_equal(symlink("/dev/null", f.user), 0);
	assert_true(try_open(f.state));
}

static void a_file_that_is_too_large_is_refused(void **state)
{
	FILE *out = fopen(f.user, "we");

	(void)state;
	assert_non_null(out);
	assert_int_equal(fclose(out), 0);
	assert_int_equal(truncate(f.user, (off_t)KNOWNHOSTS_FILE_MAX + 1), 0);
	assert_false(try_open(f.state));
	assert_non_null(strstr(f.err.text, "': larger than 256 MiB"));
}

#define THREADS 8
#define HOSTS 200

/* Each thread meets each host, and all see one key of it. */
static void *meet_all(void *arg)
{
	size_t *wrong = arg;

	for (int i = 0; i < HOSTS; i++) {
		struct known_blob blob = known_blob(ED25519, (unsigned char)i);
		struct knownhosts_entry entry;
		char name[32], types[256];
		enum knownhosts_verdict verdict;

		snprintf(name, sizeof(name), "host%d", i);
		knownhosts_types(f.known, name, 22, types, sizeof(types));
		verdict = knownhosts_look(f.known, name, 22, blob.bytes,
		                          blob.length, &entry);
		if (verdict == KNOWNHOSTS_NEW)
			verdict = knownhosts_remember(
			    f.known, name, 22, blob.bytes, blob.length, &entry);
		*wrong += verdict != KNOWNHOSTS_KNOWN;
	}
	return NULL;
}

static void threads_together_write_each_host_once(void **state)
{
	pthread_t threads[THREADS];
	size_t wrong[THREADS] = { 0 };
	size_t lines = 0;
	FILE *in;
	int c;

	(void)state;
	open_files();
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, meet_all, &wrong[i]), 0);
	for (int i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_int_equal(wrong[i], 0);
	}
	in = fopen(f.state, "re");
	assert_non_null(in);
	while ((c = fgetc(in)) != EOF)
		lines += c == '\n';
	fclose(in);
	assert_int_equal(lines, HOSTS);
	assert_int_equal(warned, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		KNOWN_TEST(a_new_key_is_remembered_in_the_file),
		KNOWN_TEST(two_that_find_one_host_new_write_one_line),
		KNOWN_TEST(nothing_is_lost_between_two_processes),
		KNOWN_TEST(a_last_line_that_was_cut_off_does_no_harm),
		KNOWN_TEST(a_line_that_another_process_tore_does_no_harm),
		KNOWN_TEST(a_file_that_cannot_be_written_is_told_once),
		KNOWN_TEST(without_a_file_keys_are_remembered_for_the_run),
		KNOWN_TEST(a_name_that_would_mean_more_is_not_written),
		KNOWN_TEST(a_bad_line_is_told_and_reading_goes_on),
		KNOWN_TEST(many_bad_lines_are_counted),
		KNOWN_TEST(a_line_that_is_too_long_is_passed_over),
		KNOWN_TEST(a_long_line_is_read),
		KNOWN_TEST(crlf_and_a_missing_newline_are_fine),
		KNOWN_TEST(what_is_no_file_is_refused),
		KNOWN_TEST(a_file_that_is_too_large_is_refused),
		KNOWN_TEST(threads_together_write_each_host_once),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}

#include "inventory/knownhosts.h"

#include "inventory/knownhosts_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/known_fixture.h"
#include "tests/scratch.h"

#define ED25519 "ssh-ed25519"
#define ECDSA "ecdsa-sha2-nistp256"

static struct {
	char folder[64];
	char user[96], state[96]; /* files */
	struct knownhosts *known;
	struct knownhosts_entry entry;
	struct err err;
} f;

static pthread_mutex_t warned_lock = PTHREAD_MUTEX_INITIALIZER;
static size_t warned;
static char warning[ERR_TEXT_SIZE];

static void warn(const char *sentence)
{
	pthread_mutex_lock(&warned_lock);
	warned++;
	snprintf(warning, sizeof(warning), "%s", sentence);
	pthread_mutex_unlock(&warned_lock);
}

static int set_up(void **state)
{
	(void)state;
	memset(&f, 0, sizeof(f));
	warned = 0;
	snprintf(f.folder, sizeof(f.folder), "/tmp/test_knownhosts.XXXXXX");
	if (!scratch_make(f.folder))
		return -1;
	snprintf(f.user, sizeof(f.user), "%s/known_hosts", f.folder);
	snprintf(f.state, sizeof(f.state), "%s/state/sshinv/known_hosts",
	         f.folder);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	knownhosts_close(f.known);
	return scratch_remove(f.folder) ? 0 : -1;
}

/* "%E1" in a line is an ed25519 key, "%P1" one of nistp256; "%Hname%" is the
 * name hashed. */
static void write_line(FILE *out, const char *line)
{
	for (; *line != '\0'; line++) {
		char part[KNOWN_TEXT_SIZE], hashed[65];
		const char *end;

		if (*line != '%') {
			fputc(*line, out);
			continue;
		}
		line++;
		if (*line == 'H') {
			end = strchr(line, '%');
			assert_non_null(end);
			assert_true(end - line < (long)sizeof(part));
			memcpy(part, line + 1, (size_t)(end - line - 1));
			part[end - line - 1] = '\0';
			known_hashed_name(hashed, part,
			                  (unsigned char)ftell(out));
			fputs(hashed, out);
			line = end;
			continue;
		}
		known_key_text(part, *line == 'E' ? ED25519 : ECDSA,
		               (unsigned char)line[1]);
		fputs(part, out);
		line++;
	}
	fputc('\n', out);
}

static void write_file(const char *path, const char *const *lines)
{
	FILE *out = fopen(path, "we");

	assert_non_null(out);
	for (; *lines != NULL; lines++)
		write_line(out, *lines);
	assert_int_equal(fclose(out), 0);
}

#define LINES(...) ((const char *const[]){ __VA_ARGS__, NULL })

static bool try_open(const char *append_to)
{
	const char *files[] = { f.user };
	const struct knownhosts_settings settings = {
		.files = files,
		.file_count = 1,
		.append_to = append_to,
		.warn = warn,
	};

	knownhosts_close(f.known);
	f.known = NULL;
	return knownhosts_open(&f.known, &settings, &f.err);
}

static void open_files(void)
{
	assert_true(try_open(f.state));
}

static void open_with(const char *const *lines)
{
	write_file(f.user, lines);
	open_files();
	assert_int_equal(warned, 0);
}

static enum knownhosts_verdict look(const char *host, uint16_t port,
                                    const char *type, char filler)
{
	struct known_blob blob = known_blob(type, (unsigned char)filler);

	f.entry = (struct knownhosts_entry){ .file = "" };
	return knownhosts_look(f.known, host, port, blob.bytes, blob.length,
	                       &f.entry);
}

static enum knownhosts_verdict look_ed(const char *host, char filler)
{
	return look(host, 22, ED25519, filler);
}

static enum knownhosts_verdict remember(const char *host, uint16_t port,
                                        char filler)
{
	struct known_blob blob = known_blob(ED25519, (unsigned char)filler);

	return knownhosts_remember(f.known, host, port, blob.bytes, blob.length,
	                           &f.entry);
}

static void assert_entry(const char *file, size_t line, const char *type,
                         char filler)
{
	char sha256[64];

	known_fingerprint(sha256, type, (unsigned char)filler);
	assert_string_equal(f.entry.file, file);
	assert_int_equal(f.entry.line, line);
	assert_string_equal(f.entry.type, type);
	assert_string_equal(f.entry.sha256, sha256);
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

static void no_file_knows_nobody(void **state)
{
	struct stat st;

	(void)state;
	open_files();
	assert_int_equal(look_ed("web1", '1'), KNOWNHOSTS_NEW);
	assert_types("web1", 22, "");
	/* And none is made for that. */
	assert_int_not_equal(stat(f.state, &st), 0);
	assert_int_equal(warned, 0);
}

static void a_plain_line_knows_its_names(void **state)
{
	(void)state;
	open_with(LINES("web0 %E0", "Web1,10.0.0.1,::1 %E1", "web2 %P1"));
	assert_int_equal(look_ed("web1", '1'), KNOWNHOSTS_KNOWN);
	assert_int_equal(look_ed("WEB1", '1'), KNOWNHOSTS_KNOWN);
	assert_int_equal(look_ed("10.0.0.1", '1'), KNOWNHOSTS_KNOWN);
	assert_int_equal(look_ed("::1", '1'), KNOWNHOSTS_KNOWN);
	assert_int_equal(look_ed("web10", '1'), KNOWNHOSTS_NEW);
	assert_int_equal(look_ed("web1", '2'), KNOWNHOSTS_CHANGED);
	assert_entry(f.user, 2, ED25519, '1');
	assert_types("web1", 22, ED25519);
	assert_types("web2", 22, ECDSA);
}

static void a_host_may_have_several_keys(void **state)
{
	(void)state;
	open_with(LINES("web1 %E1", "web1 %P2", "web1 %E3"));
	assert_int_equal(look_ed("web1", '1'), KNOWNHOSTS_KNOWN);
	assert_int_equal(look_ed("web1", '3'), KNOWNHOSTS_KNOWN);
	assert_int_equal(look("web1", 22, ECDSA, '2'), KNOWNHOSTS_KNOWN);
	assert_int_equal(look_ed("web1", '2'), KNOWNHOSTS_CHANGED);
	assert_entry(f.user, 1, ED25519, '1');
}

/* Else whoever sits in between would choose a type that is not known. */
static void a_key_of_another_type_is_a_change(void **state)
{
	(void)state;
	open_with(LINES("web1 %P1", "%Hweb2% %P2", "web* %P3"));
	assert_int_equal(look_ed("web1", '9'), KNOWNHOSTS_CHANGED);
	assert_entry(f.user, 1, ECDSA, '1');
	assert_int_equal(look_ed("web2", '9'), KNOWNHOSTS_CHANGED);
	assert_int_equal(look_ed("web3", '9'), KNOWNHOSTS_CHANGED);
	assert_entry(f.user, 3, ECDSA, '3');
}

static void a_hashed_line_knows_its_name(void **state)
{
	(void)state;
	open_with(LINES("%Hweb0% %E1", "%Hweb1% %E1", "%Hweb2% %E2",
	                "%H[web3]:2200% %E3"));
	assert_int_equal(look_ed("web1", '1'), KNOWNHOSTS_KNOWN);
	assert_int_equal(look_ed("web2", '2'), KNOWNHOSTS_KNOWN);
	assert_int_equal(look_ed("web4", '1'), KNOWNHOSTS_NEW);
	assert_int_equal(look_ed("web1", '2'), KNOWNHOSTS_CHANGED);
	assert_entry(f.user, 2, ED25519, '1');
	assert_int_equal(look("web3", 2200, ED25519, '3'), KNOWNHOSTS_KNOWN);
	assert_int_equal(look("web3", 2200, ED25519, '4'), KNOWNHOSTS_CHANGED);
	assert_int_equal(look_ed("web3", '3'), KNOWNHOSTS_NEW);
}

/* So that the next handshake asks for it. */
static void what_a_hashed_line_has_is_known_after_a_change(void **state)
{
	(void)state;
	open_with(LINES("%Hweb1% %P1"));
	assert_types("web1", 22, "");
	assert_int_equal(look_ed("web1", '9'), KNOWNHOSTS_CHANGED);
	assert_types("web1", 22, ECDSA);
	assert_int_equal(look("web1", 22, ECDSA, '1'), KNOWNHOSTS_KNOWN);
	assert_int_equal(look_ed("web1", '9'), KNOWNHOSTS_CHANGED);
	assert_entry(f.user, 1, ECDSA, '1');
}

static void another_port_is_another_host(void **state)
{
	(void)state;
	open_with(LINES("web1 %E1", "[web1]:2200 %E2", "[::1]:2200 %E3"));
	assert_int_equal(look("web1", 2200, ED25519, '2'), KNOWNHOSTS_KNOWN);
	assert_int_equal(look("web1", 2200, ED25519, '1'), KNOWNHOSTS_CHANGED);
	assert_entry(f.user, 2, ED25519, '2');
	assert_int_equal(look("web1", 22, ED25519, '2'), KNOWNHOSTS_CHANGED);
	assert_int_equal(look("::1", 2200, ED25519, '3'), KNOWNHOSTS_KNOWN);
	assert_int_equal(look("::1", 22, ED25519, '3'), KNOWNHOSTS_NEW);
}

/* As OpenSSH: "found matching key w/out port". */
static void without_a_line_for_the_port_the_hosts_own_key_will_do(void **state)
{
	(void)state;
	open_with(LINES("web1 %E1", "@revoked web2 %E2", "%Hweb3% %E3"));
	assert_int_equal(look("web1", 2200, ED25519, '1'), KNOWNHOSTS_KNOWN);
	assert_int_equal(look("web1", 2200, ED25519, '9'), KNOWNHOSTS_NEW);
	assert_types("web1", 2200, ED25519);
	assert_int_equal(look("web2", 2200, ED25519, '2'), KNOWNHOSTS_REVOKED);
	assert_int_equal(look("web3", 2200, ED25519, '3'), KNOWNHOSTS_KNOWN);
	assert_int_equal(look("web3", 2200, ED25519, '9'), KNOWNHOSTS_NEW);
}

static void patterns_and_negation_count(void **state)
{
	(void)state;
	open_with(LINES("*.example.com,!bad.example.com %E1", "10.0.?.1 %P2",
	                "[10.9.*]:2200 %E3"));
	assert_int_equal(look_ed("a.example.com", '1'), KNOWNHOSTS_KNOWN);
	assert_int_equal(look_ed("A.Example.com", '2'), KNOWNHOSTS_CHANGED);
	assert_entry(f.user, 1, ED25519, '1');
	assert_int_equal(look_ed("bad.example.com", '1'), KNOWNHOSTS_NEW);
	assert_types("10.0.7.1", 22, ECDSA);
	assert_int_equal(look("10.9.1.1", 2200, ED25519, '3'),
	                 KNOWNHOSTS_KNOWN);
	assert_int_equal(look_ed("10.9.1.1", '3'), KNOWNHOSTS_NEW);
}

static void a_revoked_key_is_refused_wherever_it_is_known_too(void **state)
{
	(void)state;
	open_with(LINES("web1 %E1", "@revoked * %E1", "web2 %E2",
	                "@revoked web2 %E2", "%Hweb3% %E3",
	                "@revoked %Hweb3% %E3", "@revoked web4 %E4"));
	assert_int_equal(look_ed("web1", '1'), KNOWNHOSTS_REVOKED);
	assert_entry(f.user, 2, ED25519, '1');
	assert_int_equal(look_ed("new", '1'), KNOWNHOSTS_REVOKED);
	assert_int_equal(look_ed("web2", '2'), KNOWNHOSTS_REVOKED);
	assert_entry(f.user, 4, ED25519, '2');
	assert_int_equal(look_ed("web3", '3'), KNOWNHOSTS_REVOKED);
	assert_entry(f.user, 6, ED25519, '3');
	/* A key that is revoked is none that is known. */
	assert_int_equal(look_ed("web4", '5'), KNOWNHOSTS_NEW);
	assert_types("web4", 22, "");
}

static void a_signers_key_is_no_hosts_key(void **state)
{
	(void)state;
	open_with(LINES("@cert-authority * %E1", "web1 %E2"));
	assert_int_equal(look_ed("web1", '2'), KNOWNHOSTS_KNOWN);
	assert_int_equal(look_ed("web1", '1'), KNOWNHOSTS_CHANGED);
	assert_int_equal(look_ed("web2", '1'), KNOWNHOSTS_NEW);
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(no_file_knows_nobody),
		TEST(a_plain_line_knows_its_names),
		TEST(a_host_may_have_several_keys),
		TEST(a_key_of_another_type_is_a_change),
		TEST(a_hashed_line_knows_its_name),
		TEST(what_a_hashed_line_has_is_known_after_a_change),
		TEST(another_port_is_another_host),
		TEST(without_a_line_for_the_port_the_hosts_own_key_will_do),
		TEST(patterns_and_negation_count),
		TEST(a_revoked_key_is_refused_wherever_it_is_known_too),
		TEST(a_signers_key_is_no_hosts_key),
		TEST(a_new_key_is_remembered_in_the_file),
		TEST(two_that_find_one_host_new_write_one_line),
		TEST(nothing_is_lost_between_two_processes),
		TEST(a_last_line_that_was_cut_off_does_no_harm),
		TEST(a_file_that_cannot_be_written_is_told_once),
		TEST(without_a_file_keys_are_remembered_for_the_run),
		TEST(a_name_that_would_mean_more_is_not_written),
		TEST(a_bad_line_is_told_and_reading_goes_on),
		TEST(many_bad_lines_are_counted),
		TEST(a_line_that_is_too_long_is_passed_over),
		TEST(a_long_line_is_read),
		TEST(crlf_and_a_missing_newline_are_fine),
		TEST(what_is_no_file_is_refused),
		TEST(a_file_that_is_too_large_is_refused),
		TEST(threads_together_write_each_host_once),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}

#include "tests/knownhosts_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <pthread.h>
#include <string.h>

#include <cmocka.h>

#include "tests/known_fixture.h"
#include "tests/scratch.h"

struct known_files f;

static pthread_mutex_t warned_lock = PTHREAD_MUTEX_INITIALIZER;
size_t warned;
char warning[ERR_TEXT_SIZE];

static void warn(const char *sentence)
{
	pthread_mutex_lock(&warned_lock);
	warned++;
	snprintf(warning, sizeof(warning), "%s", sentence);
	pthread_mutex_unlock(&warned_lock);
}

int set_up(void **state)
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

int tear_down(void **state)
{
	(void)state;
	knownhosts_close(f.known);
	return scratch_remove(f.folder) ? 0 : -1;
}

void write_line(FILE *out, const char *line)
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

void write_file(const char *path, const char *const *lines)
{
	FILE *out = fopen(path, "we");

	assert_non_null(out);
	for (; *lines != NULL; lines++)
		write_line(out, *lines);
	assert_int_equal(fclose(out), 0);
}

bool try_open(const char *append_to)
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

void open_files(void)
{
	assert_true(try_open(f.state));
}

void open_with(const char *const *lines)
{
	write_file(f.user, lines);
	open_files();
	assert_int_equal(warned, 0);
}

enum knownhosts_verdict look(const char *host, uint16_t port, const char *type,
                             char filler)
{
	struct known_blob blob = known_blob(type, (unsigned char)filler);

	f.entry = (struct knownhosts_entry){ .file = "" };
	return knownhosts_look(f.known, host, port, blob.bytes, blob.length,
	                       &f.entry);
}

enum knownhosts_verdict look_ed(const char *host, char filler)
{
	return look(host, 22, ED25519, filler);
}

void assert_entry(const char *file, size_t line, const char *type, char filler)
{
	char sha256[64];

	known_fingerprint(sha256, type, (unsigned char)filler);
	assert_string_equal(f.entry.file, file);
	assert_int_equal(f.entry.line, line);
	assert_string_equal(f.entry.type, type);
	assert_string_equal(f.entry.sha256, sha256);
}

/*
 * What known hosts cost where there are many of them.
 *
 *     bench_known N       reads a file of N hashed lines, a key each, and
 *                         measures: the table, a known key, an unknown one,
 *                         and one key that all lines share
 *     bench_known -l N    only prints these lines
 *
 * Line i knows "hostI.example.com" by the ed25519 key whose bytes are i.
 */
#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "inventory/knownhosts.h"

#define BLOB_SIZE 51
#define LOOKS 2000
#define SLOW_LOOKS 50

/* Of this thread, so that others on the machine count less. */
static int64_t cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static void make_name(char name[static 64], unsigned i)
{
	snprintf(name, 64, "host%u.example.com", i);
}

static void make_key(unsigned char blob[static BLOB_SIZE], unsigned i)
{
	static const char front[] = "\0\0\0\013ssh-ed25519\0\0\0 ";

	memset(blob, 0, BLOB_SIZE);
	memcpy(blob, front, sizeof(front) - 1);
	memcpy(blob + sizeof(front) - 1, &i, sizeof(i));
}

static void print_base64(FILE *out, const unsigned char *bytes, int count)
{
	unsigned char text[128];

	EVP_EncodeBlock(text, bytes, count);
	fputs((const char *)text, out);
}

static void print_line(FILE *out, unsigned i, unsigned key)
{
	unsigned char salt[20] = { 0 }, hash[20], blob[BLOB_SIZE];
	unsigned length = sizeof(hash);
	char name[64];

	memcpy(salt, &i, sizeof(i));
	make_name(name, i);
	HMAC(EVP_sha1(), salt, sizeof(salt), (const unsigned char *)name,
	     strlen(name), hash, &length);
	make_key(blob, key);
	fputs("|1|", out);
	print_base64(out, salt, sizeof(salt));
	fputc('|', out);
	print_base64(out, hash, sizeof(hash));
	fputs(" ssh-ed25519 ", out);
	print_base64(out, blob, sizeof(blob));
	fputc('\n', out);
}

static bool write_file(const char *path, unsigned lines, bool shared)
{
	FILE *out = fopen(path, "we");

	if (out == NULL)
		return false;
	for (unsigned i = 0; i < lines; i++)
		print_line(out, i, shared ? 0 : i);
	return fclose(out) == 0;
}

static struct knownhosts *open_file(const char *path)
{
	const struct knownhosts_settings settings = { .files = &path,
		                                      .file_count = 1 };
	struct knownhosts *known = NULL;
	struct err err;

	if (!knownhosts_open(&known, &settings, &err))
		fprintf(stderr, "%s\n", err.text);
	return known;
}

/* Microseconds for one look at each of some hosts that have key i + shift. */
static double look(struct knownhosts *known, unsigned lines, unsigned looks,
                   unsigned shift, bool shared,
                   enum knownhosts_verdict expected)
{
	int64_t begin = cpu_ns();

	for (unsigned k = 0; k < looks; k++) {
		unsigned i = (unsigned)((unsigned long long)k * lines / looks);
		struct knownhosts_entry entry;
		unsigned char blob[BLOB_SIZE];
		char name[64];

		make_name(name, i + shift);
		make_key(blob, shared ? 0 : i + shift);
		if (knownhosts_look(known, name, 22, blob, sizeof(blob),
		                    &entry) != expected) {
			fprintf(stderr, "a wrong verdict of %s\n", name);
			/* NOLINTNEXTLINE(concurrency-mt-unsafe): one thread */
			exit(EXIT_FAILURE);
		}
	}
	return (double)(cpu_ns() - begin) / 1000 / looks;
}

static bool measure(const char *path, unsigned lines)
{
	size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
	int64_t begin = cpu_ns();
	struct knownhosts *known = open_file(path);
	int64_t took = cpu_ns() - begin;
	size_t bytes = mallinfo2().uordblks + mallinfo2().hblkhd - before;

	if (known == NULL)
		return false;
	printf("%u hashed lines: read in %.0f ms, %.1f MiB, %.0f bytes a "
	       "line\n",
	       lines, (double)took / 1e6, (double)bytes / 1048576,
	       (double)bytes / lines);
	printf("a known key: %.2f us\n",
	       look(known, lines, LOOKS, 0, false, KNOWNHOSTS_KNOWN));
	printf("an unknown key: %.0f us\n",
	       look(known, lines, SLOW_LOOKS, lines, false, KNOWNHOSTS_NEW));
	knownhosts_close(known);
	return true;
}

static bool measure_shared(const char *path, unsigned lines)
{
	struct knownhosts *known = open_file(path);

	if (known == NULL)
		return false;
	printf("a known key that all lines share: %.0f us\n",
	       look(known, lines, SLOW_LOOKS, 0, true, KNOWNHOSTS_KNOWN));
	knownhosts_close(known);
	return true;
}

int main(int argc, char **argv)
{
	bool list = argc == 3 && strcmp(argv[1], "-l") == 0;
	unsigned long lines =
	    argc > 1 ? strtoul(argv[argc - 1], NULL, 10) : 100000;
	char path[] = "/tmp/bench_known.XXXXXX";
	bool ok;
	int fd;

	if (lines == 0 || lines > 10000000)
		return EXIT_FAILURE;
	for (unsigned i = 0; list && i < lines; i++)
		print_line(stdout, i, i);
	if (list)
		return ferror(stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
	fd = mkstemp(path);
	if (fd < 0)
		return EXIT_FAILURE;
	close(fd);
	ok = write_file(path, (unsigned)lines, false) &&
	     measure(path, (unsigned)lines) &&
	     write_file(path, (unsigned)lines, true) &&
	     measure_shared(path, (unsigned)lines);
	unlink(path);
	return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

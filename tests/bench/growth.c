/*
 * What grows with the hosts of a run, without hosts.
 *
 *     bench_growth -l             prints what can be asked for
 *     bench_growth WHAT N         does it with N hosts
 *
 * growth.sh counts the instructions of N, 2 N and 4 N: each host of the second
 * half has to cost what one of the first half did.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/jobs.h"
#include "cli/retryfile.h"
#include "inventory/guard.h"
#include "inventory/knownhosts.h"
#include "inventory/pins.h"
#include "inventory/targets.h"

#include "tests/scratch.h"

#define MOST 1000000

static char folder[] = "/tmp/bench-growth.XXXXXX";
static char path[sizeof(folder) + 8];

static const char *address_of(unsigned i)
{
	static char text[16];

	snprintf(text, sizeof(text), "10.%u.%u.%u", i >> 16 & 255, i >> 8 & 255,
	         i & 255);
	return text;
}

/* A line for each host. */
static bool write_file(unsigned count, void (*line)(FILE *out, unsigned i))
{
	FILE *out = fopen(path, "w");

	if (out == NULL)
		return false;
	for (unsigned i = 0; i < count; i++)
		line(out, i);
	return fclose(out) == 0;
}

static void host_line(FILE *out, unsigned i)
{
	fprintf(out, "%s:22 root -\n", address_of(i));
}

static void address_line(FILE *out, unsigned i)
{
	fprintf(out, "%s\n", address_of(i));
}

/* A hundred hosts in a group. */
static void ini_line(FILE *out, unsigned i)
{
	if (i % 100 == 0)
		fprintf(out, "[group%u]\n", i / 100);
	fprintf(out, "web%u ansible_host=%s ansible_user=u\n", i,
	        address_of(i));
}

static bool count_out(const struct targets_settings *settings, unsigned count,
                      unsigned excluded)
{
	struct targets *targets = NULL;
	enum host_read got;
	struct host host;
	struct err err;
	size_t left_out;
	unsigned read = 0;

	if (!targets_open(&targets, settings, &err))
		return false;
	while ((got = targets_next(targets, &host, NULL, &err)) == HOST_READ)
		read++;
	left_out = targets_excluded(targets);
	targets_close(targets);
	return got == HOST_END && read == count && left_out == excluded;
}

#define SETTINGS                                                               \
	{                                                                      \
		.defaults = { .port = 22,                                      \
			      .may_lack_user = true,                           \
			      .may_lack_password = true },                     \
		.cancel_fd = -1                                                \
	}

static bool a_host_file(unsigned count)
{
	struct targets_settings settings = SETTINGS;

	settings.host_file = path;
	return write_file(count, host_line) && count_out(&settings, count, 0);
}

static bool shuffled(unsigned count)
{
	struct targets_settings settings = SETTINGS;

	settings.host_file = path;
	settings.shuffle = true;
	return write_file(count, host_line) && count_out(&settings, count, 0);
}

static bool excluded(unsigned count)
{
	struct targets_settings settings = SETTINGS;
	char word[sizeof(path) + 1];
	const char *words = word;

	snprintf(word, sizeof(word), "@%s", path);
	settings.lists = &words;
	settings.list_count = 1;
	settings.excludes = &words;
	settings.exclude_count = 1;
	return write_file(count, address_line) &&
	       count_out(&settings, 0, count);
}

static bool an_inventory(unsigned count)
{
	struct targets_settings settings = SETTINGS;

	settings.inventory = path;
	return write_file(count, ini_line) && count_out(&settings, count, 0);
}

/* All wait for another attempt, at times of their own, then all come back. */
static bool waiting(unsigned count)
{
	struct jobs jobs = { .wake_fd = -1 };
	nanoseconds never = INT64_MAX;
	struct err err;
	struct job *job;
	bool ok = jobs_open(&jobs, &err);

	for (unsigned i = 0; ok && i < count; i++) {
		job = job_new(NULL);
		ok = job != NULL;
		if (!ok)
			break;
		job->progress.attempts = 1 + i % 5;
		jobs_begin(&jobs, job);
		ok = jobs_try_again(&jobs, job, never);
	}
	while (ok && (job = jobs_due(&jobs, true)) != NULL)
		jobs_end(&jobs, job);
	return ok;
}

/* All failed; then none of them is in the host file any more. */
static bool a_retry_file(unsigned count)
{
	struct retryfile *file = NULL;
	struct host host = { .port = 22, .user = "root" };
	struct err err;
	size_t gone = 0;
	bool ok = retryfile_open(&file, path, 22, &err);

	for (unsigned i = 0; ok && i < count; i++) {
		snprintf(host.ip, sizeof(host.ip), "%s", address_of(i));
		ok = retryfile_note_failed(file, &host);
	}
	return ok && retryfile_close(file, true, &gone, &err) && gone == 0 &&
	       retryfile_open(&file, path, 22, &err) &&
	       retryfile_close(file, true, &gone, &err) && gone == count;
}

/* A password of its own for each. */
static bool credentials(unsigned count)
{
	struct guard *guard = NULL;
	struct wait wait = { .cancel_fd = -1 };
	struct err err;
	bool ok = guard_open(&guard, 3, &err);

	for (unsigned i = 0; ok && i < count; i++) {
		struct guard_place place = { .credential = NULL };

		ok = guard_enter(guard, &place, "root", address_of(i), &wait,
		                 1000, &err);
		guard_leave(guard, &place, GUARD_ACCEPTED);
	}
	guard_close(guard);
	return ok;
}

static bool new_keys(unsigned count)
{
	static const unsigned char front[] = "\0\0\0\013ssh-ed25519\0\0\0 ";
	unsigned char blob[sizeof(front) - 1 + 32] = { 0 };
	struct knownhosts_settings settings = { .append_to = path };
	struct knownhosts *known = NULL;
	struct knownhosts_entry entry;
	struct err err;
	bool ok = knownhosts_open(&known, &settings, &err);

	memcpy(blob, front, sizeof(front) - 1);
	for (unsigned i = 0; ok && i < count; i++) {
		const char *host = address_of(i);

		memcpy(blob + sizeof(front) - 1, &i, sizeof(i));
		ok = knownhosts_look(known, host, 22, blob, sizeof(blob),
		                     &entry) == KNOWNHOSTS_NEW &&
		     knownhosts_remember(known, host, 22, blob, sizeof(blob),
		                         &entry) == KNOWNHOSTS_KNOWN;
	}
	knownhosts_close(known);
	return ok;
}

static bool pinned(unsigned count)
{
	struct pins *pins = NULL;
	struct pin pin;
	struct err err;
	bool ok = pins_open(&pins, &err), in_history;

	for (unsigned i = 0; ok && i < count; i++)
		ok = pins_look(pins, address_of(i), 22, "ssh-ed25519",
		               address_of(i), &pin, &in_history) == PINS_NEW;
	pins_close(pins);
	return ok;
}

static const struct part {
	const char *name;
	bool (*run)(unsigned count);
} parts[] = {
	{ "host-file", a_host_file },
	{ "shuffle", shuffled },
	{ "exclude", excluded },
	{ "inventory", an_inventory },
	{ "waiting", waiting },
	{ "retry-file", a_retry_file },
	{ "credentials", credentials },
	{ "new-keys", new_keys },
	{ "pins", pinned },
};

#define PARTS (sizeof(parts) / sizeof(parts[0]))

static bool run_part(const char *name, unsigned count)
{
	bool ok = false;

	if (!scratch_make(folder))
		return false;
	snprintf(path, sizeof(path), "%s/file", folder);
	for (size_t i = 0; i < PARTS; i++) {
		if (strcmp(parts[i].name, name) == 0)
			ok = parts[i].run(count);
	}
	return scratch_remove(folder) && ok;
}

int main(int argc, char **argv)
{
	unsigned long count = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;

	if (argc == 2 && strcmp(argv[1], "-l") == 0) {
		for (size_t i = 0; i < PARTS; i++)
			puts(parts[i].name);
		return EXIT_SUCCESS;
	}
	if (count == 0 || count > MOST) {
		fputs("usage: bench_growth -l | WHAT N\n", stderr);
		return EXIT_FAILURE;
	}
	return run_part(argv[1], (unsigned)count) ? EXIT_SUCCESS : EXIT_FAILURE;
}

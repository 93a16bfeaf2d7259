/*
 * Nothing is left of a probe, however and wherever it ended. What is counted is
 * every block of ours, of libssh2, OpenSSL and c-ares, which all get their
 * memory through us; so this needs no sanitizer.
 */
#include "inventory/probe.h"

#include "tests/fleet/process.h"
#include "tests/net_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct process fleet;

static long live; /* blocks */

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);

void *__wrap_malloc(size_t size)
{
	void *block = __real_malloc(size);

	live += block != NULL;
	return block;
}

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);

void *__wrap_calloc(size_t count, size_t size)
{
	void *block = __real_calloc(count, size);

	live += block != NULL;
	return block;
}

void *__real_realloc(void *block, size_t size);
void *__wrap_realloc(void *block, size_t size);

void *__wrap_realloc(void *block, size_t size)
{
	bool fresh = block == NULL;

	block = __real_realloc(block, size);
	live += fresh && block != NULL;
	return block;
}

void __real_free(void *block);
void __wrap_free(void *block);

void __wrap_free(void *block)
{
	live -= block != NULL;
	__real_free(block);
}

/* A clock that leaps over every deadline at the n-th look; 0: it does not. */
static struct {
	unsigned long leap_in;
	long leapt_s;
} watch;

int __real_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now);

int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
	int rc = __real_clock_gettime(clock, now);

	if (watch.leap_in > 0 && --watch.leap_in == 0)
		watch.leapt_s = 2 * PLENTY_MS / 1000;
	now->tv_sec += watch.leapt_s;
	return rc;
}

/* --- probes --------------------------------------------------------------- */

static struct probe plain, with_command;

/* True when the clock leapt meanwhile. */
static bool visit(const struct probe *probe, const char *ip,
                  unsigned long leap_in)
{
	struct probe_progress progress = { .begin = 0 };
	struct record *record = record_new();
	bool leapt;

	assert_non_null(record);
	snprintf(record->host.ip, sizeof(record->host.ip), "%s", ip);
	strcpy(record->host.user, "root");
	strcpy(record->host.password, "fleet-secret");
	record->host.has_password = true;
	record->host.is_name = strcmp(ip, "localhost") == 0;
	record->host.port = fleet.port;
	watch.leapt_s = 0;
	watch.leap_in = leap_in;
	if (probe_run(probe, record, &progress, -1) != PROBE_DONE)
		probe_give_up(probe, record, &progress);
	leapt = watch.leapt_s > 0;
	watch.leap_in = 0;
	watch.leapt_s = 0;
	record_free(record);
	return leapt;
}

/* All kinds that end by themselves; see `fleet --list`. */
static const unsigned octets[] = { 1,  3,  6,  9,  10, 11, 12, 13, 14,
	                           15, 16, 20, 21, 22, 50, 51, 52, 53,
	                           54, 55, 57, 58, 59, 60, 61, 62, 63,
	                           64, 70, 71, 72, 75, 76, 79, 80, 81 };

#define OCTETS (sizeof(octets) / sizeof(octets[0]))

static void a_host_leaves_nothing_whatever_it_does(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2 * OCTETS; i++) {
		const struct probe *probe = i % 2 == 0 ? &plain : &with_command;
		long before = live;
		char ip[32];

		snprintf(ip, sizeof(ip), "127.%u.0.1", octets[i / 2]);
		visit(probe, ip, 0);
		if (live != before)
			fail_msg("%s: %ld blocks", ip, live - before);
	}
}

/* The deadline passes at each look at the clock in turn, which is at the latest
 * when something arrives. */
static void a_host_that_is_cut_short_leaves_nothing(void **state)
{
	static const char *const ips[] = { "127.1.0.1", "127.10.0.1",
		                           "127.13.0.1", "127.21.0.1",
		                           "localhost" };
	const size_t count = sizeof(ips) / sizeof(ips[0]);

	(void)state;
	for (size_t i = 0; i < 2 * count; i++) {
		const struct probe *probe = i % 2 == 0 ? &plain : &with_command;
		unsigned long cuts = 0;
		bool cut;

		do {
			long before = live;

			/* The first look of all sets the deadline. */
			cut = visit(probe, ips[i / 2], ++cuts + 1);
			if (live != before)
				fail_msg("%s, look %lu: %ld blocks", ips[i / 2],
				         cuts, live - before);
		} while (cut);
		assert_true(cuts > 20);
	}
}

static int set_up(void **state)
{
	const char *const words[] = { "--port", "0", NULL };
	struct probe_settings settings = { .dial.connect_timeout_ms = PLENTY_MS,
		                           .host_timeout_ms = PLENTY_MS };
	struct err err;

	(void)state;
	if (!process_start(&fleet, words) || !probe_library_init(&err) ||
	    !probe_init(&plain, &settings, &err))
		return -1;
	settings.command = "echo a";
	if (!probe_init(&with_command, &settings, &err))
		return -1;
	/* What OpenSSL makes once is made now. */
	for (size_t i = 0; i < OCTETS; i++) {
		char ip[32];

		snprintf(ip, sizeof(ip), "127.%u.0.2", octets[i]);
		visit(&plain, ip, 0);
	}
	visit(&plain, "localhost", 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	probe_release(&plain);
	probe_release(&with_command);
	probe_library_end();
	return process_stop(&fleet);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_host_leaves_nothing_whatever_it_does),
		cmocka_unit_test(a_host_that_is_cut_short_leaves_nothing),
	};

	return !!cmocka_run_group_tests(tests, set_up, tear_down);
}

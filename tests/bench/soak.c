/*
 * Many probes in one process, and what they leave behind: resident memory as
 * the run goes on, and the bytes in use on the heap when no probe is under way.
 * By hand; `ctest -L bench` only shows that it works.
 *
 *   soak [-n PROBES] [-j THREADS] [-e EVERY] [-k KIND[,KIND…]] [-t MS]
 *
 * It starts a fleet of its own and walks through these kinds of hosts, or a
 * mixture of well ones and all that end quickly. EVERY probes there is a line.
 * With -t every probe is cut short after so many milliseconds.
 */
#include "inventory/probe.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/fleet/process.h"

#define KINDS_MAX 64
#define THREADS_MAX 512

/* Hosts that never end by themselves are cut short: in the key exchange, if
 * the machine is fast enough. */
#define PATIENT_MS 30000
#define IMPATIENT_MS 60

static const char usual_kinds[] =
    "well,well,drop-in-kex,well,well,wrong-password,well,reset-at-once,well,"
    "motd,well,garbage,well,close-at-once,well,no-kex-reply,well,refused,well,"
    "drop-after-login,well,max-startups,well,hasty,well,no-common-kex,well,"
    "reset-after-banner,well,drop-in-answer,well,exit-1,well,http,well,"
    "close-after-banner,well,refuse-exec,well,keyboard-interactive,well,"
    "chacha,well,no-login,well,device,well,half-kexinit,well,expired";

struct kind {
	char name[32];
	unsigned octet;
	bool silent; /* ends by our deadline alone */
};

static struct {
	struct kind kinds[KINDS_MAX];
	size_t kind_count;
	unsigned long probes, every;
	unsigned threads;
	unsigned cut_ms; /* 0: they have time */
	uint16_t port;
	struct probe patient, impatient;
	atomic_ulong begun;
	atomic_ulong statuses[STATUS_COUNT];
	nanoseconds begin;
} soak = { .probes = 10000, .every = 0, .threads = 64 };

static void end(const char *why)
{
	fprintf(stderr, "soak: %s\n", why);
	_exit(EXIT_FAILURE); /* any thread may say so; the fleet ends with us */
}

static unsigned long resident_kib(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	char line[128], *second;
	unsigned long pages;

	if (file == NULL || fgets(line, sizeof(line), file) == NULL)
		end("cannot read /proc/self/statm");
	fclose(file);
	second = strchr(line, ' ');
	pages = second != NULL ? strtoul(second, NULL, 10) : 0;
	return pages * (unsigned long)sysconf(_SC_PAGESIZE) / 1024;
}

static void print_line(unsigned long probes)
{
	struct mallinfo2 heap = mallinfo2();
	double seconds = (double)(monotonic_ns() - soak.begin) / NS_PER_S;

	printf("| %lu | %lu | %zu | %zu | %.0f |\n", probes, resident_kib(),
	       (heap.uordblks + heap.hblkhd) / 1024, heap.arena / 1024,
	       seconds);
	fflush(stdout);
}

/* --- one probe ------------------------------------------------------------ */

static void ask(unsigned long number, struct record *record)
{
	const struct kind *kind = &soak.kinds[number % soak.kind_count];
	unsigned long host = number / soak.kind_count;
	struct probe_progress progress = { .begin = 0 };
	const struct probe *probe =
	    kind->silent ? &soak.impatient : &soak.patient;
	bool wrong = strcmp(kind->name, "wrong-password") == 0;

	snprintf(record->host.ip, sizeof(record->host.ip), "127.%u.%lu.%lu",
	         kind->octet, host / 250 % 250 + 1, host % 250 + 1);
	snprintf(record->host.user, sizeof(record->host.user), "%s",
	         wrong ? "admin" : "root");
	snprintf(record->host.password, sizeof(record->host.password),
	         "fleet-secret");
	record->host.has_password = true;
	record->host.port = strcmp(kind->name, "refused") == 0 ? 1 : soak.port;
	if (probe_run(probe, record, &progress, -1) != PROBE_DONE)
		probe_give_up(probe, record, &progress);
	atomic_fetch_add(&soak.statuses[record->status], 1);
}

static void *work(void *arg)
{
	(void)arg;
	for (;;) {
		unsigned long number = atomic_fetch_add(&soak.begun, 1);
		struct record *record;

		if (number >= soak.probes)
			return NULL;
		if (number > 0 && soak.every > 0 && number % soak.every == 0)
			print_line(number);
		record = record_new();
		if (record == NULL)
			end("out of memory");
		ask(number, record);
		record_free(record);
	}
}

static void run(unsigned long probes, unsigned long every)
{
	pthread_t threads[THREADS_MAX];

	soak.probes = probes;
	soak.every = every;
	atomic_store(&soak.begun, 0);
	for (unsigned i = 0; i < soak.threads; i++) {
		if (pthread_create(&threads[i], NULL, work, NULL) != 0)
			end("cannot start a thread");
	}
	for (unsigned i = 0; i < soak.threads; i++)
		pthread_join(threads[i], NULL);
}

/* --- what to ask ---------------------------------------------------------- */

/* 0 when list, the output of `fleet --list`, has none of this name. Its lines:
 * octet, name, status, help, parted by tabs. */
static unsigned octet_of(const char *list, const char *name, bool *silent)
{
	static const char timeout[] = "timeout\t";
	char field[64];
	const char *at;

	snprintf(field, sizeof(field), "\t%s\t", name);
	at = strstr(list, field);
	if (at == NULL)
		return 0;
	*silent = strncmp(at + strlen(field), timeout, strlen(timeout)) == 0;
	while (at > list && at[-1] != '\n')
		at--;
	return (unsigned)strtoul(at, NULL, 10);
}

static void choose(const char *kinds)
{
	const char *const words[] = { "--list", NULL };
	char list[16384];
	size_t length;

	if (process_run(words, list, sizeof(list)) != 0)
		end("the fleet does not tell its kinds");
	for (; *kinds != '\0'; kinds += length + (kinds[length] == ',')) {
		struct kind *kind = &soak.kinds[soak.kind_count];

		length = strcspn(kinds, ",");
		if (soak.kind_count == KINDS_MAX ||
		    length >= sizeof(kind->name))
			end("too many kinds");
		memcpy(kind->name, kinds, length);
		kind->octet = octet_of(list, kind->name, &kind->silent);
		if (kind->octet == 0)
			end("there is no such kind");
		soak.kind_count++;
	}
	if (soak.kind_count == 0)
		end("no kind to ask");
}

static unsigned long number_of(const char *text, unsigned long most)
{
	char *rest = NULL;
	unsigned long number;

	errno = 0;
	number = strtoul(text, &rest, 10);
	if (errno != 0 || *rest != '\0' || number < 1 || number > most)
		end("not a number in range");
	return number;
}

/* The kinds to ask, or NULL. */
static const char *parse(int argc, char **argv)
{
	const char *kinds = usual_kinds;

	for (;;) {
		/* NOLINTNEXTLINE(concurrency-mt-unsafe): no threads yet */
		switch (getopt(argc, argv, "n:j:e:k:t:")) {
		case 'n':
			soak.probes = number_of(optarg, 1000000000);
			break;
		case 'j':
			soak.threads = (unsigned)number_of(optarg, THREADS_MAX);
			break;
		case 'e':
			soak.every = number_of(optarg, 1000000000);
			break;
		case 'k':
			kinds = optarg;
			break;
		case 't':
			soak.cut_ms = (unsigned)number_of(optarg, PATIENT_MS);
			break;
		case -1:
			if (soak.every == 0)
				soak.every = soak.probes / 10 + 1;
			return kinds;
		default:
			return NULL;
		}
	}
}

static void make_probes(void)
{
	struct probe_settings settings = { .dial.connect_timeout_ms =
		                               PATIENT_MS,
		                           .host_timeout_ms = PATIENT_MS };
	struct err err;

	if (soak.cut_ms > 0)
		settings.host_timeout_ms = soak.cut_ms;
	if (!probe_library_init(&err) ||
	    !probe_init(&soak.patient, &settings, &err))
		end(err.text);
	settings.host_timeout_ms = IMPATIENT_MS;
	if (!probe_init(&soak.impatient, &settings, &err))
		end(err.text);
}

static void print_statuses(void)
{
	for (int i = 0; i < STATUS_COUNT; i++) {
		unsigned long count = atomic_load(&soak.statuses[i]);

		if (count > 0)
			printf("%s: %lu\n", status_name((enum status)i), count);
	}
}

int main(int argc, char **argv)
{
	const char *const words[] = { "--port", "0", NULL };
	const char *kinds;
	unsigned long probes, every;
	struct process fleet;
	size_t before, after;

	kinds = parse(argc, argv);
	if (kinds == NULL)
		return 2;
	choose(kinds);
	probes = soak.probes;
	every = soak.every;
	make_probes();
	if (!process_start(&fleet, words))
		return EXIT_FAILURE;
	soak.port = fleet.port;
	soak.begin = monotonic_ns();
	printf("| probes | resident KiB | in use KiB | heap KiB | seconds |\n"
	       "|---|---|---|---|---|\n");
	/* What is made once is made now. */
	run(4UL * soak.threads + 4 * soak.kind_count, 0);
	for (int i = 0; i < STATUS_COUNT; i++)
		atomic_store(&soak.statuses[i], 0);
	before = mallinfo2().uordblks;
	print_line(0);
	run(probes, every);
	after = mallinfo2().uordblks;
	print_line(probes);
	print_statuses();
	printf("left on the heap: %.1f bytes per probe\n",
	       ((double)after - (double)before) / (double)probes);
	probe_release(&soak.patient);
	probe_release(&soak.impatient);
	probe_library_end();
	return process_stop(&fleet);
}

/*
 * What do idle workers cost? Brings a pool to 2,000 threads with 64 KiB stacks
 * (another number: the first argument), lets all of them become idle and prints
 * the size of the process. For comparison: CPython with 2,000 threads in its
 * ThreadPoolExecutor has 210 MB virtual and 70 MB resident.
 *
 * The second row is after each worker has once called malloc(), as any real
 * task does: glibc then gives them up to 8 arenas per core and reserves 64 MiB
 * of address space for each. That is address space, not memory.
 *
 * The numbers are for reading, no limit is held against them. What fails (exit
 * status 1) is a pool that does not get its threads.
 */
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pool/pool.h"

enum { THREADS = 2000, STACK_SIZE = 64 * 1024 };

/* Tasks wait here, so that each needs a thread of its own. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t opened = PTHREAD_COND_INITIALIZER;
static bool gate_open;

static void gate_set(bool open)
{
	pthread_mutex_lock(&lock);
	gate_open = open;
	pthread_cond_broadcast(&opened);
	pthread_mutex_unlock(&lock);
}

static int run_waiting(void *arg, int cancel_fd)
{
	(void)arg;
	(void)cancel_fd;
	pthread_mutex_lock(&lock);
	while (!gate_open)
		pthread_cond_wait(&opened, &lock);
	pthread_mutex_unlock(&lock);
	return 0;
}

static int run_allocating(void *arg, int cancel_fd)
{
	void *volatile block = malloc(1);

	free(block);
	return run_waiting(arg, cancel_fd);
}

/* A field of /proc/self/status such as "VmRSS:", in KiB; -1 when unknown. */
static long status_kib(const char *field)
{
	FILE *file = fopen("/proc/self/status", "re");
	char line[256];
	long kib = -1;

	if (file == NULL)
		return -1;
	while (kib < 0 && fgets(line, sizeof(line), file) != NULL)
		if (strncmp(line, field, strlen(field)) == 0)
			kib = strtol(line + strlen(field), NULL, 10);
	fclose(file);
	return kib;
}

static void print_row(const char *what, unsigned idle)
{
	printf("%-28s %5u %9.1f %9.1f\n", what, idle,
	       (double)status_kib("VmSize:") * 1024 / 1e6,
	       (double)status_kib("VmRSS:") * 1024 / 1e6);
}

/* One task on each of n threads at the same time; then all are idle. */
static bool use_all(struct pool *pool, struct pool_future **futures, unsigned n,
                    int (*run)(void *, int))
{
	const struct pool_task task = { .run = run };
	struct pool_counts counts;
	unsigned submitted = 0;

	gate_set(false);
	while (submitted < n &&
	       pool_submit(pool, &task, &futures[submitted]) == 0)
		submitted++;
	gate_set(true);
	for (unsigned i = 0; i < submitted; i++) {
		pool_future_wait(futures[i], NULL);
		pool_future_free(futures[i]);
	}
	pool_counts(pool, &counts);
	if (submitted == n && counts.threads == n && counts.idle == n)
		return true;
	fprintf(stderr, "only %u of %u threads, %u starts refused\n",
	        counts.threads, n, counts.threads_refused);
	return false;
}

int main(int argc, char **argv)
{
	long wanted = argc > 1 ? strtol(argv[1], NULL, 10) : THREADS;
	unsigned n = wanted > 0 && wanted <= 100000 ? (unsigned)wanted : 1;
	struct pool_settings settings = { .threads_max = n,
		                          .queue_max = n,
		                          .stack_size = STACK_SIZE };
	struct pool_future **futures = calloc(n, sizeof(struct pool_future *));
	struct pool *pool = NULL;
	bool ok = false;

	if (futures == NULL || pool_open(&pool, &settings) != 0)
		goto out;
	printf("%-28s %5s %9s %9s\n", "", "idle", "VmSize MB", "VmRSS MB");
	print_row("before", 0);
	ok = use_all(pool, futures, n, run_waiting);
	if (!ok)
		goto out;
	print_row("idle", n);
	ok = use_all(pool, futures, n, run_allocating);
	if (ok)
		print_row("idle, malloc() was used", n);
out:
	pool_free(pool);
	free(futures);
	return ok ? 0 : 1;
}

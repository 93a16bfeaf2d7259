/*
 * To be preloaded: while the file CLOCKBACK of the environment exists, the
 * machine's clock is an hour behind. The monotonic clock goes on, as it does
 * when a clock is set.
 */
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define BACK_S 3600

static const char *file;

__attribute__((constructor)) static void start(void)
{
	file = getenv("CLOCKBACK"); /* NOLINT(concurrency-mt-unsafe) */
}

/* The C library's names of parameters are reserved ones. */
/* NOLINTBEGIN(readability-inconsistent-declaration-parameter-name) */

int clock_gettime(clockid_t clock, struct timespec *now)
{
	/* ISO C has no conversion of void * to a function pointer. */
	union {
		void *symbol;
		int (*call)(clockid_t, struct timespec *);
	} real = { .symbol = dlsym(RTLD_NEXT, "clock_gettime") };
	int failed = real.call(clock, now);

	if (failed == 0 && file != NULL && access(file, F_OK) == 0 &&
	    (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
		now->tv_sec -= BACK_S;
	return failed;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
	struct timespec precise;

	(void)zone;
	if (clock_gettime(CLOCK_REALTIME, &precise) != 0)
		return -1;
	now->tv_sec = precise.tv_sec;
	now->tv_usec = precise.tv_nsec / 1000;
	return 0;
}

time_t time(time_t *result)
{
	struct timespec now = { 0 };

	clock_gettime(CLOCK_REALTIME, &now);
	if (result != NULL)
		*result = now.tv_sec;
	return now.tv_sec;
}

/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */

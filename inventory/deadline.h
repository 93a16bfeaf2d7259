#pragma once

#include <stdint.h>
#include <time.h>

/*
 * Monotonic time in nanoseconds; every deadline in the program is an absolute
 * value of this clock, and every wait asks how much is left. An earlier of two
 * deadlines is simply the smaller number.
 */
typedef int64_t nanoseconds;

#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S INT64_C(1000000000)

static inline nanoseconds monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * NS_PER_S + now.tv_nsec;
}

/*
 * What is left, in the milliseconds that poll() takes: rounded up, so that a
 * wait never ends just before its deadline; 0 when it has passed.
 */
static inline int deadline_poll_ms(nanoseconds deadline)
{
	nanoseconds left = deadline - monotonic_ns();

	if (left <= 0)
		return 0;
	if (left > 3600 * NS_PER_S)
		return 3600 * 1000;
	return (int)((left + NS_PER_MS - 1) / NS_PER_MS);
}

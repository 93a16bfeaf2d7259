#pragma once

#include "inventory/deadline.h"

/*
 * A clock that the test moves on, for what the library sees of it. Wants the
 * linker's WRAP clock_gettime.
 */
static nanoseconds skew;

int __real_clock_gettime(clockid_t clock, struct timespec *time);
int __wrap_clock_gettime(clockid_t clock, struct timespec *time);

int __wrap_clock_gettime(clockid_t clock, struct timespec *time)
{
	int failed = __real_clock_gettime(clock, time);
	nanoseconds now = time->tv_sec * NS_PER_S + time->tv_nsec + skew;

	time->tv_sec = now / NS_PER_S;
	time->tv_nsec = now % NS_PER_S;
	return failed;
}

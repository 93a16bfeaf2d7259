#include "cli/limits.h"

#include <assert.h>
#include <sys/resource.h>

void limits_raise(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

/* Where all of them can have a command, or only so many. */
static rlim_t hosts_that_fit(rlim_t left, const struct limits_need *need)
{
	rlim_t fits = left / (need->per_host + LIMITS_PER_COMMAND);

	if (fits < need->commands)
		return fits;
	left -= (rlim_t)need->commands * LIMITS_PER_COMMAND;
	return left / need->per_host;
}

unsigned limits_fanout(unsigned wanted, const struct limits_need *need)
{
	rlim_t taken = (rlim_t)LIMITS_RESERVED + need->others;
	struct rlimit limit;
	rlim_t fits = 0;

	assert(need->per_host > 0);
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 ||
	    limit.rlim_cur == RLIM_INFINITY)
		return wanted;
	if (limit.rlim_cur > taken)
		fits = hosts_that_fit(limit.rlim_cur - taken, need);
	if (fits >= wanted)
		return wanted;
	return fits > 0 ? (unsigned)fits : 1;
}

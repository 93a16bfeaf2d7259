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

unsigned limits_fanout(unsigned wanted, unsigned per_host, unsigned others)
{
	rlim_t taken = (rlim_t)LIMITS_RESERVED + others;
	struct rlimit limit;
	rlim_t fits;

	assert(per_host > 0);
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 ||
	    limit.rlim_cur == RLIM_INFINITY)
		return wanted;
	if (limit.rlim_cur < taken + per_host)
		return 1;
	fits = (limit.rlim_cur - taken) / per_host;
	return fits < wanted ? (unsigned)fits : wanted;
}

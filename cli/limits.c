#include "cli/limits.h"

#include <sys/resource.h>

void limits_raise(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

unsigned limits_fanout(unsigned wanted)
{
	struct rlimit limit;
	rlim_t fits;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 ||
	    limit.rlim_cur == RLIM_INFINITY)
		return wanted;
	if (limit.rlim_cur < LIMITS_RESERVED + 2)
		return 1;
	fits = (limit.rlim_cur - LIMITS_RESERVED) / 2;
	return fits < wanted ? (unsigned)fits : wanted;
}

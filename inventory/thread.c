#include "inventory/thread.h"

#include <signal.h>

int thread_start(pthread_t *thread, size_t stack_size, void *(*run)(void *arg),
                 void *arg)
{
	static const int faults[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL,
		                      SIGTRAP };
	pthread_attr_t attr;
	sigset_t blocked, before;
	int failed = pthread_attr_init(&attr);

	if (failed != 0)
		return failed;
	failed = pthread_attr_setstacksize(&attr, stack_size);
	if (failed != 0)
		goto out;
	sigfillset(&blocked);
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		sigdelset(&blocked, faults[i]);
	failed = pthread_sigmask(SIG_SETMASK, &blocked, &before);
	if (failed != 0)
		goto out;
	failed = pthread_create(thread, &attr, run, arg);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
out:
	pthread_attr_destroy(&attr);
	return failed;
}

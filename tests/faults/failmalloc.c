/*
 * To be preloaded: lets one allocation of a program fail, or all from one on.
 * Reads the environment:
 *
 *   FAILMALLOC_AT=N       the N-th fails, from 1; absent or 0: none
 *   FAILMALLOC_ON=1       and all later ones
 *   FAILMALLOC_COUNT=FILE gets the number of allocations at a normal end
 *   FAILMALLOC_SAY=1      says on standard error where it failed, and where
 *                         the program crashed if it did
 *
 * Counting begins when the libraries are initialised, so with main(). Threads
 * make the order differ from run to run; nothing here depends on it.
 */
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* glibc's own, under names that nobody replaces. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

static atomic_ulong count;
static unsigned long fail_at;
static bool fail_on, say, started;
static const char *count_file;

static void tell(const char *head)
{
	void *frames[32];
	/* Not for signal handlers, but it ends anyway. */
	int depth = backtrace(frames, 32); /* NOLINT(bugprone-signal-handler) */

	(void)!write(STDERR_FILENO, head, strlen(head));
	/* NOLINTNEXTLINE(bugprone-signal-handler) */
	backtrace_symbols_fd(frames, depth, STDERR_FILENO);
}

static void crashed(int signal_number)
{
	tell("failmalloc: crashed\n");
	signal(signal_number, SIG_DFL);
	raise(signal_number);
}

static unsigned long number(const char *name)
{
	const char *value = getenv(name); /* NOLINT(concurrency-mt-unsafe) */

	return value != NULL ? strtoul(value, NULL, 10) : 0;
}

__attribute__((constructor)) static void start(void)
{
	void *warm_up[1];

	fail_at = number("FAILMALLOC_AT");
	fail_on = number("FAILMALLOC_ON") != 0;
	say = number("FAILMALLOC_SAY") != 0;
	/* NOLINTNEXTLINE(concurrency-mt-unsafe) */
	count_file = getenv("FAILMALLOC_COUNT");
	if (say) {
		backtrace(warm_up, 1); /* it allocates once */
		signal(SIGSEGV, crashed);
		signal(SIGABRT, crashed);
	}
	started = true;
}

__attribute__((destructor)) static void end(void)
{
	char text[32];
	int length, fd;

	if (count_file == NULL)
		return;
	length = snprintf(text, sizeof(text), "%lu\n", atomic_load(&count));
	fd = open(count_file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, text, (size_t)length) != length)
		_exit(125);
	close(fd);
}

static bool fails(void)
{
	unsigned long now;

	if (!started)
		return false;
	now = atomic_fetch_add(&count, 1) + 1;
	if (fail_at == 0 || now < fail_at || (now > fail_at && !fail_on))
		return false;
	if (say && now == fail_at)
		tell("failmalloc: here\n");
	errno = ENOMEM;
	return true;
}

/* The C library's names of parameters are reserved ones. */
/* NOLINTBEGIN(readability-inconsistent-declaration-parameter-name) */

void *malloc(size_t size)
{
	return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t members, size_t size)
{
	return fails() ? NULL : __libc_calloc(members, size);
}

void *realloc(void *block, size_t size)
{
	return fails() ? NULL : __libc_realloc(block, size);
}

void *memalign(size_t alignment, size_t size)
{
	return fails() ? NULL : __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
	return memalign(alignment, size);
}

int posix_memalign(void **block, size_t alignment, size_t size)
{
	void *fresh = memalign(alignment, size);

	if (fresh == NULL)
		return ENOMEM;
	*block = fresh;
	return 0;
}

/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */

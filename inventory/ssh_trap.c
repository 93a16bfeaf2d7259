#include "inventory/ssh_trap.h"

#include <stdio.h>
#include <stdlib.h>

static _Thread_local jmp_buf *trap;

void ssh_trap(jmp_buf *back)
{
	trap = back;
}

/* The C library's, which assert() calls (LSB Core, "__assert_fail"). Ours takes
 * its place in libssh2 too, for a program's symbols come before a library's. */
void __assert_fail(const char *assertion, const char *file, unsigned line,
                   const char *function);

__attribute__((noreturn, visibility("default"))) void
__assert_fail(const char *assertion, const char *file, unsigned line,
              const char *function)
{
	jmp_buf *back = trap;

	trap = NULL;
	if (back != NULL)
		longjmp(*back, 1);
	fprintf(stderr, "sshinv: %s:%u: %s: Assertion `%s' failed.\n", file,
	        line, function, assertion);
	abort();
}

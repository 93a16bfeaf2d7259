#pragma once

#include <stddef.h>

/*
 * Where the SSH library and OpenSSL get their memory from: malloc(), with two
 * differences.
 *
 * What libssh2 gets is zeros, with a few more behind them, so that what a
 * malformed packet makes it read without having written it is nobody's; and
 * what it frees is wiped first, for a password may pass through it, and the
 * library wipes nothing itself. When it gets none, its call fails, and so does
 * one host.
 *
 * OpenSSL always gets some: libssh2 (up to 1.10 at least) uses what OpenSSL
 * could not allocate without looking, and would crash. When memory is refused,
 * it waits for others to free theirs; when that takes seconds, the process says
 * so and ends with status 1.
 */

/* Once, in main, before there are threads and before anything uses OpenSSL: it
 * takes no such wish later, and then goes on as it did. */
void memory_library_init(void);

/* From now on nobody waits for memory once fd is readable (the run has ended):
 * the process ends. -1 is none, as at the start. Before the first thread and
 * after the last. */
void memory_set_end(int fd);

/* For libssh2's callbacks. NULL without memory; memory_reallocate() then leaves
 * the block as it is. */
void *memory_allocate(size_t size);
void *memory_reallocate(void *block, size_t size);
void memory_free(void *block);

#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * What is looked for in memory: the lines of a file, so that no secret stands
 * in an argument. Each is cut into pieces of PIECE bytes and a single piece
 * counts, because freed memory keeps parts of what it held. So a needle should
 * be random and a few pieces long; a rest shorter than PIECE is not looked for.
 */
#define PIECE 12

struct needles;

/* NULL: it cannot be read, holds no whole piece, or there is no memory; that
 * was said on standard error. */
struct needles *needles_read(const char *path);
void needles_free(struct needles *needles);

/* Calls found(arg, line of the file from 1, offset in data) for each piece. */
void needles_search(const struct needles *needles, const char *data,
                    size_t length,
                    void (*found)(void *arg, size_t line, size_t offset),
                    void *arg);

#pragma once

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

struct needles;

/*
 * The memory of another process. Opened at its exec it stays readable, also
 * after the process has forbidden it to others, and until its last thread is
 * gone.
 */
struct image {
	FILE *maps;
	int memory;
};
#define IMAGE_INIT ((struct image){ NULL, -1 })

/* False: it was said on standard error why. */
bool image_open(struct image *image, pid_t pid);
void image_close(struct image *image);

/*
 * Looks through everything that can be read and writes a line for each piece
 * that is found: the needle's line, the mapping's name (anon without), where.
 * The last line is "searched N KiB". False: nothing could be read.
 */
bool image_search(const struct image *image, const struct needles *needles,
                  FILE *report);

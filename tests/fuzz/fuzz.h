#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/*
 * A fuzz target is one file with this function: libFuzzer calls it with what it
 * makes up, replay.c with the files of a folder, so that every seed and every
 * crash that was found is an ordinary test as well.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Unlike assert() it says which promise was broken, for both callers. */
#define PROMISE(holds)                                                         \
	do {                                                                   \
		if (!(holds)) {                                                \
			fprintf(stderr, "%s:%d: broken: %s\n", __FILE__,       \
			        __LINE__, #holds);                             \
			abort();                                               \
		}                                                              \
	} while (0)

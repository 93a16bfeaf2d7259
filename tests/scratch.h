#pragma once

#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

/*
 * A folder for a test's files. folder is a template that ends in XXXXXX, as for
 * mkdtemp().
 */
static inline bool scratch_make(char *folder)
{
	return mkdtemp(folder) != NULL;
}

static inline int scratch_remove_one(const char *path, const struct stat *st,
                                     int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

static inline bool scratch_remove(const char *folder)
{
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): the test is over */
	return nftw(folder, scratch_remove_one, 8, FTW_DEPTH | FTW_PHYS) == 0;
}

#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * The patterns of OpenSSH (PATTERNS in ssh_config(5)): '*' stands for any
 * bytes, '?' for one. length is the pattern's, or the list's; fold: ASCII
 * letters are the same in either case. No pattern makes them slow.
 */
bool pattern_matches(const char *text, const char *pattern, size_t length,
                     bool fold);

/* A list "a,b*,!c": one of them matches, and none that is negated. */
bool pattern_list_matches(const char *text, const char *list, size_t length,
                          bool fold);

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The small grammars of ssh_config(5): lines, words. */

/*
 * Cuts a line (without NUL inside) into its keyword and the rest: `Port 22`,
 * `Port=22`, `Port = 22`. Leading and trailing blanks are gone. False for a
 * line that says nothing: empty or a comment. *rest is "" where nothing
 * follows.
 */
bool sshconfig_split(char *line, char **keyword, char **rest);

/*
 * Takes the next word from *rest, in place: quotes (" and ') and backslashes
 * before quotes, backslashes and blanks are resolved; a # at its begin ends the
 * line. False at the end, and with *bad for a quote that is not closed.
 */
bool sshconfig_word(char **rest, char **word, bool *bad);

/* Of a name, the same in any case; never 0. */
uint64_t sshconfig_name_hash(const char *name);

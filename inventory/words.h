#pragma once

#include "inventory/lines.h"
#include "inventory/target.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * The words of -w or -x, one after the other: those of the lists, between
 * commas, and those of the files that they name, a list on each line. In a file
 * '#' begins a comment, at the front of a line or behind a blank; there are no
 * files within files. For one thread.
 */
struct words {
	const char *option; /* "-w", for messages */
	const char *const *lists;
	size_t list_count, next_list;
	int cancel_fd;
	bool count_out; /* the words' hosts will be: see target_check() */
	const char *at; /* what is left of the list; NULL: none */
	size_t left;
	const char *word; /* the last one */
	size_t length;
	struct lines *file; /* the one that is being read, or NULL */
	const char *line;   /* what is left of its line; NULL: none */
	size_t line_left;
};

/*
 * Looks at all words of the lists at once, so that a slip is told before
 * anything is begun: ERR_INPUT names it. The texts are borrowed. *uses_stdin
 * counts lists that name it. The caller ends *words with words_release(), also
 * after a false.
 */
bool words_open(struct words *words, const char *option,
                const char *const *lists, size_t count, bool count_out,
                int cancel_fd, unsigned *uses_stdin, struct err *err);

/* HOST_READ: *target is one word, no TARGET_FILE; the caller releases it. */
enum host_read words_next(struct words *words, const struct hostfile_wake *wake,
                          struct target *target, struct err *err);

/* Whether a list has standard input among its words. */
bool words_name_stdin(const char *list);

/* Whether is_it says so of a file that a list names by '@'. */
bool words_name_file(const char *list,
                     bool (*is_it)(const void *arg, const char *path),
                     const void *arg);

/* Puts the last word's place in front. Returns false. */
bool words_blame(const struct words *words, struct err *err);

/* The line in its file, or 0. */
size_t words_line(const struct words *words);

void words_release(struct words *words);

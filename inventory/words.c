#include "inventory/words.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What a message quotes of a word at most. */
#define QUOTE_MAX 80

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Cuts the next word off a list: to a comma outside of brackets, without the
 * blanks around. False when there is none left. */
static bool cut(const char **list, size_t *left, const char **word,
                size_t *length)
{
	while (*left > 0) {
		const char *begin = *list;
		bool inside = false;
		size_t size = 0;

		while (size < *left && (begin[size] != ',' || inside)) {
			inside = begin[size] == '[' ||
			         (inside && begin[size] != ']');
			size++;
		}
		*list += size < *left ? size + 1 : size;
		*left -= size < *left ? size + 1 : size;
		while (size > 0 && is_blank(begin[0])) {
			begin++;
			size--;
		}
		while (size > 0 && is_blank(begin[size - 1]))
			size--;
		*word = begin;
		*length = size;
		if (size > 0)
			return true;
	}
	return false;
}

bool words_name_stdin(const char *list)
{
	size_t left = strlen(list), length;
	const char *word;

	while (cut(&list, &left, &word, &length)) {
		if ((length == 1 && word[0] == '-') ||
		    (length == 2 && memcmp(word, "@-", 2) == 0))
			return true;
	}
	return false;
}

bool words_name_file(const char *list,
                     bool (*is_it)(const void *arg, const char *path),
                     const void *arg)
{
	size_t left = strlen(list), length;
	const char *word;

	while (cut(&list, &left, &word, &length)) {
		char path[PATH_MAX];

		if (word[0] != '@' || length > sizeof(path))
			continue;
		memcpy(path, word + 1, length - 1);
		path[length - 1] = '\0';
		if (is_it(arg, path))
			return true;
	}
	return false;
}

/* A host file's line has a secret behind its first field. */
static bool check_blanks(struct words *words, struct err *err)
{
	for (size_t i = 0; i < words->length; i++) {
		if (!is_blank(words->word[i]))
			continue;
		words->length = i;
		words->line_left = 0; /* and so has what is behind a comma */
		return err_set(err, ERR_INPUT,
		               "more follows behind a blank (a host file is "
		               "named without %s and @)",
		               words->option);
	}
	return true;
}

bool words_blame(const struct words *words, struct err *err)
{
	int quoted =
	    (int)(words->length < QUOTE_MAX ? words->length : QUOTE_MAX);

	err_prefix(err, "'%.*s'", quoted, words->word);
	if (words->file != NULL)
		return err_prefix(err, "%s:%zu", words->file->name,
		                  words->file->line);
	return err_prefix(err, "%s", words->option);
}

size_t words_line(const struct words *words)
{
	return words->file != NULL ? words->file->line : 0;
}

static bool parse(struct words *words, struct target *target, struct err *err)
{
	if (!check_blanks(words, err) ||
	    !target_parse(target, words->word, words->length, err)) {
		words_blame(words, err);
		return false;
	}
	if (words->file != NULL && target->kind == TARGET_FILE)
		err_set(err, ERR_INPUT, "a file within a file");
	else if (!words->count_out || target_check(target, err))
		return true;
	target_release(target);
	words_blame(words, err);
	return false;
}

static bool check_word(struct words *words, unsigned *uses_stdin,
                       struct err *err)
{
	struct target target;
	bool ok = true;

	if (!parse(words, &target, err))
		return false;
	if (target.kind == TARGET_FILE && strcmp(target.path, "-") == 0) {
		++*uses_stdin;
	} else if (target.kind == TARGET_FILE &&
	           access(target.path, R_OK) != 0) {
		err_errno(err, ERR_INPUT, errno, "cannot open it");
		ok = words_blame(words, err);
	}
	target_release(&target);
	return ok;
}

bool words_open(struct words *words, const char *option,
                const char *const *lists, size_t count, bool count_out,
                int cancel_fd, unsigned *uses_stdin, struct err *err)
{
	memset(words, 0, sizeof(*words));
	words->option = option;
	words->lists = lists;
	words->list_count = count;
	words->cancel_fd = cancel_fd;
	words->count_out = count_out;
	for (size_t i = 0; i < count; i++) {
		const char *list = lists[i];
		size_t left = strlen(list);
		bool any = false;

		while (cut(&list, &left, &words->word, &words->length)) {
			any = true;
			if (!check_word(words, uses_stdin, err))
				return false;
		}
		if (!any)
			return err_set(err, ERR_INPUT, "%s '%s' names no host",
			               option, lists[i]);
	}
	return true;
}

static void close_file(struct words *words)
{
	if (words->file == NULL)
		return;
	lines_release(words->file);
	free(words->file);
	words->file = NULL;
	words->line_left = 0;
}

static enum host_read open_file(struct words *words, const char *path,
                                struct err *err)
{
	words->file = malloc(sizeof(*words->file));
	if (words->file == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		return HOST_FAILED;
	}
	if (lines_open(words->file, path, words->cancel_fd, err))
		return HOST_READ;
	close_file(words);
	words_blame(words, err);
	return err->kind == ERR_INPUT ? HOST_BAD : HOST_FAILED;
}

/* Length of the line without its comment. */
static size_t without_comment(const char *line, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (line[i] == '#' && (i == 0 || is_blank(line[i - 1])))
			return i;
	}
	return length;
}

/* The file's next word. HOST_END: it is at its end, or the run is. */
static enum host_read next_of_file(struct words *words,
                                   const struct hostfile_wake *wake,
                                   struct err *err)
{
	while (!cut(&words->line, &words->line_left, &words->word,
	            &words->length)) {
		enum host_read got = lines_next(words->file, wake, &words->line,
		                                &words->line_left, err);

		if (got != HOST_READ) {
			words->line_left = 0;
			return got;
		}
		words->line_left =
		    without_comment(words->line, words->line_left);
	}
	return HOST_READ;
}

/* The lists' next word. */
static enum host_read next_of_lists(struct words *words)
{
	while (!cut(&words->at, &words->left, &words->word, &words->length)) {
		if (words->next_list == words->list_count)
			return HOST_END;
		words->at = words->lists[words->next_list++];
		words->left = strlen(words->at);
	}
	return HOST_READ;
}

enum host_read words_next(struct words *words, const struct hostfile_wake *wake,
                          struct target *target, struct err *err)
{
	for (;;) {
		bool of_file = words->file != NULL;
		enum host_read got = of_file ? next_of_file(words, wake, err)
		                             : next_of_lists(words);

		if (got == HOST_END && of_file) {
			close_file(words);
			continue;
		}
		if (got != HOST_READ)
			return got;
		if (!parse(words, target, err))
			return err->kind == ERR_INPUT ? HOST_BAD : HOST_FAILED;
		if (target->kind != TARGET_FILE)
			return HOST_READ;
		got = open_file(words, target->path, err);
		target_release(target);
		if (got != HOST_READ)
			return got;
	}
}

void words_release(struct words *words)
{
	close_file(words);
}

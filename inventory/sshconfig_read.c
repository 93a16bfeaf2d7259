#include "inventory/sshconfig_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "inventory/sshconfig_text.h"

/* Includes within includes. */
#define DEPTH_MAX 16

#define SYSTEM_FOLDER "/etc/ssh"

struct reader {
	struct sshconfig *config;
	void (*note)(const char *sentence);
	char **noted; /* keywords that there was a note of */
	size_t noted_count, noted_room;
	int open_error;
};

/* One file while it is read. */
struct source {
	struct sshconfig_place place;
	bool user;     /* the user's, or included by it */
	size_t parent; /* the block around its Include */
	unsigned depth;
};

enum file_read {
	FILE_READ,
	FILE_CLOSED, /* cannot be opened: err, and reader.open_error */
	FILE_FAILED
};

/* False at the first time. */
static bool was_noted(struct reader *reader, const char *keyword)
{
	void *array = reader->noted;
	struct err unused;

	for (size_t i = 0; i < reader->noted_count; i++) {
		if (strcasecmp(reader->noted[i], keyword) == 0)
			return true;
	}
	if (sshconfig_grow(&array, &reader->noted_room, reader->noted_count,
	                   sizeof(*reader->noted), &unused)) {
		reader->noted = array;
		reader->noted[reader->noted_count] = strdup(keyword);
		if (reader->noted[reader->noted_count] != NULL)
			reader->noted_count++;
	}
	return false;
}

/* Once for each keyword or criterion. */
static void note(struct reader *reader, const struct sshconfig_place *place,
                 const char *keyword, const char *what)
{
	char sentence[1024];

	if (reader->note == NULL || was_noted(reader, keyword))
		return;
	snprintf(sentence, sizeof(sentence), "%s:%zu: %.200s %s", place->file,
	         place->line, keyword, what);
	reader->note(sentence);
}

/* From here on settings go into a new block, without a condition. */
static struct block *begin_block(struct sshconfig *config, size_t parent,
                                 struct err *err)
{
	void *array = config->blocks;
	struct block *block;

	if (!sshconfig_grow(&array, &config->block_room, config->block_count,
	                    sizeof(*block), err))
		return NULL;
	config->blocks = array;
	block = &config->blocks[config->block_count++];
	*block = (struct block){ .parent = parent,
		                 .kind = BLOCK_ALWAYS,
		                 .first = config->setting_count };
	return block;
}

static bool read_host(struct reader *reader, const struct source *source,
                      char *rest, struct err *err)
{
	struct block *block;
	const char *const *patterns;
	size_t count;

	if (!sshconfig_words(reader->config, &source->place, rest, &patterns,
	                     &count, err))
		return false;
	block = begin_block(reader->config, source->parent, err);
	if (block == NULL)
		return false;
	block->kind = BLOCK_HOST;
	block->patterns = patterns;
	block->count = count;
	if (count == 1 && strpbrk(patterns[0], "*?!") == NULL)
		block->name_hash = sshconfig_name_hash(patterns[0]);
	return true;
}

static const struct {
	const char *name;
	enum criterion_kind kind;
	bool argument;
} criteria_names[] = {
	{ "all", CRITERION_ALL, false },
	{ "final", CRITERION_FINAL, false },
	{ "canonical", CRITERION_FINAL, false },
	{ "host", CRITERION_HOST, true },
	{ "originalhost", CRITERION_ORIGINAL_HOST, true },
	{ "user", CRITERION_USER, true },
	{ "localuser", CRITERION_LOCAL_USER, true },
	{ "exec", CRITERION_NEVER, true },
	{ "localnetwork", CRITERION_NEVER, true },
	{ "tagged", CRITERION_NEVER, true },
	{ "command", CRITERION_NEVER, true },
	{ "version", CRITERION_NEVER, true },
	{ "sessiontype", CRITERION_NEVER, true },
};

#define CRITERIA (sizeof(criteria_names) / sizeof(criteria_names[0]))

/* One criterion of words[*at], and its argument: "host x" and "host=x". */
static bool read_criterion(struct reader *reader, const struct source *source,
                           const char *const *words, size_t count, size_t *at,
                           struct criterion *criterion, struct err *err)
{
	const struct sshconfig_place *place = &source->place;
	const char *word = words[(*at)++];
	size_t length, i = 0;

	criterion->negated = *word == '!';
	word += criterion->negated;
	length = strcspn(word, "=");
	while (i < CRITERIA &&
	       (strncasecmp(criteria_names[i].name, word, length) != 0 ||
	        criteria_names[i].name[length] != '\0'))
		i++;
	if (i == CRITERIA || (!criteria_names[i].argument && word[length] != 0))
		return sshconfig_bad(place, err,
		                     "'%s' is no criterion of Match", word);
	criterion->kind = criteria_names[i].kind;
	if (criteria_names[i].argument) {
		criterion->patterns = word[length] == '=' ? word + length + 1
		                      : *at < count       ? words[(*at)++]
		                                          : "";
		if (*criterion->patterns == '\0')
			return sshconfig_bad(place, err,
			                     "Match %s has no argument",
			                     criteria_names[i].name);
	}
	if (criterion->kind == CRITERION_NEVER)
		note(reader, place, criteria_names[i].name,
		     "is a criterion that is not looked at: it never matches");
	if (strcasecmp(criteria_names[i].name, "final") == 0 &&
	    !criterion->negated)
		reader->config->wants_final = true;
	return true;
}

static bool read_match(struct reader *reader, const struct source *source,
                       char *rest, struct err *err)
{
	struct sshconfig *config = reader->config;
	struct criterion *criteria;
	const char *const *words;
	struct block *block;
	size_t count, used = 0;

	if (!sshconfig_words(config, &source->place, rest, &words, &count, err))
		return false;
	criteria = sshconfig_keep(config, count * sizeof(*criteria), err);
	if (criteria == NULL)
		return false;
	memset(criteria, 0, count * sizeof(*criteria));
	for (size_t at = 0; at < count; used++) {
		if (!read_criterion(reader, source, words, count, &at,
		                    &criteria[used], err))
			return false;
		if (criteria[used].kind == CRITERION_ALL &&
		    (used > 1 || at < count))
			return sshconfig_bad(&source->place, err,
			                     "Match all stands alone");
	}
	block = begin_block(config, source->parent, err);
	if (block == NULL)
		return false;
	block->kind = BLOCK_MATCH;
	block->criteria = criteria;
	block->count = used;
	return true;
}

static enum file_read read_file(struct reader *reader, const char *path,
                                const struct source *from, bool check_owner,
                                struct err *err);

/* Puts the folder in front, in which nothing is a pattern. */
static char *anchored(const struct sshconfig *config, bool user,
                      const char *path)
{
	const char *folder = user ? config->home : SYSTEM_FOLDER;
	const char *middle = user && *path != '~' ? "/.ssh" : "";
	char *pattern, *to;

	if (*path == '/' || (*path == '~' && path[1] != '/' && path[1] != '\0'))
		return strdup(path);
	path += *path == '~';
	pattern =
	    malloc(2 * strlen(folder) + strlen(middle) + strlen(path) + 2);
	if (pattern == NULL)
		return NULL;
	to = pattern;
	for (; *folder != '\0'; folder++) {
		if (strchr("*?[\\", *folder) != NULL)
			*to++ = '\\';
		*to++ = *folder;
	}
	to = stpcpy(stpcpy(to, middle), *path == '/' ? "" : "/");
	memcpy(to, path, strlen(path) + 1);
	return pattern;
}

static bool read_included(struct reader *reader, const struct source *source,
                          const glob_t *found, struct err *err)
{
	struct source inside = *source;

	inside.parent = reader->config->block_count - 1;
	inside.depth++;
	for (size_t i = 0; i < found->gl_pathc; i++) {
		if (inside.depth > DEPTH_MAX)
			return sshconfig_bad(&source->place, err,
			                     "more than %d files within files",
			                     DEPTH_MAX);
		switch (
		    read_file(reader, found->gl_pathv[i], &inside, true, err)) {
		case FILE_READ:
			break;
		case FILE_CLOSED: /* gone meanwhile, or a link to nowhere */
			if (reader->open_error == ENOENT)
				break;
			return false;
		case FILE_FAILED:
			return false;
		}
	}
	return begin_block(reader->config, inside.parent, err) != NULL;
}

static bool include_one(struct reader *reader, const struct source *source,
                        const char *path, struct err *err)
{
	glob_t found = { 0 };
	char *pattern;
	bool ok = false;
	int failed;

	if (*path == '~' && !source->user)
		return sshconfig_bad(&source->place, err,
		                     "no ~ in the system's files: '%s'", path);
	pattern = anchored(reader->config, source->user, path);
	if (pattern == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): no threads yet */
	failed = glob(pattern, GLOB_TILDE, NULL, &found);
	free(pattern);
	if (failed == GLOB_NOMATCH)
		ok = true;
	else if (failed == 0)
		ok = read_included(reader, source, &found, err);
	else
		sshconfig_bad(&source->place, err, "cannot read '%s'", path);
	globfree(&found);
	return ok;
}

static bool read_include(struct reader *reader, const struct source *source,
                         char *rest, struct err *err)
{
	const char *const *paths;
	size_t count;

	if (!sshconfig_words(reader->config, &source->place, rest, &paths,
	                     &count, err))
		return false;
	for (size_t i = 0; i < count; i++) {
		if (!include_one(reader, source, paths[i], err))
			return false;
	}
	return true;
}

static bool read_setting(struct reader *reader, const struct source *source,
                         const char *keyword, char *rest, struct err *err)
{
	struct sshconfig *config = reader->config;
	void *array = config->settings;
	struct setting *setting;

	if (!sshconfig_grow(&array, &config->setting_room,
	                    config->setting_count, sizeof(*setting), err))
		return false;
	config->settings = array;
	setting = &config->settings[config->setting_count];
	switch (sshconfig_setting(config, &source->place, keyword, rest,
	                          setting, err)) {
	case SETTING_BAD:
		return false;
	case SETTING_UNKNOWN:
		note(reader, &source->place, keyword, "is passed over");
		return true;
	case SETTING_READ:
		break;
	}
	if (setting->key == SETTING_PROXY && setting->count == 0)
		note(reader, &source->place, keyword, "is not run");
	config->setting_count++;
	config->blocks[config->block_count - 1].settings++;
	return true;
}

static bool read_line(struct reader *reader, const struct source *source,
                      char *line, struct err *err)
{
	char *keyword, *rest;

	if (!sshconfig_split(line, &keyword, &rest))
		return true;
	if (*rest == '\0')
		return sshconfig_bad(&source->place, err,
		                     "no argument after '%s'", keyword);
	if (strcasecmp(keyword, "host") == 0)
		return read_host(reader, source, rest, err);
	if (strcasecmp(keyword, "match") == 0)
		return read_match(reader, source, rest, err);
	if (strcasecmp(keyword, "include") == 0)
		return read_include(reader, source, rest, err);
	return read_setting(reader, source, keyword, rest, err);
}

static bool read_lines(struct reader *reader, struct source *source, FILE *file,
                       struct err *err)
{
	char *line = malloc(SSHCONFIG_LINE_MAX);
	bool ok = true;

	if (line == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	while (ok && sshconfig_next_line(file, &source->place, line, &ok, err))
		ok = read_line(reader, source, line, err);
	free(line);
	if (ok && ferror(file))
		return err_errno(err, ERR_INPUT, errno, "cannot read %s",
		                 source->place.file);
	return ok;
}

static enum file_read read_file(struct reader *reader, const char *path,
                                const struct source *from, bool check_owner,
                                struct err *err)
{
	struct source source = *from;
	FILE *file;
	bool ok;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0) {
		reader->open_error = errno;
		err_errno(err, ERR_INPUT, errno, "cannot read %s", path);
		return FILE_CLOSED;
	}
	file = fdopen(fd, "r");
	if (file == NULL) {
		close(fd);
		err_set(err, ERR_SYSTEM, "out of memory");
		return FILE_FAILED;
	}
	source.place.line = 0;
	source.place.file = sshconfig_keep_text(reader->config, path, err);
	ok = source.place.file != NULL &&
	     begin_block(reader->config, from->parent, err) != NULL &&
	     (!check_owner || sshconfig_check_owner(fd, path, err)) &&
	     read_lines(reader, &source, file, err);
	fclose(file);
	return ok ? FILE_READ : FILE_FAILED;
}

/* As OpenSSH has it, one that cannot be opened is not there: the home may be
 * another account's. */
static bool read_default(struct reader *reader, const char *path, bool user,
                         struct err *err)
{
	const struct source source = { .user = user,
		                       .parent = BLOCK_NO_PARENT };
	struct err closed;

	switch (read_file(reader, path, &source, user, &closed)) {
	case FILE_READ:
		break;
	case FILE_CLOSED:
		if (reader->open_error != ENOENT && reader->note != NULL)
			reader->note(closed.text);
		break;
	case FILE_FAILED:
		*err = closed;
		return false;
	}
	return true;
}

static bool read_defaults(struct reader *reader, struct err *err)
{
	char *path;
	bool ok;

	if (asprintf(&path, "%s/.ssh/config", reader->config->home) < 0)
		return err_set(err, ERR_SYSTEM, "out of memory");
	ok = read_default(reader, path, true, err) &&
	     read_default(reader, SYSTEM_FOLDER "/ssh_config", false, err);
	free(path);
	return ok;
}

bool sshconfig_read(struct sshconfig *config,
                    const struct sshconfig_settings *settings, struct err *err)
{
	struct reader reader = { .config = config, .note = settings->note };
	const struct source source = { .user = true,
		                       .parent = BLOCK_NO_PARENT };
	bool ok;

	if (settings->path == NULL)
		ok = read_defaults(&reader, err);
	else if (strcasecmp(settings->path, "none") == 0)
		ok = true;
	else
		ok = read_file(&reader, settings->path, &source, false, err) ==
		     FILE_READ;
	for (size_t i = 0; i < reader.noted_count; i++)
		free(reader.noted[i]);
	free(reader.noted);
	return ok;
}

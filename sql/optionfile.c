#include "sql/optionfile.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A file of 1 MiB and the byte that is too many. */
#define CONTENT_SIZE ((size_t)1024 * 1024 + 1)

/* Includes within includes. */
#define DEPTH_MAX 10

enum group { GROUP_OTHER, GROUP_CLIENT, GROUP_OURS };

struct reader {
	struct optionfile *options;
	void (*warn)(void *arg, const char *text);
	void *warn_arg;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}

static void trim(char **text, size_t *length)
{
	while (*length > 0 && is_blank(**text)) {
		(*text)++;
		(*length)--;
	}
	while (*length > 0 && is_blank((*text)[*length - 1]))
		(*length)--;
}

/* The length up to a # that stands in no quotes. */
static size_t without_comment(const char *text, size_t length)
{
	char quote = '\0';
	bool escaped = false;

	for (size_t i = 0; i < length; i++) {
		char c = text[i];

		if ((c == '\'' || c == '"') && !escaped) {
			if (quote == '\0')
				quote = c;
			else if (quote == c)
				quote = '\0';
		}
		if (quote == '\0' && c == '#')
			return i;
		escaped = quote != '\0' && c == '\\' && !escaped;
	}
	return length;
}

/* What a backslash and c are together, or NUL. */
static char unescape(char c)
{
	switch (c) {
	case 'b':
		return '\b';
	case 't':
		return '\t';
	case 'n':
		return '\n';
	case 'r':
		return '\r';
	case 's':
		return ' ';
	case '\\':
	case '\'':
	case '"':
		return c;
	default:
		return '\0';
	}
}

/* Takes quotes and escapes away, in place. */
static void plain_value(struct option_text *text, char *value, size_t length)
{
	size_t used = 0;

	if (length >= 2 && (value[0] == '\'' || value[0] == '"') &&
	    value[length - 1] == value[0]) {
		value++;
		length -= 2;
	}
	text->value = value;
	for (size_t i = 0; i < length; i++) {
		char c = value[i];

		if (c == '\\' && i + 1 < length) {
			char plain = unescape(value[i + 1]);

			/* An unknown escape stays as it is. */
			if (plain != '\0') {
				c = plain;
				i++;
			}
		}
		value[used++] = c;
	}
	text->value_length = used;
}

static enum option_line include_line(struct option_text *text, char *line,
                                     size_t length)
{
	static const char file[] = "!include";
	static const char dir[] = "!includedir";
	enum option_line kind = OPTION_INCLUDE;
	size_t skip = strlen(file);

	if (length > strlen(dir) && memcmp(line, dir, strlen(dir)) == 0) {
		kind = OPTION_INCLUDEDIR;
		skip = strlen(dir);
	} else if (length <= skip || memcmp(line, file, skip) != 0) {
		return OPTION_BAD;
	}
	if (!is_blank(line[skip]))
		return OPTION_BAD;
	line += skip;
	length -= skip;
	trim(&line, &length);
	text->value = line;
	text->value_length = length;
	return length > 0 ? kind : OPTION_BAD;
}

enum option_line optionfile_line(struct option_text *text, char *line,
                                 size_t length)
{
	char *equals, *value, *close;
	size_t name_length;

	memset(text, 0, sizeof(*text));
	trim(&line, &length);
	if (length == 0 || line[0] == '#' || line[0] == ';')
		return OPTION_NOTHING;
	if (line[0] == '!')
		return include_line(text, line, length);
	if (line[0] == '[') {
		close = memchr(line, ']', length);
		if (close == NULL)
			return OPTION_BAD;
		line++;
		length = (size_t)(close - line);
		trim(&line, &length);
		text->name = line;
		text->name_length = length;
		return OPTION_GROUP;
	}
	length = without_comment(line, length);
	equals = memchr(line, '=', length);
	name_length = equals != NULL ? (size_t)(equals - line) : length;
	value = line + name_length + (equals != NULL ? 1 : 0);
	length -= (size_t)(value - line);
	text->name = line;
	trim(&line, &name_length);
	text->name_length = name_length;
	trim(&value, &length);
	plain_value(text, value, length);
	return name_length > 0 ? OPTION_VALUE : OPTION_BAD;
}

static void warn_about(const struct reader *reader, const char *path,
                       const char *what)
{
	char text[PATH_MAX + 256];

	if (reader->warn == NULL)
		return;
	snprintf(text, sizeof(text), "option file %s: %s", path, what);
	reader->warn(reader->warn_arg, text);
}

static bool read_file(const struct reader *reader, const char *path,
                      unsigned depth, struct err *err);

static bool is_named(const struct option_text *text, const char *name)
{
	return strlen(name) == text->name_length &&
	       memcmp(name, text->name, text->name_length) == 0;
}

static enum group group_of(const struct option_text *text)
{
	if (is_named(text, "sshinv"))
		return GROUP_OURS;
	if (is_named(text, "client") || is_named(text, "client-server") ||
	    is_named(text, "client-mariadb"))
		return GROUP_CLIENT;
	return GROUP_OTHER;
}

static bool take_value(const struct reader *reader, const char *path,
                       enum group group, const struct option_text *text,
                       struct err *err)
{
	struct optionfile *options = reader->options;
	char name[65];
	char unknown[128];
	size_t length;

	if (group == GROUP_OTHER)
		return true;
	/* "password" alone asks mysql(1) to ask. */
	if (is_named(text, "password") && text->value_length == 0)
		return true;
	switch (server_set(&options->server, text->name, text->name_length,
	                   text->value, text->value_length, err)) {
	case SERVER_SET:
		break;
	case SERVER_BAD:
		return false;
	case SERVER_UNKNOWN:
		/* Other programs have their options in the other groups. */
		if (group != GROUP_OURS)
			break;
		length = text->name_length < 64 ? text->name_length : 64;
		memcpy(name, text->name, length);
		name[length] = '\0';
		snprintf(unknown, sizeof(unknown),
		         "[sshinv] has an unknown option '%s'", name);
		warn_about(reader, path, unknown);
		break;
	}
	if (group == GROUP_OURS &&
	    (is_named(text, "host") || is_named(text, "database")))
		options->names_server = true;
	return true;
}

static int is_cnf(const struct dirent *entry)
{
	size_t length = strlen(entry->d_name);

	return length > 4 && strcmp(entry->d_name + length - 4, ".cnf") == 0;
}

static bool read_dir(const struct reader *reader, const char *path,
                     unsigned depth, struct err *err)
{
	struct dirent **entries = NULL;
	char file[PATH_MAX + NAME_MAX + 2];
	bool ok = true;
	int count = scandir(path, &entries, is_cnf, alphasort);

	if (count < 0) {
		warn_about(reader, path, "cannot be read");
		return true;
	}
	for (int i = 0; i < count; i++) {
		int length = snprintf(file, sizeof(file), "%s/%s", path,
		                      entries[i]->d_name);

		if (ok && length > 0 && (size_t)length < sizeof(file))
			ok = read_file(reader, file, depth + 1, err);
		free(entries[i]);
	}
	free(entries);
	return ok;
}

static bool include(const struct reader *reader, enum option_line kind,
                    const struct option_text *text, unsigned depth,
                    struct err *err)
{
	char path[PATH_MAX];

	if (text->value_length >= sizeof(path) || depth >= DEPTH_MAX)
		return true;
	memcpy(path, text->value, text->value_length);
	path[text->value_length] = '\0';
	return kind == OPTION_INCLUDE ? read_file(reader, path, depth + 1, err)
	                              : read_dir(reader, path, depth, err);
}

static bool take_lines(const struct reader *reader, const char *path,
                       char *content, size_t size, unsigned depth,
                       struct err *err)
{
	enum group group = GROUP_OTHER;
	char what[64];
	size_t number = 0;

	for (size_t begin = 0; begin < size;) {
		char *line = content + begin;
		char *end = memchr(line, '\n', size - begin);
		size_t length =
		    end != NULL ? (size_t)(end - line) : size - begin;
		struct option_text text;
		enum option_line kind = optionfile_line(&text, line, length);
		bool ok = true;

		number++;
		begin += length + 1;
		switch (kind) {
		case OPTION_GROUP:
			group = group_of(&text);
			break;
		case OPTION_VALUE:
			ok = take_value(reader, path, group, &text, err);
			break;
		case OPTION_INCLUDE:
		case OPTION_INCLUDEDIR:
			ok = include(reader, kind, &text, depth, err);
			break;
		case OPTION_BAD:
			/* Perhaps our group's name, and it is missed. */
			snprintf(what, sizeof(what),
			         "line %zu is not understood", number);
			warn_about(reader, path, what);
			break;
		case OPTION_NOTHING:
			break;
		}
		if (!ok)
			return kind == OPTION_VALUE
			           ? err_prefix(err, "%s:%zu", path, number)
			           : false;
	}
	return true;
}

/* NULL, or what is wrong with the file. */
static const char *read_whole(int fd, char *content, size_t *size)
{
	struct stat st;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return "not a file";
	if ((st.st_mode & S_IWOTH) != 0)
		return "ignored, because everybody can write it";
	while (*size < CONTENT_SIZE) {
		ssize_t got = read(fd, content + *size, CONTENT_SIZE - *size);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return "ignored, because it cannot be read";
		if (got == 0)
			return NULL;
		*size += (size_t)got;
	}
	return "ignored, because it is larger than 1 MiB";
}

/* Fills content; what goes wrong is a warning, and *size is 0 then: half a file
 * may say the opposite of the whole. */
static void load(const struct reader *reader, const char *path, char *content,
                 size_t *size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	const char *wrong;

	*size = 0;
	if (fd < 0) {
		if (errno != ENOENT && errno != ENOTDIR)
			warn_about(reader, path, "cannot be read");
		return;
	}
	wrong = read_whole(fd, content, size);
	if (wrong != NULL) {
		warn_about(reader, path, wrong);
		explicit_bzero(content, *size);
		*size = 0;
	}
	close(fd);
}

static bool read_file(const struct reader *reader, const char *path,
                      unsigned depth, struct err *err)
{
	char *content = malloc(CONTENT_SIZE);
	size_t size = 0;
	bool ok;

	if (content == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	load(reader, path, content, &size);
	ok = take_lines(reader, path, content, size, depth, err);
	/* There may be passwords in it. */
	explicit_bzero(content, size);
	free(content);
	return ok;
}

bool optionfile_read(struct optionfile *options, const char *const *paths,
                     size_t count, void (*warn)(void *arg, const char *text),
                     void *warn_arg, struct err *err)
{
	struct reader reader = { options, warn, warn_arg };

	for (size_t i = 0; i < count; i++) {
		if (!read_file(&reader, paths[i], 0, err))
			return false;
	}
	return true;
}

#include "inventory/knownhosts_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

struct reading {
	bool (*line)(void *arg, char *text, size_t length, size_t number);
	void *arg;
	size_t number;
	bool skipping; /* the rest of a line that is too long */
	/* Unread bytes are buffer[0, used). */
	size_t used;
	char buffer[2 * KNOWNHOSTS_LINE_MAX];
};

static bool hand_out(struct reading *reading, char *text, size_t length)
{
	bool too_long = reading->skipping || length > KNOWNHOSTS_LINE_MAX;

	reading->skipping = false;
	reading->number++;
	return reading->line(reading->arg, too_long ? NULL : text, length,
	                     reading->number);
}

/* All whole lines of the buffer; what is left moves to its front. */
static bool hand_out_lines(struct reading *reading)
{
	size_t begin = 0;
	char *end;

	while ((end = memchr(reading->buffer + begin, '\n',
	                     reading->used - begin)) != NULL) {
		size_t at = (size_t)(end - reading->buffer);

		if (!hand_out(reading, reading->buffer + begin, at - begin))
			return false;
		begin = at + 1;
	}
	reading->used -= begin;
	memmove(reading->buffer, reading->buffer + begin, reading->used);
	if (reading->used > KNOWNHOSTS_LINE_MAX) {
		reading->skipping = true;
		reading->used = 0;
	}
	return true;
}

static bool read_lines(struct reading *reading, int fd, struct err *err)
{
	bool ok = true;

	while (ok) {
		ssize_t got = read(fd, reading->buffer + reading->used,
		                   sizeof(reading->buffer) - reading->used);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_errno(err, ERR_INPUT, errno, "cannot read");
		if (got == 0)
			break;
		reading->used += (size_t)got;
		ok = hand_out_lines(reading);
	}
	if (ok && (reading->used > 0 || reading->skipping))
		ok = hand_out(reading, reading->buffer, reading->used);
	return ok || err_set(err, ERR_SYSTEM, "out of memory");
}

static bool is_dev_null(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == makedev(1, 3);
}

static bool check_kind(int fd, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return err_errno(err, ERR_INPUT, errno, "cannot read");
	if (S_ISDIR(st.st_mode))
		return err_errno(err, ERR_INPUT, EISDIR, "cannot read");
	if (!S_ISREG(st.st_mode) && !is_dev_null(&st))
		return err_set(err, ERR_INPUT, "not a file");
	if (st.st_size > (off_t)KNOWNHOSTS_FILE_MAX)
		return err_set(err, ERR_INPUT, "larger than %zu MiB",
		               KNOWNHOSTS_FILE_MAX >> 20);
	return true;
}

bool knownhosts_read(const char *path,
                     bool (*line)(void *arg, char *text, size_t length,
                                  size_t number),
                     void *arg, struct err *err)
{
	struct reading *reading = NULL;
	bool ok = false;
	/* Not to wait for a FIFO's other end. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return true;
	if (fd < 0)
		return err_errno(err, ERR_INPUT, errno, "cannot read '%s'",
		                 path);
	if (!check_kind(fd, err))
		goto out;
	reading = malloc(sizeof(*reading));
	if (reading == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		goto out;
	}
	reading->line = line;
	reading->arg = arg;
	reading->number = 0;
	reading->skipping = false;
	reading->used = 0;
	ok = read_lines(reading, fd, err);
out:
	free(reading);
	close(fd);
	return ok || err_prefix(err, "known hosts '%s'", path);
}

/* mkdir -p for the folder of a file. */
static bool make_folders(const char *path, struct err *err)
{
	char *folder = strdup(path);
	bool ok = true;

	if (folder == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	for (char *p = folder + 1; ok && *p != '\0'; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		ok = mkdir(folder, 0700) == 0 || errno == EEXIST ||
		     err_errno(err, ERR_SYSTEM, errno, "cannot make '%s'",
		               folder);
		*p = '/';
	}
	free(folder);
	return ok;
}

bool knownhosts_append_is_cut(int fd)
{
	struct stat st;
	char last = '\n';

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0 &&
	       pread(fd, &last, 1, st.st_size - 1) == 1 && last != '\n';
}

bool knownhosts_append_open(const char *path, int *fd, struct err *err)
{
	struct stat st;
	int opened;

	if (!make_folders(path, err))
		return false;
	opened = open(path,
	              O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK |
	                  O_NOCTTY,
	              0600);
	if (opened < 0)
		return err_errno(err, ERR_SYSTEM, errno, "cannot open '%s'",
		                 path);
	if (fstat(opened, &st) != 0 ||
	    (!S_ISREG(st.st_mode) && !is_dev_null(&st))) {
		close(opened);
		return err_set(err, ERR_SYSTEM, "'%s' is not a file", path);
	}
	*fd = opened;
	return true;
}

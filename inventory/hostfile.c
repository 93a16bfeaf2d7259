#include "inventory/hostfile.h"

#include "inventory/wait.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

struct hostfile {
	struct lines lines;
	struct host_defaults defaults;
	bool exposed;
};

bool hostfile_open(struct hostfile **file, const char *path,
                   const struct host_defaults *defaults, int cancel_fd,
                   struct err *err)
{
	struct hostfile *f = calloc(1, sizeof(*f));
	struct stat st;

	if (f == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	f->defaults = *defaults;
	if (!lines_open(&f->lines, path, cancel_fd, err)) {
		hostfile_close(f);
		return false;
	}
	f->exposed = fstat(f->lines.fd, &st) == 0 && S_ISREG(st.st_mode) &&
	             (st.st_mode & S_IROTH) != 0;
	*file = f;
	return true;
}

bool hostfile_is_exposed(const struct hostfile *file)
{
	return file->exposed;
}

bool hostfile_is(const struct hostfile *file, const char *path)
{
	struct stat ours, other;

	return fstat(file->lines.fd, &ours) == 0 && stat(path, &other) == 0 &&
	       S_ISREG(ours.st_mode) && ours.st_dev == other.st_dev &&
	       ours.st_ino == other.st_ino;
}

enum hostfile_hold hostfile_hold(const struct hostfile *file, bool alone)
{
	struct stat st;
	int fd = file->lines.fd;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return HOSTFILE_CANNOT_HOLD;
	if (alone && flock(fd, LOCK_EX | LOCK_NB) != 0)
		return errno == EWOULDBLOCK ? HOSTFILE_HELD
		                            : HOSTFILE_CANNOT_HOLD;
	return flock(fd, LOCK_SH | LOCK_NB) == 0 ? HOSTFILE_HOLDS
	                                         : HOSTFILE_HELD;
}

const char *hostfile_name(const struct hostfile *file)
{
	return file->lines.name;
}

void hostfile_close(struct hostfile *file)
{
	if (file == NULL)
		return;
	lines_release(&file->lines);
	free(file);
}

enum host_read hostfile_next(struct hostfile *file, struct host *host,
                             const struct hostfile_wake *wake, struct err *err)
{
	struct lines *lines = &file->lines;

	for (;;) {
		const char *line;
		size_t length;
		enum host_read got;
		bool blank, parsed;

		if (wait_cancelled(lines->cancel_fd))
			return HOST_END;
		got = lines_next(lines, wake, &line, &length, err);
		if (got != HOST_READ)
			return got;
		blank = host_line_is_blank(line, length);
		parsed = !blank &&
		         host_parse(host, line, length, &file->defaults, err);
		lines_forget(lines);
		if (blank)
			continue;
		if (!parsed) {
			err_prefix(err, "%s:%zu", lines->name, lines->line);
			return HOST_BAD;
		}
		host->line = lines->line;
		return HOST_READ;
	}
}

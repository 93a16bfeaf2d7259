#include "cli/retryfile.h"

#include "inventory/deadline.h"
#include "inventory/hostfile.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAUSE_NS (5 * NS_PER_S)

struct host_entry {
	bool seen; /* in the host file, or noted */
	uint16_t port;
	char *user;              /* behind ip, in the same block */
	struct host_entry *next; /* of those that are to be forgotten */
	char ip[];
};

struct retryfile {
	char *path;
	char *fresh; /* mkostemp()'s pattern: what becomes path by rename() */
	mode_t mode;
	bool old;
	pthread_mutex_t lock; /* guards what is below */
	void *entries;        /* tsearch(3), by address and port */
	bool changed;         /* since it was written */
	nanoseconds written;
	bool failed; /* said */
};

static int compare_entries(const void *a, const void *b)
{
	const struct host_entry *x = a;
	const struct host_entry *y = b;
	int order = strcmp(x->ip, y->ip);

	return order != 0 ? order : (int)x->port - (int)y->port;
}

static struct host_entry *entry_new(const struct host *host)
{
	size_t ip = strlen(host->ip) + 1;
	size_t user = strlen(host->user) + 1;
	struct host_entry *entry = malloc(sizeof(*entry) + ip + user);

	if (entry == NULL)
		return NULL;
	entry->port = host->port;
	entry->user = entry->ip + ip;
	memcpy(entry->ip, host->ip, ip);
	memcpy(entry->user, host->user, user);
	return entry;
}

/* 1: added, 0: it was there, -1: no memory. */
static int add(struct retryfile *file, const struct host *host, bool seen)
{
	struct host_entry *entry = entry_new(host);
	struct host_entry *const *found = NULL;

	if (entry == NULL)
		return -1;
	entry->seen = seen;
	found = tsearch(entry, &file->entries, compare_entries);
	if (found != NULL && *found == entry)
		return 1;
	free(entry);
	if (found == NULL)
		return -1;
	(*found)->seen |= seen;
	return 0;
}

/* True when it was there. */
static bool take_out(struct retryfile *file, const struct host *host)
{
	struct host_entry *key = entry_new(host);
	struct host_entry *const *found;
	struct host_entry *entry = NULL;

	/* Without memory it stays, and is probed once too often. */
	if (key == NULL)
		return false;
	found = tfind(key, &file->entries, compare_entries);
	if (found != NULL) {
		entry = *found;
		tdelete(key, &file->entries, compare_entries);
	}
	free(key);
	free(entry);
	return entry != NULL;
}

static bool read_entries(struct retryfile *file, uint16_t port, struct err *err)
{
	/* Whose user came from elsewhere may have none here. */
	const struct host_defaults defaults = { .port = port,
		                                .may_lack_user = true,
		                                .may_lack_password = true };
	struct hostfile *lines = NULL;
	struct host host;
	bool ok;

	if (!hostfile_open(&lines, file->path, &defaults, -1, err))
		return false;
	for (;;) {
		enum host_read got = hostfile_next(lines, &host, NULL, err);

		ok = got == HOST_END;
		if (got != HOST_READ)
			break;
		if (host.lacks_password && !host.has_port) {
			/* No line of ours: any word is a host's name. */
			ok = err_set(err, ERR_INPUT,
			             "%s:%zu: no user and no password",
			             hostfile_name(lines), host.line);
			break;
		}
		if (add(file, &host, false) < 0) {
			ok = err_set(err, ERR_SYSTEM, "out of memory");
			break;
		}
		host_wipe(&host);
	}
	hostfile_close(lines);
	return ok;
}

static void release(struct retryfile *file)
{
	tdestroy(file->entries, free);
	pthread_mutex_destroy(&file->lock);
	free(file->path);
	free(file->fresh);
	free(file);
}

static bool look_at(struct retryfile *file, uint16_t port, struct err *err)
{
	struct stat st;

	if (stat(file->path, &st) != 0)
		return errno == ENOENT ||
		       err_errno(err, ERR_INPUT, errno, "'%s'", file->path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_INPUT, "'%s' is no regular file",
		               file->path);
	if (!read_entries(file, port, err))
		return false;
	file->mode = st.st_mode & 0777;
	file->old = file->entries != NULL;
	return true;
}

/* The file is replaced, so it is its folder that has to be written to. Better
 * told now than when hours of failures cannot be kept. */
static bool check_folder(const struct retryfile *file, struct err *err)
{
	const char *slash = strrchr(file->path, '/');
	char *folder;
	bool ok;

	if (slash == NULL)
		folder = strdup(".");
	else /* "/" is its own */
		folder = strndup(
		    file->path,
		    slash == file->path ? 1 : (size_t)(slash - file->path));
	if (folder == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	ok = eaccess(folder, W_OK | X_OK) == 0 ||
	     err_errno(err, ERR_INPUT, errno, "'%s' cannot be written: '%s'",
	               file->path, folder);
	free(folder);
	return ok;
}

bool retryfile_open(struct retryfile **out, const char *path, uint16_t port,
                    struct err *err)
{
	struct retryfile *file = calloc(1, sizeof(*file));

	if (file == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	pthread_mutex_init(&file->lock, NULL);
	file->mode = 0600;
	file->path = realpath(path, NULL); /* a link stays a link */
	if (file->path == NULL)
		file->path = strdup(path);
	if (file->path == NULL ||
	    asprintf(&file->fresh, "%s.XXXXXX", file->path) < 0) {
		file->fresh = NULL;
		err_set(err, ERR_SYSTEM, "out of memory");
		goto fail;
	}
	if (!look_at(file, port, err) || !check_folder(file, err)) {
		err_prefix(err, "--retry-file");
		goto fail;
	}
	file->written = monotonic_ns();
	*out = file;
	return true;
fail:
	release(file);
	return false;
}

bool retryfile_is_old(const struct retryfile *file)
{
	return file->old;
}

bool retryfile_has(struct retryfile *file, const struct host *host)
{
	struct host_entry *key = entry_new(host);
	struct host_entry *const *found;

	if (key == NULL) /* rather once too often */
		return true;
	pthread_mutex_lock(&file->lock);
	found = tfind(key, &file->entries, compare_entries);
	if (found != NULL)
		(*found)->seen = true;
	pthread_mutex_unlock(&file->lock);
	free(key);
	return found != NULL;
}

/* An inventory's user may be no field of a line. */
static bool is_field(const char *user)
{
	return user[0] != '\0' && strpbrk(user, " \t\r\n=") == NULL;
}

static void print_entry(const void *node, VISIT visit, void *arg)
{
	const struct host_entry *entry = *(struct host_entry *const *)node;
	bool v6 = strchr(entry->ip, ':') != NULL;
	bool user = is_field(entry->user);

	if (visit != postorder && visit != leaf)
		return;
	fprintf(arg, "%s%s%s:%u%s%s%s\n", v6 ? "[" : "", entry->ip,
	        v6 ? "]" : "", (unsigned)entry->port, user ? " " : "",
	        user ? entry->user : "", user ? " -" : "");
}

/* A file without lines would have nothing probed for ever, so it goes. */
static int write_file(const struct retryfile *file)
{
	char *fresh;
	FILE *out;
	int fd, failed = 0;

	if (file->entries == NULL)
		return unlink(file->path) == 0 || errno == ENOENT ? 0 : errno;
	fresh = strdup(file->fresh);
	if (fresh == NULL)
		return ENOMEM;
	fd = mkostemp(fresh, O_CLOEXEC);
	out = fd >= 0 && fchmod(fd, file->mode) == 0 ? fdopen(fd, "w") : NULL;
	if (out == NULL) {
		failed = errno;
		if (fd >= 0) {
			close(fd);
			(void)unlink(fresh);
		}
		free(fresh);
		return failed;
	}
	twalk_r(file->entries, print_entry, out);
	if (fflush(out) != 0 || fsync(fd) != 0)
		failed = errno;
	if (fclose(out) != 0 && failed == 0)
		failed = errno;
	if (failed == 0 && rename(fresh, file->path) != 0)
		failed = errno;
	if (failed != 0)
		(void)unlink(fresh);
	free(fresh);
	return failed;
}

/* With the lock held. */
static bool save(struct retryfile *file, struct err *err)
{
	int failed = write_file(file);
	bool told = file->failed;

	file->written = monotonic_ns();
	file->changed = failed != 0;
	file->failed = failed != 0;
	if (failed == 0 || told)
		return true;
	return err_errno(err, ERR_SYSTEM, failed, "cannot write '%s'",
	                 file->path);
}

bool retryfile_note(struct retryfile *file, const struct record *record,
                    struct err *err)
{
	bool ok = true;

	pthread_mutex_lock(&file->lock);
	if (record->status == STATUS_OK) {
		file->changed |= take_out(file, &record->host);
	} else {
		int added = add(file, &record->host, true);

		file->changed |= added > 0;
		if (added < 0)
			ok = err_set(err, ERR_SYSTEM, "out of memory for '%s'",
			             file->path);
	}
	if (ok && file->old && file->changed &&
	    monotonic_ns() >= file->written + PAUSE_NS)
		ok = save(file, err);
	pthread_mutex_unlock(&file->lock);
	return ok;
}

bool retryfile_note_failed(struct retryfile *file, const struct host *host)
{
	int added;

	pthread_mutex_lock(&file->lock);
	added = add(file, host, true);
	file->changed |= added > 0;
	pthread_mutex_unlock(&file->lock);
	return added >= 0;
}

static void collect_gone(const void *node, VISIT visit, void *arg)
{
	struct host_entry *entry = *(struct host_entry *const *)node;
	struct host_entry **gone = arg;

	if ((visit != postorder && visit != leaf) || entry->seen)
		return;
	entry->next = *gone;
	*gone = entry;
}

/* Hosts that the host file has no more would be tried never, and kept for ever.
 */
static size_t forget_gone(struct retryfile *file)
{
	struct host_entry *gone = NULL;
	size_t count = 0;

	/* The tree must not change while it is walked. */
	twalk_r(file->entries, collect_gone, &gone);
	for (; gone != NULL; count++) {
		struct host_entry *next = gone->next;

		tdelete(gone, &file->entries, compare_entries);
		free(gone);
		gone = next;
	}
	file->changed |= count > 0;
	return count;
}

bool retryfile_close(struct retryfile *file, bool complete, size_t *gone,
                     struct err *err)
{
	bool ok = true;

	if (file == NULL)
		return true;
	file->failed = false; /* the end is worth saying it again */
	*gone = complete ? forget_gone(file) : 0;
	if (file->old || complete)
		ok = (!file->changed && file->entries != NULL) ||
		     save(file, err);
	release(file);
	return ok;
}

#include "inventory/hostfile.h"
#include "inventory/targets.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"

/*
 * A host file that arrives in pieces, as the source of targets. The first byte
 * is the number of sizes of pieces, which come next and are used in turn; 0
 * stands for a pause. In the file that follows, a byte 1 and two more, C and N,
 * are 24 * N times C: lines that are too long are short to write.
 */

#define REPEAT 24

/* Bytes of the file; and pieces, after which they are larger: each costs the
 * reader two system calls and 8 KiB to wipe. */
#define FILE_MAX 65536
#define PIECES_MAX 150
#define LARGER 61

static const struct host_defaults port_22 = { .port = 22 };

struct known {
	char ip[HOST_IP_MAX + 1];
	uint16_t port;
	size_t line;
};

static struct {
	const uint8_t *sizes;
	size_t count, next;
	bool paused; /* the last one */
} pieces;

static size_t size_of_next(void)
{
	size_t scale = pieces.next < PIECES_MAX ? 1 : LARGER;

	if (pieces.count == 0)
		return SIZE_MAX;
	return scale * pieces.sizes[pieces.next % pieces.count];
}

ssize_t __real_read(int fd, void *buf, size_t count);
ssize_t __wrap_read(int fd, void *buf, size_t count);
ssize_t __wrap___read_chk(int fd, void *buf, size_t count, size_t size);
int __real_poll(struct pollfd *fds, nfds_t count, int timeout);
int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout);
int __wrap___poll_chk(struct pollfd *fds, nfds_t count, int timeout,
                      size_t size);

ssize_t __wrap_read(int fd, void *buf, size_t count)
{
	size_t size = size_of_next();

	pieces.next++;
	if (size == 0)
		size = 1;
	return __real_read(fd, buf, size < count ? size : count);
}

ssize_t __wrap___read_chk(int fd, void *buf, size_t count, size_t size)
{
	PROMISE(count <= size);
	return __wrap_read(fd, buf, count);
}

/* The wait for input, of more than one descriptor, may end without any. */
int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout)
{
	bool pause = count > 1 && !pieces.paused && size_of_next() == 0;

	pieces.paused = pause;
	if (!pause)
		return __real_poll(fds, count, timeout);
	pieces.next++;
	for (nfds_t i = 0; i < count; i++)
		fds[i].revents = 0;
	return 0;
}

int __wrap___poll_chk(struct pollfd *fds, nfds_t count, int timeout,
                      size_t size)
{
	PROMISE(count * sizeof(*fds) <= size);
	return __wrap_poll(fds, count, timeout);
}

/* The same without pieces: what a whole file means, line by line. */
struct model {
	const char *name;
	const char *text;
	size_t size, at;
	size_t line;
	struct known *known; /* hosts that were there already */
	size_t count;
};

/* The next line that is not blank; false at the end. */
static bool next_line(struct model *model, const char **line, size_t *length)
{
	while (model->at < model->size) {
		const char *begin = model->text + model->at;
		size_t rest = model->size - model->at;
		const char *end = memchr(begin, '\n', rest);

		*length = end != NULL ? (size_t)(end - begin) : rest;
		model->at += *length + (end != NULL);
		if (*length > 0 && begin[*length - 1] == '\r')
			--*length;
		*line = begin;
		model->line++;
		if (*length > HOSTFILE_LINE_MAX)
			return true;
		if (model->line == 1 && *length >= 3 &&
		    memcmp(begin, "\xEF\xBB\xBF", 3) == 0) {
			*line += 3;
			*length -= 3;
		}
		if (!host_line_is_blank(*line, *length))
			return true;
	}
	return false;
}

static void remember(struct model *model, const struct host *host)
{
	struct known *known =
	    realloc(model->known, (model->count + 1) * sizeof(*model->known));

	PROMISE(known != NULL);
	model->known = known;
	known += model->count++;
	memcpy(known->ip, host->ip, sizeof(known->ip));
	known->port = host->port;
	known->line = host->line;
}

static enum host_read expect(struct model *model, struct host *host,
                             struct err *err)
{
	const char *line;
	size_t length;

	if (!next_line(model, &line, &length))
		return HOST_END;
	if (length > HOSTFILE_LINE_MAX) {
		err_set(err, ERR_INPUT, "%s:%zu: line over %d bytes",
		        model->name, model->line, HOSTFILE_LINE_MAX);
		return HOST_BAD;
	}
	if (!host_parse(host, line, length, &port_22, err)) {
		err_prefix(err, "%s:%zu", model->name, model->line);
		return HOST_BAD;
	}
	host->line = model->line;
	for (size_t i = 0; i < model->count; i++) {
		const struct known *other = &model->known[i];

		if (strcmp(host->ip, other->ip) != 0 ||
		    host->port != other->port)
			continue;
		err_set(err, ERR_INPUT,
		        "%s:%zu: %s port %u was on line %zu already; it is "
		        "probed once",
		        model->name, model->line, host->ip,
		        (unsigned)host->port, other->line);
		return HOST_REPEATED;
	}
	remember(model, host);
	return HOST_READ;
}

static void check_host(const struct host *a, const struct host *b)
{
	PROMISE(strcmp(a->ip, b->ip) == 0 && a->port == b->port);
	PROMISE(strcmp(a->user, b->user) == 0);
	PROMISE(strcmp(a->password, b->password) == 0);
	PROMISE(a->has_password == b->has_password);
	PROMISE(strcmp(a->name, b->name) == 0);
	PROMISE(strcmp(a->group, b->group) == 0);
	PROMISE(a->is_name == b->is_name && a->line == b->line);
}

static void check_same(struct model *model, struct targets *targets)
{
	static const struct hostfile_wake wake = { .fd = -1 };
	enum host_read wanted, got;

	do {
		struct host host, other;
		struct err err = { .kind = ERR_NONE, .text = "" };
		struct err other_err = err;

		memset(&host, 0, sizeof(host));
		memset(&other, 0, sizeof(other));
		wanted = expect(model, &other, &other_err);
		do
			got = targets_next(targets, &host, &wake, &err);
		while (got == HOST_NOT_YET);
		PROMISE(got == wanted);
		PROMISE(strcmp(err.text, other_err.text) == 0);
		if (got == HOST_READ)
			check_host(&host, &other);
		host_wipe(&host);
	} while (wanted != HOST_END);
}

/* Writes what the bytes stand for, as far as there is room. */
static size_t expand(char *to, size_t room, const uint8_t *data, size_t size)
{
	size_t used = 0;

	for (size_t i = 0; i < size && used < room; i++) {
		size_t count = 1;
		uint8_t c = data[i];

		if (c == 1 && i + 2 < size) {
			c = data[i + 1];
			count = (size_t)data[i + 2] * REPEAT;
			i += 2;
		}
		if (count > room - used)
			count = room - used;
		memset(to + used, c, count);
		used += count;
	}
	return used;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct model model = { .name = "" };
	struct targets_settings settings = { .defaults = port_22,
		                             .cancel_fd = -1 };
	struct targets *targets = NULL;
	static char text[FILE_MAX];
	char path[32];
	struct err err;
	int fd;

	if (size == 0 || size - 1 < data[0])
		return 0;
	pieces.sizes = data + 1;
	pieces.count = data[0];
	pieces.next = 0;
	pieces.paused = false;
	model.size =
	    expand(text, sizeof(text), data + 1 + data[0], size - 1 - data[0]);
	model.text = text;
	fd = memfd_create("hosts", MFD_CLOEXEC);
	PROMISE(fd >= 0);
	PROMISE(write(fd, text, model.size) == (ssize_t)model.size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	settings.host_file = path;
	PROMISE(targets_open(&targets, &settings, &err));
	model.name = hostfile_name(targets_hostfile(targets));
	check_same(&model, targets);
	targets_close(targets);
	close(fd);
	free(model.known);
	return 0;
}

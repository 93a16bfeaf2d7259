#include "pool/cancel.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

int cancel_open(struct cancel *cancel)
{
	cancel->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return cancel->fd < 0 ? errno : 0;
}

void cancel_close(struct cancel *cancel)
{
	if (cancel->fd >= 0)
		close(cancel->fd);
	cancel->fd = -1;
}

void cancel_fire(const struct cancel *cancel)
{
	const uint64_t one = 1;
	int saved = errno;
	ssize_t written;

	/* It can only fail when the counter is at its end: fired long ago. */
	do
		written = write(cancel->fd, &one, sizeof(one));
	while (written < 0 && errno == EINTR);
	errno = saved;
}

bool cancel_fired(const struct cancel *cancel)
{
	struct pollfd watch = { .fd = cancel->fd, .events = POLLIN };
	int ready;

	do
		ready = poll(&watch, 1, 0);
	while (ready < 0 && errno == EINTR);
	return ready > 0 && (watch.revents & POLLIN) != 0;
}

#include "tests/fleet/control.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/fleet/conn.h"
#include "tests/fleet/counts.h"
#include "tests/fleet/say.h"

#define LINE_SIZE 256
#define CLIENT_SECONDS 5 /* a client that is slower than that is dropped */

struct control {
	struct counts *counts;
	int fd;
	pthread_t thread;
	struct sockaddr_un name;
};

static bool make_name(const char *path, struct sockaddr_un *name)
{
	*name = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof(name->sun_path)) {
		say(0, "the path of the control socket is too long: '%s'",
		    path);
		return false;
	}
	memcpy(name->sun_path, path, strlen(path));
	return true;
}

static bool send_all(int fd, const char *data, size_t length)
{
	while (length > 0) {
		ssize_t n = send(fd, data, length, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		data += n;
		length -= (size_t)n;
	}
	return true;
}

/* One line without its end; false when there is none, or none in time. */
static bool read_line(int fd, char line[static LINE_SIZE])
{
	size_t n = 0;

	while (n < LINE_SIZE - 1) {
		ssize_t got = recv(fd, line + n, 1, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 || (got == 0 && n == 0))
			return false;
		if (got == 0 || line[n] == '\n')
			break;
		n++;
	}
	line[n] = '\0';
	return true;
}

static void obey(struct control *control, const char *line, FILE *out)
{
	static const char counts_of[] = "counts ";
	uint32_t address = 0;

	if (strcmp(line, "counts") == 0) {
		if (!counts_print_all(control->counts, out))
			fputs("error: out of memory\n", out);
	} else if (strcmp(line, "networks") == 0) {
		if (!counts_print_networks(control->counts, out))
			fputs("error: out of memory\n", out);
	} else if (strcmp(line, "totals") == 0) {
		counts_print_totals(control->counts, out);
	} else if (strcmp(line, "reset") == 0) {
		counts_reset(control->counts);
		fputs("ok\n", out);
	} else if (strncmp(line, counts_of, strlen(counts_of)) == 0 &&
	           address_parse(line + strlen(counts_of), &address)) {
		counts_print(control->counts, address, out);
	} else {
		fputs("error: counts, counts ADDRESS, networks, totals or "
		      "reset\n",
		      out);
	}
}

static void answer(struct control *control, int fd)
{
	const struct timeval patience = { .tv_sec = CLIENT_SECONDS };
	char line[LINE_SIZE];
	char *text = NULL;
	size_t length = 0;
	FILE *out = NULL;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (!read_line(fd, line))
		return;
	out = open_memstream(&text, &length);
	if (out == NULL)
		return;
	obey(control, line, out);
	if (fclose(out) == 0)
		send_all(fd, text, length);
	free(text);
}

static void *listen_to(void *arg)
{
	struct control *control = arg;

	for (;;) {
		int fd = accept4(control->fd, NULL, NULL, SOCK_CLOEXEC);

		if (fd >= 0) {
			answer(control, fd);
			close(fd);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE)
			usleep(10000);
		else if (errno != EINTR && errno != ECONNABORTED)
			return NULL; /* control_stop() */
	}
}

struct control *control_start(const char *path, struct counts *counts)
{
	struct control *control = calloc(1, sizeof(*control));
	struct stat st;
	int rc = 0;

	if (control == NULL || !make_name(path, &control->name)) {
		free(control);
		return NULL;
	}
	control->counts = counts;
	control->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode))
		unlink(path);
	if (control->fd < 0 ||
	    bind(control->fd, (const struct sockaddr *)&control->name,
	         sizeof(control->name)) < 0 ||
	    listen(control->fd, 64) < 0)
		rc = errno;
	if (rc == 0)
		rc = pthread_create(&control->thread, NULL, listen_to, control);
	if (rc == 0)
		return control;
	say(rc, "could not listen at '%s'", path);
	if (control->fd >= 0)
		close(control->fd);
	free(control);
	return NULL;
}

void control_stop(struct control *control)
{
	if (control == NULL)
		return;
	shutdown(control->fd, SHUT_RDWR);
	pthread_join(control->thread, NULL);
	close(control->fd);
	unlink(control->name.sun_path);
	free(control);
}

int control_ask(const char *path, const char *command)
{
	struct sockaddr_un name;
	int fd = -1;
	int status = 1;
	char buf[4096];
	bool first = true;

	if (!make_name(path, &name))
		return 1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 ||
	    connect(fd, (const struct sockaddr *)&name, sizeof(name)) < 0 ||
	    !send_all(fd, command, strlen(command)) || !send_all(fd, "\n", 1)) {
		say(errno, "could not ask at '%s'", path);
		goto out;
	}
	for (;;) {
		ssize_t n = recv(fd, buf, sizeof(buf), 0);

		if (n <= 0)
			break;
		if (first)
			status = n >= 6 && memcmp(buf, "error:", 6) == 0;
		first = false;
		fwrite(buf, 1, (size_t)n, stdout);
	}
	/* No counts yet is an empty answer. */
	if (first && strcmp(command, "counts") == 0)
		status = 0;
out:
	if (fd >= 0)
		close(fd);
	return status;
}

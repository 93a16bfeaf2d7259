#include "cli/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

static bool is_ours(const char *variable)
{
	static const char *const names[] = { "SSHINV_DB", "SSHINV_DB_PASSWORD",
		                             "MYSQL_PWD" };
	size_t length = strcspn(variable, "=");

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strlen(names[i]) == length &&
		    memcmp(names[i], variable, length) == 0)
			return true;
	}
	return false;
}

char **child_environment(struct err *err)
{
	char **environment;
	size_t count = 0, used = 0;

	while (environ[count] != NULL)
		count++;
	environment = calloc(count + 1, sizeof(char *));
	if (environment == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	for (size_t i = 0; i < count; i++) {
		if (!is_ours(environ[i]))
			environment[used++] = environ[i];
	}
	return environment;
}

/* Its descriptors: 0 to 2, and none of anybody else's. */
static int set_files(posix_spawn_file_actions_t *files, int out,
                     enum child_place place)
{
	int failed = 0;

	if (place != CHILD_HERE)
		failed = posix_spawn_file_actions_addopen(
		    files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	if (failed == 0)
		failed =
		    posix_spawn_file_actions_adddup2(files, out, STDOUT_FILENO);
	if (failed == 0)
		failed = posix_spawn_file_actions_addclosefrom_np(
		    files, STDERR_FILENO + 1);
	return failed;
}

/* Threads have signals blocked, and we ignore SIGPIPE. */
static int set_signals(posix_spawnattr_t *attributes, enum child_place place)
{
	short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
	sigset_t none, pipe_only;

	sigemptyset(&none);
	sigemptyset(&pipe_only);
	sigaddset(&pipe_only, SIGPIPE);
	if (place == CHILD_APART)
		flags |= POSIX_SPAWN_SETSID;
	posix_spawnattr_setsigmask(attributes, &none);
	posix_spawnattr_setsigdefault(attributes, &pipe_only);
	return posix_spawnattr_setflags(attributes, flags);
}

static int spawn(pid_t *pid, const char *command, char *const *environment,
                 int out, enum child_place place)
{
	char shell[] = "/bin/sh", option[] = "-c";
	char *copy = strdup(command);
	char *const words[] = { shell, option, copy, NULL };
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	int failed;

	if (copy == NULL)
		return ENOMEM;
	failed = posix_spawn_file_actions_init(&files);
	if (failed != 0)
		goto out_copy;
	failed = posix_spawnattr_init(&attributes);
	if (failed != 0)
		goto out_files;
	failed = set_files(&files, out, place);
	if (failed == 0)
		failed = set_signals(&attributes, place);
	if (failed == 0)
		failed = posix_spawn(pid, shell, &files, &attributes, words,
		                     environment);
	posix_spawnattr_destroy(&attributes);
out_files:
	posix_spawn_file_actions_destroy(&files);
out_copy:
	free(copy);
	return failed;
}

bool child_start(struct child *child, const char *command,
                 char *const *environment, enum child_place place,
                 struct err *err)
{
	int ends[2], failed;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return err_errno(err, ERR_SCARCE, errno, "pipe");
	child->out = ends[0];
	child->apart = place == CHILD_APART;
	child->pid_fd = -1;
	failed = spawn(&child->pid, command, environment, ends[1], place);
	close(ends[1]);
	if (failed != 0) {
		close(ends[0]);
		return err_errno(err, ERR_SYSTEM, failed, "cannot run /bin/sh");
	}
	child->pid_fd = pidfd_open(child->pid, 0);
	if (child->pid_fd < 0 || fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0) {
		err_errno(err, ERR_SYSTEM, errno, "pidfd_open");
		child_stop(child);
		child_finish(child);
		return false;
	}
	return true;
}

enum child_event child_wait(struct child *child, const struct wait *wait,
                            int signal_fd, struct err *err)
{
	struct pollfd fds[] = {
		{ .fd = child->out, .events = POLLIN },
		{ .fd = child->pid_fd, .events = POLLIN },
		{ .fd = wait->cancel_fd, .events = POLLIN },
		{ .fd = signal_fd, .events = POLLIN },
	};

	for (;;) {
		int ready = poll(fds, 4, deadline_poll_ms(wait->deadline));

		if (ready < 0 && errno == EINTR)
			continue;
		if (ready < 0) {
			err_errno(err, ERR_SYSTEM, errno, "poll");
			return CHILD_FAILED;
		}
		if (fds[3].revents != 0)
			return CHILD_INTERRUPTED;
		if (!wait_check(wait, err))
			return CHILD_FAILED;
		if (fds[0].revents != 0)
			return CHILD_OUTPUT;
		if (fds[1].revents != 0)
			return CHILD_ENDED;
	}
}

ssize_t child_read(struct child *child, char *bytes, size_t size)
{
	ssize_t got;

	do
		got = read(child->out, bytes, size);
	while (got < 0 && errno == EINTR);
	if (got != 0)
		return got;
	/* poll() would go on to tell of the end. */
	close(child->out);
	child->out = -1;
	return 0;
}

static bool ends_within(const struct child *child, int ms)
{
	const nanoseconds end = monotonic_ns() + ms * NS_PER_MS;
	struct pollfd fd = { .fd = child->pid_fd, .events = POLLIN };
	int ready;

	do
		ready = poll(&fd, 1, deadline_poll_ms(end));
	while (ready < 0 && errno == EINTR);
	return ready > 0;
}

void child_stop(struct child *child)
{
	if (child->apart) {
		/* Not reaped, so the number is still its own. */
		kill(-child->pid, SIGKILL);
		return;
	}
	if (child->pid_fd >= 0) {
		if (ends_within(child, 500))
			return;
		kill(child->pid, SIGTERM);
		if (ends_within(child, 2000))
			return;
	}
	kill(child->pid, SIGKILL);
}

int child_finish(struct child *child)
{
	int status = 0;

	while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR)
		;
	if (child->pid_fd >= 0)
		close(child->pid_fd);
	if (child->out >= 0)
		close(child->out);
	return status;
}

#include "tests/fleet/shell.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/fleet/behaviour.h"
#include "tests/fleet/conn.h"
#include "tests/fleet/say.h"
#include "tests/fleet/server.h"

#define READ 0
#define WRITE 1

/* A shell at work; each descriptor is -1 when it is closed. */
struct shell {
	pid_t pid;
	int in; /* we write */
	int out;
	int err;
};

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* "hostname() { printf '\150\157…\n'; }" and then `text`: octal, for a name
 * may hold anything. NULL without memory; freed by the caller. */
static char *make_script(const char *name, const char *text, size_t length,
                         size_t *size)
{
	char *script = NULL;
	FILE *f = open_memstream(&script, size);

	if (f == NULL)
		return NULL;
	fputs("hostname() { printf '", f);
	for (const char *p = name; *p != '\0'; p++)
		fprintf(f, "\\%03o", (unsigned)(unsigned char)*p);
	fputs("\\n'; }\n", f);
	fwrite(text, 1, length, f);
	if (fclose(f) != 0) {
		free(script);
		return NULL;
	}
	return script;
}

static int spawn(struct shell *shell, char *const argv[static 1],
                 const int in[static 2], const int out[static 2],
                 const int err[static 2])
{
	char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:"
		      "/sbin:/bin";
	char home[] = "HOME=/";
	char *const environment[] = { path, home, NULL };
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t set;
	int rc = posix_spawn_file_actions_init(&files);

	if (rc != 0)
		return rc;
	rc = posix_spawnattr_init(&attr);
	if (rc != 0) {
		posix_spawn_file_actions_destroy(&files);
		return rc;
	}
	posix_spawn_file_actions_adddup2(&files, in[READ], 0);
	posix_spawn_file_actions_adddup2(&files, out[WRITE], 1);
	posix_spawn_file_actions_adddup2(&files, err[WRITE], 2);
	/* A group of its own, to be killed whole; signals as in a login. */
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP |
	                                    POSIX_SPAWN_SETSIGMASK |
	                                    POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setpgroup(&attr, 0);
	sigemptyset(&set);
	posix_spawnattr_setsigmask(&attr, &set);
	sigaddset(&set, SIGPIPE);
	posix_spawnattr_setsigdefault(&attr, &set);
	rc = posix_spawn(&shell->pid, "/bin/sh", &files, &attr, argv,
	                 environment);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&files);
	return rc;
}

static bool start(struct shell *shell, char *const argv[static 1])
{
	int in[2] = { -1, -1 };
	int out[2] = { -1, -1 };
	int err[2] = { -1, -1 };
	int rc = 0;

	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0 ||
	    pipe2(err, O_CLOEXEC) < 0)
		rc = errno;
	if (rc == 0)
		rc = spawn(shell, argv, in, out, err);
	close_fd(&in[READ]);
	close_fd(&out[WRITE]);
	close_fd(&err[WRITE]);
	if (rc != 0) {
		say(rc, "could not start /bin/sh");
		close_fd(&in[WRITE]);
		close_fd(&out[READ]);
		close_fd(&err[READ]);
		return false;
	}
	fcntl(in[WRITE], F_SETFL, O_NONBLOCK);
	shell->in = in[WRITE];
	shell->out = out[READ];
	shell->err = err[READ];
	return true;
}

/* Passes on what is there; false when the client is gone. */
static bool relay(struct call *call, int *fd, bool is_stderr)
{
	char buf[8192];
	ssize_t n = read(*fd, buf, sizeof(buf));

	if (n < 0 && errno == EINTR)
		return true;
	if (n <= 0) {
		close_fd(fd);
		return true;
	}
	return is_stderr ? call_err(call, buf, (size_t)n)
	                 : call_out(call, buf, (size_t)n);
}

static void feed(struct shell *shell, const char **script, size_t *length)
{
	ssize_t n = write(shell->in, *script, *length);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n > 0) {
		*script += n;
		*length -= (size_t)n;
	}
	if (n < 0 || *length == 0)
		close_fd(&shell->in); /* it need not read all of it */
}

/* Until both outputs have ended; false when the client is gone. */
static bool carry(struct call *call, struct shell *shell, const char *script,
                  size_t length)
{
	if (length == 0)
		close_fd(&shell->in);
	while (shell->out >= 0 || shell->err >= 0) {
		struct pollfd p[] = {
			{ .fd = call->conn->fd, .events = POLLRDHUP },
			{ .fd = shell->out, .events = POLLIN },
			{ .fd = shell->err, .events = POLLIN },
			{ .fd = shell->in, .events = POLLOUT },
		};

		if (poll(p, sizeof(p) / sizeof(p[0]), -1) < 0) {
			if (errno == EINTR)
				continue;
			return false;
		}
		if (p[0].revents != 0 ||
		    (p[1].revents != 0 && !relay(call, &shell->out, false)) ||
		    (p[2].revents != 0 && !relay(call, &shell->err, true)))
			return false;
		if (p[3].revents != 0)
			feed(shell, &script, &length);
	}
	return true;
}

static int wait_for(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return 127;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int shell_run(struct call *call, const char *name)
{
	bool piped = strcmp(call->command, SHELL_COMMAND) == 0;
	const char *text = piped ? call->input : call->command;
	size_t length = piped ? call->input_length : strlen(call->command);
	char sh[] = "sh";
	char c[] = "-c";
	char *argv[] = { sh, NULL, NULL, NULL };
	struct shell shell = { .pid = 0, .in = -1, .out = -1, .err = -1 };
	size_t size = 0;
	char *script = make_script(name, text, length, &size);
	int status = 127;
	bool stayed = false;

	if (script == NULL)
		return status;
	if (!piped) {
		argv[1] = c;
		argv[2] = script;
	}
	if (!start(&shell, argv))
		goto out;
	stayed = carry(call, &shell, script, piped ? size : 0);
	if (!stayed)
		kill(-shell.pid, SIGKILL);
	close_fd(&shell.in);
	close_fd(&shell.out);
	close_fd(&shell.err);
	status = wait_for(shell.pid);
	if (!stayed)
		status = -1;
out:
	free(script);
	return status;
}

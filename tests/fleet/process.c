#include "tests/fleet/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARGUMENTS_MAX 16

/* posix_spawn() wants words it could write to. False without memory; to be
 * freed in either case. */
static bool copy_words(char *to[static ARGUMENTS_MAX + 2],
                       const char *const words[static 1])
{
	size_t n = 1;
	bool ok = true;

	to[0] = strdup("fleet");
	if (to[0] == NULL)
		return false;
	while (ok && n <= ARGUMENTS_MAX && words[n - 1] != NULL) {
		to[n] = strdup(words[n - 1]);
		ok = to[n++] != NULL;
	}
	to[n] = NULL;
	return ok;
}

static void free_words(char **words)
{
	for (size_t i = 0; words[i] != NULL; i++)
		free(words[i]);
}

static bool spawn(struct process *process, const char *const words[static 1])
{
	char *argv[ARGUMENTS_MAX + 2];
	posix_spawn_file_actions_t files;
	int out[2];
	int rc = 0;

	if (!copy_words(argv, words) || pipe2(out, O_CLOEXEC) < 0) {
		free_words(argv);
		return false;
	}
	rc = posix_spawn_file_actions_init(&files);
	if (rc == 0) {
		posix_spawn_file_actions_adddup2(&files, out[1], 1);
		rc = posix_spawn(&process->pid, FLEET_PROGRAM, &files, NULL,
		                 argv, environ);
		posix_spawn_file_actions_destroy(&files);
	}
	free_words(argv);
	close(out[1]);
	if (rc == 0) {
		process->out = out[0];
		return true;
	}
	close(out[0]);
	fprintf(stderr, "could not start %s: %s\n", FLEET_PROGRAM,
	        strerrordesc_np(rc));
	return false;
}

static int wait_for(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return -1;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* One line, byte by byte: what follows stays in the pipe. */
static bool read_line(int fd, char *line, size_t size)
{
	size_t n = 0;

	while (n < size - 1 && read(fd, line + n, 1) == 1) {
		if (line[n] == '\n') {
			line[n] = '\0';
			return true;
		}
		n++;
	}
	return false;
}

bool process_start(struct process *process, const char *const words[static 1])
{
	static const char ready[] = "ready ";
	char line[64];

	if (!spawn(process, words))
		return false;
	if (read_line(process->out, line, sizeof(line)) &&
	    strncmp(line, ready, strlen(ready)) == 0) {
		process->port =
		    (uint16_t)strtoul(line + strlen(ready), NULL, 10);
		return true;
	}
	fprintf(stderr, "the fleet is not ready\n");
	process_stop(process);
	return false;
}

int process_stop(struct process *process)
{
	kill(process->pid, SIGTERM);
	close(process->out);
	return wait_for(process->pid);
}

int process_run(const char *const words[static 1], char *text, size_t size)
{
	struct process process;
	size_t n = 0;

	if (!spawn(&process, words))
		return -1;
	while (n < size - 1) {
		ssize_t got = read(process.out, text + n, size - 1 - n);

		if (got <= 0)
			break;
		n += (size_t)got;
	}
	text[n] = '\0';
	close(process.out);
	return wait_for(process.pid);
}

/*
 * memsearch: looks for secrets in the memory of another process.
 *
 *     memsearch NEEDLES --pid PID                of one that runs
 *     memsearch NEEDLES --report FILE COMMAND... at the end of a command,
 *                                                however it ends
 *
 * Each line of NEEDLES is looked for, and each piece of it (needles.h). What is
 * found goes to standard output or to FILE (image.h), whose first line is
 * "pid N". At the end means: when the command's main thread has begun to exit,
 * so all its memory is as exit_group() or the fatal signal left it. The exit
 * status is the command's, 128 and the signal's number, or 125: could not look.
 */
#include "tests/faults/image.h"
#include "tests/faults/needles.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#define CANNOT 125

static int look_at_running(const struct needles *needles, const char *pid)
{
	struct image image = IMAGE_INIT;
	bool ok;

	if (!image_open(&image, (pid_t)strtol(pid, NULL, 10)))
		return CANNOT;
	ok = image_search(&image, needles, stdout);
	image_close(&image);
	return ok && fflush(stdout) == 0 ? 0 : CANNOT;
}

static pid_t start_traced(char **command)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0)
		execvp(command[0], command);
	perror(command[0]);
	_exit(CANNOT);
}

/* Takes one stop of the main thread; the signal to go on with. */
static int take_stop(int status, pid_t pid, struct image *image,
                     const struct needles *needles, FILE *report, bool *looked)
{
	switch (status >> 16) {
	case PTRACE_EVENT_EXEC: /* its memory is another one now */
		image_open(image, pid);
		return 0;
	case PTRACE_EVENT_EXIT:
		*looked =
		    image->maps != NULL && image_search(image, needles, report);
		return 0;
	default:
		return WSTOPSIG(status);
	}
}

/* Only the main thread is traced: the others run as ever. */
static int look_at_end(const struct needles *needles, FILE *report,
                       char **command)
{
	const long options =
	    PTRACE_O_TRACEEXIT | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
	struct image image = IMAGE_INIT;
	pid_t pid = start_traced(command);
	int status, number = 0;
	bool looked = false;

	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status) ||
	    ptrace(PTRACE_SETOPTIONS, pid, NULL, options) != 0 ||
	    !image_open(&image, pid))
		return CANNOT;
	fprintf(report, "pid %d\n", (int)pid);
	fflush(report);
	for (;;) {
		ptrace(PTRACE_CONT, pid, NULL, (long)number);
		if (waitpid(pid, &status, __WALL) != pid || !WIFSTOPPED(status))
			break;
		number =
		    take_stop(status, pid, &image, needles, report, &looked);
	}
	image_close(&image);
	if (fflush(report) != 0 || !looked)
		return CANNOT;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(int argc, char **argv)
{
	struct needles *needles;
	FILE *report;
	int status = CANNOT;

	if (argc < 4) {
		fputs("usage: memsearch NEEDLES --pid PID\n"
		      "       memsearch NEEDLES --report FILE COMMAND...\n",
		      stderr);
		return CANNOT;
	}
	needles = needles_read(argv[1]);
	if (needles == NULL)
		return CANNOT;
	if (strcmp(argv[2], "--pid") == 0) {
		status = look_at_running(needles, argv[3]);
	} else if (argc > 4) {
		report = fopen(argv[3], "we");
		if (report == NULL) {
			perror(argv[3]);
		} else {
			status = look_at_end(needles, report, argv + 4);
			fclose(report);
		}
	}
	needles_free(needles);
	return status;
}

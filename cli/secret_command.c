#include "cli/secret_command.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/child.h"
#include "cli/secret_line.h"
#include "cli/secret_template.h"
#include "inventory/terminal.h"

/* What follows the first line is read away, but not for ever. */
#define OUTPUT_MAX ((size_t)256 * 1024)

/* Commands at the same time, per processor. */
#define PLACES_PER_CORE 4

/* Until its end; false when it had to be stopped. */
static bool collect(struct child *child, struct secret_line *line,
                    const struct wait *wait, int signal_fd, const char *name,
                    struct err *err)
{
	char piece[1024];
	size_t total = 0;
	ssize_t got = 0;
	bool ended = false, ok = true;

	while (ok && !ended) {
		switch (child_wait(child, wait, signal_fd, err)) {
		case CHILD_OUTPUT:
			break;
		case CHILD_ENDED:
			ended = true;
			break;
		case CHILD_INTERRUPTED:
			ok = err_set(err, ERR_CANCELLED, "interrupted");
			continue;
		case CHILD_FAILED:
			ok = err_prefix(err, "%s", name);
			continue;
		}
		/* At its end what is in the pipe still counts. */
		do {
			got = child->out >= 0
			          ? child_read(child, piece, sizeof(piece))
			          : 0;
			if (got > 0) {
				secret_line_feed(line, piece, (size_t)got);
				total += (size_t)got;
			}
		} while (got > 0 && ended && total <= OUTPUT_MAX);
		if (total > OUTPUT_MAX)
			ok = err_set(err, ERR_INPUT, "%s: too much output",
			             name);
	}
	explicit_bzero(piece, sizeof(piece));
	return ok;
}

static bool check_status(int status, const char *name, struct err *err)
{
	if (WIFSIGNALED(status))
		return err_set(err, ERR_INPUT, "%s: ended by signal %d", name,
		               WTERMSIG(status));
	if (WEXITSTATUS(status) != 0)
		return err_set(err, ERR_INPUT, "%s: exit status %d", name,
		               WEXITSTATUS(status));
	return true;
}

/* Of a child that was started. */
static bool take_password(struct child *child, const struct wait *wait,
                          int signal_fd, const char *name, char *password,
                          size_t size, struct err *err)
{
	struct secret_line line;
	bool ok;
	int status;

	secret_line_begin(&line, password, size);
	ok = collect(child, &line, wait, signal_fd, name, err);
	if (!ok)
		child_stop(child);
	status = child_finish(child);
	ok = ok && check_status(status, name, err) &&
	     secret_line_finish(&line, name, err);
	if (!ok)
		explicit_bzero(password, size);
	return ok;
}

static bool run_once(const char *command, char *const *environment,
                     const char *name, enum child_place place, int cancel_fd,
                     char *password, size_t size, struct err *err)
{
	const struct wait wait = { .deadline = INT64_MAX,
		                   .cancel_fd = cancel_fd };
	struct terminal terminal;
	struct child child;
	bool ok;

	/* Where it is ignored nobody learns how a child ended. */
	signal(SIGCHLD, SIG_DFL);
	if (!terminal_hold(&terminal))
		return err_errno(err, ERR_SYSTEM, errno, "signalfd");
	ok = child_start(&child, command, environment, place, err) &&
	     take_password(&child, &wait, terminal.signal_fd, name, password,
	                   size, err);
	terminal_release(&terminal);
	return ok;
}

bool secret_command_once(const char *template, bool with_input, int cancel_fd,
                         char *password, size_t size, struct err *err)
{
	char name[SECRET_COMMAND_NAME_SIZE];
	char **environment = child_environment(err);
	char *command = NULL;
	bool ok = false;

	if (environment != NULL)
		command = secret_template_expand(template, "", "", err);
	secret_template_name(template, name);
	if (command != NULL)
		ok = run_once(command, environment, name,
		              with_input ? CHILD_HERE : CHILD_BESIDE, cancel_fd,
		              password, size, err);
	free(command);
	free(environment);
	return ok;
}

bool secret_commands_open(struct secret_commands *commands,
                          const char *template, struct err *err)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	commands->environment = child_environment(err);
	if (commands->environment == NULL)
		return false;
	commands->template = template;
	commands->most = PLACES_PER_CORE * (cores > 0 ? (unsigned)cores : 1);
	signal(SIGCHLD, SIG_DFL);
	places_init(&commands->places, commands->most);
	return true;
}

void secret_commands_close(struct secret_commands *commands)
{
	if (commands->environment == NULL)
		return;
	places_release(&commands->places);
	free(commands->environment);
	commands->environment = NULL;
}

bool secret_command_for(struct secret_commands *commands, const char *host,
                        const char *user, char *password, size_t size,
                        const struct wait *wait, struct err *err)
{
	char name[SECRET_COMMAND_NAME_SIZE];
	struct child child;
	char *command = secret_template_expand(commands->template, host,
	                                       user != NULL ? user : "", err);
	bool ok;

	if (command == NULL)
		return false;
	secret_template_name(commands->template, name);
	if (!places_enter(&commands->places, wait, err)) {
		free(command);
		return err_prefix(err, "%s: its turn", name);
	}
	ok = child_start(&child, command, commands->environment, CHILD_APART,
	                 err) &&
	     take_password(&child, wait, -1, name, password, size, err);
	places_leave(&commands->places);
	free(command);
	return ok;
}

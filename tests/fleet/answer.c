#include "tests/fleet/answer.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "tests/fleet/behaviour.h"
#include "tests/fleet/conn.h"
#include "tests/fleet/server.h"
#include "tests/fleet/shell.h"

#define GONE (-1) /* instead of an exit status */

#define MARK_PREFIX "sshinv-"
#define MARK_DIGITS 32
#define MARK_SIZE 64
#define BIG_OUTPUT ((size_t)30 * 1000 * 1000)
#define LONG_NAME 300

/* The marks of DESIGN: what stands between them in stdout is the answer. */
struct marks {
	char begin[MARK_SIZE];
	char end[MARK_SIZE];
};

static bool starts_with(const char *text, const char *start)
{
	return strncmp(text, start, strlen(start)) == 0;
}

static bool is_hex_digit(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

/* Finds "sshinv-<32 hex digits><suffix>" and copies it. */
static bool find_mark(const char *text, size_t length, const char *suffix,
                      char mark[static MARK_SIZE])
{
	const size_t before = strlen(MARK_PREFIX) + MARK_DIGITS;
	const size_t size = before + strlen(suffix);
	const char *p = text;

	while (size <= length) {
		const char *at =
		    memmem(p, length, MARK_PREFIX, strlen(MARK_PREFIX));
		size_t digits = 0;

		if (at == NULL)
			return false;
		length -= (size_t)(at - p);
		p = at;
		if (length < size)
			return false;
		while (digits < MARK_DIGITS &&
		       is_hex_digit(p[strlen(MARK_PREFIX) + digits]))
			digits++;
		if (digits == MARK_DIGITS &&
		    memcmp(p + before, suffix, strlen(suffix)) == 0) {
			memcpy(mark, p, size);
			mark[size] = '\0';
			return true;
		}
		p++;
		length--;
	}
	return false;
}

/* In the command, or in the script that came for it. */
static bool find_marks(const struct call *call, struct marks *marks)
{
	const char *text = call->command;
	size_t length = strlen(call->command);

	if (call->input_length > 0) {
		text = call->input;
		length = call->input_length;
	}
	return find_mark(text, length, "-begin", marks->begin) &&
	       find_mark(text, length, "-end", marks->end);
}

/* `name` in the frame that was asked for, or bare; false: the client left. */
static bool say_name(struct call *call, const char *name)
{
	struct marks marks;
	char frame[2 * MARK_SIZE + LONG_NAME + 16];
	int n = 0;

	if (find_marks(call, &marks))
		n = snprintf(frame, sizeof(frame), "%s\n%s\n%s\n", marks.begin,
		             name, marks.end);
	else
		n = snprintf(frame, sizeof(frame), "%s\n", name);
	return n > 0 && call_out(call, frame, (size_t)n);
}

/* All that a well host does but the end: its exit status, or GONE. */
static int work(struct call *call)
{
	char name[HOSTNAME_SIZE];
	struct marks marks;

	behaviour_hostname(call->conn->behaviour, call->conn->address, name);
	if (strcmp(call->command, "hostname") == 0 ||
	    (starts_with(call->command, SHELL_COMMAND " -c '") &&
	     find_marks(call, &marks)))
		return say_name(call, name) ? 0 : GONE;
	return shell_run(call, name);
}

void answer_well(struct call *call)
{
	int status = work(call);

	if (status != GONE)
		call_end(call, status);
}

void answer_motd(struct call *call)
{
	int status = 0;

	call_err_text(call, "bash: warning: setlocale: LC_ALL: cannot change "
	                    "locale (xx_XX.UTF-8)\n");
	call_out_text(call, "Last login: Thu Jan  1 00:00:00 1970\n"
	                    "hostname: sshinv-begin\n"
	                    "\x1b[1mWelcome!\x1b[0m ");
	status = work(call);
	if (status == GONE)
		return;
	call_out_text(call, "logout\nsshinv-end\n");
	call_err_text(call, "mesg: ttyname failed\n");
	call_end(call, status);
}

/* What csh reads before it starts anything: a history reference, and quotes
 * that do not span lines. A backslash is no error there, but it is not what a
 * POSIX shell makes of it, so it is refused too. */
void answer_csh(struct call *call)
{
	const char *complaint = NULL;

	if (strchr(call->command, '!') != NULL)
		complaint = "!: Event not found.\n";
	else if (strchr(call->command, '\n') != NULL)
		complaint = "Unmatched '''.\n";
	else if (strchr(call->command, '\\') != NULL)
		complaint = "\\: Command not found.\n";
	if (complaint == NULL) {
		answer_well(call);
		return;
	}
	call_err_text(call, complaint);
	call_end(call, 1);
}

void answer_device(struct call *call)
{
	if (strcmp(call->command, "hostname") == 0) {
		answer_well(call);
		return;
	}
	call_out_text(call, "% Invalid command\n");
	call_end(call, 1);
}

void answer_nothing(struct call *call)
{
	(void)call;
}

void answer_no_eof(struct call *call)
{
	int status = work(call);

	if (status != GONE)
		call_status(call, status);
}

void answer_big_output(struct call *call)
{
	char line[4096];
	size_t sent = 0;

	memset(line, 'x', sizeof(line));
	line[sizeof(line) - 1] = '\n';
	while (sent < BIG_OUTPUT) {
		if (!call_out(call, line, sizeof(line)))
			return;
		sent += sizeof(line);
	}
	answer_well(call);
}

void answer_endless_stderr(struct call *call)
{
	char line[4096];

	memset(line, 'e', sizeof(line));
	line[sizeof(line) - 1] = '\n';
	while (call_err(call, line, sizeof(line)))
		;
}

/* A packet that nobody waits for: a library that keeps it for later keeps them
 * all. */
void answer_banner_flood(struct call *call)
{
	char text[30001];

	memset(text, 'b', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	while (call_banner(call, text))
		;
}

void answer_exit_1(struct call *call)
{
	if (work(call) != GONE)
		call_end(call, 1);
}

void answer_empty(struct call *call)
{
	if (say_name(call, ""))
		call_end(call, 0);
}

void answer_long(struct call *call)
{
	char name[LONG_NAME + 1];

	memset(name, 'n', LONG_NAME);
	name[LONG_NAME] = '\0';
	if (say_name(call, name))
		call_end(call, 0);
}

void answer_signal(struct call *call)
{
	if (work(call) != GONE)
		call_end_signal(call, "KILL");
}

/* OpenSSH without PAM or with an expired account: the login succeeds, and the
 * command is replaced by a refusal to work without a terminal. */
void answer_expired(struct call *call)
{
	call_err_text(call, "WARNING: Your password has expired.\n"
	                    "Password change required but no TTY "
	                    "available.\n");
	call_end(call, 1);
}

/* Some appliances do not wait for the client's close: the whole answer and the
 * connection's end arrive together. */
void answer_hasty(struct call *call)
{
	answer_well(call);
	call_drop(call);
}

void answer_drop(struct call *call)
{
	struct marks marks;

	if (find_marks(call, &marks)) {
		call_out_text(call, marks.begin);
		call_out_text(call, "\nhost-");
	}
	call_drop(call);
}

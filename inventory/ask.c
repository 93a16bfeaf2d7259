#include "inventory/ask.h"

#include <stdlib.h>
#include <string.h>

/* Standard output at most: the part that is kept, and the frame around it. */
#define ANSWER_MAX (RECORD_OUTPUT_MAX + 512)

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool take_hostname(struct record *record, const char *text,
                          size_t length, struct err *err)
{
	while (length > 0 && is_space(text[0])) {
		text++;
		length--;
	}
	while (length > 0 && is_space(text[length - 1]))
		length--;
	if (length == 0)
		return err_set(err, ERR_COMMAND, "empty hostname");
	if (length > RECORD_HOSTNAME_MAX)
		return err_set(err, ERR_COMMAND, "hostname over %d bytes",
		               RECORD_HOSTNAME_MAX);
	if (memchr(text, '\0', length) != NULL)
		return err_set(err, ERR_COMMAND, "hostname with a NUL byte");
	memcpy(record->hostname, text, length);
	record->hostname[length] = '\0';
	return true;
}

/* Like $(…) of the shell, without the newlines at its end. */
static bool take_output(struct record *record, const char *text, size_t length,
                        struct err *err)
{
	while (length > 0 && text[length - 1] == '\n')
		length--;
	if (length > RECORD_OUTPUT_MAX)
		return err_set(err, ERR_COMMAND, "more than %d bytes of output",
		               RECORD_OUTPUT_MAX);
	record->output = malloc(length + 1);
	if (record->output == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	memcpy(record->output, text, length);
	record->output[length] = '\0';
	record->output_length = length;
	return true;
}

/* The exit status, and the first line of what was said about it. */
static bool check_exit(const struct ssh_answer *answer, struct err *err)
{
	int line = (int)strcspn(answer->errors, "\r\n");
	const char *colon = line > 0 ? ": " : "";

	if (answer->signal[0] != '\0')
		return err_set(err, ERR_COMMAND, "ended by signal %s%s%.*s",
		               answer->signal, colon, line, answer->errors);
	if (answer->exit_status != 0)
		return err_set(err, ERR_COMMAND, "exit status %u%s%.*s",
		               answer->exit_status, colon, line,
		               answer->errors);
	return true;
}

/* Network devices, forced commands, Windows: no POSIX shell answered. */
static bool ask_plainly(const struct probe *probe, struct record *record,
                        struct ssh *ssh, struct err *err)
{
	struct ssh_answer answer;
	bool ok =
	    ssh_exec(ssh, "hostname", NULL, 0, ANSWER_MAX, &answer, err) &&
	    check_exit(&answer, err) &&
	    take_hostname(record, answer.out, answer.out_length, err);

	ssh_answer_release(&answer);
	if (ok && probe->script != NULL)
		return err_set(err, ERR_COMMAND,
		               "no POSIX shell: the command was not run");
	return ok;
}

static bool read_output(const struct probe *probe, struct record *record,
                        const struct ssh_answer *answer, struct err *err)
{
	const char *part;
	size_t length;

	if (frame_find(&probe->frame, FRAME_OUTPUT, answer->out,
	               answer->out_length, &part, &length) != FRAME_FOUND)
		return check_exit(answer, err) &&
		       err_set(err, ERR_COMMAND,
		               "the command's output was cut off");
	record->exit_code = answer->exit_status;
	return take_output(record, part, length, err);
}

static bool read_answer(const struct probe *probe, struct record *record,
                        struct ssh *ssh, const struct ssh_answer *answer,
                        struct err *err)
{
	const char *name;
	size_t length;

	switch (frame_find(&probe->frame, FRAME_HOSTNAME, answer->out,
	                   answer->out_length, &name, &length)) {
	case FRAME_MISSING:
		if (ask_plainly(probe, record, ssh, err))
			return true;
		/* An account that has expired or may not log in has said so
		 * the first time. */
		if (err->kind == ERR_COMMAND && answer->errors_length > 0)
			check_exit(answer, err);
		return false;
	case FRAME_CUT:
		return check_exit(answer, err) &&
		       err_set(err, ERR_COMMAND, "the answer was cut off");
	case FRAME_FOUND:
		break;
	}
	if (probe->script == NULL)
		return check_exit(answer, err) &&
		       take_hostname(record, name, length, err);
	return take_hostname(record, name, length, err) &&
	       read_output(probe, record, answer, err) &&
	       check_exit(answer, err);
}

/*
 * The answer may have been there, the end was not: it may still be running, and
 * its exit status is not known. The name that came before a command is.
 */
static void explain_failure(const struct probe *probe, struct record *record,
                            const struct ssh_answer *answer, struct err *err)
{
	enum frame_part last =
	    probe->script != NULL ? FRAME_OUTPUT : FRAME_HOSTNAME;
	struct err ignored;
	const char *part;
	size_t length;

	if (err->kind == ERR_TIMEOUT &&
	    frame_find(&probe->frame, last, answer->out, answer->out_length,
	               &part, &length) == FRAME_FOUND)
		err_prefix(err, "answered, but did not end the session");
	if (probe->script != NULL &&
	    frame_find(&probe->frame, FRAME_HOSTNAME, answer->out,
	               answer->out_length, &part, &length) == FRAME_FOUND)
		take_hostname(record, part, length, &ignored);
}

bool ask_host(const struct probe *probe, struct record *record, struct ssh *ssh,
              struct err *err)
{
	const char *command = probe->script != NULL
	                          ? FRAME_SCRIPT_COMMAND
	                          : probe->frame.hostname_command;
	struct ssh_answer answer;
	bool ok;

	ok = ssh_exec(ssh, command, probe->script, probe->script_length,
	              ANSWER_MAX, &answer, err);
	if (ok)
		ok = read_answer(probe, record, ssh, &answer, err);
	else
		explain_failure(probe, record, &answer, err);
	ssh_answer_release(&answer);
	return ok;
}

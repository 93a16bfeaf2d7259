#include "inventory/probe.h"

#include "inventory/resolve.h"
#include "inventory/ssh.h"
#include "inventory/wait.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Standard output at most: the part that is kept, and the frame around it. */
#define ANSWER_MAX (RECORD_OUTPUT_MAX + 512)

bool probe_library_init(struct err *err)
{
	return resolve_library_init(err) && ssh_library_init(err);
}

void probe_library_end(void)
{
	ssh_library_end();
	resolve_library_end();
}

static int64_t wall_clock_us(void)
{
	struct timespec wall;

	clock_gettime(CLOCK_REALTIME, &wall);
	return wall.tv_sec * INT64_C(1000000) + wall.tv_nsec / 1000;
}

bool probe_init(struct probe *probe, const struct probe_settings *settings,
                struct err *err)
{
	memset(probe, 0, sizeof(*probe));
	probe->settings = *settings;
	probe->settings.command = NULL;
	if (!frame_init(&probe->frame, err))
		return false;
	if (settings->command != NULL) {
		probe->script = frame_script(&probe->frame, settings->command);
		if (probe->script == NULL)
			return err_set(err, ERR_SYSTEM, "out of memory");
		probe->script_length = strlen(probe->script);
	}
	probe->wall_us =
	    settings->now_us != 0 ? settings->now_us : wall_clock_us();
	probe->monotonic = monotonic_ns();
	return true;
}

void probe_release(struct probe *probe)
{
	free(probe->script);
	probe->script = NULL;
}

int64_t probe_now(const struct probe *probe)
{
	return probe->wall_us + (monotonic_ns() - probe->monotonic) / 1000;
}

static void enter(struct record *record, struct probe_progress *progress,
                  enum phase phase)
{
	record->phase = phase;
	atomic_store_explicit(&progress->phase, (int)phase,
	                      memory_order_relaxed);
}

static bool connect_any(const struct probe *probe, struct record *record,
                        const struct address *addresses, size_t count, int *fd,
                        const struct wait *wait, struct err *err)
{
	nanoseconds begin = monotonic_ns();
	size_t which = 0;
	bool ok = dial_connect(&probe->settings.dial, addresses, count, fd,
	                       &which, wait, err);

	address_format(&addresses[which], record->address,
	               sizeof(record->address));
	if (ok)
		record->connect_ms = (monotonic_ns() - begin) / NS_PER_MS;
	return ok;
}

static bool shake_hands(struct record *record, struct ssh *ssh, struct err *err)
{
	bool ok;

	ok = ssh_handshake(ssh, err);
	snprintf(record->ssh_version, sizeof(record->ssh_version), "%s",
	         ssh_version(ssh));
	return ok && ssh_host_key(ssh, record->host_key_type,
	                          sizeof(record->host_key_type),
	                          record->host_key_sha256,
	                          sizeof(record->host_key_sha256), err);
}

static bool log_in(const struct probe *probe, struct record *record,
                   struct ssh *ssh, struct err *err)
{
	static const struct login_settings settings = {
		.ways = { LOGIN_PASSWORD },
		.way_count = 1,
	};
	struct host *host = &record->host;
	struct login login = {
		.settings = &settings,
		.user = host->user,
		.password = host->has_password ? host->password : NULL,
	};
	bool ok;

	ok = ssh_login(ssh, &login, err);
	if (!probe->settings.keep_password)
		host_forget_password(host);
	return ok;
}

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

static bool ask(const struct probe *probe, struct record *record,
                struct ssh *ssh, struct err *err)
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

static bool talk(const struct probe *probe, struct record *record,
                 struct probe_progress *progress, struct ssh *ssh,
                 struct err *err)
{
	enter(record, progress, PHASE_HANDSHAKE);
	if (!shake_hands(record, ssh, err))
		return false;
	enter(record, progress, PHASE_AUTH);
	if (!log_in(probe, record, ssh, err))
		return false;
	enter(record, progress, PHASE_COMMAND);
	return ask(probe, record, ssh, err);
}

static bool tell_story(const struct probe *probe, struct record *record,
                       struct probe_progress *progress, const struct wait *wait,
                       struct err *err)
{
	const struct host *host = &record->host;
	struct address addresses[DIAL_ADDRESSES_MAX];
	struct ssh *ssh = NULL;
	size_t count = 0;
	int fd = -1;
	bool ok;

	if (!wait_check(wait, err))
		return false;
	enter(record, progress, PHASE_RESOLVE);
	if (!dial_find(&probe->settings.dial, host->ip, host->port, addresses,
	               &count, wait, err))
		return false;
	enter(record, progress, PHASE_CONNECT);
	if (!connect_any(probe, record, addresses, count, &fd, wait, err) ||
	    !ssh_open(&ssh, fd, wait, err))
		return false;
	ok = talk(probe, record, progress, ssh, err);
	ssh_close(ssh);
	return ok;
}

/* After the first attempt there is a result already, for which no time need be
 * left. */
static bool may_begin(const struct probe_progress *progress,
                      const struct wait *wait)
{
	return progress->attempts == 0 || wait_cancelled(wait->cancel_fd) ||
	       monotonic_ns() < wait->deadline;
}

/* Only what ends before the login may pass: from there on the password counts
 * as sent. */
static bool may_pass(const struct record *record, const struct err *err)
{
	return record->phase < PHASE_AUTH &&
	       (err->kind == ERR_REFUSED || err->kind == ERR_DROPPED ||
	        err->kind == ERR_SCARCE);
}

static void tell_failure(struct record *record, unsigned attempts,
                         const struct err *err)
{
	char words[32];

	record_fail(record, err);
	if (attempts < 2 || err->kind == ERR_CANCELLED)
		return;
	snprintf(words, sizeof(words), " (%u attempts)", attempts);
	record_add_error(record, words);
}

/* False: it may pass, and there is time left to see. */
static bool attempt(const struct probe *probe, struct record *record,
                    struct probe_progress *progress, const struct wait *wait)
{
	bool again = false;
	struct err err;

	progress->attempts++;
	record_reset(record);
	if (tell_story(probe, record, progress, wait, &err)) {
		record->status = STATUS_OK;
		record->phase = PHASE_NONE;
	} else {
		tell_failure(record, progress->attempts, &err);
		again = may_pass(record, &err) && wait_check(wait, &err);
	}
	record->total_ms = (monotonic_ns() - progress->begin) / NS_PER_MS;
	record->last_attempt = probe_now(probe);
	return !again;
}

bool probe_run(const struct probe *probe, struct record *record,
               struct probe_progress *progress, int cancel_fd)
{
	unsigned limit_ms = probe->settings.host_timeout_ms;
	struct wait wait = { .limit_ms = limit_ms, .cancel_fd = cancel_fd };

	bool done;

	if (progress->begin == 0)
		progress->begin = monotonic_ns();
	wait.deadline = progress->begin + limit_ms * NS_PER_MS;
	done = !may_begin(progress, &wait) ||
	       attempt(probe, record, progress, &wait);
	atomic_store_explicit(&progress->phase, PHASE_NONE,
	                      memory_order_relaxed);
	if (done)
		probe_give_up(probe, record);
	return done;
}

void probe_give_up(const struct probe *probe, struct record *record)
{
	if (!probe->settings.keep_password)
		host_forget_password(&record->host);
}

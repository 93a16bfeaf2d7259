#include "inventory/probe.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/fake_ssh.h"
#include "tests/fuzz/fuzz.h"

/*
 * From what a host answers to its record, with a fake session in between. The
 * input has five parts with a byte 0x1F between them: flags, standard output
 * and standard error of the first exec, and of the second. In the outputs %B
 * and the like stand for markers, see fake_ssh.h. Flags:
 *
 *   c    a command is run        s S  a signal ended the first, the second
 *   t    time is up in the first d D  the connection is lost in either
 *   0-9  its exit status         x    the second's is not 0
 */

#define PASSWORD "S3cr3tPw"
#define PARTS 5
#define PART_MAX 4096

enum { FLAGS, OUT, ERRORS, PLAIN_OUT, PLAIN_ERRORS };

struct bytes {
	char *data;
	size_t length;
};

static struct {
	struct probe name, command;
	int listener;
	uint16_t port;
} shared;

static void start(void)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct probe_settings settings = { .dial.connect_timeout_ms = 60000,
		                           .host_timeout_ms = 60000 };
	socklen_t size = sizeof(address);
	struct err err;

	if (shared.port != 0)
		return;
	shared.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	PROMISE(shared.listener >= 0);
	PROMISE(bind(shared.listener, (struct sockaddr *)&address, size) == 0);
	PROMISE(listen(shared.listener, 1) == 0);
	PROMISE(getsockname(shared.listener, (struct sockaddr *)&address,
	                    &size) == 0);
	PROMISE(probe_init(&shared.name, &settings, &err));
	settings.command = "true";
	PROMISE(probe_init(&shared.command, &settings, &err));
	shared.port = ntohs(address.sin_port);
}

/* By a reset, so that no port is kept waiting. */
static void hang_up(void)
{
	const struct linger now = { .l_onoff = 1, .l_linger = 0 };
	int fd = accept(shared.listener, NULL, NULL);

	PROMISE(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fd);
}

/* The part as a string for the fake session, which knows NUL as %Z. */
static char *as_script(const uint8_t *data, size_t size)
{
	char *text = malloc(2 * size + 1);
	char *to = text;

	PROMISE(text != NULL);
	for (size_t i = 0; i < size; i++) {
		if (data[i] == 0)
			to = stpcpy(to, "%Z");
		else
			*to++ = (char)data[i];
	}
	*to = '\0';
	return text;
}

static void split(const uint8_t *data, size_t size, char *parts[PARTS])
{
	for (int i = 0; i < PARTS; i++) {
		const uint8_t *end = size > 0 ? memchr(data, 0x1F, size) : NULL;
		size_t length = end != NULL ? (size_t)(end - data) : size;

		parts[i] =
		    as_script(data, length < PART_MAX ? length : PART_MAX);
		data += end != NULL ? length + 1 : length;
		size -= end != NULL ? length + 1 : length;
	}
}

static bool flag(char *const parts[PARTS], char c)
{
	return strchr(parts[FLAGS], c) != NULL;
}

static void set_script(char *const parts[PARTS])
{
	struct fake_answer *first = &fake_ssh.answers[0];
	struct fake_answer *second = &fake_ssh.answers[1];
	size_t digit = strcspn(parts[FLAGS], "0123456789");

	memset(&fake_ssh, 0, sizeof(fake_ssh));
	fake_ssh.version = "SSH-2.0-fake";
	first->out = parts[OUT];
	first->errors = parts[ERRORS];
	first->signal = flag(parts, 's') ? "TERM" : NULL;
	if (parts[FLAGS][digit] != '\0')
		first->exit_status = (uint32_t)(parts[FLAGS][digit] - '0');
	if (flag(parts, 'd'))
		first->step = (struct fake_step){ ERR_COMMAND, "lost" };
	if (flag(parts, 't'))
		first->step = (struct fake_step){ ERR_TIMEOUT, "no time" };
	second->out = parts[PLAIN_OUT];
	second->errors = parts[PLAIN_ERRORS];
	second->signal = flag(parts, 'S') ? "KILL" : NULL;
	second->exit_status = flag(parts, 'x') ? 7 : 0;
	if (flag(parts, 'D'))
		second->step = (struct fake_step){ ERR_COMMAND, "lost" };
}

/* What the host sent, after the fake session. */
static struct bytes sent(const char *text, const char *id)
{
	static const char letters[] = "BEOD";
	static const char *const words[] = { "begin", "end", "output", "done" };
	struct bytes bytes = { .data = malloc(64 * strlen(text) + 1) };
	char *to = bytes.data;

	PROMISE(to != NULL);
	for (; *text != '\0'; text++) {
		const char *at = text[0] == '%' && text[1] != '\0'
		                     ? strchr(letters, text[1])
		                     : NULL;

		if (at != NULL) {
			to += sprintf(to, "sshinv-%s-%s", id,
			              words[at - letters]);
			text++;
		} else if (text[0] == '%' && text[1] == 'Z') {
			*to++ = '\0';
			text++;
		} else {
			*to++ = *text;
		}
	}
	bytes.length = (size_t)(to - bytes.data);
	return bytes;
}

/* Behind the first marker that ends its line; *begin is where it begins. */
static const char *behind(const char *from, const char *end, const char *id,
                          const char *word, const char **begin)
{
	char marker[64];
	size_t length =
	    (size_t)snprintf(marker, sizeof(marker), "sshinv-%s-%s", id, word);

	for (; from + length < end; from++) {
		const char *next = from + length;

		if (memcmp(from, marker, length) != 0)
			continue;
		if (*next == '\n' ||
		    (*next == '\r' && next + 1 < end && next[1] == '\n')) {
			*begin = from;
			return next + (*next == '\r' ? 2 : 1);
		}
	}
	return NULL;
}

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* The name is all of it but the blanks at both ends. */
static void check_name(const char *name, const char *text, size_t length)
{
	while (length > 0 && is_space(text[0])) {
		text++;
		length--;
	}
	while (length > 0 && is_space(text[length - 1]))
		length--;
	PROMISE(strlen(name) == length && memcmp(name, text, length) == 0);
}

static void check_output(const struct record *record, const char *from,
                         const char *end, const char *id)
{
	const char *part = behind(from, end, id, "output", &from);
	size_t length;

	PROMISE(part != NULL);
	PROMISE(behind(part, end, id, "done", &end) != NULL);
	length = (size_t)(end - part);
	while (length > 0 && part[length - 1] == '\n')
		length--;
	PROMISE(record->output != NULL && record->output_length == length);
	PROMISE(memcmp(record->output, part, length) == 0);
}

/* The name stood where a name can stand, and nothing went wrong. */
static void check_ok(const struct record *record, char *const parts[PARTS],
                     const struct frame *frame, bool command)
{
	struct bytes first = sent(parts[OUT], frame->id);
	struct bytes second = sent(parts[PLAIN_OUT], frame->id);
	const char *end = first.data + first.length, *close = NULL;
	const char *part = behind(first.data, end, frame->id, "begin", &close);

	PROMISE(record->phase == PHASE_NONE && record->error[0] == '\0');
	PROMISE(record->hostname[0] != '\0');
	PROMISE(strlen(record->hostname) <= RECORD_HOSTNAME_MAX);
	PROMISE(!flag(parts, 'd') && !flag(parts, 't'));
	if (part != NULL) {
		PROMISE(fake_ssh.execs == 1);
		PROMISE(behind(part, end, frame->id, "end", &close) != NULL);
		check_name(record->hostname, part, (size_t)(close - part));
		PROMISE(fake_ssh.answers[0].exit_status == 0);
		PROMISE(!flag(parts, 's'));
		if (command)
			check_output(record, first.data, end, frame->id);
	} else {
		PROMISE(fake_ssh.execs == 2 && !command);
		check_name(record->hostname, second.data, second.length);
		PROMISE(!flag(parts, 'D') && !flag(parts, 'S') &&
		        !flag(parts, 'x'));
	}
	free(first.data);
	free(second.data);
}

static void check(char *parts[PARTS])
{
	bool command = flag(parts, 'c');
	const struct probe *probe = command ? &shared.command : &shared.name;
	struct probe_progress progress = { 0 };
	struct record *record = record_new();

	PROMISE(record != NULL);
	set_script(parts);
	record->host.port = shared.port;
	record->host.has_password = true;
	strcpy(record->host.ip, "127.0.0.1");
	strcpy(record->host.user, "root");
	strcpy(record->host.password, PASSWORD);
	PROMISE(probe_run(probe, record, &progress, -1) == PROBE_DONE);
	hang_up();
	PROMISE(fake_ssh.logins == 1);
	PROMISE(fake_ssh.opened == 1 && fake_ssh.closed == 1);
	PROMISE(fake_ssh.released == fake_ssh.execs);
	for (size_t i = 0; i < sizeof(record->host.password); i++)
		PROMISE(record->host.password[i] == '\0');
	PROMISE(strstr(record->error, PASSWORD) == NULL);
	if (record->status == STATUS_OK) {
		check_ok(record, parts, &probe->frame, command);
	} else {
		PROMISE(record->status == STATUS_COMMAND ||
		        record->status == STATUS_TIMEOUT);
		PROMISE((record->status == STATUS_TIMEOUT) == flag(parts, 't'));
		PROMISE(record->phase == PHASE_COMMAND);
		PROMISE(record->error[0] != '\0');
	}
	record_free(record);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *parts[PARTS];

	start();
	if (size > 0 && memmem(data, size, PASSWORD, strlen(PASSWORD)) != NULL)
		return 0;
	split(data, size, parts);
	check(parts);
	for (int i = 0; i < PARTS; i++)
		free(parts[i]);
	return 0;
}

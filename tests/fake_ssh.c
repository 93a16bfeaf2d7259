#include "tests/fake_ssh.h"

#include "inventory/frame.h"
#include "inventory/ssh.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct fake_ssh fake_ssh;

struct ssh {
	int fd;
	char id[FRAME_ID_LENGTH + 1]; /* of the markers */
};

static bool step(const struct fake_step *s, struct err *err)
{
	return s->fails == ERR_NONE || err_set(err, s->fails, "%s", s->text);
}

static int phase(void)
{
	return fake_ssh.phase != NULL ? *fake_ssh.phase : -1;
}

bool ssh_library_init(struct err *err)
{
	(void)err;
	return true;
}

void ssh_library_end(void)
{
}

bool ssh_open(struct ssh **ssh, int fd, const struct wait *wait,
              struct err *err)
{
	(void)wait;
	fake_ssh.opened++;
	if (!step(&fake_ssh.open, err)) {
		fake_ssh.closed++;
		close(fd);
		return false;
	}
	*ssh = calloc(1, sizeof(**ssh));
	if (*ssh == NULL)
		abort();
	(*ssh)->fd = fd;
	return true;
}

bool ssh_handshake(struct ssh *ssh, struct err *err)
{
	(void)ssh;
	fake_ssh.phase_in_handshake = phase();
	if (fake_ssh.fires > 0)
		(void)eventfd_write(fake_ssh.fires, 1);
	return step(&fake_ssh.handshake, err);
}

const char *ssh_version(const struct ssh *ssh)
{
	(void)ssh;
	return fake_ssh.version != NULL ? fake_ssh.version : "";
}

bool ssh_host_key(struct ssh *ssh, char *type, size_t type_size, char *sha256,
                  size_t sha256_size, struct err *err)
{
	(void)ssh;
	if (!step(&fake_ssh.host_key, err))
		return false;
	snprintf(type, type_size, "ssh-ed25519");
	snprintf(sha256, sha256_size, "fingerprint");
	return true;
}

bool ssh_wants_aead(const struct ssh *ssh)
{
	(void)ssh;
	return fake_ssh.wants_aead;
}

bool ssh_only_aead(struct ssh *ssh, struct err *err)
{
	(void)ssh;
	(void)err;
	fake_ssh.only_aead++;
	if (fake_ssh.wants_aead)
		fake_ssh.handshake.fails = ERR_NONE;
	return true;
}

bool ssh_prefer_host_keys(struct ssh *ssh, const char *types, struct err *err)
{
	(void)ssh;
	(void)err;
	snprintf(fake_ssh.preferred, sizeof(fake_ssh.preferred), "%s", types);
	return true;
}

/* An ed25519 key whose bytes are all the fake's. */
const unsigned char *ssh_host_key_blob(const struct ssh *ssh, size_t *length)
{
	static unsigned char blob[51] = "\0\0\0\013ssh-ed25519\0\0\0 ";

	(void)ssh;
	memset(blob + 19, fake_ssh.key, 32);
	*length = sizeof(blob);
	return blob;
}

bool ssh_login(struct ssh *ssh, const struct login *login, struct err *err)
{
	const char *user = login->user, *password = login->password;

	(void)ssh;
	fake_ssh.phase_in_login = phase();
	fake_ssh.logins++;
	fake_ssh.had_password = password != NULL;
	snprintf(fake_ssh.user, sizeof(fake_ssh.user), "%s", user);
	snprintf(fake_ssh.password, sizeof(fake_ssh.password), "%s",
	         password != NULL ? password : "");
	return step(&fake_ssh.login, err);
}

/* The markers' id stands in what is to be run. */
static void learn_id(struct ssh *ssh, const char *text)
{
	const char *at = text != NULL ? strstr(text, "sshinv-") : NULL;

	if (at != NULL)
		snprintf(ssh->id, sizeof(ssh->id), "%s", at + 7);
}

static void add(struct ssh_answer *answer, const char *bytes, size_t length)
{
	answer->out = realloc(answer->out, answer->out_length + length + 1);
	if (answer->out == NULL)
		abort();
	memcpy(answer->out + answer->out_length, bytes, length);
	answer->out_length += length;
	answer->out_size = answer->out_length + 1;
}

static void add_text(const struct ssh *ssh, struct ssh_answer *answer,
                     const char *text)
{
	static const char *const words[] = { "begin", "end", "output", "done" };
	static const char letters[] = "BEOD";

	for (; text != NULL && *text != '\0'; text++) {
		const char *letter = *text == '%' && text[1] != '\0'
		                         ? strchr(letters, text[1])
		                         : NULL;
		char marker[64];

		if (*text == '%' && text[1] == 'Z') {
			add(answer, "", 1);
			text++;
			continue;
		}
		if (letter == NULL) {
			add(answer, text, 1);
			continue;
		}
		snprintf(marker, sizeof(marker), "sshinv-%s-%s", ssh->id,
		         words[letter - letters]);
		add(answer, marker, strlen(marker));
		text++;
	}
}

static void watch(void)
{
	if (fake_ssh.watched != NULL && fake_ssh.watched[0] != '\0')
		fake_ssh.watched_was_there = true;
}

bool ssh_exec(struct ssh *ssh, const char *command, const char *input,
              size_t input_length, size_t out_max, struct ssh_answer *answer,
              struct err *err)
{
	unsigned which = fake_ssh.execs++;
	const struct fake_answer *as;

	(void)out_max;
	if (which >= FAKE_EXECS)
		abort();
	as = &fake_ssh.answers[which];
	fake_ssh.phase_in_exec = phase();
	watch();
	snprintf(fake_ssh.commands[which], sizeof(fake_ssh.commands[which]),
	         "%s", command);
	if (input != NULL && input_length < sizeof(fake_ssh.input)) {
		fake_ssh.had_input = true;
		memcpy(fake_ssh.input, input, input_length);
	}
	learn_id(ssh, command);
	learn_id(ssh, input);
	memset(answer, 0, sizeof(*answer));
	add_text(ssh, answer, as->out);
	for (size_t i = 0; i < as->zeros; i++)
		add(answer, "0", 1);
	add_text(ssh, answer, as->after);
	if (as->errors != NULL) {
		snprintf(answer->errors, sizeof(answer->errors), "%s",
		         as->errors);
		answer->errors_length = strlen(as->errors);
	}
	answer->exit_status = as->exit_status;
	if (as->signal != NULL)
		snprintf(answer->signal, sizeof(answer->signal), "%s",
		         as->signal);
	return step(&as->step, err);
}

void ssh_answer_release(struct ssh_answer *answer)
{
	fake_ssh.released++;
	free(answer->out);
	answer->out = NULL;
}

void ssh_close(struct ssh *ssh)
{
	if (ssh == NULL)
		return;
	fake_ssh.closed++;
	close(ssh->fd);
	free(ssh);
}

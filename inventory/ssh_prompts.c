#include "inventory/memory.h"
#include "inventory/prompt.h"
#include "inventory/ssh_login.h"

#include <string.h>

#define PROMPTS_MAX 16 /* nobody asks so much; libssh2 takes 100 */
#define QUOTE_MAX 120

/* One round (RFC 4256 section 3.2), as far as it matters. */
struct round {
	const LIBSSH2_USERAUTH_KBDINT_PROMPT *prompts;
	LIBSSH2_USERAUTH_KBDINT_RESPONSE *responses;
	size_t count;
	size_t hidden;
	enum prompt kinds[PROMPTS_MAX];
};

/* What the callback cannot return: the session sends nothing from here on. */
static void give_up(struct ssh_attempt *a)
{
	a->given_up = true;
	a->ssh->stop = SSH_GIVEN_UP;
}

/* PAM's words come before its question. */
static void last_line(const char **text, size_t *length)
{
	const char *end = *text + *length, *begin;

	while (end > *text && (unsigned char)end[-1] <= ' ')
		end--;
	begin = end;
	while (begin > *text && begin[-1] != '\n')
		begin--;
	*text = begin;
	*length = (size_t)(end - begin);
}

static void give_up_over(struct ssh_attempt *a,
                         const LIBSSH2_USERAUTH_KBDINT_PROMPT *prompt,
                         const char *words)
{
	const char *text = (const char *)prompt->text;
	size_t length = prompt->length;

	last_line(&text, &length);
	if (length > QUOTE_MAX)
		length = QUOTE_MAX;
	err_set(a->err, ERR_AUTH, "the server asks '%s' \"%.*s\"%s",
	        a->login->user, (int)length, text, words);
	give_up(a);
}

/* Why a password is refused that was right: the account has expired, nobody may
 * log in now. PAM says so in a round without prompts. */
static void take_remark(struct ssh_attempt *a, const char *text, size_t length)
{
	size_t line = 0;

	while (length > 0 && (unsigned char)*text <= ' ') {
		text++;
		length--;
	}
	while (line < length && line < sizeof(a->remark) - 1 &&
	       text[line] != '\n' && text[line] != '\r' && text[line] != '\0')
		line++;
	if (line == 0)
		return;
	memcpy(a->remark, text, line);
	a->remark[line] = '\0';
}

static bool refused(struct ssh_attempt *a)
{
	a->password_refused = true;
	err_set(a->err, ERR_AUTH, "password refused for '%s'", a->login->user);
	give_up(a);
	return false;
}

/* Reads all prompts before anything is answered. False: given up. */
static bool read_round(struct ssh_attempt *a, struct round *round)
{
	bool wanted = false;

	for (size_t i = 0; i < round->count; i++) {
		const LIBSSH2_USERAUTH_KBDINT_PROMPT *p = &round->prompts[i];
		enum prompt kind =
		    prompt_read((const char *)p->text, p->length, p->echo != 0,
		                round->hidden == 1 && !a->password_used);

		round->kinds[i] = kind;
		if (kind == PROMPT_NEW_PASSWORD) {
			give_up_over(a, p, ": the password has expired");
			return false;
		}
		if (kind == PROMPT_OTHER ||
		    (kind == PROMPT_PASSWORD && wanted)) {
			give_up_over(a, p, ", which no password answers");
			return false;
		}
		if (kind == PROMPT_PASSWORD && a->password_used)
			return refused(a);
		wanted |= kind == PROMPT_PASSWORD;
	}
	return true;
}

static bool answer(struct ssh_attempt *a,
                   LIBSSH2_USERAUTH_KBDINT_RESPONSE *response, const char *text)
{
	size_t length = strlen(text);
	void *abstract = a->ssh;

	/* The library frees it, and so wipes it. */
	response->text = ssh_allocate(length + 1, &abstract);
	if (response->text == NULL) {
		err_set(a->err, ERR_SCARCE, "out of memory");
		give_up(a);
		return false;
	}
	memcpy(response->text, text, length + 1);
	response->length = (unsigned)length;
	return true;
}

static bool answer_one(struct ssh_attempt *a, struct round *round, size_t i)
{
	LIBSSH2_USERAUTH_KBDINT_RESPONSE *response = &round->responses[i];

	switch (round->kinds[i]) {
	case PROMPT_PASSWORD:
		if (!ssh_ready_password(a, a->err)) {
			give_up(a);
			return false;
		}
		a->password_used = true;
		return answer(a, response, a->password);
	case PROMPT_USER:
		return answer(a, response, a->login->user);
	case PROMPT_NOTHING:
	case PROMPT_NEW_PASSWORD:
	case PROMPT_OTHER:
		break;
	}
	return answer(a, response, "");
}

/* There may be no prompts at all. */
static LIBSSH2_USERAUTH_KBDINT_RESPONSE_FUNC(respond)
{
	struct ssh *ssh = *abstract;
	struct ssh_attempt *a = ssh->attempt;
	struct round round = {
		.prompts = prompts,
		.responses = responses,
		.count = num_prompts > 0 ? (size_t)num_prompts : 0,
	};
	bool used = a->password_used;

	(void)name;
	(void)name_len;
	if (round.count == 0 && used && instruction != NULL &&
	    instruction_len > 0)
		take_remark(a, instruction, (size_t)instruction_len);
	if (round.count > PROMPTS_MAX) {
		err_set(a->err, ERR_AUTH,
		        "the server asks '%s' %zu questions at once",
		        a->login->user, round.count);
		give_up(a);
		return;
	}
	for (size_t i = 0; i < round.count; i++)
		round.hidden += prompts[i].echo == 0;
	if (!read_round(a, &round))
		return;
	for (size_t i = 0; i < round.count; i++) {
		if (answer_one(a, &round, i))
			continue;
		if (!used) /* and now it is not */
			a->outcome = GUARD_UNUSED;
		return;
	}
}

/* The library has one error for a refusal and for a connection that was lost.
 */
static bool is_refusal(const struct ssh *ssh, int rc)
{
	return rc == LIBSSH2_ERROR_AUTHENTICATION_FAILED &&
	       ssh->stop == SSH_GOES_ON && !ssh->peer_closed &&
	       ssh->os_error == 0 && !ssh->no_memory && !ssh->goodbye.said;
}

/* No answer was asked for, or none that was secret. */
static enum ssh_tried refused_unasked(struct ssh_attempt *a)
{
	if (a->ssh->packets.partial)
		a->steps++;
	return SSH_TRIED_NEXT;
}

enum ssh_tried ssh_try_prompts(struct ssh_attempt *attempt, struct err *err)
{
	struct ssh *ssh = attempt->ssh;
	unsigned before = ssh->packets.refusals;
	const char *user = attempt->login->user;
	struct err ignored;
	int rc;

	attempt->err = err;
	while ((rc = libssh2_userauth_keyboard_interactive_ex(
		    ssh->session, user, (unsigned)strlen(user), respond)) ==
	       LIBSSH2_ERROR_EAGAIN) {
		if (!ssh_wait(ssh, err))
			return SSH_TRIED_OVER;
	}
	if (rc == 0) {
		ssh_settle_password(attempt, GUARD_ACCEPTED);
		return SSH_TRIED_IN;
	}
	if (attempt->given_up)
		return SSH_TRIED_OVER;
	if (!is_refusal(ssh, rc)) {
		ssh_failed(ssh, ERR_PROTOCOL, "login", err);
		return SSH_TRIED_OVER;
	}
	(void)ssh_learn_methods(attempt, before, &ignored);
	return attempt->password_used ? ssh_password_refused(attempt)
	                              : refused_unasked(attempt);
}

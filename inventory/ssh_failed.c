#include "inventory/ssh_session.h"

#include <string.h>

/* Reasons of RFC 4253 section 11.1. */
enum { NO_MORE_METHODS = 14, ILLEGAL_USER = 15 };

LIBSSH2_DISCONNECT_FUNC(ssh_take_goodbye)
{
	struct ssh *ssh = *abstract;
	struct ssh_goodbye *goodbye = &ssh->goodbye;
	size_t length =
	    message != NULL && message_len > 0 ? (size_t)message_len : 0;

	(void)session;
	(void)language;
	(void)language_len;
	if (length > SSH_GOODBYE_MAX)
		length = SSH_GOODBYE_MAX;
	goodbye->said = true;
	goodbye->reason = reason;
	if (length > 0)
		memcpy(goodbye->words, message, length);
	goodbye->words[length] = '\0';
}

/* OpenSSH gives the reason of a protocol error to nearly all it says. */
bool ssh_was_turned_away(const struct ssh *ssh)
{
	const struct ssh_goodbye *goodbye = &ssh->goodbye;

	return goodbye->said &&
	       (goodbye->reason == NO_MORE_METHODS ||
	        goodbye->reason == ILLEGAL_USER ||
	        strcasestr(goodbye->words, "authentication") != NULL);
}

bool ssh_failed(struct ssh *ssh, enum err_kind kind, const char *what,
                struct err *err)
{
	char *words = NULL;

	switch (ssh->stop) {
	case SSH_DEADLINE:
	case SSH_CANCELLED:
		if (!wait_check(&ssh->wait, err))
			return false;
		break;
	case SSH_TEXT_FLOOD:
		return err_set(err, ERR_PROTOCOL,
		               "more than %d lines or %d bytes of text before "
		               "a version string",
		               GREETING_LINES_MAX, GREETING_TEXT_MAX);
	case SSH_BYTE_FLOOD:
		return err_set(err, kind,
		               "%s: more than %zu KiB from the server", what,
		               ssh_bytes_max(ssh) / 1024);
	case SSH_BAD_PACKET:
		return err_set(err, kind,
		               "%s: a malformed packet from the server", what);
	case SSH_BAD_KEY:
		return err_set(err, ERR_PROTOCOL, "malformed host key");
	case SSH_TOO_OLD:
		return err_set(err, ERR_PROTOCOL,
		               "the server speaks SSH protocol 1 only");
	case SSH_GOES_ON:
	case SSH_TRAPPED:
	case SSH_GIVEN_UP:
	case SSH_DEAD:
		break;
	}
	if (ssh->no_memory)
		return err_set(err, ERR_SCARCE, "out of memory");
	if (ssh->goodbye.words[0] != '\0')
		return err_set(err, kind, "%s: the server says \"%s\"", what,
		               ssh->goodbye.words);
	if (ssh->os_error != 0)
		return err_errno(err, kind, ssh->os_error, "%s", what);
	if (ssh->peer_closed)
		return err_set(err, kind,
		               "%s: the server closed the connection", what);
	(void)libssh2_session_last_error(ssh->session, &words, NULL, 0);
	return err_set(err, kind, "%s: %s", what,
	               words != NULL && words[0] != '\0' ? words : "failed");
}

bool ssh_trapped(struct ssh *ssh, enum err_kind kind, const char *what,
                 struct err *err)
{
	ssh->stop = SSH_TRAPPED;
	ssh->shaking_hands = false; /* it cannot go on with that */
	return err_set(err, kind, "%s: a malformed packet from the server",
	               what);
}

/* PAM's words on an account: it has expired, is locked, may not log in now. */
static bool is_about_account(const char *text)
{
	static const char *const words[] = {
		"account",   "expired", "locked",   "denied",
		"permitted", "allowed", "disabled", "password",
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcasestr(text, words[i]) != NULL)
			return true;
	}
	return false;
}

void ssh_explain_end(struct ssh *ssh, struct err *err)
{
	const char *text;

	if (err->kind != ERR_PROTOCOL || ssh->stop != SSH_GOES_ON ||
	    (!ssh->goodbye.said && !ssh->peer_closed && ssh->os_error == 0))
		return;
	if (ssh_was_turned_away(ssh))
		err->kind = ERR_AUTH;
	text = ssh_packets_text(&ssh->packets);
	if (ssh->goodbye.words[0] != '\0' || text[0] == '\0')
		return;
	err_set(err, is_about_account(text) ? ERR_AUTH : ERR_PROTOCOL,
	        "login: the server says \"%s\" and closed the connection",
	        text);
}

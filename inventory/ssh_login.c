#include "inventory/ssh_login.h"

#include "inventory/ssh_algorithms.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

/* --- the password and its guard ------------------------------------------- */

bool ssh_has_password(const struct ssh_attempt *attempt)
{
	return attempt->login->password != NULL || attempt->login->ask != NULL;
}

static bool get_password(struct ssh_attempt *a, struct err *err)
{
	const struct login *login = a->login;

	if (a->password == NULL && login->password != NULL)
		a->password = login->password;
	if (a->password != NULL)
		return true;
	if (!login->ask(login->arg, a->own_password, sizeof(a->own_password),
	                &a->ssh->wait, err))
		return false;
	a->password = a->own_password;
	return true;
}

/* A server has no patience for ever, and what it cannot get any more must not
 * count as refused. */
static bool still_there(const struct ssh *ssh)
{
	struct pollfd peer = { .fd = ssh->fd, .events = POLLRDHUP };

	return poll(&peer, 1, 0) <= 0; /* EINTR says nothing of it */
}

/* A host that gets no place for its prompt, but was sent the password before,
 * was tried. Why it gets none, err says. */
static bool turned_away(const struct ssh_attempt *a, struct err *err)
{
	if (!a->place.had_it || err->kind != ERR_SKIPPED)
		return false;
	err->kind = ERR_AUTH;
	return err_prefix(err, "password refused for '%s', and at a prompt",
	                  a->login->user);
}

bool ssh_ready_password(struct ssh_attempt *attempt, struct err *err)
{
	struct ssh_attempt *a = attempt;
	const struct login_settings *settings = a->login->settings;
	nanoseconds waited;

	if (!get_password(a, err))
		return false;
	if (settings->guard == NULL)
		return true;
	waited = a->place.waited;
	if (!guard_enter(settings->guard, &a->place, a->login->user,
	                 a->password, &a->ssh->wait, settings->guard_wait_ms,
	                 err))
		return turned_away(a, err);
	if (a->place.waited != waited && !still_there(a->ssh)) {
		ssh_settle_password(a, GUARD_UNUSED);
		return err_set(err, ERR_PROTOCOL,
		               "login: the server closed the connection while "
		               "other hosts' verdicts on this user and "
		               "password were waited for");
	}
	a->outcome = GUARD_REFUSED;
	return true;
}

void ssh_settle_password(struct ssh_attempt *attempt,
                         enum guard_outcome outcome)
{
	guard_leave(attempt->login->settings->guard, &attempt->place, outcome);
}

enum ssh_tried ssh_password_refused(struct ssh_attempt *attempt)
{
	bool partial = attempt->ssh->packets.partial;

	attempt->password_used = true;
	if (partial)
		attempt->steps++;
	else
		attempt->password_refused = true;
	ssh_settle_password(attempt, partial ? GUARD_ACCEPTED : GUARD_REFUSED);
	return SSH_TRIED_NEXT;
}

/* --- the server's methods ------------------------------------------------- */

enum methods {
	METHODS_LISTED,
	METHODS_NEEDLESS, /* "none" was a way in: the user is logged in */
	METHODS_FAILED    /* err says why */
};

/* Asks which ways in there are. */
static enum methods list_methods(struct ssh_attempt *a, struct err *err)
{
	struct ssh *ssh = a->ssh;
	const char *user = a->login->user, *list;

	while ((list = libssh2_userauth_list(ssh->session, user,
	                                     (unsigned)strlen(user))) == NULL) {
		if (libssh2_userauth_authenticated(ssh->session))
			return METHODS_NEEDLESS;
		if (libssh2_session_last_errno(ssh->session) !=
		    LIBSSH2_ERROR_EAGAIN) {
			ssh_failed(ssh, ERR_PROTOCOL, "login", err);
			return METHODS_FAILED;
		}
		if (!ssh_wait(ssh, err))
			return METHODS_FAILED;
	}
	snprintf(ssh->packets.methods, sizeof(ssh->packets.methods), "%s",
	         list);
	a->methods_known = true;
	return METHODS_LISTED;
}

bool ssh_learn_methods(struct ssh_attempt *attempt, unsigned refusals_before,
                       struct err *err)
{
	struct ssh *ssh = attempt->ssh;

	if (ssh->goodbye.said)
		return ssh_failed(ssh, ERR_PROTOCOL, "login", err);
	/* The refusal itself names them. */
	if (ssh->packets.refusals != refusals_before) {
		attempt->methods_known = true;
		return true;
	}
	ssh->packets.partial = false;
	return list_methods(attempt, err) != METHODS_FAILED;
}

bool ssh_offers(const struct ssh_attempt *attempt, const char *method)
{
	const char *methods = attempt->ssh->packets.methods;

	return !attempt->methods_known ||
	       name_list_has(methods, strlen(methods), method, strlen(method));
}

/* --- keys ----------------------------------------------------------------- */

/* After a key, or an agent's keys. */
static enum ssh_tried judge_key(struct ssh_attempt *a,
                                enum ssh_key_verdict verdict,
                                unsigned refusals_before, struct err *err)
{
	const struct ssh_packets *packets = &a->ssh->packets;

	switch (verdict) {
	case SSH_KEY_ACCEPTED:
		return SSH_TRIED_IN;
	case SSH_KEY_FAILED:
		return SSH_TRIED_OVER;
	case SSH_KEY_REFUSED:
		break;
	}
	a->key = *err;
	/* Some are refused without being sent. */
	if (packets->refusals == refusals_before && !a->ssh->goodbye.said)
		return SSH_TRIED_NEXT;
	if (!ssh_learn_methods(a, refusals_before, err))
		return SSH_TRIED_OVER;
	if (packets->partial)
		a->steps++;
	else if (!ssh_offers(a, "publickey"))
		a->keys_unheard = true;
	return SSH_TRIED_NEXT;
}

static enum ssh_tried try_identity(struct ssh_attempt *a,
                                   const struct identity *identity,
                                   struct err *err)
{
	unsigned before = a->ssh->packets.refusals;

	return judge_key(
	    a, ssh_try_identity(a->ssh, a->login->user, identity, err), before,
	    err);
}

/* The key of the host's line, then the others. */
static enum ssh_tried try_some(struct ssh_attempt *a, bool last,
                               struct err *err)
{
	const struct login_settings *settings = a->login->settings;
	enum ssh_tried tried = SSH_TRIED_NEXT;
	unsigned steps = a->steps;

	if (a->login->identity != NULL &&
	    ssh_key_goes_last(a->login->identity) == last)
		tried = try_identity(a, a->login->identity, err);
	for (size_t i = 0; i < settings->identity_count; i++) {
		if (tried != SSH_TRIED_NEXT || a->steps != steps ||
		    !ssh_offers(a, "publickey"))
			break;
		if (ssh_key_goes_last(settings->identities[i]) == last)
			tried = try_identity(a, settings->identities[i], err);
	}
	return tried;
}

static enum ssh_tried try_keys(struct ssh_attempt *a, struct err *err)
{
	unsigned steps = a->steps;
	enum ssh_tried tried = try_some(a, false, err);

	if (tried != SSH_TRIED_NEXT || a->steps != steps ||
	    !ssh_offers(a, "publickey"))
		return tried;
	return try_some(a, true, err);
}

static enum ssh_tried try_agent(struct ssh_attempt *a, struct err *err)
{
	const struct login_settings *settings = a->login->settings;
	unsigned before = a->ssh->packets.refusals;

	if (settings->agent == NULL ||
	    (ssh_has_password(a) && !settings->agent_always))
		return SSH_TRIED_NEXT;
	a->ssh->packets.partial = false; /* of a step before */
	return judge_key(
	    a, ssh_try_agent(a->ssh, a->login->user, settings->agent, err),
	    before, err);
}

/* --- the password --------------------------------------------------------- */

/* Leaves the new password NULL: the library then reports the expiry as such,
 * and nothing is changed. */
static LIBSSH2_PASSWD_CHANGEREQ_FUNC(refuse_change)
{
	(void)session;
	(void)abstract;
	*newpw = NULL;
	*newpw_len = 0;
}

/* The connection was lost with the password on its way; unless not a byte of it
 * has left, it may have been refused. PAM has accounts that have expired, or
 * may not log in now, end like this, with a text before. */
static enum ssh_tried password_lost(struct ssh_attempt *a, size_t sent_before,
                                    struct err *err)
{
	if (a->ssh->sent == sent_before)
		ssh_settle_password(a, GUARD_UNUSED);
	ssh_failed(a->ssh, ERR_PROTOCOL, "login", err);
	return SSH_TRIED_OVER;
}

/*
 * A request is saved for each host by not asking what the server takes before a
 * password is sent; but not while others wait for what becomes of it. False:
 * it is not sent, and *tried is the end of it.
 */
static bool is_worth_sending(struct ssh_attempt *a, enum ssh_tried *tried,
                             struct err *err)
{
	if (!a->place.care || a->methods_known)
		return true;
	a->outcome = GUARD_UNUSED;
	switch (list_methods(a, err)) {
	case METHODS_LISTED:
		*tried = SSH_TRIED_NEXT;
		break;
	case METHODS_NEEDLESS:
		*tried = SSH_TRIED_IN;
		break;
	case METHODS_FAILED:
		*tried = SSH_TRIED_OVER;
		break;
	}
	if (*tried == SSH_TRIED_NEXT && ssh_offers(a, "password")) {
		a->outcome = GUARD_REFUSED; /* until there is a verdict */
		return true;
	}
	ssh_settle_password(a, GUARD_UNUSED);
	return false;
}

static enum ssh_tried send_password(struct ssh_attempt *a, struct err *err)
{
	struct ssh *ssh = a->ssh;
	unsigned before = ssh->packets.refusals;
	const char *user = a->login->user;
	bool offered = a->methods_known;
	size_t sent = ssh->sent;
	struct err ignored;
	int rc;

	while ((rc = libssh2_userauth_password_ex(
		    ssh->session, user, (unsigned)strlen(user), a->password,
		    (unsigned)strlen(a->password), refuse_change)) ==
	       LIBSSH2_ERROR_EAGAIN) {
		if (!ssh_wait(ssh, err))
			return SSH_TRIED_OVER;
	}
	if (rc == 0) {
		ssh_settle_password(a, GUARD_ACCEPTED);
		return SSH_TRIED_IN;
	}
	if (rc == LIBSSH2_ERROR_PASSWORD_EXPIRED) {
		err_set(err, ERR_AUTH,
		        "the password of '%s' has expired: the server wants a "
		        "new one",
		        user);
		return SSH_TRIED_OVER;
	}
	if (rc != LIBSSH2_ERROR_AUTHENTICATION_FAILED)
		return password_lost(a, sent, err);
	/* Many servers hang up after a refusal. */
	(void)ssh_learn_methods(a, before, &ignored);
	if (offered || ssh->packets.partial || ssh_offers(a, "password"))
		return ssh_password_refused(a);
	/* It was not looked at, as far as can be known, and may be the answer
	 * to a prompt. To the guard it was refused. */
	ssh_settle_password(a, GUARD_REFUSED);
	a->place.had_it = true;
	return SSH_TRIED_NEXT;
}

static enum ssh_tried try_password(struct ssh_attempt *a, struct err *err)
{
	enum ssh_tried tried = SSH_TRIED_OVER;

	if (ssh_ready_password(a, err) && is_worth_sending(a, &tried, err))
		return send_password(a, err);
	return tried;
}

/* --- all ways ------------------------------------------------------------- */

static enum ssh_tried try_way(struct ssh_attempt *a, enum login_way way,
                              struct err *err)
{
	bool password = ssh_has_password(a) && !a->password_used;

	switch (way) {
	case LOGIN_KEYS:
		if (ssh_offers(a, "publickey"))
			return try_keys(a, err);
		break;
	case LOGIN_AGENT:
		if (ssh_offers(a, "publickey"))
			return try_agent(a, err);
		break;
	case LOGIN_PASSWORD:
		if (password && !a->place.had_it && ssh_offers(a, "password"))
			return try_password(a, err);
		break;
	case LOGIN_PROMPTS:
		if (password && ssh_offers(a, "keyboard-interactive"))
			return ssh_try_prompts(a, err);
		break;
	case LOGIN_WAYS:
		break;
	}
	return SSH_TRIED_NEXT;
}

/* The means that the user has given, in words. */
static const char *means_of(const struct ssh_attempt *a)
{
	const struct login_settings *settings = a->login->settings;
	bool keys = a->login->identity != NULL || settings->identity_count > 0;
	bool agent = settings->agent != NULL;
	static const char *const words[] = {
		"nothing",         "key",
		"agent",           "key, agent",
		"password",        "key, password",
		"agent, password", "key, agent, password",
	};

	return words[(keys ? 1 : 0) | (agent ? 2 : 0) |
	             (ssh_has_password(a) ? 4 : 0)];
}

/* No way is left. True: none was needed. */
static bool tell_refusal(struct ssh_attempt *a, struct err *err)
{
	const char *user = a->login->user, *methods = a->ssh->packets.methods;

	if (a->password_refused && a->remark[0] != '\0')
		return err_set(err, ERR_AUTH,
		               "login refused for '%s': the server says \"%s\"",
		               user, a->remark);
	if (a->password_refused)
		return err_set(err, ERR_AUTH, "password refused for '%s'",
		               user);
	/* A host without a password may be one that asks for nothing; but to
	 * ask counts as one more failure. */
	if (!a->methods_known || (!ssh_has_password(a) && a->steps == 0 &&
	                          a->ssh->keys.count < SSH_KEYS_MAX)) {
		enum methods listed = list_methods(a, err);

		if (listed != METHODS_LISTED)
			return listed == METHODS_NEEDLESS;
	}
	if (methods[0] == '\0')
		methods = "nothing that is known";
	if (a->steps > 0)
		return err_set(err, ERR_AUTH,
		               "not enough for '%s': the server also wants %s; "
		               "given: %s",
		               user, methods, means_of(a));
	if (a->key.kind != ERR_NONE && !ssh_has_password(a))
		return err_set(err, ERR_AUTH, "%.512s; the server wants %s",
		               a->key.text, methods);
	return err_set(err, ERR_AUTH,
	               "no way in for '%s': the server wants %s; given: %s",
	               user, methods, means_of(a));
}

static enum ssh_tried try_ways(struct ssh_attempt *a, struct err *err)
{
	const struct login_settings *settings = a->login->settings;
	enum ssh_tried tried = SSH_TRIED_NEXT;

	for (size_t i = 0; i < settings->way_count && tried == SSH_TRIED_NEXT;
	     i++)
		tried = try_way(a, settings->ways[i], err);
	return tried;
}

/* The server wanted the password first: what it did not listen to then it may
 * want now. */
static bool is_keys_turn(const struct ssh_attempt *a)
{
	return a->keys_unheard && a->steps > 0 && ssh_offers(a, "publickey");
}

static bool log_in(struct ssh_attempt *a, struct err *err)
{
	enum ssh_tried tried = try_ways(a, err);

	if (tried == SSH_TRIED_NEXT && is_keys_turn(a)) {
		a->ssh->keys.count = 0;
		tried = try_ways(a, err);
	}
	if (tried != SSH_TRIED_NEXT)
		return tried == SSH_TRIED_IN;
	return tell_refusal(a, err);
}

static bool log_in_trapped(struct ssh_attempt *a, struct err *err)
{
	jmp_buf back;
	bool ok;

	if (setjmp(back) != 0)
		return ssh_trapped(a->ssh, ERR_PROTOCOL, "login", err);
	ssh_trap(&back);
	ok = log_in(a, err);
	ssh_trap(NULL);
	return ok;
}

bool ssh_login(struct ssh *ssh, const struct login *login, struct err *err)
{
	struct ssh_attempt attempt = {
		.ssh = ssh,
		.login = login,
		.outcome = GUARD_UNUSED,
	};
	bool ok;

	ssh->attempt = &attempt;
	ok = log_in_trapped(&attempt, err);
	ssh->attempt = NULL;
	if (!ok && err->kind == ERR_CANCELLED)
		attempt.outcome = GUARD_INTERRUPTED;
	/* However it ended: a place that is lost would hold up others. */
	ssh_settle_password(&attempt, attempt.outcome);
	explicit_bzero(attempt.own_password, sizeof(attempt.own_password));
	if (!ok)
		ssh_explain_end(ssh, err);
	ssh->packets.watching = false;
	ssh->packets.count = 0;
	ssh->logged_in = ok;
	return ok;
}

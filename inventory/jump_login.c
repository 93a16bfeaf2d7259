#include "inventory/jump_inside.h"

#include "inventory/hostkey.h"

/* One connection and login; what another would be for is as in probe.c. */
struct attempt {
	const struct jump_session *session;
	const struct jump_settings *settings;
	struct ssh *ssh;
	bool other_key;  /* see struct hostkey_outcome */
	bool wants_aead; /* see ssh_wants_aead() */
	bool only_aead;  /* it is for that */
};

static bool reach(const struct jump_settings *settings, int *fd, unsigned *hop,
                  struct wait *wait, struct err *err)
{
	struct address addresses[DIAL_ADDRESSES_MAX];
	size_t count = 0, which;

	if (settings->access->jump != NULL)
		return jump_connect(settings->access->jump, settings->host,
		                    settings->port, fd, hop, wait, err);
	return dial_find(settings->dial, settings->host, settings->port,
	                 addresses, &count, wait, err) &&
	       dial_connect(settings->dial, addresses, count, fd, &which, wait,
	                    err);
}

static bool verify(struct attempt *attempt, const char *preferred,
                   struct err *err)
{
	const struct jump_settings *settings = attempt->settings;
	char type[64], sha256[64];
	struct hostkey key = { .type = type,
		               .sha256 = sha256,
		               .preferred = preferred };
	struct hostkey_outcome outcome;
	bool ok;

	if (!ssh_host_key(attempt->ssh, type, sizeof(type), sha256,
	                  sizeof(sha256), err))
		return false;
	key.blob = ssh_host_key_blob(attempt->ssh, &key.length);
	ok = hostkey_check(settings->access->hostkeys, settings->host,
	                   settings->port, &key, &outcome, err);
	attempt->other_key = outcome.other_type;
	return ok;
}

static bool shake_hands(struct attempt *attempt, struct err *err)
{
	const struct jump_settings *settings = attempt->settings;
	char types[HOSTKEY_TYPES_SIZE];
	bool ok;

	hostkey_types(settings->access->hostkeys, settings->host,
	              settings->port, types);
	if (!ssh_prefer_host_keys(attempt->ssh, types, err) ||
	    (attempt->only_aead && !ssh_only_aead(attempt->ssh, err)))
		return false;
	ok = ssh_handshake(attempt->ssh, err);
	attempt->wants_aead =
	    !ok && !attempt->only_aead && ssh_wants_aead(attempt->ssh);
	return ok && verify(attempt, types, err);
}

static bool log_in(const struct attempt *attempt, struct err *err)
{
	const struct jump_settings *settings = attempt->settings;
	const struct login login = {
		.settings = &settings->access->login,
		.user = settings->user,
		.password = attempt->session->jump->password,
		.ask = settings->ask,
		.arg = settings->arg,
	};

	return ssh_login(attempt->ssh, &login, err) &&
	       ssh_forward_begin(attempt->ssh, err);
}

static bool try_once(struct attempt *attempt, struct err *err)
{
	const struct jump_settings *settings = attempt->settings;
	unsigned limit_ms = settings->host_timeout_ms;
	struct wait wait = { .deadline = monotonic_ns() + limit_ms * NS_PER_MS,
		             .limit_ms = limit_ms,
		             .cancel_fd = attempt->session->wake };
	unsigned hop = 0;
	int fd = -1;
	bool ok;

	ssh_close(attempt->ssh);
	attempt->ssh = NULL;
	attempt->other_key = attempt->wants_aead = false;
	if (!reach(settings, &fd, &hop, &wait, err))
		return false;
	ok = ssh_open(&attempt->ssh, fd, &wait, err) &&
	     shake_hands(attempt, err) && log_in(attempt, err);
	if (!ok && settings->access->jump != NULL)
		jump_explain(settings->access->jump, hop, err);
	return ok;
}

bool jump_log_in(const struct jump_session *session, struct ssh **ssh,
                 struct err *err)
{
	struct attempt attempt = { .session = session,
		                   .settings = &session->jump->settings };
	bool ok = try_once(&attempt, err);

	if (!ok && attempt.wants_aead) {
		attempt.only_aead = true;
		ok = try_once(&attempt, err);
	}
	if (!ok && attempt.other_key)
		ok = try_once(&attempt, err);
	*ssh = attempt.ssh;
	return ok;
}

#include "inventory/jump_inside.h"

#include "inventory/hostkey.h"

/* One try; what another one would be for is as in probe.c. */
struct
try {
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

static bool verify(struct try *try, const char *preferred, struct err *err)
{
	const struct jump_settings *settings = try->settings;
	char type[64], sha256[64];
	struct hostkey key = { .type = type,
		               .sha256 = sha256,
		               .preferred = preferred };
	struct hostkey_outcome outcome;
	bool ok;

	if (!ssh_host_key(try->ssh, type, sizeof(type), sha256, sizeof(sha256),
	                  err))
		return false;
	key.blob = ssh_host_key_blob(try->ssh, &key.length);
	ok = hostkey_check(settings->access->hostkeys, settings->host,
	                   settings->port, &key, &outcome, err);
	try->other_key = outcome.other_type;
	return ok;
}

static bool shake_hands(struct try *try, struct err *err)
{
	const struct jump_settings *settings = try->settings;
	char types[HOSTKEY_TYPES_SIZE];
	bool ok;

	hostkey_types(settings->access->hostkeys, settings->host,
	              settings->port, types);
	if (!ssh_prefer_host_keys(try->ssh, types, err) ||
	    (try->only_aead && !ssh_only_aead(try->ssh, err)))
		return false;
	ok = ssh_handshake(try->ssh, err);
	try->wants_aead = !ok && !try->only_aead && ssh_wants_aead(try->ssh);
	return ok && verify(try, types, err);
}

static bool log_in(const struct try *try, struct err *err)
{
	const struct jump_settings *settings = try->settings;
	const struct login login = {
		.settings = &settings->access->login,
		.user = settings->user,
		.password = try->session->jump->password,
		.ask = settings->ask,
		.arg = settings->arg,
	};

	return ssh_login(try->ssh, &login, err) &&
	       ssh_forward_begin(try->ssh, err);
}

static bool try_once(struct try *try, struct err *err)
{
	const struct jump_settings *settings = try->settings;
	unsigned limit_ms = settings->host_timeout_ms;
	struct wait wait = { .deadline = monotonic_ns() + limit_ms * NS_PER_MS,
		             .limit_ms = limit_ms,
		             .cancel_fd = try->session->wake };
	unsigned hop = 0;
	int fd = -1;
	bool ok;

	ssh_close(try->ssh);
	try->ssh = NULL;
	try->other_key = try->wants_aead = false;
	if (!reach(settings, &fd, &hop, &wait, err))
		return false;
	ok = ssh_open(&try->ssh, fd, &wait, err) && shake_hands(try, err) &&
	     log_in(try, err);
	if (!ok && settings->access->jump != NULL)
		jump_explain(settings->access->jump, hop, err);
	return ok;
}

bool jump_log_in(const struct jump_session *session, struct ssh **ssh,
                 struct err *err)
{
	struct try try = { .session = session,
		           .settings = &session->jump->settings };
	bool ok = try_once(&try, err);

	if (!ok && try.wants_aead) {
		try.only_aead = true;
		ok = try_once(&try, err);
	}
	if (!ok && try.other_key)
		ok = try_once(&try, err);
	*ssh = try.ssh;
	return ok;
}

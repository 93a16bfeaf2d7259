#pragma once

#include "inventory/guard.h"
#include "tests/ssh_watch.h"

/* Logins at the fleet's hosts. */

#define WELL "127.1.0.1"
#define TWO_PROMPTS "127.17.0.1"
#define ZERO_PROMPTS "127.18.0.1"
#define EITHER "127.19.0.1"
#define PROMPT "127.21.0.1"
#define KEYS_ONLY "127.22.0.1"
#define CODE "127.23.0.1"
#define ASKS_AGAIN "127.24.0.1"
#define NEW_PASSWORD "127.25.0.1"
#define TOO_MANY "127.26.0.1"
#define ACCOUNT "127.27.0.1"
#define SILENT "127.45.0.1"
#define HANGS_UP "127.69.0.1"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct login_settings usual = {
	.ways = { LOGIN_KEYS, LOGIN_AGENT, LOGIN_PASSWORD, LOGIN_PROMPTS },
	.way_count = 4,
};
static const struct login_settings prompts_first = {
	.ways = { LOGIN_PROMPTS, LOGIN_PASSWORD },
	.way_count = 2,
};

/* Logs in with a session of its own; how many secrets that took. */
static inline unsigned long visit(const char *ip, const struct login *login,
                                  unsigned deadline_ms, bool *ok,
                                  struct err *err)
{
	const struct wait wait = wait_ms(deadline_ms, -1);
	unsigned long before = secrets_sent(ip);
	struct ssh *ssh;

	watch_anew();
	ssh = shaken(&near, ip, &wait);
	*ok = ssh_login(ssh, login, err);
	ssh_close(ssh);
	return secrets_sent(ip) - before;
}

static inline struct login login_with(const struct login_settings *settings,
                                      const char *password)
{
	return (struct login){ .settings = settings,
		               .user = USER,
		               .password = password };
}

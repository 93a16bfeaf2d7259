#pragma once

#include "inventory/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What of OpenSSH's client configuration (ssh_config(5)) is understood: Host and
 * Match (all, host, originalhost, user, localuser, final) with patterns, Include,
 * HostName, Port, User, IdentityFile, IdentitiesOnly, IdentityAgent, ProxyJump,
 * UserKnownHostsFile, GlobalKnownHostsFile, StrictHostKeyChecking. Anything else
 * is passed over, with a note once per keyword.
 *
 * The first value found for a keyword counts, as in OpenSSH; IdentityFile adds
 * up. For one thread.
 */
struct sshconfig;

struct sshconfig_settings {
	const char *path; /* -F; NULL: ~/.ssh/config, then /etc/ssh/ssh_config,
	                   * where they are; "none": nothing */
	const char *home; /* for ~ and %d */
	void (*note)(const char *sentence);
};

/* ERR_INPUT with file and line. */
bool sshconfig_open(struct sshconfig **config,
                    const struct sshconfig_settings *settings, struct err *err);
void sshconfig_close(struct sshconfig *config); /* NULL is fine */

/* True when it says nothing about anybody. */
bool sshconfig_is_empty(const struct sshconfig *config);

enum sshconfig_checking {
	SSHCONFIG_UNSET,
	SSHCONFIG_YES,        /* yes, ask */
	SSHCONFIG_ACCEPT_NEW, /* accept-new */
	SSHCONFIG_NO          /* no, off */
};

struct sshconfig_host {
	/* Of this host alone; "" and 0: not set. */
	char hostname[256];
	char user[256];
	uint16_t port;
	/*
	 * What hosts share: interned, so that two hosts with the same settings
	 * have the same pointer, which lives as long as the configuration.
	 * Paths are expanded (~, %d, %u, %%); those with %h, %r, %n, %p are as
	 * well, and then differ by host.
	 */
	const struct sshconfig_shared *shared;
};

struct sshconfig_shared {
	const char *const *identity_files;
	size_t identity_count;
	bool identities_only;
	const char *identity_agent; /* NULL: not set; "none" */
	const char *proxy_jump;     /* as written; NULL: not set; "none" */
	const char *const *user_known_hosts;
	size_t user_known_hosts_count; /* 0: not set */
	const char *const *global_known_hosts;
	size_t global_known_hosts_count;
	enum sshconfig_checking checking;
};

/* host and user as the user named them (user NULL: not named). */
bool sshconfig_find(struct sshconfig *config, const char *host,
                    const char *user, struct sshconfig_host *found,
                    struct err *err);

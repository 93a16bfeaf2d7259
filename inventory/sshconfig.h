#pragma once

#include "inventory/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What of OpenSSH's client configuration (ssh_config(5)) is understood: Host
 * and Match with patterns, Include, HostName, Port, User, IdentityFile,
 * IdentitiesOnly, IdentityAgent, ProxyJump, UserKnownHostsFile,
 * GlobalKnownHostsFile, StrictHostKeyChecking, HostKeyAlias. That there is a
 * ProxyCommand, RevokedHostKeys or a KnownHostsCommand is told. Anything else
 * is passed over, with a note once per keyword.
 *
 * As in OpenSSH the first value found for a keyword counts, and IdentityFile
 * adds up. Different from it:
 *
 * - Patterns match in any case, since a name of the host file is in lower case
 *   by then.
 * - Nothing is run: "Match exec", and the criteria that OpenSSH 9.2 does not
 *   have, never match, negated or not, with a note. There is no
 *   canonicalization of names: "canonical" is as in OpenSSH without it.
 *
 * For one thread.
 */
struct sshconfig;

struct sshconfig_settings {
	const char *path; /* -F; NULL: ~/.ssh/config, then /etc/ssh/ssh_config,
	                   * where they are; "none": nothing */
	const char *home; /* for ~ and %d; NULL: the account's */
	void (*note)(const char *sentence); /* NULL: nobody */
};

/*
 * Before there are threads: it reads the environment and the account.
 *
 * ERR_INPUT with file and line for what OpenSSH refuses too; for a path that
 * cannot be read; for the user's file, or an included one, that others than the
 * user and root could have written. ERR_SYSTEM.
 */
bool sshconfig_open(struct sshconfig **config,
                    const struct sshconfig_settings *settings, struct err *err);
void sshconfig_close(struct sshconfig *config); /* NULL is fine */

/* True when it says nothing about anybody. */
bool sshconfig_is_empty(const struct sshconfig *config);

/* True when it names a jump host for anybody. */
bool sshconfig_has_jumps(const struct sshconfig *config);

enum sshconfig_checking {
	SSHCONFIG_UNSET,
	SSHCONFIG_YES,        /* yes, ask */
	SSHCONFIG_ACCEPT_NEW, /* accept-new */
	SSHCONFIG_NO          /* no, off */
};

struct sshconfig_host {
	/* Of this host alone; "" and 0: not set, or named by the user. A
	 * hostname is in lower case. */
	char hostname[256];
	char user[256];
	uint16_t port;
	/*
	 * What hosts share: interned, so that two hosts with the same settings
	 * have the same pointer, which lives as long as the configuration.
	 * Paths are expanded (~, ${NAME}, %d, %i, %k, %l, %L, %u, %%); those
	 * with %h, %n, %p, %r are as well, and then differ by host.
	 */
	const struct sshconfig_shared *shared;
};

struct sshconfig_shared {
	/* In the order in which they are tried; 0: not set; "none" alone: no
	 * key, not even OpenSSH's default ones. */
	const char *const *identity_files;
	size_t identity_count;
	bool identities_only;
	const char *identity_agent; /* a socket; NULL: not set, that is
	                             * SSH_AUTH_SOCK's; "none" */
	const char *proxy_jump;     /* as written, tokens expanded; NULL: not
	                             * set; "none" */
	/* A ProxyCommand is what OpenSSH would reach the host by. It is not
	 * run; to connect directly may lead to another machine. */
	bool proxy_command;
	const char *const *user_known_hosts; /* "none" alone: no file */
	size_t user_known_hosts_count;       /* 0: not set */
	const char *const *global_known_hosts;
	size_t global_known_hosts_count;
	enum sshconfig_checking checking;
	/* The name in known_hosts files, whatever the port, in lower case;
	 * NULL: not set. */
	const char *host_key_alias;
	/* RevokedHostKeys names keys that OpenSSH would refuse. They are not
	 * read. */
	bool revoked_host_keys;
	/* A KnownHostsCommand knows keys that no file has. It is not run. */
	bool known_hosts_command;
};

/*
 * What it says of a host. host, user (NULL: not named) and port (0) as the user
 * named them: what he names wins. ERR_INPUT for what does not make a host: a
 * name that is too long, a ${NAME} without a value; ERR_SYSTEM without memory.
 */
bool sshconfig_find(struct sshconfig *config, const char *host,
                    const char *user, uint16_t port,
                    struct sshconfig_host *found, struct err *err);

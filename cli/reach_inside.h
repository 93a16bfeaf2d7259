#pragma once

/* Inside of struct reach, for the files reach*.c alone. */

#include "cli/keyring.h"
#include "cli/reach.h"
#include "inventory/access.h"
#include "inventory/hostkey.h"
#include "inventory/jump.h"
#include "inventory/knownhosts.h"
#include "inventory/sshconfig.h"

#include <limits.h>

struct reach {
	struct reach_settings settings;
	char home[PATH_MAX]; /* "": none */
	char account[HOST_USER_MAX + 1];
	char state_file[PATH_MAX]; /* of new host keys; "": none */
	struct sshconfig *config;
	struct keyring *keyring;
	struct secret *secret;
	struct guard *guard;
	void *ways;               /* tree of struct way */
	void *chains;             /* tree of struct chain … */
	struct chain *last_chain; /* … and list, the last made first */
	void *tables;             /* tree of struct table */
	unsigned table_count;
	bool agent_told; /* that it does not answer */
};

void reach_note(const char *sentence);

/* The last jump host of a list ("user@a:22,b"), reached by way of those before
 * it. depth: jump hosts whose own configuration led here. */
bool reach_chain(struct reach *reach, const char *list, unsigned depth,
                 struct jump **jump, struct err *err);
void reach_free_chains(struct reach *reach);
/* Whether --jump names hosts, so that what is wrong with it is told once. */
bool reach_check_jump(struct reach *reach, struct err *err);

/* What ssh_config says of a host, put into it; *shared is for the rest. port is
 * that of the options, 0: none. */
bool reach_configure(struct reach *reach, struct host *host, unsigned port,
                     const struct sshconfig_shared **shared, struct err *err);

/*
 * Refuses what ssh_config has for a host, and OpenSSH would heed: without it
 * another machine, or one that ssh(1) does not trust, may get the password.
 * has_way: jump hosts, or the word that there are none, take the place of a
 * ProxyCommand.
 */
bool reach_check_config(const struct sshconfig_shared *shared, bool has_way,
                        struct err *err);

/* The access of a host with these settings. */
struct way_key {
	const struct sshconfig_shared *shared;
	const struct identity *key; /* key= of its line; NULL: none */
	struct jump *jump;          /* NULL: directly */
	bool has_password;
	bool is_jump_host;
};
bool reach_access(struct reach *reach, const struct way_key *key,
                  const struct access **access, struct err *err);

/* A host key policy as the options, and ssh_config for some hosts, want it. */
bool reach_hostkeys(struct reach *reach, const struct way_key *key,
                    struct hostkeys *hostkeys, struct err *err);
/* Reads those of --known-hosts, so that what is wrong with them is told once.
 */
bool reach_check_known_hosts(struct reach *reach, struct err *err);
void reach_free_tables(struct reach *reach);

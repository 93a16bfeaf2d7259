#include "cli/reach_inside.h"

#include "cli/log.h"
#include "sql/locate.h"

#include <errno.h>
#include <pwd.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define USUAL_PORT 22

void reach_warn(const char *sentence)
{
	log_say(LOG_NOTICE, "warning: %s", sentence);
}

void reach_note(const char *sentence)
{
	log_say(LOG_INFO, "%s", sentence);
}

/* HOME is asked before the account's entry in passwd. ssh(1) does not look at
 * HOME; but containers and tests set it to what is no account's home. */
static void find_account(struct reach *reach)
{
	/* Before the first thread. */
	/* NOLINTNEXTLINE(concurrency-mt-unsafe) */
	const char *home = getenv("HOME");
	/* NOLINTNEXTLINE(concurrency-mt-unsafe) */
	const struct passwd *account = getpwuid(getuid());

	if (home == NULL && account != NULL)
		home = account->pw_dir;
	if (home != NULL && home[0] == '/' &&
	    strlen(home) < sizeof(reach->home))
		memcpy(reach->home, home, strlen(home) + 1);
	if (account != NULL &&
	    strlen(account->pw_name) < sizeof(reach->account))
		memcpy(reach->account, account->pw_name,
		       strlen(account->pw_name) + 1);
}

static void find_state_file(struct reach *reach)
{
	static const struct place place = {
		.what = "new host keys",
		.variable = "XDG_STATE_HOME",
		.below_home = ".local/state",
		.advice = "they are not remembered",
	};
	struct err err;

	if (reach->settings.options->known_hosts.count > 0 ||
	    reach->settings.options->host_keys_mode == HOSTKEYS_OFF)
		return;
	if (!locate_file(&place, "known_hosts", reach->state_file,
	                 sizeof(reach->state_file), &err)) {
		reach->state_file[0] = '\0';
		reach_warn(err.text);
		return;
	}
	if (access(reach->state_file, R_OK) == 0 || errno == ENOENT)
		return;
	err_errno(&err, ERR_SYSTEM, errno,
	          "new host keys are not remembered, %s cannot be read",
	          reach->state_file);
	reach->state_file[0] = '\0';
	reach_warn(err.text);
}

static bool open_config(struct reach *reach, struct err *err)
{
	struct sshconfig_settings settings = {
		.path = reach->settings.options->ssh_config,
		.home = reach->home[0] != '\0' ? reach->home : NULL,
		.note = reach_note,
	};

	return sshconfig_open(&reach->config, &settings, err);
}

static bool open_secret(struct reach *reach, struct err *err)
{
	const struct options *options = reach->settings.options;
	struct secret_settings settings = {
		.ask = options->ask_password != 0,
		.file = options->password_file,
		.fd = options->password_fd != UINT_MAX
		          ? (int)options->password_fd
		          : -1,
		.env = options->password_env,
		.command = options->password_command,
		.input_taken = options_read_input(options),
		.cancel_fd = reach->settings.cancel_fd,
		.warn = reach_warn,
	};

	return secret_open(&reach->secret, &settings, err);
}

static bool open_keys(struct reach *reach, struct err *err)
{
	const struct option_list *list = &reach->settings.options->identities;
	struct keyring_settings settings = {
		.home = reach->home[0] != '\0' ? reach->home : NULL,
		.cancel_fd = reach->settings.cancel_fd,
		.warn = reach_warn,
	};
	struct identity *identity;

	if (!keyring_open(&reach->keyring, &settings, err))
		return false;
	for (size_t i = 0; i < list->count; i++) {
		if (!keyring_identity(reach->keyring, list->items[i], &identity,
		                      err))
			return err_prefix(err, "--identity");
	}
	keyring_quiet(reach->keyring);
	return true;
}

bool reach_open(struct reach **reach, const struct reach_settings *settings,
                struct err *err)
{
	struct reach *r = calloc(1, sizeof(*r));
	unsigned most = settings->options->max_auth_failures;

	if (r == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	r->settings = *settings;
	find_account(r);
	find_state_file(r);
	if (open_config(r, err) &&
	    (most == 0 || guard_open(&r->guard, most, err)) &&
	    reach_check_known_hosts(r, err) && reach_check_jump(r, err) &&
	    open_secret(r, err) && open_keys(r, err)) {
		*reach = r;
		return true;
	}
	reach_close(r);
	return false;
}

struct way {
	struct way_key key; /* first, for compare_ways() */
	struct access access;
	struct hostkeys hostkeys;
	struct identity **identities;
};

static void free_way(void *node)
{
	struct way *way = node;

	free(way->identities);
	free(way);
}

void reach_close(struct reach *reach)
{
	if (reach == NULL)
		return;
	reach_free_chains(reach); /* their sessions use all that follows */
	tdestroy(reach->ways, free_way);
	reach_free_tables(reach);
	secret_close(reach->secret);
	guard_close(reach->guard);
	keyring_close(reach->keyring);
	sshconfig_close(reach->config);
	free(reach);
}

static int compare_pointers(const void *a, const void *b)
{
	return ((uintptr_t)a > (uintptr_t)b) - ((uintptr_t)a < (uintptr_t)b);
}

static int compare_ways(const void *a, const void *b)
{
	const struct way_key *x = a, *y = b;
	int order = compare_pointers(x->shared, y->shared);

	if (order == 0)
		order = compare_pointers(x->key, y->key);
	if (order == 0)
		order = compare_pointers(x->jump, y->jump);
	if (order == 0)
		order = x->has_password - y->has_password;
	return order != 0 ? order : x->is_jump_host - y->is_jump_host;
}

static bool is_none(const char *const *paths, size_t count)
{
	return count == 1 && strcmp(paths[0], "none") == 0;
}

static void add_identity(struct reach *reach, struct way *way, const char *path,
                         bool told)
{
	struct identity *identity;
	struct err err;

	if (keyring_identity(reach->keyring, path, &identity, &err))
		way->identities[way->access.login.identity_count++] = identity;
	else if (told)
		log_say(LOG_INFO, "%s", err.text);
}

/* A host that has a password, or a key of its own, need not see what was not
 * meant for it. A jump host has neither: its password is the hosts', and comes
 * last. */
static bool has_better_than_keys(const struct way_key *key)
{
	return key->key != NULL || (key->has_password && !key->is_jump_host);
}

/* Those of -i, then those of ssh_config; OpenSSH's own where there are none. */
static bool find_identities(struct reach *reach, struct way *way,
                            struct err *err)
{
	static const char *const usual[] = { "~/.ssh/id_ed25519",
		                             "~/.ssh/id_ecdsa",
		                             "~/.ssh/id_rsa" };
	const size_t usual_count = sizeof(usual) / sizeof(usual[0]);
	const struct option_list *own = &reach->settings.options->identities;
	const struct sshconfig_shared *shared = way->key.shared;
	size_t count = own->count + shared->identity_count + usual_count;

	way->identities = calloc(count, sizeof(struct identity *));
	if (way->identities == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	for (size_t i = 0; i < own->count; i++)
		add_identity(reach, way, own->items[i], true);
	if (is_none(shared->identity_files, shared->identity_count))
		return true;
	for (size_t i = 0; i < shared->identity_count; i++)
		add_identity(reach, way, shared->identity_files[i], true);
	if (own->count + shared->identity_count > 0 ||
	    has_better_than_keys(&way->key))
		return true;
	for (size_t i = 0; i < usual_count && reach->home[0] != '\0'; i++)
		add_identity(reach, way, usual[i], false);
	return true;
}

static bool wants_agent(const struct reach *reach)
{
	const struct options *options = reach->settings.options;

	for (size_t i = 0; i < options->way_count; i++) {
		if (options->ways[i] == LOGIN_AGENT)
			return true;
	}
	return false;
}

/* One that does not answer is no error: there may be other ways in. */
static bool find_agent(struct reach *reach, struct way *way, struct err *err)
{
	bool named = reach->settings.options->auth != NULL;
	const char *path = way->key.shared->identity_agent;

	if (!wants_agent(reach) || way->key.shared->identities_only ||
	    (has_better_than_keys(&way->key) && !named))
		return true;
	if (path == NULL) {
		/* Nobody writes to the environment any more. */
		/* NOLINTNEXTLINE(concurrency-mt-unsafe) */
		path = getenv("SSH_AUTH_SOCK");
	}
	if (path == NULL || path[0] == '\0' || strcmp(path, "none") == 0)
		return true;
	if (keyring_agent(reach->keyring, path, &way->access.login.agent, err))
		return true;
	if (!reach->agent_told)
		log_say(LOG_NOTICE, "warning: ssh-agent: %s", err->text);
	reach->agent_told = true;
	return true;
}

static bool fill(struct reach *reach, struct way *way, struct err *err)
{
	const struct options *options = reach->settings.options;
	struct login_settings *login = &way->access.login;

	memcpy(login->ways, options->ways, sizeof(login->ways));
	login->way_count = options->way_count;
	login->agent_always = options->auth != NULL || way->key.is_jump_host;
	login->guard = reach->guard;
	login->guard_wait_ms = options->host_timeout_ms;
	way->access.jump = way->key.jump;
	way->access.key = way->key.key;
	way->access.hostkeys = &way->hostkeys;
	if (!find_identities(reach, way, err) || !find_agent(reach, way, err))
		return false;
	login->identities = way->identities;
	return reach_hostkeys(reach, &way->key, &way->hostkeys, err);
}

bool reach_access(struct reach *reach, const struct way_key *key,
                  const struct access **access, struct err *err)
{
	struct way *const *found = tfind(key, &reach->ways, compare_ways);
	struct way *way;

	if (found != NULL) {
		*access = &(*found)->access;
		return true;
	}
	way = calloc(1, sizeof(*way));
	if (way == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	way->key = *key;
	if (!fill(reach, way, err)) {
		free_way(way);
		return false;
	}
	if (tsearch(way, &reach->ways, compare_ways) == NULL) {
		free_way(way);
		return err_set(err, ERR_SYSTEM, "out of memory");
	}
	*access = &way->access;
	return true;
}

static bool set_target(struct host *host, const char *hostname, struct err *err)
{
	struct host other = { .has_port = false };

	if (!host_set_address(&other, hostname, strlen(hostname), err) ||
	    other.has_port)
		return err_set(err, ERR_INPUT,
		               "the HostName of ssh_config is not an address");
	memcpy(host->target, other.ip, sizeof(host->target));
	return true;
}

bool reach_configure(struct reach *reach, struct host *host, unsigned port,
                     const struct sshconfig_shared **shared, struct err *err)
{
	struct sshconfig_host found;

	if (host->has_port)
		port = host->port;
	if (!sshconfig_find(reach->config, host->ip,
	                    host->user[0] != '\0' ? host->user : NULL,
	                    (uint16_t)port, &found, err))
		return false;
	*shared = found.shared;
	if (host->user[0] == '\0')
		memcpy(host->user, found.user, sizeof(host->user));
	if (port == 0 && found.port != 0)
		host->port = found.port;
	if (found.hostname[0] == '\0' || strcmp(found.hostname, host->ip) == 0)
		return true;
	return set_target(host, found.hostname, err);
}

/* Where nobody names one, it is the account's, as for ssh(1). */
static bool find_user(const struct reach *reach, struct host *host,
                      struct err *err)
{
	if (host->user[0] != '\0')
		return true;
	if (reach->account[0] == '\0')
		return err_set(err, ERR_INPUT,
		               "no user (--user and ssh_config name none)");
	memcpy(host->user, reach->account, sizeof(host->user));
	return true;
}

bool reach_check_config(const struct sshconfig_shared *shared, bool has_way,
                        struct err *err)
{
	if (shared->proxy_command && !has_way)
		return err_set(err, ERR_INPUT,
		               "ssh_config has a ProxyCommand for this host, "
		               "which sshinv does not run (--jump names the "
		               "way, --ssh-config none no way)");
	if (shared->revoked_host_keys)
		return err_set(err, ERR_INPUT,
		               "ssh_config has RevokedHostKeys for this host, "
		               "which sshinv does not read (@revoked lines of "
		               "known_hosts files it does; --ssh-config none "
		               "passes over it)");
	return true;
}

bool reach_complete(void *arg, struct host *host, struct err *err)
{
	struct reach *reach = arg;
	const struct options *options = reach->settings.options;
	struct way_key key = { .has_password = host->has_password ||
		                               reach->secret != NULL };
	struct identity *identity = NULL;
	const char *jump;

	if (!reach_configure(reach, host, options->port, &key.shared, err) ||
	    !find_user(reach, host, err))
		return false;
	if (host->key[0] != '\0' &&
	    !keyring_identity(reach->keyring, host->key, &identity, err))
		return err_prefix(err, "key=");
	key.key = identity;
	jump = options->jump != NULL ? options->jump : key.shared->proxy_jump;
	if (!reach_check_config(key.shared, jump != NULL, err))
		return false;
	if (jump != NULL && strcmp(jump, "none") != 0 &&
	    !reach_chain(reach, jump, 0, &key.jump, err))
		return false;
	return reach_access(reach, &key, &host->access, err);
}

void reach_defaults(const struct reach *reach, struct host_defaults *defaults)
{
	const struct options *options = reach->settings.options;
	unsigned port = options->port;

	*defaults = (struct host_defaults){
		.port = port != 0 ? (uint16_t)port : USUAL_PORT,
		.user = options->user,
		/* A short line is a slip where nothing says otherwise. */
		.may_lack_user = options->user != NULL ||
		                 options->host_file == NULL ||
		                 !sshconfig_is_empty(reach->config),
		.may_lack_password = reach->secret != NULL ||
		                     options->identities.count > 0 ||
		                     options->auth != NULL,
	};
}

struct secret *reach_secret(const struct reach *reach)
{
	return reach->secret;
}

struct guard *reach_guard(const struct reach *reach)
{
	return reach->guard;
}

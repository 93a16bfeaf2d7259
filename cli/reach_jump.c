#include "cli/reach_inside.h"

#include "cli/log.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

/* ProxyJump of a jump host's own, of its jump host's, and so on. */
#define DEPTH_MAX 8

/* Logins at a jump host that are open at the same time. */
#define SESSIONS_MAX 16

/* A jump host by the list that ends with it. */
struct chain {
	char *list;        /* first, for compare_chains() */
	struct jump *jump; /* NULL: it cannot be opened … */
	struct err err;    /* … and why */
	struct secret *secret;
	char host[HOST_IP_MAX + 1];
	char user[HOST_USER_MAX + 1];
	struct chain *next; /* the one made before */
};

static int compare_chains(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;

	return strcmp(*x, *y);
}

static void keep(void *node)
{
	(void)node; /* it is in the list too */
}

/* The last made first: it may go by way of the others. */
void reach_free_chains(struct reach *reach)
{
	tdestroy(reach->chains, keep);
	while (reach->last_chain != NULL) {
		struct chain *chain = reach->last_chain;

		reach->last_chain = chain->next;
		jump_close(chain->jump);
		free(chain->list);
		free(chain);
	}
}

/* "[user@]host[:port]", also as "ssh://…", with what ssh_config says of it. */
static bool parse_hop(struct reach *reach, const char *text, struct host *host,
                      const struct sshconfig_shared **shared, struct err *err)
{
	static const struct host_defaults defaults = {
		.port = 22,
		.may_lack_user = true,
		.may_lack_password = true,
	};

	if (strncmp(text, "ssh://", 6) == 0)
		text += 6;
	if (strpbrk(text, " \t") != NULL || text[0] == '#') {
		err_set(err, ERR_INPUT, "'%s' is not a jump host", text);
		return false;
	}
	return host_parse(host, text, strlen(text), &defaults, err) &&
	       reach_configure(reach, host, 0, shared, err);
}

/* A hop before it says itself that it is one. */
static bool own_access(struct reach *reach, const struct way_key *key,
                       const struct access **access, struct err *err)
{
	return reach_access(reach, key, access, err) ||
	       err_prefix(err, "jump host");
}

static bool find_access(struct reach *reach, const char *before,
                        const struct sshconfig_shared *shared, unsigned depth,
                        const struct access **access, struct err *err)
{
	struct way_key key = { .shared = shared,
		               .has_password = reach->secret != NULL,
		               .is_jump_host = true };
	const char *own = shared->proxy_jump;

	if (before != NULL)
		return reach_chain(reach, before, depth, &key.jump, err) &&
		       own_access(reach, &key, access, err);
	if (own != NULL && strcmp(own, "none") != 0) {
		if (depth == DEPTH_MAX)
			return err_set(err, ERR_INPUT,
			               "ProxyJump of ssh_config goes over more "
			               "than %d jump hosts",
			               DEPTH_MAX);
		if (!reach_chain(reach, own, depth + 1, &key.jump, err))
			return false;
	}
	return own_access(reach, &key, access, err);
}

/* Its password is the one of the hosts that have none of their own. */
static bool ask(void *arg, char *password, size_t size, const struct wait *wait,
                struct err *err)
{
	const struct chain *chain = arg;

	return secret_get(chain->secret, chain->host, chain->user, password,
	                  size, wait, err);
}

static bool open_jump(struct reach *reach, struct chain *chain, uint16_t port,
                      const struct access *access, struct err *err)
{
	const struct options *options = reach->settings.options;
	struct jump_settings settings = {
		.host = chain->host,
		.port = port,
		.user = chain->user,
		.access = access,
		.dial = reach->settings.dial,
		.channels_max = options->jump_channels,
		.sessions_max = SESSIONS_MAX,
		.host_timeout_ms = options->host_timeout_ms,
		.note = reach_warn,
	};

	chain->secret = reach->secret;
	if (reach->secret != NULL) {
		settings.ask = ask;
		settings.arg = chain;
	}
	return jump_open(&chain->jump, &settings, err);
}

/* before: the list up to the last hop; NULL: it is the only one. */
static bool make(struct reach *reach, struct chain *chain, const char *before,
                 const char *last, unsigned depth, struct err *err)
{
	const struct sshconfig_shared *shared;
	const struct access *access = NULL;
	struct host host;

	if (!parse_hop(reach, last, &host, &shared, err) ||
	    !reach_check_config(
		shared, before != NULL || shared->proxy_jump != NULL, err))
		return err_prefix(err, "jump host");
	if (!find_access(reach, before, shared, depth, &access, err))
		return false;
	memcpy(chain->host, host.target[0] != '\0' ? host.target : host.ip,
	       sizeof(chain->host));
	memcpy(chain->user, host.user[0] != '\0' ? host.user : reach->account,
	       sizeof(chain->user));
	return open_jump(reach, chain, host.port, access, err);
}

static bool cut_and_make(struct reach *reach, struct chain *chain,
                         unsigned depth, struct err *err)
{
	char *before = strdup(chain->list);
	char *comma;
	bool ok;

	if (before == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	comma = strrchr(before, ',');
	if (comma == NULL) {
		ok = make(reach, chain, NULL, before, depth, err);
	} else {
		*comma = '\0';
		ok = make(reach, chain, before, comma + 1, depth, err);
	}
	free(before);
	return ok;
}

/* Whatever is wrong with it is wrong for all hosts behind it, and each of them
 * is told; the run goes on. */
static struct chain *add_chain(struct reach *reach, const char *list,
                               unsigned depth)
{
	struct chain *chain = calloc(1, sizeof(*chain));

	if (chain == NULL)
		return NULL;
	chain->list = strdup(list);
	if (chain->list == NULL ||
	    tsearch(chain, &reach->chains, compare_chains) == NULL) {
		free(chain->list);
		free(chain);
		return NULL;
	}
	/* What is found while it is being made. */
	err_set(&chain->err, ERR_INPUT,
	        "ProxyJump of ssh_config goes in a circle");
	if (!cut_and_make(reach, chain, depth, &chain->err) &&
	    chain->err.kind != ERR_CANCELLED)
		chain->err.kind = ERR_INPUT;
	chain->next = reach->last_chain;
	reach->last_chain = chain;
	return chain;
}

bool reach_chain(struct reach *reach, const char *list, unsigned depth,
                 struct jump **jump, struct err *err)
{
	struct chain *const *found =
	    tfind(&list, &reach->chains, compare_chains);
	struct chain *chain =
	    found != NULL ? *found : add_chain(reach, list, depth);

	if (chain == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	*jump = chain->jump;
	if (chain->jump == NULL)
		*err = chain->err;
	return chain->jump != NULL;
}

bool reach_check_jump(struct reach *reach, struct err *err)
{
	const char *list = reach->settings.options->jump;
	const struct sshconfig_shared *ignored;
	char *hops, *next;
	bool ok = true;

	if (list == NULL || strcmp(list, "none") == 0)
		return true;
	hops = next = strdup(list);
	if (hops == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	while (ok && next != NULL) {
		const char *hop = strsep(&next, ",");
		struct host host;

		ok = parse_hop(reach, hop, &host, &ignored, err) ||
		     err_prefix(err, "--jump");
	}
	free(hops);
	return ok;
}

struct reach_sessions reach_jump_sessions(const struct reach *reach)
{
	const char *list = reach->settings.options->jump;
	unsigned hops = 1;

	if (list == NULL) {
		if (!sshconfig_has_jumps(reach->config))
			return (struct reach_sessions){ .none = true };
		return (struct reach_sessions){ .per_host = 1,
			                        .others = jump_idle_max() };
	}
	if (strcmp(list, "none") == 0)
		return (struct reach_sessions){ .none = true };
	for (const char *p = strchr(list, ','); p != NULL;
	     p = strchr(p + 1, ','))
		hops++;
	return (struct reach_sessions){ .others = hops * SESSIONS_MAX };
}

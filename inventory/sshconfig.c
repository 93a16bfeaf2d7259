#include "inventory/sshconfig.h"

#include <ctype.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "inventory/pattern.h"
#include "inventory/sshconfig_inside.h"
#include "inventory/sshconfig_text.h"

/* A port as OpenSSH has it, where nobody names one. */
#define PORT_DEFAULT 22

static char *copy_of(const char *text, struct err *err)
{
	char *copy = strdup(text);

	if (copy == NULL)
		err_set(err, ERR_SYSTEM, "out of memory");
	return copy;
}

/* Who runs this, and where. */
static bool learn_tokens(struct sshconfig *config, const char *home,
                         struct err *err)
{
	char room[4096], host[256] = "";
	struct passwd entry, *found = NULL;

	snprintf(config->uid, sizeof(config->uid), "%u", (unsigned)getuid());
	if (getpwuid_r(getuid(), &entry, room, sizeof(room), &found) != 0)
		found = NULL;
	/* An account without a name has a number. */
	config->local_user =
	    copy_of(found != NULL ? entry.pw_name : config->uid, err);
	if (home == NULL)
		home = found != NULL ? entry.pw_dir : "";
	config->home = copy_of(home, err);
	if (gethostname(host, sizeof(host) - 1) != 0)
		host[0] = '\0';
	config->local_host = copy_of(host, err);
	host[strcspn(host, ".")] = '\0';
	config->short_host = copy_of(host, err);
	return config->local_user != NULL && config->home != NULL &&
	       config->local_host != NULL && config->short_host != NULL;
}

bool sshconfig_open(struct sshconfig **config,
                    const struct sshconfig_settings *settings, struct err *err)
{
	struct sshconfig *opened = calloc(1, sizeof(*opened));

	if (opened == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	if (!learn_tokens(opened, settings->home, err) ||
	    !sshconfig_read(opened, settings, err)) {
		sshconfig_close(opened);
		return false;
	}
	opened->holds = calloc(opened->block_count + 1, sizeof(*opened->holds));
	if (opened->holds == NULL) {
		sshconfig_close(opened);
		return err_set(err, ERR_SYSTEM, "out of memory");
	}
	*config = opened;
	return true;
}

void sshconfig_close(struct sshconfig *config)
{
	if (config == NULL)
		return;
	sshconfig_free_shared(config);
	free(config->holds);
	free(config->blocks);
	free(config->settings);
	free(config->home);
	free(config->local_user);
	free(config->local_host);
	free(config->short_host);
	sshconfig_free_pieces(config);
	free(config);
}

bool sshconfig_is_empty(const struct sshconfig *config)
{
	return config->setting_count == 0;
}

bool sshconfig_has_jumps(const struct sshconfig *config)
{
	for (size_t i = 0; i < config->setting_count; i++) {
		const struct setting *setting = &config->settings[i];

		if (setting->key == SETTING_PROXY && setting->count > 0 &&
		    strcmp(setting->values[0], "none") != 0)
			return true;
	}
	return false;
}

static const char *value_of(const struct look *look, enum setting_key key)
{
	return look->first[key] != NULL ? look->first[key]->values[0] : NULL;
}

static bool too_long(const struct setting *setting, struct err *err)
{
	const struct sshconfig_place place = { setting->file, setting->line };

	return sshconfig_bad(&place, err, "the host name becomes too long");
}

/* HostName, in which %h is the name that is looked for. */
static bool expand_hostname(const struct setting *setting, const char *host,
                            char *to, size_t size, struct err *err)
{
	size_t used = 0;

	for (const char *from = setting->values[0]; *from != '\0'; from++) {
		const char *part;
		size_t length = 1;

		if (*from == '%' && *++from == 'h') {
			part = host;
			length = strlen(host);
		} else {
			part = from;
		}
		if (length >= size - used)
			return too_long(setting, err);
		memcpy(to + used, part, length);
		used += length;
	}
	to[used] = '\0';
	return true;
}

static bool any_matches(const char *text, const struct criterion *criterion,
                        bool fold)
{
	return pattern_list_matches(text, criterion->patterns,
	                            strlen(criterion->patterns), fold);
}

/* True when a criterion of Match holds. */
static bool criterion_holds(const struct look *look, const char *target,
                            const struct criterion *criterion)
{
	const char *user = look->user;
	bool holds = false;

	switch (criterion->kind) {
	case CRITERION_ALL:
		holds = true;
		break;
	case CRITERION_FINAL:
		holds = look->final;
		break;
	case CRITERION_HOST:
		holds = any_matches(target, criterion, true);
		break;
	case CRITERION_ORIGINAL_HOST:
		holds = any_matches(look->original, criterion, true);
		break;
	case CRITERION_USER:
		if (user == NULL)
			user = value_of(look, SETTING_USER);
		if (user == NULL)
			user = look->config->local_user;
		holds = any_matches(user, criterion, false);
		break;
	case CRITERION_LOCAL_USER:
		holds = any_matches(look->config->local_user, criterion, false);
		break;
	case CRITERION_NEVER:
		return false;
	}
	return holds != criterion->negated;
}

/* By what was found so far: the order of a file's lines is its meaning. */
static bool match_holds(const struct look *look, const struct block *block,
                        bool *holds, struct err *err)
{
	const struct setting *hostname = look->first[SETTING_HOSTNAME];
	char target[256];

	if (!look->final && hostname != NULL) {
		if (!expand_hostname(hostname, look->host, target,
		                     sizeof(target), err))
			return false;
	} else {
		snprintf(target, sizeof(target), "%s", look->host);
	}
	*holds = true;
	for (size_t i = 0; i < block->count && *holds; i++)
		*holds = criterion_holds(look, target, &block->criteria[i]);
	return true;
}

static bool host_holds(const struct look *look, const struct block *block)
{
	bool holds = false;

	for (size_t i = 0; i < block->count; i++) {
		const char *pattern = block->patterns[i];
		bool negated = *pattern == '!';

		pattern += negated;
		if ((negated || !holds) &&
		    pattern_matches(look->host, pattern, strlen(pattern),
		                    true)) {
			if (negated)
				return false;
			holds = true;
		}
	}
	return holds;
}

static bool take_setting(struct look *look, const struct setting *setting,
                         struct err *err)
{
	const struct sshconfig_place place = { setting->file, setting->line };

	if (setting->key != SETTING_IDENTITY_FILE) {
		if (look->first[setting->key] == NULL)
			look->first[setting->key] = setting;
		return true;
	}
	for (size_t i = 0; i < look->identity_count; i++) {
		if (strcmp(look->identities[i]->values[0],
		           setting->values[0]) == 0)
			return true;
	}
	if (look->identity_count == SSHCONFIG_IDENTITIES_MAX)
		return sshconfig_bad(&place, err,
		                     "more than %d identity files for one host",
		                     SSHCONFIG_IDENTITIES_MAX);
	look->identities[look->identity_count++] = setting;
	return true;
}

/* Through all blocks, from the first line to the last. */
static bool go_through(struct look *look, struct err *err)
{
	const struct sshconfig *config = look->config;
	const uint64_t hash = sshconfig_name_hash(look->host);

	for (size_t i = 0; i < config->block_count; i++) {
		const struct block *block = &config->blocks[i];
		bool holds =
		    (block->name_hash == 0 || block->name_hash == hash) &&
		    (block->parent == BLOCK_NO_PARENT ||
		     config->holds[block->parent]);

		if (holds && block->kind == BLOCK_HOST)
			holds = host_holds(look, block);
		else if (holds && block->kind == BLOCK_MATCH &&
		         !match_holds(look, block, &holds, err))
			return false;
		config->holds[i] = holds;
		for (size_t s = 0; holds && s < block->settings; s++) {
			if (!take_setting(
				look, &config->settings[block->first + s], err))
				return false;
		}
	}
	return true;
}

/* The second time by the name that the host has become, if a "Match final"
 * wants that. */
static bool go_through_finally(struct look *look, const char *hostname,
                               struct err *err)
{
	if (!look->config->wants_final)
		return true;
	look->final = true;
	if (*hostname != '\0')
		look->host = hostname;
	return go_through(look, err);
}

static void to_lower(char *text)
{
	for (; *text != '\0'; text++)
		*text = (char)tolower((unsigned char)*text);
}

static bool take_user(struct look *look, struct sshconfig_host *found,
                      struct err *err)
{
	const struct setting *setting = look->first[SETTING_USER];
	const struct sshconfig_place place = {
		setting != NULL ? setting->file : "",
		setting != NULL ? setting->line : 0
	};

	look->remote_user = look->user;
	if (look->user != NULL)
		return true;
	look->remote_user = look->config->local_user;
	if (setting == NULL)
		return true;
	look->remote_user = setting->values[0];
	if (strlen(look->remote_user) >= sizeof(found->user))
		return sshconfig_bad(&place, err, "the user is too long");
	memcpy(found->user, look->remote_user, strlen(look->remote_user) + 1);
	return true;
}

static void take_port(struct look *look, uint16_t port,
                      struct sshconfig_host *found)
{
	const struct setting *setting = look->first[SETTING_PORT];
	unsigned effective = PORT_DEFAULT;

	if (port != 0)
		effective = port;
	else if (setting != NULL)
		effective = found->port = (uint16_t)setting->number;
	snprintf(look->port, sizeof(look->port), "%u", effective);
}

/* It is looked up like a name of a host. */
static bool check_alias(const struct look *look, struct err *err)
{
	const struct setting *setting = look->first[SETTING_HOST_KEY_ALIAS];
	struct sshconfig_place place;

	if (setting == NULL ||
	    strlen(setting->values[0]) <
	        sizeof(((struct sshconfig_host *)0)->hostname))
		return true;
	place = (struct sshconfig_place){ setting->file, setting->line };
	return sshconfig_bad(&place, err, "the HostKeyAlias is too long");
}

bool sshconfig_find(struct sshconfig *config, const char *host,
                    const char *user, uint16_t port,
                    struct sshconfig_host *found, struct err *err)
{
	struct sshconfig_host answer = { .port = 0 };
	struct look look = {
		.config = config, .original = host, .host = host, .user = user
	};

	if (!go_through(&look, err))
		return false;
	if (look.first[SETTING_HOSTNAME] != NULL) {
		if (!expand_hostname(look.first[SETTING_HOSTNAME], host,
		                     answer.hostname, sizeof(answer.hostname),
		                     err))
			return false;
		to_lower(answer.hostname);
	}
	if (!go_through_finally(&look, answer.hostname, err) ||
	    !take_user(&look, &answer, err) || !check_alias(&look, err))
		return false;
	take_port(&look, port, &answer);
	look.remote_host = answer.hostname[0] != '\0' ? answer.hostname : host;
	answer.shared = sshconfig_share(&look, err);
	if (answer.shared == NULL)
		return false;
	*found = answer;
	return true;
}

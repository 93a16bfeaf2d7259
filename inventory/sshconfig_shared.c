#include "inventory/sshconfig_inside.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/*
 * What hosts share is written into one text, which is the key under which it is
 * found again: four digits (IdentitiesOnly, StrictHostKeyChecking,
 * ProxyCommand, RevokedHostKeys), the agent, the jump hosts and the alias, then
 * the three lists, each ended by an empty string. Of the single ones an empty
 * one is none.
 */
struct sshconfig_entry {
	struct sshconfig_shared shared;
	struct sshconfig_entry *next;
	uint64_t hash;
	size_t length;
	char *text;
	const char **lists; /* all three */
};

#define FLAGS 5

static bool put(struct sshconfig *config, const char *text, size_t length,
                struct err *err)
{
	void *bytes = config->text;

	while (config->text_length + length > config->text_room) {
		if (!sshconfig_grow(&bytes, &config->text_room,
		                    config->text_room, 1, err))
			return false;
		config->text = bytes;
	}
	memcpy(config->text + config->text_length, text, length);
	config->text_length += length;
	return true;
}

static const char *token(const struct look *look, char c)
{
	const struct sshconfig *config = look->config;

	switch (c) {
	case 'd':
		return config->home;
	case 'h':
		return look->remote_host;
	case 'i':
		return config->uid;
	case 'k':
		if (look->first[SETTING_HOST_KEY_ALIAS] != NULL)
			return look->first[SETTING_HOST_KEY_ALIAS]->values[0];
		return look->original;
	case 'n':
		return look->original;
	case 'L':
		return config->short_host;
	case 'l':
		return config->local_host;
	case 'p':
		return look->port;
	case 'r':
		return look->remote_user;
	case 'u':
		return config->local_user;
	default:
		return "%";
	}
}

/* A value and its NUL. */
static bool put_value(const struct look *look, const struct setting *setting,
                      const char *from, struct err *err)
{
	const struct sshconfig_place place = { setting->file, setting->line };
	bool tokens = setting->key != SETTING_GLOBAL_KNOWN_HOSTS &&
	              setting->key != SETTING_HOST_KEY_ALIAS;

	for (; tokens && *from != '\0'; from++) {
		const char *part = from;
		size_t length = 1;

		if (*from == '$' && from[1] == '{' &&
		    setting->key != SETTING_PROXY)
			return sshconfig_bad(&place, err,
			                     "a variable in '%s' has no value",
			                     from);
		if (*from == '%') {
			part = token(look, *++from);
			length = strlen(part);
		}
		if (!put(look->config, part, length, err))
			return false;
	}
	return put(look->config, from, strlen(from) + 1, err);
}

static bool put_single(const struct look *look, enum setting_key key,
                       struct err *err)
{
	const struct setting *setting = look->first[key];

	if (setting == NULL || setting->count == 0)
		return put(look->config, "", 1, err);
	return put_value(look, setting, setting->values[0], err);
}

static bool put_list(const struct look *look, enum setting_key key,
                     struct err *err)
{
	const struct setting *setting = look->first[key];

	for (size_t i = 0; setting != NULL && i < setting->count; i++) {
		if (!put_value(look, setting, setting->values[i], err))
			return false;
	}
	return put(look->config, "", 1, err);
}

/* "none" among others only says that they are all. */
static bool put_identities(const struct look *look, struct err *err)
{
	size_t count = 0;

	for (size_t i = 0; i < look->identity_count; i++) {
		const struct setting *setting = look->identities[i];

		if (strcmp(setting->values[0], "none") == 0)
			continue;
		if (!put_value(look, setting, setting->values[0], err))
			return false;
		count++;
	}
	if (look->identity_count > 0 && count == 0 &&
	    !put(look->config, "none", 5, err))
		return false;
	return put(look->config, "", 1, err);
}

static char digit(const struct look *look, enum setting_key key)
{
	const struct setting *setting = look->first[key];

	return (char)('0' + (setting != NULL ? setting->number : 0));
}

static bool has_revoked_keys(const struct look *look)
{
	const struct setting *setting = look->first[SETTING_REVOKED_KEYS];

	return setting != NULL && strcasecmp(setting->values[0], "none") != 0;
}

/* None has values: that there is one is all. */
static bool has_command(const struct look *look, enum setting_key key)
{
	const struct setting *setting = look->first[key];

	return setting != NULL && setting->count == 0;
}

static bool write_shared(const struct look *look, struct err *err)
{
	const char flags[FLAGS] = {
		digit(look, SETTING_IDENTITIES_ONLY),
		digit(look, SETTING_CHECKING),
		has_command(look, SETTING_PROXY) ? '1' : '0',
		has_revoked_keys(look) ? '1' : '0',
		has_command(look, SETTING_KNOWN_HOSTS_COMMAND) ? '1' : '0',
	};

	look->config->text_length = 0;
	return put(look->config, flags, FLAGS, err) &&
	       put_single(look, SETTING_IDENTITY_AGENT, err) &&
	       put_single(look, SETTING_PROXY, err) &&
	       put_single(look, SETTING_HOST_KEY_ALIAS, err) &&
	       put_identities(look, err) &&
	       put_list(look, SETTING_USER_KNOWN_HOSTS, err) &&
	       put_list(look, SETTING_GLOBAL_KNOWN_HOSTS, err);
}

/* FNV-1a. */
static uint64_t hash_of(const char *text, size_t length)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < length; i++)
		hash =
		    (hash ^ (unsigned char)text[i]) * UINT64_C(0x100000001b3);
	return hash ^ hash >> 32;
}

/* Room for one more, with at most one entry per place. */
static bool grow_entries(struct sshconfig *config, struct err *err)
{
	size_t room = config->entry_room > 0 ? config->entry_room * 2 : 64;
	struct sshconfig_entry **entries;

	if (config->entry_count < config->entry_room)
		return true;
	entries = calloc(room, sizeof(struct sshconfig_entry *));
	if (entries == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	for (size_t i = 0; i < config->entry_room; i++) {
		while (config->entries[i] != NULL) {
			struct sshconfig_entry *entry = config->entries[i];
			struct sshconfig_entry **place =
			    &entries[entry->hash & (room - 1)];

			config->entries[i] = entry->next;
			entry->next = *place;
			*place = entry;
		}
	}
	free(config->entries);
	config->entries = entries;
	config->entry_room = room;
	return true;
}

/* Takes one list of the text into list; both move on. */
static const char *const *take_list(const char ***list, const char **text,
                                    size_t *count)
{
	const char *const *begin = *list;

	for (*count = 0; **text != '\0'; ++*count) {
		*(*list)++ = *text;
		*text += strlen(*text) + 1;
	}
	++*text;
	return begin;
}

static const char *take_single(const char **text)
{
	const char *single = **text != '\0' ? *text : NULL;

	*text += strlen(*text) + 1;
	return single;
}

static void read_shared(struct sshconfig_entry *entry)
{
	struct sshconfig_shared *shared = &entry->shared;
	const char *text = entry->text + FLAGS;
	const char **list = entry->lists;

	shared->identities_only = entry->text[0] == '1';
	shared->checking = (enum sshconfig_checking)(entry->text[1] - '0');
	shared->proxy_command = entry->text[2] == '1';
	shared->revoked_host_keys = entry->text[3] == '1';
	shared->known_hosts_command = entry->text[4] == '1';
	shared->identity_agent = take_single(&text);
	shared->proxy_jump = take_single(&text);
	shared->host_key_alias = take_single(&text);
	shared->identity_files =
	    take_list(&list, &text, &shared->identity_count);
	shared->user_known_hosts =
	    take_list(&list, &text, &shared->user_known_hosts_count);
	shared->global_known_hosts =
	    take_list(&list, &text, &shared->global_known_hosts_count);
}

static size_t count_nuls(const char *text, size_t length)
{
	size_t count = 0;

	for (size_t i = 0; i < length; i++)
		count += text[i] == '\0';
	return count;
}

static struct sshconfig_entry *new_entry(const char *text, size_t length,
                                         struct err *err)
{
	struct sshconfig_entry *entry;

	assert(length > FLAGS); /* so it has NULs too */
	entry = calloc(1, sizeof(*entry));
	if (entry != NULL) {
		entry->length = length;
		entry->text = malloc(length);
		entry->lists = calloc(count_nuls(text, length), sizeof(char *));
		if (entry->text != NULL && entry->lists != NULL) {
			memcpy(entry->text, text, length);
			read_shared(entry);
			return entry;
		}
		free(entry->text);
		free(entry->lists);
		free(entry);
	}
	err_set(err, ERR_SYSTEM, "out of memory");
	return NULL;
}

const struct sshconfig_shared *sshconfig_share(const struct look *look,
                                               struct err *err)
{
	struct sshconfig *config = look->config;
	struct sshconfig_entry *entry, **place;
	uint64_t hash;

	if (!write_shared(look, err) || !grow_entries(config, err))
		return NULL;
	hash = hash_of(config->text, config->text_length);
	place = &config->entries[hash & (config->entry_room - 1)];
	for (entry = *place; entry != NULL; entry = entry->next) {
		if (entry->hash == hash &&
		    entry->length == config->text_length &&
		    memcmp(entry->text, config->text, entry->length) == 0)
			return &entry->shared;
	}
	entry = new_entry(config->text, config->text_length, err);
	if (entry == NULL)
		return NULL;
	entry->hash = hash;
	entry->next = *place;
	*place = entry;
	config->entry_count++;
	return &entry->shared;
}

void sshconfig_free_shared(struct sshconfig *config)
{
	for (size_t i = 0; i < config->entry_room; i++) {
		while (config->entries[i] != NULL) {
			struct sshconfig_entry *entry = config->entries[i];

			config->entries[i] = entry->next;
			free(entry->text);
			free(entry->lists);
			free(entry);
		}
	}
	free(config->entries);
	free(config->text);
}

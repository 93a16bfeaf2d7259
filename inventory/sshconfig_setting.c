#include "inventory/sshconfig_inside.h"

#include <ctype.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum form {
	FORM_TEXT,
	FORM_LOWER, /* in lower case */
	FORM_PORT,
	FORM_FLAG,
	FORM_CHECKING,
	FORM_PATH,  /* ~ and ${NAME} */
	FORM_PATHS, /* likewise, several */
	FORM_TILDE, /* several with ~ alone */
	FORM_AGENT,
	FORM_JUMP,   /* the rest of the line as it stands */
	FORM_COMMAND /* that there is one */
};

static const struct keyword {
	const char *name;
	enum setting_key key;
	enum form form;
} keywords[] = {
	{ "hostname", SETTING_HOSTNAME, FORM_TEXT },
	{ "user", SETTING_USER, FORM_TEXT },
	{ "port", SETTING_PORT, FORM_PORT },
	{ "identityfile", SETTING_IDENTITY_FILE, FORM_PATH },
	{ "identitiesonly", SETTING_IDENTITIES_ONLY, FORM_FLAG },
	{ "identityagent", SETTING_IDENTITY_AGENT, FORM_AGENT },
	{ "proxyjump", SETTING_PROXY, FORM_JUMP },
	{ "proxycommand", SETTING_PROXY, FORM_COMMAND },
	{ "userknownhostsfile", SETTING_USER_KNOWN_HOSTS, FORM_PATHS },
	{ "globalknownhostsfile", SETTING_GLOBAL_KNOWN_HOSTS, FORM_TILDE },
	{ "stricthostkeychecking", SETTING_CHECKING, FORM_CHECKING },
	{ "hostkeyalias", SETTING_HOST_KEY_ALIAS, FORM_LOWER },
	/* Whether there are any is all; OpenSSH 10.6 takes several files. */
	{ "revokedhostkeys", SETTING_REVOKED_KEYS, FORM_TILDE },
	{ "knownhostscommand", SETTING_KNOWN_HOSTS_COMMAND, FORM_COMMAND },
};

static const struct name_number {
	const char *name;
	unsigned number;
} flags[] = { { "yes", 1 }, { "true", 1 }, { "no", 0 }, { "false", 0 } },
  checkings[] = {
	  { "yes", SSHCONFIG_YES }, { "true", SSHCONFIG_YES },
	  { "ask", SSHCONFIG_YES }, { "accept-new", SSHCONFIG_ACCEPT_NEW },
	  { "no", SSHCONFIG_NO },   { "false", SSHCONFIG_NO },
	  { "off", SSHCONFIG_NO }
  };

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool is_none(const char *value)
{
	return strcasecmp(value, "none") == 0;
}

/* A value under way. % is doubled where tokens are expanded later. */
struct value {
	char *text;
	size_t length, room;
	bool tokens;
};

static bool put(struct value *value, const char *text, size_t length,
                bool literal, struct err *err)
{
	void *bytes = value->text;
	bool ok = true;

	for (size_t i = 0; i < length && ok; i++) {
		unsigned times =
		    literal && value->tokens && text[i] == '%' ? 2 : 1;

		while (times-- > 0 && ok) {
			ok = sshconfig_grow(&bytes, &value->room, value->length,
			                    1, err);
			value->text = bytes;
			if (ok)
				value->text[value->length++] = text[i];
		}
	}
	return ok;
}

/* ${NAME} at text; its length, or 0 where there is none. One without a value
 * stays, and fails the hosts that it is for. */
static bool put_variable(struct value *value, const char *text, size_t *length,
                         struct err *err)
{
	const char *end = strchr(text, '}');
	char name[128];
	const char *found;

	*length = 0;
	if (strncmp(text, "${", 2) != 0 || end == NULL ||
	    (size_t)(end - text) - 2 >= sizeof(name))
		return true;
	memcpy(name, text + 2, (size_t)(end - text) - 2);
	name[end - text - 2] = '\0';
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): no threads yet */
	found = getenv(name);
	if (found == NULL)
		return true;
	*length = (size_t)(end + 1 - text);
	return put(value, found, strlen(found), true, err);
}

/* ~ and ~/…; another account's stays as it is. */
static bool put_home(struct value *value, const struct sshconfig *config,
                     const char **text, struct err *err)
{
	const char *from = *text;
	size_t length = strlen(config->home);

	if (from[0] != '~' || (from[1] != '/' && from[1] != '\0'))
		return true;
	from += 1 + strspn(from + 1, "/");
	*text = from;
	while (length > 0 && config->home[length - 1] == '/')
		length--;
	return put(value, config->home, length, true, err) &&
	       put(value, "/", 1, false, err);
}

static const char *expand(struct sshconfig *config, const char *text,
                          enum form form, struct err *err)
{
	struct value value = { .tokens = form != FORM_TILDE };
	const char *kept = NULL;
	bool ok = put_home(&value, config, &text, err);

	while (ok && *text != '\0') {
		size_t length = 0;

		if (form != FORM_TILDE)
			ok = put_variable(&value, text, &length, err);
		if (ok && length == 0) {
			length = 1;
			ok = put(&value, text, length, false, err);
		}
		text += length;
	}
	if (ok && put(&value, "", 1, false, err))
		kept = sshconfig_keep_text(config, value.text, err);
	free(value.text);
	return kept;
}

/* Older than ${NAME}: SSH_AUTH_SOCK and $NAME. */
static const char *agent_socket(struct sshconfig *config, const char *text,
                                struct err *err)
{
	const char *found;

	if (is_none(text))
		return "none";
	if (strcmp(text, "SSH_AUTH_SOCK") == 0)
		return "";
	if (text[0] != '$' || text[1] == '{')
		return expand(config, text, FORM_PATH, err);
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): no threads yet */
	found = getenv(text + 1);
	if (found == NULL || *found == '\0')
		return "none";
	return expand(config, found, FORM_PATH, err);
}

static const char *lower(struct sshconfig *config, const char *word,
                         struct err *err)
{
	char *copy = sshconfig_keep(config, strlen(word) + 1, err);

	for (size_t i = 0; copy != NULL && i <= strlen(word); i++)
		copy[i] = (char)tolower((unsigned char)word[i]);
	return copy;
}

static const char *value_of(struct sshconfig *config, enum form form,
                            const char *word, struct err *err)
{
	if (form == FORM_TEXT)
		return word;
	if (form == FORM_LOWER)
		return lower(config, word, err);
	if (form == FORM_AGENT)
		return agent_socket(config, word, err);
	return is_none(word) ? "none" : expand(config, word, form, err);
}

static bool number_of(const struct name_number *names, size_t count,
                      const char *word, unsigned *number)
{
	for (size_t i = 0; i < count; i++) {
		if (strcasecmp(names[i].name, word) == 0) {
			*number = names[i].number;
			return true;
		}
	}
	return false;
}

/* A number, or a service as "ssh". */
static bool port_of(const char *word, unsigned *port)
{
	struct servent entry, *found = NULL;
	char room[1024];
	unsigned long number;
	char *end;

	if (word[strspn(word, "0123456789")] != '\0') {
		if (getservbyname_r(word, "tcp", &entry, room, sizeof(room),
		                    &found) != 0 ||
		    found == NULL)
			return false;
		number = ((unsigned)found->s_port & 0xFF) << 8 |
		         ((unsigned)found->s_port >> 8 & 0xFF);
	} else {
		number = strtoul(word, &end, 10);
	}
	*port = (unsigned)number;
	return number > 0 && number <= 65535;
}

/* The one of several values that says that there is none stands alone. */
static bool check_none(const struct sshconfig_place *place,
                       const char *const *words, size_t count, struct err *err)
{
	for (size_t i = 0; i < count && count > 1; i++) {
		if (is_none(words[i]))
			return sshconfig_bad(place, err,
			                     "\"none\" must stand alone");
	}
	return true;
}

static bool keep_values(struct sshconfig *config,
                        const struct sshconfig_place *place, enum form form,
                        const char *const *words, struct setting *setting,
                        struct err *err)
{
	const char **values =
	    sshconfig_keep(config, setting->count * sizeof(*values), err);

	if (values == NULL)
		return false;
	if ((form == FORM_PATHS || form == FORM_TILDE) &&
	    !check_none(place, words, setting->count, err))
		return false;
	for (size_t i = 0; i < setting->count; i++) {
		values[i] = value_of(config, form, words[i], err);
		if (values[i] == NULL)
			return false;
	}
	setting->values = values;
	return true;
}

/* What is not cut into words: up to a comment. */
static bool read_rest(struct sshconfig *config,
                      const struct sshconfig_place *place, enum form form,
                      char *rest, struct setting *setting, struct err *err)
{
	const char **values;
	size_t length;

	rest += strspn(rest, " \t=");
	if (form == FORM_JUMP)
		rest[strcspn(rest, "#")] = '\0';
	length = strlen(rest);
	while (length > 0 && strchr(" \t", rest[length - 1]) != NULL)
		rest[--length] = '\0';
	if (length == 0)
		return sshconfig_bad(place, err, "no argument");
	if (form == FORM_COMMAND && !is_none(rest))
		return true; /* without a value */
	values = sshconfig_keep(config, sizeof(*values), err);
	if (values == NULL)
		return false;
	values[0] =
	    is_none(rest) ? "none" : sshconfig_keep_text(config, rest, err);
	setting->values = values;
	setting->count = 1;
	return values[0] != NULL;
}

static bool read_words(struct sshconfig *config,
                       const struct sshconfig_place *place, enum form form,
                       char *rest, struct setting *setting, struct err *err)
{
	const char *const *words;

	if (!sshconfig_words(config, place, rest, &words, &setting->count, err))
		return false;
	if (setting->count > 1 && form != FORM_PATHS && form != FORM_TILDE)
		return sshconfig_bad(place, err, "more than one argument");
	if (form == FORM_PORT)
		return port_of(words[0], &setting->number) ||
		       sshconfig_bad(place, err, "bad port '%s'", words[0]);
	if (form == FORM_FLAG)
		return number_of(flags, COUNT(flags), words[0],
		                 &setting->number) ||
		       sshconfig_bad(place, err, "'%s' is neither yes nor no",
		                     words[0]);
	if (form == FORM_CHECKING)
		return number_of(checkings, COUNT(checkings), words[0],
		                 &setting->number) ||
		       sshconfig_bad(place, err,
		                     "'%s' is not one of yes, ask, accept-new, "
		                     "no, off",
		                     words[0]);
	return keep_values(config, place, form, words, setting, err);
}

static bool check_tokens(const struct sshconfig_place *place,
                         const struct setting *setting, struct err *err)
{
	const char *known = "%Ldhiklnpru";

	if (setting->key == SETTING_USER ||
	    setting->key == SETTING_GLOBAL_KNOWN_HOSTS ||
	    setting->key == SETTING_HOST_KEY_ALIAS ||
	    setting->key == SETTING_REVOKED_KEYS)
		return true;
	if (setting->key == SETTING_HOSTNAME)
		known = "%h";
	else if (setting->key == SETTING_PROXY)
		known = "%hnpr";
	for (size_t i = 0; i < setting->count && setting->values != NULL; i++) {
		const char *at = setting->values[i];

		for (; *at != '\0'; at++) {
			if (*at != '%')
				continue;
			at++;
			if (*at == '\0' || strchr(known, *at) == NULL)
				return sshconfig_bad(
				    place, err,
				    "a %% token that is not known "
				    "in '%s'",
				    setting->values[i]);
		}
	}
	return true;
}

enum setting_read sshconfig_setting(struct sshconfig *config,
                                    const struct sshconfig_place *place,
                                    const char *keyword, char *rest,
                                    struct setting *setting, struct err *err)
{
	for (size_t i = 0; i < COUNT(keywords); i++) {
		enum form form = keywords[i].form;
		bool ok;

		if (strcasecmp(keywords[i].name, keyword) != 0)
			continue;
		*setting = (struct setting){ .key = keywords[i].key,
			                     .file = place->file,
			                     .line = place->line };
		if (form == FORM_JUMP || form == FORM_COMMAND)
			ok = read_rest(config, place, form, rest, setting, err);
		else
			ok =
			    read_words(config, place, form, rest, setting, err);
		if (!ok || !check_tokens(place, setting, err))
			return SETTING_BAD;
		return SETTING_READ;
	}
	return SETTING_UNKNOWN;
}

#include "inventory/knownhosts_private.h"

#include "inventory/host.h"
#include "inventory/knownhosts_file.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PORT_USUAL 22

_Static_assert(KNOWNHOSTS_NAME_SIZE >= HOST_IP_MAX + sizeof("[]:65535"),
               "a name and a port");

/* As it stands in the files. */
static void write_name(char name[static KNOWNHOSTS_NAME_SIZE], const char *host,
                       uint16_t port)
{
	if (port == PORT_USUAL)
		snprintf(name, KNOWNHOSTS_NAME_SIZE, "%s", host);
	else
		snprintf(name, KNOWNHOSTS_NAME_SIZE, "[%s]:%u", host,
		         (unsigned)port);
	for (; *name != '\0'; name++)
		*name = (char)tolower((unsigned char)*name);
}

static void write_sha256(char text[static 64], const unsigned char *sha256)
{
	unsigned char base64[4 * ((KNOWN_DIGEST_SIZE + 2) / 3) + 1];

	EVP_EncodeBlock(base64, sha256, KNOWN_DIGEST_SIZE);
	snprintf(text, 64, "%.43s", (const char *)base64);
}

static enum knownhosts_verdict conclude(const struct knownhosts *known,
                                        const struct known_search *search,
                                        struct knownhosts_entry *entry)
{
	enum knownhosts_verdict verdict = KNOWNHOSTS_NEW;
	const struct known_key *key = NULL;

	if (search->revoked != NULL) {
		verdict = KNOWNHOSTS_REVOKED;
		key = search->revoked;
	} else if (search->same != NULL) {
		verdict = KNOWNHOSTS_KNOWN;
	} else if (search->differs != NULL) {
		verdict = KNOWNHOSTS_CHANGED;
		key = search->differs;
	}
	if (key != NULL) {
		entry->file = known->files[key->file];
		entry->line = key->line;
		entry->type = known->types[key->type];
		write_sha256(entry->sha256, key->sha256);
	}
	return verdict;
}

/* What was remembered, or found among hashed lines, in this run. */
static enum knownhosts_verdict look_since(struct knownhosts *known,
                                          struct known_search *search,
                                          struct knownhosts_entry *entry)
{
	enum knownhosts_verdict verdict;

	pthread_mutex_lock(&known->lock);
	known_table_search(&known->since, search);
	verdict = conclude(known, search, entry);
	pthread_mutex_unlock(&known->lock);
	return verdict;
}

/* Another key of the host is in hashed lines: the next look finds it without
 * hashing, and so does knownhosts_types(). */
static void learn(struct knownhosts *known, const struct known_search *search)
{
	pthread_mutex_lock(&known->lock);
	/* Without memory it is found anew each time. */
	(void)known_table_add_name(&known->since, search->name,
	                           strlen(search->name), search->differs);
	pthread_mutex_unlock(&known->lock);
}

/* all: hashed lines with other keys as well, when nothing else is known. */
static enum knownhosts_verdict look(struct knownhosts *known, const char *name,
                                    const unsigned char *sha256, bool all,
                                    struct knownhosts_entry *entry)
{
	struct known_search search = { .name = name, .sha256 = sha256 };
	const struct known_table *read = &known->read;
	enum knownhosts_verdict verdict;
	struct name_hash hash = { .context = NULL };

	known_table_search(read, &search);
	if (read->hashed.used > 0 && !name_hash_init(&hash, known->sha1, name))
		return KNOWNHOSTS_UNSURE;
	known_table_search_key(read, &search, &hash);
	verdict = conclude(known, &search, entry);
	if (verdict == KNOWNHOSTS_NEW)
		verdict = look_since(known, &search, entry);
	if (verdict == KNOWNHOSTS_NEW && all) {
		known_table_search_all(read, &search, &hash);
		verdict = conclude(known, &search, entry);
		if (verdict == KNOWNHOSTS_CHANGED)
			learn(known, &search);
	}
	name_hash_release(&hash);
	return hash.failed ? KNOWNHOSTS_UNSURE : verdict;
}

enum knownhosts_verdict knownhosts_look(struct knownhosts *known,
                                        const char *host, uint16_t port,
                                        const unsigned char *blob,
                                        size_t length,
                                        struct knownhosts_entry *entry)
{
	unsigned char sha256[KNOWN_DIGEST_SIZE];
	struct knownhosts_entry other;
	enum knownhosts_verdict verdict, without_port;
	char name[KNOWNHOSTS_NAME_SIZE];

	if (!knownhosts_digest(known, blob, length, sha256))
		return KNOWNHOSTS_UNSURE;
	write_name(name, host, port);
	verdict = look(known, name, sha256, true, entry);
	if (verdict != KNOWNHOSTS_NEW || port == PORT_USUAL)
		return verdict;
	write_name(name, host, PORT_USUAL);
	without_port = look(known, name, sha256, false, &other);
	switch (without_port) {
	case KNOWNHOSTS_KNOWN:
	case KNOWNHOSTS_REVOKED:
	case KNOWNHOSTS_UNSURE:
		*entry = other;
		return without_port;
	case KNOWNHOSTS_NEW:
	case KNOWNHOSTS_CHANGED:
		break;
	}
	return KNOWNHOSTS_NEW;
}

/* The types of a name's keys, each once. */
struct type_list {
	const struct knownhosts *known;
	char *types;
	size_t size, used;
	bool has[KNOWNHOSTS_TYPES_MAX];
};

static void add_type(void *arg, const struct known_key *key)
{
	struct type_list *list = arg;
	const char *type = list->known->types[key->type];
	size_t length = strlen(type);
	const char *comma = list->used > 0 ? "," : "";

	if (list->has[key->type] ||
	    list->used + strlen(comma) + length >= list->size)
		return;
	list->has[key->type] = true;
	list->used +=
	    (size_t)snprintf(list->types + list->used, list->size - list->used,
	                     "%s%s", comma, type);
}

static void add_types(struct knownhosts *known, struct type_list *list,
                      const char *host, uint16_t port)
{
	char name[KNOWNHOSTS_NAME_SIZE];

	write_name(name, host, port);
	known_table_each(&known->read, name, add_type, list);
	pthread_mutex_lock(&known->lock);
	known_table_each(&known->since, name, add_type, list);
	pthread_mutex_unlock(&known->lock);
}

void knownhosts_types(struct knownhosts *known, const char *host, uint16_t port,
                      char *types, size_t size)
{
	struct type_list list = { .known = known,
		                  .types = types,
		                  .size = size };

	types[0] = '\0';
	add_types(known, &list, host, port);
	if (list.used == 0 && port != PORT_USUAL)
		add_types(known, &list, host, PORT_USUAL);
}

/* Once: the run goes on, and remembers keys for itself. */
static void cannot_append(struct knownhosts *known, const struct err *err)
{
	char sentence[ERR_TEXT_SIZE + 64];

	known->append_failed = true;
	snprintf(sentence, sizeof(sentence),
	         "new host keys are not remembered: %s", err->text);
	knownhosts_tell(known, sentence);
}

/* One write() of a whole line: with O_APPEND nothing of another process comes
 * between, and nothing is lost. */
static bool append_line(struct knownhosts *known, const char *line,
                        size_t length, struct err *err)
{
	ssize_t written;

	if (known->append_fd < 0 &&
	    !knownhosts_append_open(known->append_to, &known->append_fd, err))
		return false;
	/* The line begins with a newline, for one that was cut off. */
	if (!knownhosts_append_is_cut(known->append_fd)) {
		line++;
		length--;
	}
	do
		written = write(known->append_fd, line, length);
	while (written < 0 && errno == EINTR);
	if (written == (ssize_t)length)
		return true;
	return err_errno(err, ERR_SYSTEM, written < 0 ? errno : ENOSPC,
	                 "cannot write '%s'", known->append_to);
}

/* What would mean something else when it is read again. */
static bool is_writable(const char *name)
{
	if (strchr("#@|", name[0]) != NULL)
		return false;
	for (; *name != '\0'; name++) {
		if ((unsigned char)*name <= ' ' ||
		    strchr(",*?!", *name) != NULL)
			return false;
	}
	return true;
}

static void append(struct knownhosts *known, const char *name, const char *type,
                   const unsigned char *blob, size_t length)
{
	size_t base64_size = 4 * ((length + 2) / 3) + 1;
	size_t size = strlen(name) + strlen(type) + base64_size + 8;
	char *line;
	int used;
	struct err err;

	if (known->append_to == NULL || !is_writable(name))
		return;
	line = malloc(size);
	pthread_mutex_lock(&known->append_lock);
	if (line == NULL) {
		err_set(&err, ERR_SYSTEM, "out of memory");
		cannot_append(known, &err);
	} else if (!known->append_failed) {
		used = snprintf(line, size, "\n%s %s ", name, type);
		used += EVP_EncodeBlock((unsigned char *)line + used, blob,
		                        (int)length);
		line[used++] = '\n';
		if (!append_line(known, line, (size_t)used, &err))
			cannot_append(known, &err);
	}
	pthread_mutex_unlock(&known->append_lock);
	free(line);
}

/* The first string of a key is its type. The caller has checked the key. */
static bool take_type(const unsigned char *blob, size_t length,
                      char type[static KNOWNHOSTS_TYPE_MAX + 1])
{
	size_t name;

	if (length < 4)
		return false;
	name = (size_t)blob[2] << 8 | blob[3];
	if (name > length - 4 || name > KNOWNHOSTS_TYPE_MAX)
		return false;
	memcpy(type, blob + 4, name);
	type[name] = '\0';
	return true;
}

/* NEW when it was added, else who was there first. */
static enum knownhosts_verdict add_since(struct knownhosts *known,
                                         const char *name, const char *type,
                                         struct known_key *key,
                                         struct knownhosts_entry *entry)
{
	struct known_search search = { .name = name, .sha256 = key->sha256 };
	enum knownhosts_verdict verdict;

	pthread_mutex_lock(&known->lock);
	known_table_search(&known->since, &search);
	verdict = conclude(known, &search, entry);
	if (verdict == KNOWNHOSTS_NEW &&
	    (!knownhosts_type(known, type, strlen(type), &key->type) ||
	     !known_table_add_name(&known->since, name, strlen(name), key)))
		verdict = KNOWNHOSTS_UNSURE;
	pthread_mutex_unlock(&known->lock);
	return verdict;
}

enum knownhosts_verdict knownhosts_remember(struct knownhosts *known,
                                            const char *host, uint16_t port,
                                            const unsigned char *blob,
                                            size_t length,
                                            struct knownhosts_entry *entry)
{
	struct known_key key = { .file = known->append_file };
	enum knownhosts_verdict verdict;
	char type[KNOWNHOSTS_TYPE_MAX + 1];
	char name[KNOWNHOSTS_NAME_SIZE];

	if (!take_type(blob, length, type) ||
	    !knownhosts_digest(known, blob, length, key.sha256))
		return KNOWNHOSTS_UNSURE;
	write_name(name, host, port);
	verdict = add_since(known, name, type, &key, entry);
	if (verdict != KNOWNHOSTS_NEW)
		return verdict;
	append(known, name, type, blob, length);
	return KNOWNHOSTS_KNOWN;
}

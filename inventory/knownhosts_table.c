#include "inventory/knownhosts_table.h"

#include <stdlib.h>
#include <string.h>

#include "inventory/pattern.h"

#define ITEMS_FIRST 64

void known_table_release(struct known_table *table)
{
	free(table->texts.items);
	free(table->keys.items);
	free(table->names.items);
	free(table->hashed.items);
	free(table->patterns.items);
	free(table->by_name.heads);
	free(table->by_key.heads);
	memset(table, 0, sizeof(*table));
}

/* Room for count more items. Their numbers have 32 bits. */
static bool array_reserve(struct known_array *array, size_t count, size_t size)
{
	size_t room = array->room > 0 ? array->room : ITEMS_FIRST;
	void *items;

	if (count > UINT32_MAX / 2 - array->used)
		return false;
	while (room - array->used < count || room < array->used)
		room *= 2;
	if (room == array->room)
		return true;
	items = realloc(array->items, room * size);
	if (items == NULL)
		return false;
	array->items = items;
	array->room = room;
	return true;
}

static void array_trim(struct known_array *array, size_t size)
{
	void *items;

	if (array->used == 0 || array->used == array->room)
		return;
	items = realloc(array->items, array->used * size);
	if (items == NULL)
		return;
	array->items = items;
	array->room = array->used;
}

void known_table_trim(struct known_table *table)
{
	array_trim(&table->texts, 1);
	array_trim(&table->keys, sizeof(struct known_key));
	array_trim(&table->names, sizeof(struct known_name));
	array_trim(&table->hashed, sizeof(struct known_hashed));
	array_trim(&table->patterns, sizeof(struct known_pattern));
}

static const struct known_key *key_at(const struct known_table *table,
                                      uint32_t number)
{
	const struct known_key *keys = table->keys.items;

	return &keys[number - 1];
}

static struct known_name *name_at(const struct known_table *table,
                                  uint32_t number)
{
	struct known_name *names = table->names.items;

	return &names[number - 1];
}

static struct known_hashed *hashed_at(const struct known_table *table,
                                      uint32_t number)
{
	struct known_hashed *hashed = table->hashed.items;

	return &hashed[number - 1];
}

static const char *text_at(const struct known_table *table, uint32_t at)
{
	const char *texts = table->texts.items;

	return texts + at;
}

/* FNV-1a. */
static uint32_t name_bits(const char *name)
{
	uint32_t bits = 2166136261u;

	for (; *name != '\0'; name++)
		bits = (bits ^ (unsigned char)*name) * 16777619u;
	return bits;
}

static uint32_t key_bits(const unsigned char *sha256)
{
	uint32_t bits;

	memcpy(&bits, sha256, sizeof(bits));
	return bits;
}

static uint32_t *bucket(const struct known_index *index, uint32_t bits)
{
	return &index->heads[bits & (index->size - 1)];
}

static bool index_renew(struct known_index *index, size_t size)
{
	uint32_t *heads = calloc(size, sizeof(*heads));

	if (heads == NULL)
		return false;
	free(index->heads);
	index->heads = heads;
	index->size = size;
	return true;
}

static void link_name(struct known_table *table, uint32_t number)
{
	struct known_name *name = name_at(table, number);
	uint32_t *head =
	    bucket(&table->by_name, name_bits(text_at(table, name->text)));

	name->next = *head;
	*head = number;
}

static void link_hashed(struct known_table *table, uint32_t number)
{
	struct known_hashed *hashed = hashed_at(table, number);
	uint32_t *head = bucket(&table->by_key,
	                        key_bits(key_at(table, hashed->key)->sha256));

	hashed->next = *head;
	*head = number;
}

/* Before an item is added that would be more than there are buckets. */
static bool index_grow(struct known_table *table, struct known_index *index,
                       size_t used,
                       void (*link)(struct known_table *table, uint32_t number))
{
	if (used < index->size)
		return true;
	if (!index_renew(index, index->size > 0 ? index->size * 2 : 64))
		return false;
	for (uint32_t number = 1; number <= used; number++)
		link(table, number);
	return true;
}

/* Its number; 0 without memory. */
static uint32_t add_key(struct known_table *table, const struct known_key *key)
{
	struct known_key *keys;

	if (!array_reserve(&table->keys, 1, sizeof(*key)))
		return 0;
	keys = table->keys.items;
	keys[table->keys.used++] = *key;
	return (uint32_t)table->keys.used;
}

/* Terminated, since names are compared as strings. */
static bool add_text(struct known_table *table, const char *text, size_t length,
                     uint32_t *at)
{
	char *texts;

	if (!array_reserve(&table->texts, length + 1, 1))
		return false;
	texts = table->texts.items;
	*at = (uint32_t)table->texts.used;
	memcpy(texts + *at, text, length);
	texts[*at + length] = '\0';
	table->texts.used += length + 1;
	return true;
}

static bool add_name(struct known_table *table, const char *text, size_t length,
                     uint32_t key)
{
	struct known_name name = { .key = key };
	struct known_name *names;

	if (!index_grow(table, &table->by_name, table->names.used, link_name) ||
	    !array_reserve(&table->names, 1, sizeof(name)) ||
	    !add_text(table, text, length, &name.text))
		return false;
	names = table->names.items;
	names[table->names.used++] = name;
	link_name(table, (uint32_t)table->names.used);
	return true;
}

static bool add_pattern(struct known_table *table, const char *text,
                        size_t length, uint32_t key)
{
	struct known_pattern pattern = { .length = (uint32_t)length,
		                         .key = key };
	struct known_pattern *patterns;

	if (!array_reserve(&table->patterns, 1, sizeof(pattern)) ||
	    !add_text(table, text, length, &pattern.text))
		return false;
	patterns = table->patterns.items;
	patterns[table->patterns.used++] = pattern;
	return true;
}

static bool add_hashed(struct known_table *table,
                       const struct knownhosts_line *line, uint32_t key)
{
	struct known_hashed *hashed;

	if (!index_grow(table, &table->by_key, table->hashed.used,
	                link_hashed) ||
	    !array_reserve(&table->hashed, 1, sizeof(*hashed)))
		return false;
	hashed = table->hashed.items;
	hashed += table->hashed.used++;
	memcpy(hashed->salt, line->salt, sizeof(hashed->salt));
	memcpy(hashed->hash, line->hash, sizeof(hashed->hash));
	hashed->key = key;
	link_hashed(table, (uint32_t)table->hashed.used);
	return true;
}

/* As it stands there, and as it is looked up. */
static bool add_spellings(struct known_table *table, const char *name,
                          size_t length, uint32_t key)
{
	char usual[KNOWNHOSTS_NAME_SIZE];

	if (!add_name(table, name, length, key))
		return false;
	return !knownhosts_usual_name(name, length, usual) ||
	       add_name(table, usual, strlen(usual), key);
}

static bool add_names(struct known_table *table, const char *names,
                      size_t length, uint32_t key)
{
	for (;;) {
		const char *comma = memchr(names, ',', length);
		size_t size = comma != NULL ? (size_t)(comma - names) : length;

		if (size > 0 && !add_spellings(table, names, size, key))
			return false;
		if (comma == NULL)
			return true;
		names += size + 1;
		length -= size + 1;
	}
}

bool known_table_add(struct known_table *table,
                     const struct knownhosts_line *line,
                     const struct known_key *key)
{
	uint32_t number = add_key(table, key);

	if (number == 0)
		return false;
	if (line->is_hashed)
		return add_hashed(table, line, number);
	if (knownhosts_names_are_patterns(line->names, line->names_length))
		return add_pattern(table, line->names, line->names_length,
		                   number);
	return add_names(table, line->names, line->names_length, number);
}

bool known_table_add_name(struct known_table *table, const char *name,
                          size_t length, const struct known_key *key)
{
	uint32_t number = add_key(table, key);

	return number != 0 && add_name(table, name, length, number);
}

static void keep_first(const struct known_key **first,
                       const struct known_key *key)
{
	if (*first == NULL || key->file < (*first)->file ||
	    (key->file == (*first)->file && key->line < (*first)->line))
		*first = key;
}

/* A key of the name. */
static void weigh(struct known_search *search, const struct known_key *key)
{
	bool is_same =
	    memcmp(key->sha256, search->sha256, sizeof(key->sha256)) == 0;

	if (key->revoked && is_same)
		keep_first(&search->revoked, key);
	else if (is_same)
		keep_first(&search->same, key);
	else if (!key->revoked)
		keep_first(&search->differs, key);
}

static void each_of_name(const struct known_table *table, const char *name,
                         void (*each)(void *arg, const struct known_key *key),
                         void *arg)
{
	uint32_t number = 0;

	if (table->names.used > 0)
		number = *bucket(&table->by_name, name_bits(name));
	while (number != 0) {
		const struct known_name *found = name_at(table, number);

		if (strcmp(text_at(table, found->text), name) == 0)
			each(arg, key_at(table, found->key));
		number = found->next;
	}
}

static void each_of_patterns(const struct known_table *table, const char *name,
                             void (*each)(void *arg,
                                          const struct known_key *key),
                             void *arg)
{
	const struct known_pattern *patterns = table->patterns.items;

	for (size_t i = 0; i < table->patterns.used; i++) {
		if (pattern_list_matches(name, text_at(table, patterns[i].text),
		                         patterns[i].length, false))
			each(arg, key_at(table, patterns[i].key));
	}
}

static void weigh_key(void *arg, const struct known_key *key)
{
	weigh(arg, key);
}

void known_table_search(const struct known_table *table,
                        struct known_search *search)
{
	each_of_name(table, search->name, weigh_key, search);
	each_of_patterns(table, search->name, weigh_key, search);
}

void known_table_search_key(const struct known_table *table,
                            struct known_search *search, struct name_hash *hash)
{
	uint32_t number = 0;

	if (table->hashed.used > 0)
		number = *bucket(&table->by_key, key_bits(search->sha256));
	while (number != 0) {
		const struct known_hashed *found = hashed_at(table, number);
		const struct known_key *key = key_at(table, found->key);

		if (memcmp(key->sha256, search->sha256, sizeof(key->sha256)) ==
		        0 &&
		    name_hash_matches(hash, found->salt, found->hash))
			weigh(search, key);
		number = found->next;
	}
}

void known_table_search_all(const struct known_table *table,
                            struct known_search *search, struct name_hash *hash)
{
	const struct known_hashed *hashed = table->hashed.items;

	for (size_t i = 0; i < table->hashed.used; i++) {
		if (name_hash_matches(hash, hashed[i].salt, hashed[i].hash))
			weigh(search, key_at(table, hashed[i].key));
	}
}

struct usable {
	void (*each)(void *arg, const struct known_key *key);
	void *arg;
};

static void hand_on_usable(void *arg, const struct known_key *key)
{
	const struct usable *usable = arg;

	if (!key->revoked)
		usable->each(usable->arg, key);
}

void known_table_each(const struct known_table *table, const char *name,
                      void (*each)(void *arg, const struct known_key *key),
                      void *arg)
{
	struct usable usable = { each, arg };

	each_of_name(table, name, hand_on_usable, &usable);
	each_of_patterns(table, name, hand_on_usable, &usable);
}

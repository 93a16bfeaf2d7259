#pragma once

#include "inventory/knownhosts_hash.h"
#include "inventory/knownhosts_line.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What known_hosts files say, in memory: plain names in a hash table, hashed
 * ones in another by their key, patterns in a list. A key is kept as its
 * SHA-256, which no two keys share: 88 bytes for a hashed line, 52 and its name
 * for a plain one, and the hash tables' heads (4 to 8).
 *
 * It is not locked: either nobody adds to it any more, or the caller has a
 * lock.
 */

#define KNOWN_DIGEST_SIZE 32

struct known_key {
	unsigned char sha256[KNOWN_DIGEST_SIZE];
	uint32_t line; /* 0: it was remembered since */
	uint16_t type; /* the owner's numbers, for both */
	uint8_t file;
	bool revoked;
};

/* One name, or one hashed one. Numbers of others count from 1, 0 is none. */
struct known_name {
	uint32_t text; /* where its characters are */
	uint32_t next; /* in the same bucket */
	uint32_t key;
};

struct known_hashed {
	unsigned char salt[KNOWNHOSTS_HASH_SIZE];
	unsigned char hash[KNOWNHOSTS_HASH_SIZE];
	uint32_t next;
	uint32_t key;
};

struct known_pattern {
	uint32_t text, length;
	uint32_t key;
};

/* An array that grows. */
struct known_array {
	void *items;
	size_t used, room;
};

/* Bucket heads: a power of two, at least as many as there are items. */
struct known_index {
	uint32_t *heads;
	size_t size;
};

/* All zero is an empty one. */
struct known_table {
	struct known_array texts;    /* char */
	struct known_array keys;     /* struct known_key */
	struct known_array names;    /* struct known_name */
	struct known_array hashed;   /* struct known_hashed */
	struct known_array patterns; /* struct known_pattern */
	struct known_index by_name, by_key;
};

void known_table_release(struct known_table *table);

/* Gives back what was taken for growing. */
void known_table_trim(struct known_table *table);

/* key->sha256 and its place are set by the caller. False without memory, or for
 * more than a table can hold: the line is then not there, or a part of it. */
bool known_table_add(struct known_table *table,
                     const struct knownhosts_line *line,
                     const struct known_key *key);

/* One plain name. */
bool known_table_add_name(struct known_table *table, const char *name,
                          size_t length, const struct known_key *key);

/* Looking for a name and a key; what was found so far. The first that a file
 * has of each kind. */
struct known_search {
	const char *name; /* "host" or "[host]:port", in lower case */
	const unsigned char *sha256;
	const struct known_key *same, *differs, *revoked;
};

/* Lines with plain names and patterns. */
void known_table_search(const struct known_table *table,
                        struct known_search *search);

/* Hashed lines with this very key, or with any. */
void known_table_search_key(const struct known_table *table,
                            struct known_search *search,
                            struct name_hash *hash);
void known_table_search_all(const struct known_table *table,
                            struct known_search *search,
                            struct name_hash *hash);

/* Calls each with every key of the name that is not revoked, of plain names and
 * patterns. */
void known_table_each(const struct known_table *table, const char *name,
                      void (*each)(void *arg, const struct known_key *key),
                      void *arg);

#pragma once

#include "inventory/knownhosts.h"
#include "inventory/knownhosts_table.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>

/* The inside of known hosts, for knownhosts.c and knownhosts_look.c. */

#define KNOWNHOSTS_FILES_MAX 64 /* fits struct known_key's file */
#define KNOWNHOSTS_TYPES_MAX 256

struct knownhosts {
	EVP_MD *sha1, *sha256; /* looked up once */
	void (*warn)(const char *sentence);
	char *files[KNOWNHOSTS_FILES_MAX];
	size_t file_count;
	const char *append_to; /* NULL: nowhere */
	uint8_t append_file;   /* what files calls it */

	/* What files say. Nobody writes it once they are read. */
	struct known_table read;

	/* Guards what follows. A type's name is written once, before its number
	 * is in a key. */
	pthread_mutex_t lock;
	struct known_table since;
	char *types[KNOWNHOSTS_TYPES_MAX];
	size_t type_count;

	/* Guards the file that is added to; not held while looking. */
	pthread_mutex_t append_lock;
	int append_fd; /* -1: not open yet */
	bool append_failed;
};

/* SHA-256 of a key. False without memory. */
bool knownhosts_digest(const struct knownhosts *known,
                       const unsigned char *blob, size_t length,
                       unsigned char sha256[KNOWN_DIGEST_SIZE]);

/* The number of a type, new or not. False without memory, and for more types
 * than any file has. With the lock, once there are threads. */
bool knownhosts_type(struct knownhosts *known, const char *type, size_t length,
                     uint16_t *number);

void knownhosts_tell(const struct knownhosts *known, const char *sentence);

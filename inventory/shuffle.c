#include "inventory/shuffle.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define CHUNK_SIZE ((size_t)64 * 1024)
#define HOSTS_FIRST 1024

struct shuffle_chunk {
	struct shuffle_chunk *next;
	size_t used;
	char bytes[CHUNK_SIZE];
};

/* What a packed host begins with. The texts follow, each with its NUL. */
struct front {
	size_t line;
	const struct access *access;
	uint16_t port;
	bool has_port, has_password, lacks_password, is_name;
};

/* The texts of a host, in the order in which they are packed. */
static const struct text {
	size_t offset, size;
} texts[] = {
	{ offsetof(struct host, ip), sizeof(((struct host *)NULL)->ip) },
	{ offsetof(struct host, user), sizeof(((struct host *)NULL)->user) },
	{ offsetof(struct host, name), sizeof(((struct host *)NULL)->name) },
	{ offsetof(struct host, group), sizeof(((struct host *)NULL)->group) },
	{ offsetof(struct host, key), sizeof(((struct host *)NULL)->key) },
	{ offsetof(struct host, password),
	  sizeof(((struct host *)NULL)->password) },
	{ offsetof(struct host, target),
	  sizeof(((struct host *)NULL)->target) },
};

#define TEXTS (sizeof(texts) / sizeof(texts[0]))

_Static_assert(sizeof(struct host) < CHUNK_SIZE / 2,
               "a packed host fits a chunk");

static size_t packed_size(const struct host *host)
{
	size_t size = sizeof(struct front);

	for (size_t i = 0; i < TEXTS; i++)
		size += strlen((const char *)host + texts[i].offset) + 1;
	return size;
}

static char *make_room(struct shuffle *shuffle, size_t size)
{
	struct shuffle_chunk *chunk = shuffle->chunks;
	char *room;

	if (chunk == NULL || sizeof(chunk->bytes) - chunk->used < size) {
		chunk = malloc(sizeof(*chunk));
		if (chunk == NULL)
			return NULL;
		chunk->next = shuffle->chunks;
		chunk->used = 0;
		shuffle->chunks = chunk;
	}
	room = chunk->bytes + chunk->used;
	chunk->used += size;
	return room;
}

static bool grow(struct shuffle *shuffle)
{
	size_t room = shuffle->room > 0 ? 2 * shuffle->room : HOSTS_FIRST;
	char **hosts =
	    reallocarray(shuffle->hosts, room, sizeof(*shuffle->hosts));

	if (hosts == NULL)
		return false;
	shuffle->hosts = hosts;
	shuffle->room = room;
	return true;
}

static void pack(char *to, const struct host *host)
{
	struct front front = {
		.line = host->line,
		.access = host->access,
		.port = host->port,
		.has_port = host->has_port,
		.has_password = host->has_password,
		.lacks_password = host->lacks_password,
		.is_name = host->is_name,
	};

	memcpy(to, &front, sizeof(front));
	to += sizeof(front);
	for (size_t i = 0; i < TEXTS; i++) {
		const char *text = (const char *)host + texts[i].offset;
		size_t size = strlen(text) + 1;

		memcpy(to, text, size);
		to += size;
	}
}

bool shuffle_put(struct shuffle *shuffle, const struct host *host,
                 struct err *err)
{
	char *room = NULL;

	if (shuffle->count < shuffle->room || grow(shuffle))
		room = make_room(shuffle, packed_size(host));
	if (room == NULL)
		return err_set(err, ERR_SYSTEM,
		               "out of memory for the hosts to shuffle");
	pack(room, host);
	shuffle->hosts[shuffle->count++] = room;
	return true;
}

static void unpack(struct host *host, char *from)
{
	struct front front;
	size_t used = sizeof(front);

	memset(host, 0, sizeof(*host));
	memcpy(&front, from, sizeof(front));
	host->line = front.line;
	host->access = front.access;
	host->port = front.port;
	host->has_port = front.has_port;
	host->has_password = front.has_password;
	host->lacks_password = front.lacks_password;
	host->is_name = front.is_name;
	for (size_t i = 0; i < TEXTS; i++) {
		size_t size = strlen(from + used) + 1;

		assert(size <= texts[i].size);
		memcpy((char *)host + texts[i].offset, from + used, size);
		used += size;
	}
	explicit_bzero(from, used);
}

/* A number below limit, each as likely as the others. */
static bool pick(size_t limit, size_t *picked, struct err *err)
{
	/* What is left over at the top would favour the small ones. */
	const uint64_t most = UINT64_MAX - UINT64_MAX % limit;
	uint64_t number;

	do {
		if (getrandom(&number, sizeof(number), 0) !=
		    (ssize_t)sizeof(number))
			return err_errno(err, ERR_SYSTEM, errno,
			                 "no random bytes");
	} while (number >= most);
	*picked = (size_t)(number % limit);
	return true;
}

bool shuffle_take(struct shuffle *shuffle, struct host *host, struct err *err)
{
	size_t picked = 0;

	assert(shuffle->count > 0);
	if (!pick(shuffle->count, &picked, err))
		return false;
	unpack(host, shuffle->hosts[picked]);
	shuffle->hosts[picked] = shuffle->hosts[--shuffle->count];
	return true;
}

void shuffle_release(struct shuffle *shuffle)
{
	while (shuffle->chunks != NULL) {
		struct shuffle_chunk *chunk = shuffle->chunks;

		shuffle->chunks = chunk->next;
		explicit_bzero(chunk, sizeof(*chunk));
		free(chunk);
	}
	free(shuffle->hosts);
	memset(shuffle, 0, sizeof(*shuffle));
}

#pragma once

#include "inventory/err.h"
#include "inventory/sshconfig.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/*
 * The inside of sshconfig.c (which lines are for a host), sshconfig_read.c,
 * sshconfig_file.c and sshconfig_setting.c (what the files say),
 * sshconfig_shared.c (what hosts get) and sshconfig_keep.c (memory).
 *
 * The files are read once, into a flat list of blocks in the order in which
 * OpenSSH comes by them. A block holds for a host when its condition does and
 * the block around it (its parent) holds: what follows a Host line, in an
 * included file what is around the Include. What follows an Include is one more
 * block, without a condition, within the one before it.
 */

/* The first value of each counts, but for identity files. */
enum setting_key {
	SETTING_HOSTNAME,
	SETTING_USER,
	SETTING_PORT,
	SETTING_IDENTITY_FILE,
	SETTING_IDENTITIES_ONLY,
	SETTING_IDENTITY_AGENT,
	SETTING_PROXY, /* ProxyJump; ProxyCommand without a value */
	SETTING_USER_KNOWN_HOSTS,
	SETTING_GLOBAL_KNOWN_HOSTS,
	SETTING_CHECKING,
	SETTING_HOST_KEY_ALIAS,
	SETTING_REVOKED_KEYS,
	SETTING_KNOWN_HOSTS_COMMAND, /* without a value */
	SETTINGS
};

/* Everything here belongs to the configuration's pieces. */
struct setting {
	enum setting_key key;
	unsigned number;           /* a port, a flag, a checking */
	const char *const *values; /* ~ and ${NAME} are expanded */
	size_t count;
	const char *file;
	size_t line;
};

enum criterion_kind {
	CRITERION_ALL,
	CRITERION_FINAL, /* and canonical */
	CRITERION_HOST,
	CRITERION_ORIGINAL_HOST,
	CRITERION_USER,
	CRITERION_LOCAL_USER,
	CRITERION_NEVER /* exec and others, which are not looked at */
};

struct criterion {
	enum criterion_kind kind;
	bool negated;
	const char *patterns; /* with commas; NULL for the first two */
};

struct block {
	size_t parent; /* before it in the list; BLOCK_NO_PARENT */
	/* Of the only pattern of a BLOCK_HOST, where that is a plain name: of
	 * thousands of blocks nearly all are passed over by it. 0: none. */
	uint64_t name_hash;
	enum { BLOCK_ALWAYS, BLOCK_HOST, BLOCK_MATCH } kind;
	const char *const *patterns;      /* of BLOCK_HOST */
	const struct criterion *criteria; /* of BLOCK_MATCH */
	size_t count;                     /* of either */
	size_t first, settings;           /* in the list of settings */
};

#define BLOCK_NO_PARENT ((size_t)-1)

struct sshconfig {
	struct block *blocks;
	size_t block_count, block_room;
	struct setting *settings;
	size_t setting_count, setting_room;
	struct sshconfig_piece *pieces; /* what they point to */
	bool wants_final;               /* a "Match final" stands there */

	/* For %d, %u, %i, %l and %L, and for localuser. */
	char *home, *local_user, *local_host, *short_host;
	char uid[16];

	bool *holds; /* by block: for the host that is looked for */

	/* What hosts share; sshconfig_shared.c. */
	char *text;
	size_t text_length, text_room;
	struct sshconfig_entry **entries; /* by hash; a power of two */
	size_t entry_count, entry_room;
};

/* Where something stands, for the sentence. */
struct sshconfig_place {
	const char *file;
	size_t line;
};

/*
 * The next line, without its end, into SSHCONFIG_LINE_MAX bytes;
 * sshconfig_file.c. False at the file's end, and with *ok false for a line that
 * is none.
 */
#define SSHCONFIG_LINE_MAX ((size_t)64 * 1024)
bool sshconfig_next_line(FILE *file, struct sshconfig_place *place, char *line,
                         bool *ok, struct err *err);

/* Whoever can write it says where passwords go: that is the user, and root. */
bool sshconfig_check_owner(int fd, const char *path, struct err *err);

/* Reads the files that settings name; sshconfig_read.c. */
bool sshconfig_read(struct sshconfig *config,
                    const struct sshconfig_settings *settings, struct err *err);

bool sshconfig_bad(const struct sshconfig_place *place, struct err *err,
                   const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Makes a setting of a line; sshconfig_setting.c. */
enum setting_read {
	SETTING_READ,
	SETTING_UNKNOWN, /* no keyword of ours */
	SETTING_BAD,     /* err */
};
enum setting_read sshconfig_setting(struct sshconfig *config,
                                    const struct sshconfig_place *place,
                                    const char *keyword, char *rest,
                                    struct setting *setting, struct err *err);

/* The words of a line, all of them not empty. */
bool sshconfig_words(struct sshconfig *config,
                     const struct sshconfig_place *place, char *rest,
                     const char *const **words, size_t *count, struct err *err);

/* Memory that lives as long as the configuration; NULL: err. */
void *sshconfig_keep(struct sshconfig *config, size_t size, struct err *err);
const char *sshconfig_keep_text(struct sshconfig *config, const char *text,
                                struct err *err);
void sshconfig_free_pieces(struct sshconfig *config);

/* Room for one more in *array, of elements of size. */
bool sshconfig_grow(void **array, size_t *room, size_t count, size_t size,
                    struct err *err);

/* At most that many for a host, as in OpenSSH. */
#define SSHCONFIG_IDENTITIES_MAX 100

/* One host while it is looked for. */
struct look {
	struct sshconfig *config;
	const char *original; /* as the user named it */
	const char *host;     /* that, in the final pass what it has become */
	const char *user;     /* named; or NULL */
	bool final;
	const struct setting *first[SETTINGS]; /* NULL: not set */
	const struct setting *identities[SSHCONFIG_IDENTITIES_MAX];
	size_t identity_count;
	/* For the tokens of paths, when they are known. */
	const char *remote_host, *remote_user;
	char port[8];
};

/* What the host shares with others; NULL: err. */
const struct sshconfig_shared *sshconfig_share(const struct look *look,
                                               struct err *err);
void sshconfig_free_shared(struct sshconfig *config);

#include "inventory/keyblob.h"
#include "inventory/knownhosts_line.h"
#include "inventory/knownhosts_table.h"

#include <string.h>

#include "tests/fuzz/fuzz.h"

static void check_key(const char *text, size_t length,
                      const struct knownhosts_line *line)
{
	const char *blob = (const char *)line->blob;

	/* All of it lies in the line. */
	PROMISE(line->type >= text && line->type_length > 0);
	PROMISE(line->type + line->type_length <= text + length);
	PROMISE(line->type_length <= KNOWNHOSTS_TYPE_MAX);
	PROMISE(blob >= text && blob + line->blob_length <= text + length);
	PROMISE(line->blob_length >= 4 + line->type_length);
	PROMISE(memcmp(blob + 4, line->type, line->type_length) == 0);
	PROMISE(!keyblob_is_broken(blob, line->blob_length));
	if (line->is_hashed)
		return;
	PROMISE(line->names >= text && line->names_length > 0);
	PROMISE(line->names + line->names_length <= text + length);
	for (size_t i = 0; i < line->names_length; i++)
		PROMISE(line->names[i] < 'A' || line->names[i] > 'Z');
}

static void check_found(const struct known_table *table,
                        const struct known_key *key, const char *name)
{
	struct known_search search = { .name = name, .sha256 = key->sha256 };

	known_table_search(table, &search);
	PROMISE((key->revoked ? search.revoked : search.same) != NULL);
	PROMISE(search.differs == NULL);
}

/* As it stands there and as it is looked up, which is one form. */
static void check_name(const struct known_table *table,
                       const struct known_key *key, const char *at, size_t size)
{
	char usual[KNOWNHOSTS_NAME_SIZE], again[KNOWNHOSTS_NAME_SIZE];
	char *name = strndup(at, size);

	PROMISE(name != NULL);
	check_found(table, key, name);
	if (knownhosts_usual_name(name, size, usual)) {
		check_found(table, key, usual);
		PROMISE(!knownhosts_usual_name(usual, strlen(usual), again));
	}
	free(name);
}

/* Every plain name of a line is found, and no other key for it. */
static void check_table(const struct knownhosts_line *line)
{
	struct known_table table = { .keys = { .items = NULL } };
	struct known_key key = { .line = 1,
		                 .revoked =
		                     line->marker == KNOWNHOSTS_REVOKED_KEY };
	struct known_search search = { .name = "web1", .sha256 = key.sha256 };
	const char *at = line->names;
	size_t left = line->names_length;

	PROMISE(known_table_add(&table, line, &key));
	if (line->is_hashed) {
		PROMISE(table.hashed.used == 1 && table.names.used == 0);
	} else if (knownhosts_names_are_patterns(at, left)) {
		PROMISE(table.patterns.used == 1 && table.names.used == 0);
		known_table_search(&table, &search);
		PROMISE(search.differs == NULL);
	} else {
		for (;;) {
			const char *comma = memchr(at, ',', left);
			size_t size =
			    comma != NULL ? (size_t)(comma - at) : left;

			if (size > 0)
				check_name(&table, &key, at, size);
			if (comma == NULL)
				break;
			at += size + 1;
			left -= size + 1;
		}
	}
	known_table_release(&table);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct knownhosts_line line;
	const char *why = NULL;
	char *text = malloc(size > 0 ? size : 1);

	PROMISE(text != NULL);
	memcpy(text, data, size);
	switch (knownhosts_parse(text, size, &line, &why)) {
	case KNOWNHOSTS_KEY:
		check_key(text, size, &line);
		check_table(&line);
		break;
	case KNOWNHOSTS_BAD:
		PROMISE(why != NULL && why[0] != '\0');
		break;
	case KNOWNHOSTS_BLANK:
		break;
	}
	free(text);
	return 0;
}

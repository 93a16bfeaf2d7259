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
	if (line->is_hashed)
		return;
	PROMISE(line->names >= text && line->names_length > 0);
	PROMISE(line->names + line->names_length <= text + length);
	for (size_t i = 0; i < line->names_length; i++)
		PROMISE(line->names[i] < 'A' || line->names[i] > 'Z');
}

/* Every plain name of a line is found, and no other key for it. */
static void check_table(const struct knownhosts_line *line)
{
	struct known_table table = { .keys = { .items = NULL } };
	struct known_key key = { .line = 1,
		                 .revoked =
		                     line->marker == KNOWNHOSTS_REVOKED_KEY };
	struct known_search search = { .sha256 = key.sha256 };
	size_t size = 0;
	char *name;

	if (line->is_hashed)
		return;
	PROMISE(known_table_add(&table, line, &key));
	while (size < line->names_length && line->names[size] != ',')
		size++;
	name = malloc(size + 1);
	PROMISE(name != NULL);
	memcpy(name, line->names, size);
	name[size] = '\0';
	search.name = name;
	known_table_search(&table, &search);
	if (size > 0 &&
	    !knownhosts_names_are_patterns(line->names, line->names_length))
		PROMISE((key.revoked ? search.revoked : search.same) != NULL);
	PROMISE(search.differs == NULL);
	free(name);
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

#include "inventory/sshconfig_inside.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inventory/sshconfig_text.h"

struct sshconfig_piece {
	struct sshconfig_piece *next;
	alignas(max_align_t) char bytes[];
};

static bool no_memory(struct err *err)
{
	return err_set(err, ERR_SYSTEM, "out of memory");
}

void *sshconfig_keep(struct sshconfig *config, size_t size, struct err *err)
{
	struct sshconfig_piece *piece = malloc(sizeof(*piece) + size);

	if (piece == NULL) {
		no_memory(err);
		return NULL;
	}
	piece->next = config->pieces;
	config->pieces = piece;
	return piece->bytes;
}

const char *sshconfig_keep_text(struct sshconfig *config, const char *text,
                                struct err *err)
{
	size_t size = strlen(text) + 1;
	char *kept = sshconfig_keep(config, size, err);

	if (kept != NULL)
		memcpy(kept, text, size);
	return kept;
}

void sshconfig_free_pieces(struct sshconfig *config)
{
	while (config->pieces != NULL) {
		struct sshconfig_piece *piece = config->pieces;

		config->pieces = piece->next;
		free(piece);
	}
}

bool sshconfig_grow(void **array, size_t *room, size_t count, size_t size,
                    struct err *err)
{
	size_t wanted = *room > 0 ? *room * 2 : 16;
	void *grown;

	if (count < *room)
		return true;
	grown = reallocarray(*array, wanted, size);
	if (grown == NULL)
		return no_memory(err);
	*array = grown;
	*room = wanted;
	return true;
}

bool sshconfig_bad(const struct sshconfig_place *place, struct err *err,
                   const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return err_set(err, ERR_INPUT, "%s:%zu: %s", place->file, place->line,
	               text);
}

bool sshconfig_words(struct sshconfig *config,
                     const struct sshconfig_place *place, char *rest,
                     const char *const **words, size_t *count, struct err *err)
{
	/* No more words than every other byte begins one. */
	const char **list =
	    sshconfig_keep(config, (strlen(rest) / 2 + 1) * sizeof(*list), err);
	char *word;
	bool bad;

	if (list == NULL)
		return false;
	*words = list;
	*count = 0;
	while (sshconfig_word(&rest, &word, &bad)) {
		if (*word == '\0')
			return sshconfig_bad(place, err, "an empty argument");
		*list = sshconfig_keep_text(config, word, err);
		if (*list++ == NULL)
			return false;
		++*count;
	}
	if (bad)
		return sshconfig_bad(place, err, "a quote is not closed");
	if (*count == 0)
		return sshconfig_bad(place, err, "no argument");
	return true;
}

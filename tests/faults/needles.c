#include "tests/faults/needles.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PIECES_MAX 4096
#define BUCKETS 65536 /* so that most places of memory end the look at once */

struct piece {
	char text[PIECE];
	size_t line;
	size_t next; /* of the same bucket; 0: none */
};

struct needles {
	size_t buckets[BUCKETS]; /* the first piece of each; 0: none */
	size_t count;            /* with the unused piece 0 */
	struct piece pieces[PIECES_MAX + 1];
};

static size_t bucket(const char *text)
{
	uint32_t word;

	memcpy(&word, text, sizeof(word));
	return (word * 2654435761U) >> 16;
}

static bool add_piece(struct needles *n, const char *text, size_t line)
{
	size_t *first = &n->buckets[bucket(text)];
	struct piece *piece = &n->pieces[n->count];

	if (n->count > PIECES_MAX) {
		fputs("memsearch: too many needles\n", stderr);
		return false;
	}
	memcpy(piece->text, text, PIECE);
	piece->line = line;
	piece->next = *first;
	*first = n->count++;
	return true;
}

static bool add_lines(struct needles *n, FILE *file)
{
	char line[1024];

	for (size_t number = 1; fgets(line, sizeof(line), file); number++) {
		size_t length = strcspn(line, "\n");

		for (size_t at = 0; at + PIECE <= length; at += PIECE) {
			if (!add_piece(n, line + at, number))
				return false;
		}
	}
	if (n->count > 1)
		return true;
	fputs("memsearch: nothing to look for\n", stderr);
	return false;
}

struct needles *needles_read(const char *path)
{
	struct needles *n = calloc(1, sizeof(*n));
	FILE *file = fopen(path, "re");
	bool ok = false;

	if (n != NULL && file != NULL) {
		n->count = 1;
		ok = add_lines(n, file);
	} else {
		perror(path);
	}
	if (file != NULL)
		fclose(file);
	if (ok)
		return n;
	needles_free(n);
	return NULL;
}

void needles_free(struct needles *needles)
{
	free(needles);
}

void needles_search(const struct needles *needles, const char *data,
                    size_t length,
                    void (*found)(void *arg, size_t line, size_t offset),
                    void *arg)
{
	for (size_t at = 0; at + PIECE <= length; at++) {
		size_t i = needles->buckets[bucket(data + at)];

		for (; i != 0; i = needles->pieces[i].next) {
			if (memcmp(needles->pieces[i].text, data + at, PIECE) ==
			    0)
				found(arg, needles->pieces[i].line, at);
		}
	}
}

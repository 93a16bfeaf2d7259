#pragma once

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

/* A text in memory that is written like a file. */
struct stream {
	FILE *out; /* NULL without memory */
	char *text;
	size_t size;
};

static inline void stream_open(struct stream *stream)
{
	stream->text = NULL;
	stream->size = 0;
	stream->out = open_memstream(&stream->text, &stream->size);
}

/* The text, which the caller frees; NULL without memory. */
static inline char *stream_close(struct stream *stream)
{
	bool ok;

	if (stream->out == NULL)
		return NULL;
	ok = !ferror(stream->out);
	if (fclose(stream->out) == 0 && ok)
		return stream->text;
	free(stream->text);
	return NULL;
}

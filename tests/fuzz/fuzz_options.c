#include "cli/options.h"

#include <string.h>

#include "tests/fuzz/fuzz.h"

#define WORDS_MAX 16

/* The words of a command line, a newline between them. */
static int split(char *text, char **words)
{
	static char program[] = "sshinv";
	int count = 0;

	words[count++] = program;
	while (count < WORDS_MAX) {
		char *end = strchr(text, '\n');

		words[count++] = text;
		if (end == NULL)
			break;
		*end = '\0';
		text = end + 1;
	}
	words[count] = NULL;
	return count;
}

static void check(const struct options *options)
{
	if (options->help || options->version || options->print_schema != NULL)
		return;
	PROMISE(options->db_timeout_ms >= 1000);
	PROMISE(options->db_timeout_ms <= 3600000);
	if (options->verb == VERB_REPLAY) {
		PROMISE(options->spool != NULL && options->host_file == NULL);
		return;
	}
	PROMISE(options->spool == NULL);
	PROMISE(options->host_file != NULL || options->targets.count > 0 ||
	        options->inventory != NULL);
	PROMISE(options->way_count >= 1 && options->way_count <= LOGIN_WAYS);
	PROMISE(options->retries <= 10);
	PROMISE(!options->no_db || !options->resume);
	PROMISE(options->retry_file == NULL || options->retry_file[0] != '\0');
	PROMISE(options->format != NULL);
	PROMISE(options->fanout >= 1 && options->fanout <= 4096);
	PROMISE(options->port <= 65535);
	PROMISE(options->connect_timeout_ms >= 1);
	PROMISE(options->host_timeout_ms >= 1);
	PROMISE(options->columns.count >= 1);
	PROMISE(options->columns.count <= fields_count);
	PROMISE(!options->with_header || options->format->header != NULL);
	PROMISE(!options->quiet || options->verbose == 0);
	PROMISE(!options->no_db || options->db == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	char *words[WORDS_MAX + 1];
	struct options options;
	struct err err = { .kind = ERR_NONE };
	unsigned ms;

	PROMISE(text != NULL);
	memcpy(text, data, size);
	text[size] = '\0';
	if (duration_parse(text, &ms))
		PROMISE(ms <= 1000000000);
	if (options_parse(&options, split(text, words), words, &err))
		check(&options);
	else
		PROMISE(err.kind == ERR_INPUT && err.text[0] != '\0');
	free(text);
	return 0;
}

#include "inventory/frame.h"

#include <string.h>

#include "tests/fuzz/fuzz.h"

/* Of any run; nobody guesses 32 digits, so low bytes stand for the markers. */
#define ID "00112233445566778899aabbccddeeff"

static const char *const marks[] = {
	"",
	"sshinv-" ID "-begin",
	"sshinv-" ID "-end",
	"sshinv-" ID "-output",
	"sshinv-" ID "-done",
	"sshinv-" ID "-begin\r\n",
	"sshinv-" ID "-end\r\n",
};

#define MARKS (sizeof(marks) / sizeof(marks[0]))

static char *expand(const uint8_t *data, size_t size, size_t *length)
{
	char *text = malloc(64 * size + 1);
	size_t used = 0;

	PROMISE(text != NULL);
	for (size_t i = 0; i < size; i++) {
		const char *mark = data[i] < MARKS ? marks[data[i]] : "";

		if (*mark == '\0')
			text[used++] = (char)data[i];
		used = (size_t)(stpcpy(text + used, mark) - text);
	}
	*length = used;
	return text;
}

static void check_find(const struct frame *frame, enum frame_part which,
                       const char *answer, size_t length)
{
	const char *begin = which == FRAME_HOSTNAME ? marks[1] : marks[3];
	const char *end = which == FRAME_HOSTNAME ? marks[2] : marks[4];
	const char *part;
	size_t size;

	if (frame_find(frame, which, answer, length, &part, &size) !=
	    FRAME_FOUND)
		return;
	PROMISE(part > answer && part[-1] == '\n');
	PROMISE(part + size + strlen(end) < answer + length);
	PROMISE(memcmp(part + size, end, strlen(end)) == 0);
	PROMISE(memmem(answer, (size_t)(part - answer), begin, strlen(begin)) !=
	        NULL);
}

/* What sh makes of 'a'\''b'. Returns behind the closing quote. */
static const char *unquote(const char *from, char *to)
{
	for (;;) {
		const char *close = strchr(from, '\'');

		PROMISE(close != NULL);
		memcpy(to, from, (size_t)(close - from));
		to += close - from;
		from = close + 1;
		if (strncmp(from, "\\''", 3) != 0)
			break;
		*to++ = '\'';
		from += 3;
	}
	*to = '\0';
	return from;
}

static void check_script(const struct frame *frame, const char *command)
{
	char *script = frame_script(frame, command);
	char *back = malloc(strlen(command) + 1024);
	const char *begin;

	PROMISE(script != NULL && back != NULL);
	begin = strstr(script, "(eval '");
	PROMISE(begin != NULL);
	begin = unquote(begin + strlen("(eval '"), back);
	PROMISE(strcmp(back, command) == 0);
	PROMISE(strncmp(begin, ") </dev/null;", 13) == 0);
	free(back);
	free(script);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct frame frame = { .id = ID };
	size_t length;
	char *answer = expand(data, size, &length);

	check_find(&frame, FRAME_HOSTNAME, answer, length);
	check_find(&frame, FRAME_OUTPUT, answer, length);
	answer[length] = '\0';
	check_script(&frame, answer);
	free(answer);
	return 0;
}

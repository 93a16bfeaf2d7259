#include "inventory/frame.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define MARKER_SIZE 64

/* The ends of the two parts, as they stand in the scripts below. */
static const char *const begins[] = { "begin", "output" };
static const char *const ends[] = { "end", "done" };

/* Some minimal systems have no hostname(1); POSIX has uname(1). */
#define ASK_HOSTNAME "hostname 2>/dev/null || uname -n"

bool frame_init(struct frame *frame, struct err *err)
{
	unsigned char random[FRAME_ID_LENGTH / 2];

	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return err_errno(err, ERR_SYSTEM, errno, "no random bytes");
	for (size_t i = 0; i < sizeof(random); i++)
		snprintf(frame->id + 2 * i, 3, "%02x", random[i]);
	snprintf(frame->hostname_command, sizeof(frame->hostname_command),
	         "exec /bin/sh -c 'LC_ALL=C; export LC_ALL; "
	         "echo sshinv-%s-begin; " ASK_HOSTNAME "; s=$?; "
	         "echo sshinv-%s-end; exit $s'",
	         frame->id, frame->id);
	return true;
}

/* Quotes for sh: ' becomes '\''. Returns the length; to may be NULL. */
static size_t quote(char *to, const char *text)
{
	static const char quoted[] = "'\\''";
	size_t used = 0;

	for (; *text != '\0'; text++) {
		const char *piece = *text == '\'' ? quoted : text;
		size_t length = *text == '\'' ? sizeof(quoted) - 1 : 1;

		if (to != NULL)
			memcpy(to + used, piece, length);
		used += length;
	}
	return used;
}

/*
 * The command is evaluated in a subshell, so that neither its exit nor a syntax
 * error in it takes the frame along, and without the script as its input. The
 * shell has read the whole line before it runs any of it.
 */
char *frame_script(const struct frame *frame, const char *command)
{
	static const char head[] = "LC_ALL=C; export LC_ALL\n"
				   "echo sshinv-%s-begin; " ASK_HOSTNAME "; "
				   "echo sshinv-%s-end\n"
				   "echo sshinv-%s-output; (eval '";
	static const char tail[] = "') </dev/null; s=$?; "
				   "echo; echo sshinv-%s-done; exit $s\n";
	size_t size = sizeof(head) + sizeof(tail) +
	              (size_t)4 * FRAME_ID_LENGTH + quote(NULL, command);
	char *script = malloc(size);
	size_t used;

	if (script == NULL)
		return NULL;
	used = (size_t)snprintf(script, size, head, frame->id, frame->id,
	                        frame->id);
	used += quote(script + used, command);
	snprintf(script + used, size - used, tail, frame->id);
	return script;
}

/*
 * A marker counts only at the end of its line: a device that echoes what it was
 * sent shows it too, followed by more of the command.
 */
static const char *find_marker(const char *text, size_t length,
                               const char *marker, const char **after)
{
	const char *end = text + length;
	const char *at;

	while ((at = memmem(text, (size_t)(end - text), marker,
	                    strlen(marker))) != NULL) {
		const char *next = at + strlen(marker);

		if (next < end && *next == '\r')
			next++;
		if (next < end && *next == '\n') {
			*after = next + 1;
			return at;
		}
		text = at + 1;
	}
	return NULL;
}

enum frame_found frame_find(const struct frame *frame, enum frame_part which,
                            const char *answer, size_t length,
                            const char **part, size_t *part_length)
{
	char marker[MARKER_SIZE];
	const char *begin, *end, *after;

	snprintf(marker, sizeof(marker), "sshinv-%s-%s", frame->id,
	         begins[which]);
	if (length == 0 || find_marker(answer, length, marker, &begin) == NULL)
		return FRAME_MISSING;
	snprintf(marker, sizeof(marker), "sshinv-%s-%s", frame->id,
	         ends[which]);
	end = find_marker(begin, length - (size_t)(begin - answer), marker,
	                  &after);
	if (end == NULL)
		return FRAME_CUT;
	*part = begin;
	*part_length = (size_t)(end - begin);
	return FRAME_FOUND;
}

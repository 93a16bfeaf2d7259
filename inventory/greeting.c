#include "inventory/greeting.h"

#include <stdlib.h>
#include <string.h>

#define MESSAGE_KEXINIT 20      /* RFC 4253 section 12 */
#define PACKET_LENGTH_MAX 35000 /* section 6.1 */
#define COOKIE_LENGTH 16

void greeting_release(struct greeting *greeting)
{
	free(greeting->payload);
	greeting->payload = NULL;
}

static uint32_t read_u32(const void *from)
{
	const unsigned char *p = from;

	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	       (uint32_t)p[2] << 8 | p[3];
}

static bool line_is_version(const struct greeting *g)
{
	return g->line_length >= 4 && memcmp(g->line, "SSH-", 4) == 0;
}

/*
 * sshd says so, then hangs up: the first since 8.5 (over MaxStartups or
 * PerSourceMaxStartups), the second since 9.8 (these and PerSourcePenalties).
 */
static const char *line_refuses(const struct greeting *g)
{
	static const char *const lines[] = { "Exceeded MaxStartups",
		                             "Not allowed at this time" };

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		size_t length = strlen(lines[i]);

		if (g->line_length >= length &&
		    memcmp(g->line, lines[i], length) == 0)
			return lines[i];
	}
	return NULL;
}

static void end_line(struct greeting *g)
{
	if (line_is_version(g)) {
		if (g->line[g->line_length - 1] == '\r')
			g->line_length--;
		g->line[g->line_length] = '\0';
		g->state = GREETING_PACKETS;
		return;
	}
	if (g->refusal == NULL)
		g->refusal = line_refuses(g);
	g->line_length = 0;
	if (++g->text_lines > GREETING_LINES_MAX)
		g->state = GREETING_FLOOD;
}

static void take_text(struct greeting *g, char c)
{
	if (++g->text_bytes > GREETING_TEXT_MAX) {
		g->state = GREETING_FLOOD;
		return;
	}
	if (c == '\n')
		end_line(g);
	else if (g->line_length < sizeof(g->line) - 1)
		g->line[g->line_length++] = c;
}

/* The six bytes are there: decides what becomes of the packet. */
static void begin_packet(struct greeting *g)
{
	size_t length = read_u32(g->header);
	size_t padding = g->header[4];

	g->header_length = 0;
	if (length < padding + 2 || length > PACKET_LENGTH_MAX) {
		g->state = GREETING_DONE; /* the library will refuse it */
		return;
	}
	if (g->header[5] != MESSAGE_KEXINIT) {
		g->skip = length - 2;
		return;
	}
	g->payload_size = length - padding - 2;
	g->payload = malloc(g->payload_size > 0 ? g->payload_size : 1);
	if (g->payload == NULL || g->payload_size == 0)
		g->state = GREETING_DONE;
}

/* Returns how many bytes it took. */
static size_t take_packet(struct greeting *g, const char *bytes, size_t length)
{
	size_t want;

	if (g->skip > 0) {
		want = g->skip < length ? g->skip : length;
		g->skip -= want;
		return want;
	}
	if (g->payload == NULL) {
		g->header[g->header_length++] = (unsigned char)bytes[0];
		if (g->header_length == sizeof(g->header))
			begin_packet(g);
		return 1;
	}
	want = g->payload_size - g->payload_length;
	want = want < length ? want : length;
	memcpy(g->payload + g->payload_length, bytes, want);
	g->payload_length += want;
	if (g->payload_length == g->payload_size)
		g->state = GREETING_DONE;
	return want;
}

void greeting_feed(struct greeting *greeting, const char *bytes, size_t length)
{
	size_t used = 0;

	while (used < length) {
		switch (greeting->state) {
		case GREETING_TEXT:
			take_text(greeting, bytes[used++]);
			break;
		case GREETING_PACKETS:
			used +=
			    take_packet(greeting, bytes + used, length - used);
			break;
		case GREETING_DONE:
		case GREETING_FLOOD:
			return;
		}
	}
}

const char *greeting_version(const struct greeting *greeting)
{
	bool known = greeting->state == GREETING_PACKETS ||
	             greeting->state == GREETING_DONE;

	return known ? greeting->line : "";
}

const char *greeting_refusal(const struct greeting *greeting)
{
	return greeting->state == GREETING_TEXT ? greeting->refusal : NULL;
}

bool greeting_list(const struct greeting *greeting, enum greeting_list which,
                   const char **names, size_t *length)
{
	size_t at = COOKIE_LENGTH;

	if (greeting->payload == NULL ||
	    greeting->payload_length < greeting->payload_size)
		return false;
	for (int i = 0;; i++) {
		size_t size;

		if (greeting->payload_size < at + 4)
			return false;
		size = read_u32(greeting->payload + at);
		at += 4;
		if (size > greeting->payload_size - at)
			return false;
		if (i == (int)which) {
			*names = greeting->payload + at;
			*length = size;
			return true;
		}
		at += size;
	}
}

#include "inventory/greeting.h"

#include "inventory/keyblob.h"

#include <stdlib.h>
#include <string.h>

/* RFC 4253 section 12, RFC 5656 section 7.1. A group exchange says 31 to
 * something else, and 33 with the key (RFC 4419 section 5). */
#define MESSAGE_KEXINIT 20
#define MESSAGE_NEWKEYS 21
#define MESSAGE_KEX_REPLY 31
#define MESSAGE_GEX_REPLY 33

#define PACKET_LENGTH_MAX 35000 /* section 6.1 */
#define COOKIE_LENGTH 16
#define REPLY_MAX (4 + KEYBLOB_MAX)

void greeting_release(struct greeting *greeting)
{
	free(greeting->kexinit.bytes);
	free(greeting->reply.bytes);
	greeting->kexinit = greeting->reply = (struct greeting_payload){ 0 };
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

/* Room for what of the packet is looked at. */
static bool keep(struct greeting_payload *kept, size_t size)
{
	kept->length = 0;
	kept->size = size;
	kept->bytes = malloc(size > 0 ? size : 1);
	return kept->bytes != NULL;
}

static void forget(struct greeting_payload *kept)
{
	free(kept->bytes);
	*kept = (struct greeting_payload){ 0 };
}

/* The host key is the first string of its message. */
static void check_key(struct greeting *g)
{
	const struct greeting_payload *reply = &g->reply;
	size_t length;

	if (reply->length < reply->size)
		return;
	length = reply->size >= 4 ? read_u32(reply->bytes) : SIZE_MAX;
	if (length > reply->size || length > reply->size - 4 ||
	    !keyblob_is_sound(reply->bytes + 4, length))
		g->state = GREETING_BAD_KEY;
	forget(&g->reply);
}

/* A message that may have the host key in it. */
static void begin_reply(struct greeting *g, size_t payload)
{
	if (g->key_message == 0) {
		/* The library would take it all the same, later. */
		g->state = GREETING_BAD_PACKET;
		return;
	}
	if (g->header[5] != g->key_message)
		return;
	if (!keep(&g->reply, payload < REPLY_MAX ? payload : REPLY_MAX))
		g->state = GREETING_NO_MEMORY;
	else
		check_key(g); /* for there may be nothing to wait for */
}

static void end_packet(struct greeting *g)
{
	g->header_length = 0;
	if (g->header[5] == MESSAGE_KEXINIT)
		g->kexinit_ended = true;
	else if (g->header[5] == MESSAGE_NEWKEYS)
		g->state = GREETING_DONE;
}

/* The six bytes are there: decides what becomes of the packet. */
static void begin_packet(struct greeting *g)
{
	size_t length = read_u32(g->header);
	size_t padding = g->header[4];
	size_t payload;

	if (length < padding + 2 || length > PACKET_LENGTH_MAX) {
		g->state = GREETING_BAD_PACKET;
		return;
	}
	payload = length - padding - 2;
	g->left = length - 2;
	switch (g->header[5]) {
	case MESSAGE_KEXINIT:
		if (!g->kexinit_ended && !keep(&g->kexinit, payload))
			forget(&g->kexinit);
		break;
	case MESSAGE_KEX_REPLY:
	case MESSAGE_GEX_REPLY:
		begin_reply(g, payload);
		break;
	default:
		break;
	}
	if (g->left == 0 && g->state == GREETING_PACKETS)
		end_packet(g);
}

static void put(struct greeting_payload *kept, const char *bytes, size_t length)
{
	size_t room = kept->size - kept->length;

	if (length > room)
		length = room;
	if (length > 0)
		memcpy(kept->bytes + kept->length, bytes, length);
	kept->length += length;
}

/* Returns how many bytes it took. */
static size_t take_packet(struct greeting *g, const char *bytes, size_t length)
{
	if (g->header_length < sizeof(g->header)) {
		g->header[g->header_length++] = (unsigned char)bytes[0];
		if (g->header_length == sizeof(g->header))
			begin_packet(g);
		return 1;
	}
	if (length > g->left)
		length = g->left;
	g->left -= length;
	if (g->reply.bytes != NULL) {
		put(&g->reply, bytes, length);
		check_key(g);
	} else if (g->header[5] == MESSAGE_KEXINIT && !g->kexinit_ended) {
		put(&g->kexinit, bytes, length);
	}
	if (g->left == 0 && g->state == GREETING_PACKETS)
		end_packet(g);
	return length;
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
		case GREETING_BAD_PACKET:
		case GREETING_BAD_KEY:
		case GREETING_NO_MEMORY:
			return;
		}
	}
}

size_t greeting_wants(const struct greeting *greeting)
{
	if (greeting->state == GREETING_TEXT)
		return 1;
	if (greeting->state != GREETING_PACKETS)
		return SIZE_MAX;
	if (greeting->header_length < sizeof(greeting->header))
		return sizeof(greeting->header) - greeting->header_length;
	return greeting->left;
}

void greeting_expect(struct greeting *greeting, bool group_exchange)
{
	greeting->key_message =
	    group_exchange ? MESSAGE_GEX_REPLY : MESSAGE_KEX_REPLY;
}

const char *greeting_version(const struct greeting *greeting)
{
	bool known = greeting->state != GREETING_TEXT &&
	             greeting->state != GREETING_FLOOD;

	return known ? greeting->line : "";
}

const char *greeting_refusal(const struct greeting *greeting)
{
	return greeting->state == GREETING_TEXT ? greeting->refusal : NULL;
}

bool greeting_list(const struct greeting *greeting, enum greeting_list which,
                   const char **names, size_t *length)
{
	const struct greeting_payload *kexinit = &greeting->kexinit;
	size_t at = COOKIE_LENGTH;

	if (kexinit->bytes == NULL || kexinit->length < kexinit->size)
		return false;
	for (int i = 0;; i++) {
		size_t size;

		if (kexinit->size < at + 4)
			return false;
		size = read_u32(kexinit->bytes + at);
		at += 4;
		if (size > kexinit->size - at)
			return false;
		if (i == (int)which) {
			*names = kexinit->bytes + at;
			*length = size;
			return true;
		}
		at += size;
	}
}

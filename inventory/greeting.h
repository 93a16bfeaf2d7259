#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Looks over the client library's shoulder at the first bytes that a server
 * sends: text lines, the version string (RFC 4253 section 4.2), the unencrypted
 * packets up to KEXINIT (section 7.1). The library keeps neither a bound on the
 * text nor, when nothing is in common, the server's lists; this keeps both.
 */

/* What may come before the version string. */
#define GREETING_TEXT_MAX 65536
#define GREETING_LINES_MAX 1024

/* The name-lists of KEXINIT, in its order. */
enum greeting_list {
	GREETING_KEX,
	GREETING_HOST_KEY,
	GREETING_CIPHER_OUT,
	GREETING_CIPHER_IN,
	GREETING_MAC_OUT,
	GREETING_MAC_IN,
	GREETING_LISTS
};

enum greeting_state {
	GREETING_TEXT,    /* before the version string */
	GREETING_PACKETS, /* before the end of KEXINIT */
	GREETING_DONE,
	GREETING_FLOOD /* too much text: this is no SSH server */
};

struct greeting {
	enum greeting_state state;
	size_t text_bytes, text_lines;
	char line[256]; /* the current line's front, then the version string */
	size_t line_length;
	const char *refusal;     /* see greeting_refusal() */
	unsigned char header[6]; /* length, padding length, message number */
	size_t header_length;
	char *payload; /* KEXINIT after its message number; owned */
	size_t payload_size, payload_length;
	size_t skip; /* bytes of a packet that is not KEXINIT */
};

/* Starts empty: = { 0 }. Ends with greeting_release(). */
void greeting_release(struct greeting *greeting);

/*
 * Takes the next bytes, in pieces of any size. Once the state is done or flood
 * it only returns. Without memory it gives up on KEXINIT, silently: only a
 * sentence gets poorer.
 */
void greeting_feed(struct greeting *greeting, const char *bytes, size_t length);

/* The version string as the server sent it, or "" before it came. */
const char *greeting_version(const struct greeting *greeting);

/* The line by which an SSH server that would answer at another time turns a
 * client away instead of naming its version, or NULL. */
const char *greeting_refusal(const struct greeting *greeting);

/* A comma-separated name-list of the server; not terminated; false when it is
 * not known. */
bool greeting_list(const struct greeting *greeting, enum greeting_list which,
                   const char **names, size_t *length);

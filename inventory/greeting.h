#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Looks over the client library's shoulder at what a server sends before all is
 * encrypted: text lines, the version string (RFC 4253 section 4.2), the packets
 * from KEXINIT (section 7.1) to NEWKEYS (section 7.3). The library keeps
 * neither a bound on the text nor, when nothing is in common, the server's
 * lists; this keeps both. And it believes lengths within the host key, which
 * are compared here first (keyblob.h), in time when it is given no more than
 * greeting_wants().
 *
 * A key that comes later, encrypted, in a second key exchange, cannot be seen:
 * memory.h has room for what is then read behind it.
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
	GREETING_PACKETS, /* before the end of NEWKEYS */
	GREETING_DONE,    /* what follows is encrypted */
	/* Nothing more may reach the library: */
	GREETING_FLOOD,      /* too much text: this is no SSH server */
	GREETING_BAD_PACKET, /* its lengths lie, or it is out of turn */
	GREETING_BAD_KEY,    /* the host key is malformed */
	GREETING_NO_MEMORY   /* to look at the host key */
};

/* The front of a packet's payload after its message number. */
struct greeting_payload {
	char *bytes; /* owned */
	size_t size, length;
};

struct greeting {
	enum greeting_state state;
	size_t text_bytes, text_lines;
	char line[256]; /* the current line's front, then the version string */
	size_t line_length;
	const char *refusal;     /* see greeting_refusal() */
	unsigned char header[6]; /* length, padding length, message number */
	size_t header_length;    /* of the next packet, or all of this one's */
	size_t left;             /* bytes of this packet */
	struct greeting_payload kexinit;
	struct greeting_payload reply;
	bool kexinit_ended;        /* its last byte has come */
	unsigned char key_message; /* see greeting_expect() */
};

/* Starts empty: = { 0 }. Ends with greeting_release(). */
void greeting_release(struct greeting *greeting);

/*
 * Takes the next bytes, in pieces of any size. Once the state is done, or one
 * after it, it only returns. Without memory it gives up on the lists, silently:
 * only a sentence gets poorer.
 */
void greeting_feed(struct greeting *greeting, const char *bytes, size_t length);

/* How many bytes the library may be given at most, and more than none: it shall
 * have done with each packet before the next one comes. */
size_t greeting_wants(const struct greeting *greeting);

/* Once the key exchange is agreed on: the host key comes in the message of a
 * group exchange (RFC 4419), or in that of any other. Before, none may come. */
void greeting_expect(struct greeting *greeting, bool group_exchange);

/* The version string as the server sent it, or "" before it came. */
const char *greeting_version(const struct greeting *greeting);

/* The line by which an SSH server that would answer at another time turns a
 * client away instead of naming its version, or NULL. */
const char *greeting_refusal(const struct greeting *greeting);

/* A comma-separated name-list of the server; not terminated; false when it is
 * not known. */
bool greeting_list(const struct greeting *greeting, enum greeting_list which,
                   const char **names, size_t *length);

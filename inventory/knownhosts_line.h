#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * One line of a known_hosts file (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT), taken
 * apart:
 *
 *     [@MARKER] NAMES TYPE BASE64 [comment]
 *     NAMES = NAME[,NAME…]  or  |1|SALT|HASH
 */

#define KNOWNHOSTS_HASH_SIZE 20  /* HMAC-SHA1, and its salt */
#define KNOWNHOSTS_TYPE_MAX 63   /* bytes of a key type's name */
#define KNOWNHOSTS_NAME_SIZE 272 /* of "[host]:port" with the NUL */

enum knownhosts_marker {
	KNOWNHOSTS_NO_MARKER,
	KNOWNHOSTS_CERT_AUTHORITY, /* not a host's key: a signer's */
	KNOWNHOSTS_REVOKED_KEY
};

struct knownhosts_line {
	enum knownhosts_marker marker;
	bool is_hashed;
	const char *names; /* of a line that is not: in lower case */
	size_t names_length;
	unsigned char salt[KNOWNHOSTS_HASH_SIZE];
	unsigned char hash[KNOWNHOSTS_HASH_SIZE];
	const char *type;
	size_t type_length;
	const unsigned char *blob; /* the key, RFC 4253 section 6.6 */
	size_t blob_length;
};

enum knownhosts_parsed {
	KNOWNHOSTS_KEY,
	KNOWNHOSTS_BLANK, /* or a comment */
	KNOWNHOSTS_BAD    /* *why says so; it quotes nothing */
};

/*
 * text is one line without its newline, and is overwritten: what *line points
 * to lies in it. A NUL ends it, as in OpenSSH. A key of any type will do whose
 * first string is the type that the line names; one of a type that is offered
 * has to be whole.
 */
enum knownhosts_parsed knownhosts_parse(char *text, size_t length,
                                        struct knownhosts_line *line,
                                        const char **why);

/* Whether a plain name, with a port or without, is looked up in another form,
 * *usual: an IPv6 address has several, a name may end in a dot (host.h). */
bool knownhosts_usual_name(const char *name, size_t length,
                           char usual[static KNOWNHOSTS_NAME_SIZE]);

/* Whether a list of names has anything but plain ones: see
 * pattern_list_matches(). */
bool knownhosts_names_are_patterns(const char *names, size_t length);

#pragma once

#include "inventory/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Longest values, in bytes without the NUL. */
#define HOST_IP_MAX 255 /* RFC 1035 section 2.3.4: a name */
#define HOST_USER_MAX 255
#define HOST_PASSWORD_MAX 1023
#define HOST_NAME_MAX_BYTES 255 /* name= and group= */
#define HOST_KEY_MAX 255        /* key= */

struct access;

/*
 * One line of the host file. Everything is inline: a host is moved with its
 * struct, owned with it, and ended by host_wipe().
 */
struct host {
	/* As written, canonical: what inet_ntop() makes of a literal (an IPv6
	 * zone kept, an IPv4-mapped address as IPv4), or the name in lower case
	 * without a final dot. */
	char ip[HOST_IP_MAX + 1];
	char user[HOST_USER_MAX + 1];
	char name[HOST_NAME_MAX_BYTES + 1];   /* name=, or "" */
	char group[HOST_NAME_MAX_BYTES + 1];  /* group=, or "" */
	char key[HOST_KEY_MAX + 1];           /* key=, as written; or "" */
	char password[HOST_PASSWORD_MAX + 1]; /* secret; "" when has_password
	                                       * is false */
	/* Where to connect to instead of ip (ssh_config's HostName), canonical;
	 * or "". */
	char target[HOST_IP_MAX + 1];
	uint16_t port;
	bool has_port;       /* it was named */
	bool has_password;   /* false for "-" and for none */
	bool lacks_password; /* its line ends before the password's place */
	bool is_name;        /* ip has to be resolved */
	size_t line;         /* in its file, from 1 */
	/* How it is reached; set when it is completed, borrowed. */
	const struct access *access;
};

/* What serves where a line names none. */
struct host_defaults {
	uint16_t port;
	const char *user; /* NULL: none */
	/* A line may end before the user, or before the password: they come
	 * from somewhere else. */
	bool may_lack_user, may_lack_password;
};

/*
 * Parses one line, without its line end:
 *
 *     ADDRESS[:PORT] USER PASSWORD [key=value …]
 *     USER@ADDRESS[:PORT] PASSWORD [key=value …]
 *     ADDRESS[:PORT] key=value …
 *
 * Fields are separated by runs of spaces and tabs. ADDRESS is an IPv4 or IPv6
 * literal ("[v6]:port" with a port) or a name; "-" as PASSWORD means none. The
 * keys are port=, user=, key= (a file; "~/" is kept as written), name= and
 * group=. A second field that begins with one of them is neither user nor
 * password; the third, behind a user, is the password whatever it looks like.
 * Where the line says less, the defaults serve; may_lack_user and
 * may_lack_password say whether it may end early (with key= it may always lack
 * a password). The line holds no NUL and is valid UTF-8, or it is refused.
 *
 * On false, err (ERR_INPUT) says what is wrong and quotes at most the first
 * field: the rest may be a secret. *host is then wiped.
 */
bool host_parse(struct host *host, const char *line, size_t length,
                const struct host_defaults *defaults, struct err *err);

/*
 * Sets ip and is_name from ADDRESS[:PORT], and port and has_port when it names
 * one. False with ERR_INPUT, which quotes it.
 */
bool host_set_address(struct host *host, const char *text, size_t length,
                      struct err *err);

/* True for an IPv6 literal, with a zone or without; no brackets. */
bool host_is_ipv6(const char *text, size_t length);

/* True for text without NUL that is valid UTF-8. Else ERR_INPUT says at which
 * byte it is not. */
bool host_is_text(const char *text, size_t length, struct err *err);

/* True for an empty line, one of blanks only, and a comment: '#' as the first
 * character that is not a blank. */
bool host_line_is_blank(const char *line, size_t length);

/* Of a canonical address (as in .ip): true for a name, false for a literal. */
bool host_is_name(const char *address);

/* Overwrites the password, and only that. */
void host_forget_password(struct host *host);

/* Overwrites everything. */
void host_wipe(struct host *host);

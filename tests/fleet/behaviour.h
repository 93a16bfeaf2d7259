#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct call;
struct conn;

/* What a well host takes. A wrong-password host takes it too; its line of the
 * host file names another. */
#define FLEET_USER "root"
#define FLEET_PASSWORD "fleet-secret"

/* How a session lets a user in. */
enum login {
	LOGIN_PASSWORD,
	LOGIN_SLOW,   /* the same, but only after --slow */
	LOGIN_SILENT, /* a password is never answered */
	LOGIN_PROMPT, /* keyboard-interactive only */
	LOGIN_KEY,    /* publickey only, and no key is known */
	LOGIN_DROP,   /* the connection ends right after "success" */
	LOGIN_BANNER, /* text for the user first (RFC 4252 section 5.4) */
	/* Of a password, whatever it is: */
	LOGIN_SLOW_REFUSAL, /* refused after --slow, unless it is right */
	LOGIN_ONE_PASSWORD, /* refused, and taken off the list of methods */
	LOGIN_ACCOUNT,  /* a text that the account has expired, and the end */
	LOGIN_HANG_UP,  /* the end */
	LOGIN_TOO_MANY, /* "Too many authentication failures", and the end */
	/* keyboard-interactive: */
	LOGIN_EITHER,       /* or the password */
	LOGIN_TWO_PROMPTS,  /* one that is shown, and the password */
	LOGIN_ZERO_PROMPTS, /* before the password and after it */
	LOGIN_CODE,         /* no password is asked for */
	LOGIN_PROMPT_AGAIN, /* for the password, again and again */
	LOGIN_NEW_PASSWORD, /* is asked for after the old one */
};

/* What a session offers in the key exchange. */
enum offer {
	OFFER_USUAL,    /* an ed25519 host key, libssh's defaults */
	OFFER_RSA,      /* an RSA host key, signed with SHA-2 or SHA-1 */
	OFFER_RSA_SHA2, /* an RSA host key, SHA-2 only */
	OFFER_CHACHA,   /* chacha20-poly1305 as the only cipher */
	OFFER_COUNT
};

/* What a session carries to others, as a jump host. */
enum forward_kind {
	FORWARD_ANY,    /* to any host of 127.0.0.0/8 */
	FORWARD_TEN,    /* ten at once, an eleventh is refused */
	FORWARD_NO,     /* nothing: refused */
	FORWARD_DIES,   /* the connection ends with the twentieth */
	FORWARD_SILENT, /* a request is never answered */
};

/* One kind of host. */
struct behaviour {
	const char *name; /* as in --hosts */
	const char *user; /* these two for the host file */
	const char *password;
	const char *status; /* what sshinv has to say; "a|b": either */
	const char *help;   /* one line */
	/* The whole connection; NULL for a host where nothing listens. */
	void (*serve)(struct conn *conn);
	/* An exec request. This and what stands below octet is for handlers
	 * that run a session (server.h). */
	void (*answer)(struct call *call);
	const char *suffix; /* of the host name; NULL: none */
	unsigned octet;     /* the second of the address, 127.OCTET.b.c */
	enum login login;
	enum offer offer;
	enum forward_kind forward;
	bool no_channel; /* channel opens are refused */
	bool no_exec;    /* exec requests are refused */
};

extern const struct behaviour behaviours[];
extern const size_t behaviour_count;

/* The behaviour of an address of 127.0.0.0/8; NULL where its second octet
 * belongs to none. Octets 0 and WELL_FROM to 254 are well hosts too: one octet
 * has room for 65,024. */
#define WELL_FROM 200
const struct behaviour *behaviour_of(uint32_t address);

/* NULL when there is none of this name, or of this many bytes of it. */
const struct behaviour *behaviour_named(const char *name, size_t length);

/* "host-127.1.2.3" and the suffix: the name of the host at this address. */
#define HOSTNAME_SIZE 128
void behaviour_hostname(const struct behaviour *behaviour, uint32_t address,
                        char name[static HOSTNAME_SIZE]);

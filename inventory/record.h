#pragma once

#include "inventory/err.h"
#include "inventory/host.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What became of one host: the object that makes the whole trip, from the
 * reader (which fills .host) through the probe (the rest) to the store and the
 * output. It has one owner at a time and no lock.
 *
 * Everything is inline but the output of a user's command, which is the one
 * value that can be large.
 */

/* X(constant, name): the name is what every format and the store write. */
#define STATUSES(X)                                                            \
	X(STATUS_OK, "ok")                                                     \
	X(STATUS_UNRESOLVED, "unresolved")                                     \
	X(STATUS_UNREACHABLE, "unreachable")                                   \
	X(STATUS_REFUSED, "refused")                                           \
	X(STATUS_TIMEOUT, "timeout")                                           \
	X(STATUS_PROTOCOL, "protocol")                                         \
	X(STATUS_HOSTKEY, "hostkey")                                           \
	X(STATUS_AUTH, "auth")                                                 \
	X(STATUS_COMMAND, "command")                                           \
	X(STATUS_SKIPPED, "skipped")                                           \
	X(STATUS_ERROR, "error")

enum status {
#define STATUS_ENUM(status, name) status,
	STATUSES(STATUS_ENUM)
#undef STATUS_ENUM
	    STATUS_COUNT
};

#define PHASES(X)                                                              \
	X(PHASE_NONE, "")                                                      \
	X(PHASE_RESOLVE, "resolve")                                            \
	X(PHASE_CONNECT, "connect")                                            \
	X(PHASE_HANDSHAKE, "handshake")                                        \
	X(PHASE_AUTH, "auth")                                                  \
	X(PHASE_COMMAND, "command")

enum phase {
#define PHASE_ENUM(phase, name) phase,
	PHASES(PHASE_ENUM)
#undef PHASE_ENUM
};

/* Longest values, in bytes without the NUL; what a host sends beyond is cut,
 * except the hostname and the output, which are errors then. */
#define RECORD_ADDRESS_MAX 63
#define RECORD_HOSTNAME_MAX 255
#define RECORD_VERSION_MAX 255 /* RFC 4253 section 4.2 */
#define RECORD_KEY_TYPE_MAX 63
#define RECORD_FINGERPRINT_MAX 63
#define STATUS_NAME_MAX 15 /* of a status or a phase */
#define RECORD_OUTPUT_MAX 65536
#define RUN_ID_MAX 31

/* A number that is not known, in the fields that may be. */
#define RECORD_UNKNOWN (-1)

struct record {
	struct host host;
	enum status status;
	enum phase phase; /* where it ended; none when ok or never tried */
	bool unfinished;  /* the run's end cut it short */
	char error[ERR_TEXT_SIZE];            /* a sentence, "" when ok */
	char address[RECORD_ADDRESS_MAX + 1]; /* tried last */
	char hostname[RECORD_HOSTNAME_MAX + 1];
	char *output;         /* owned, malloc; NULL without -c */
	size_t output_length; /* may hold any byte */
	int64_t exit_code;    /* of -c's command, or RECORD_UNKNOWN */
	char ssh_version[RECORD_VERSION_MAX + 1];
	char host_key_type[RECORD_KEY_TYPE_MAX + 1];
	char host_key_sha256[RECORD_FINGERPRINT_MAX + 1]; /* as OpenSSH: base64
	                                                   * without padding */
	/* The fingerprint that was known when another one was offered and
	 * refused, for a row in the history; else "". */
	char pinned_sha256[RECORD_FINGERPRINT_MAX + 1];
	int64_t connect_ms;   /* TCP connection, or RECORD_UNKNOWN */
	int64_t total_ms;     /* the whole probe, or RECORD_UNKNOWN */
	int64_t last_attempt; /* its end: microseconds since the epoch, UTC */
	char run_id[RUN_ID_MAX + 1];
};

/* A heap record with nothing known, status skipped; NULL without memory. */
struct record *record_new(void);

/* As record_new() made it, but for .host and .run_id. */
void record_reset(struct record *record);

/* Wipes the host (password), frees. NULL is fine. */
void record_free(struct record *record);

const char *status_name(enum status status);
const char *phase_name(enum phase phase);

/* Adds words to the error; where there is no room for both, they stay whole. */
void record_add_error(struct record *record, const char *words);

/* Sets status and error text from err; the phase stays as it is. A kind that is
 * no probe's end becomes STATUS_ERROR, a cancellation STATUS_SKIPPED. */
void record_fail(struct record *record, const struct err *err);

#pragma once

#include "inventory/err.h"
#include "inventory/login.h"
#include "inventory/wait.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * One SSH session over a connected socket, for one thread. Every call waits in
 * poll() on the socket and the run's cancel descriptor, against the absolute
 * deadline that ssh_open() was given; a server that never stops talking is
 * stopped by the same deadline inside the library's own loops.
 *
 * Any call may fail with ERR_TIMEOUT, ERR_CANCELLED or ERR_SYSTEM; after a
 * failure only ssh_close() is left to call.
 */
struct ssh;

/* Once in main, before the first thread, and at the very end. */
bool ssh_library_init(struct err *err);
void ssh_library_end(void);

/* After ssh_library_init() and before the first session: see
 * algorithms_allow_legacy(). */
void ssh_allow_legacy(void);

/* The session takes fd, also when it fails. *ssh ends with ssh_close(). */
bool ssh_open(struct ssh **ssh, int fd, const struct wait *wait,
              struct err *err);

/*
 * Before the handshake: of the host keys that are offered, those of the types
 * in the name-list come first ("" for the usual order). A server that has one
 * of them shows it.
 */
bool ssh_prefer_host_keys(struct ssh *ssh, const char *types, struct err *err);

/*
 * After a handshake that failed: whether a second connection might go well on
 * which ssh_only_aead() was called before its handshake; see
 * algorithms_want_aead().
 */
bool ssh_wants_aead(const struct ssh *ssh);
bool ssh_only_aead(struct ssh *ssh, struct err *err);

/* Version strings and key exchange. ERR_PROTOCOL. */
bool ssh_handshake(struct ssh *ssh, struct err *err);

/* What the server called itself ("SSH-2.0-…"), or "" before it did; lives as
 * long as the session. */
const char *ssh_version(const struct ssh *ssh);

/* Type ("ssh-ed25519") and SHA-256 fingerprint (base64 without padding, as
 * ssh-keygen -l prints it after "SHA256:") of the host key, after the
 * handshake. */
bool ssh_host_key(struct ssh *ssh, char *type, size_t type_size, char *sha256,
                  size_t sha256_size, struct err *err);

/* The key itself (RFC 4253 section 6.6), after ssh_host_key() was true; lives
 * as long as the session. */
const unsigned char *ssh_host_key_blob(const struct ssh *ssh, size_t *length);

/*
 * Logs in, see login.h; a password is sent at most once. ERR_AUTH when all ways
 * were refused or the server wants others; ERR_PROTOCOL when the connection was
 * lost; ERR_SKIPPED when the guard lets nothing be sent.
 */
bool ssh_login(struct ssh *ssh, const struct login *login, struct err *err);

#define SSH_STDERR_MAX 256

struct ssh_answer {
	char *out; /* standard output; owned, NULL when empty */
	size_t out_length, out_size;
	char errors[SSH_STDERR_MAX]; /* front of standard error, terminated */
	size_t errors_length;
	uint32_t exit_status; /* valid: the server has closed the channel */
	char signal[16];      /* name of the signal that ended it, or "" */
};

/*
 * Runs a command on a channel of its own, without a terminal, feeds it input
 * (NULL for none) and its end, and reads to the end of both streams and the
 * server's close. More than out_max bytes on a stream, a channel or command
 * that is refused and a lost connection are ERR_COMMAND.
 *
 * On true and on false the caller ends *answer with ssh_answer_release(); on
 * false it holds what had come.
 */
bool ssh_exec(struct ssh *ssh, const char *command, const char *input,
              size_t input_length, size_t out_max, struct ssh_answer *answer,
              struct err *err);

void ssh_answer_release(struct ssh_answer *answer);

/* Ends the session, then closes the socket: in this order, or the dying session
 * would write into whoever got the descriptor next. Never waits. NULL is fine.
 */
void ssh_close(struct ssh *ssh);

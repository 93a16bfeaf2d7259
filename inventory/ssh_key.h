#pragma once

#include "inventory/err.h"

#include <stdbool.h>

struct agent;
struct identity;
struct ssh;

/*
 * Public key login (RFC 4252 section 7), for the files ssh*.c alone: the key is
 * offered, and signed with only when the server would take it. Called inside of
 * ssh_login()'s trap.
 */
enum ssh_key_verdict {
	SSH_KEY_ACCEPTED,
	SSH_KEY_REFUSED, /* the server does not take it; another way may do */
	SSH_KEY_FAILED   /* the session is over, or the run is */
};

/*
 * A server counts each key that it is offered (sshd's MaxAuthTries is 6, for
 * all ways together), so this many are tried in one session, of files and agent
 * together; those that are left are REFUSED without being sent.
 */
#define SSH_KEYS_MAX 5
#define SSH_KEYS_MAX_TEXT "5"

/*
 * RSA keys are tried last, of files as of the agent: libssh2 1.11 that finds no
 * algorithm for one among those that the server names takes that key's type for
 * the type of all later ones.
 */
bool ssh_key_goes_last(const struct identity *identity);

/*
 * Tries one key, its certificate first where there is one; or the agent's keys
 * in turn. err is written to on REFUSED (ERR_AUTH, the sentence names the key)
 * and on FAILED. An agent that does not answer, or that signs nothing, is
 * REFUSED, unless the deadline has passed or the run is cancelled: that is
 * FAILED.
 */
enum ssh_key_verdict ssh_try_identity(struct ssh *ssh, const char *user,
                                      const struct identity *identity,
                                      struct err *err);
enum ssh_key_verdict ssh_try_agent(struct ssh *ssh, const char *user,
                                   struct agent *agent, struct err *err);

#pragma once

#include "inventory/ssh.h"
#include "tests/fleet/process.h"
#include "tests/net_fixture.h"

#include <stdbool.h>

#include <libssh2.h>

/*
 * The session against the fleet, and an eye on the calls that it makes: what
 * went wrong in earlier programs cannot be seen in an answer. The functions
 * that ssh_watch.c wraps are those of SSH_WATCH_WRAP in inventory.cmake. All is
 * for the test's main thread.
 */

#define USER "root"
#define PASSWORD "fleet-secret"
#define WRONG_PASSWORD "not-this-secret"

struct watch {
	int fd; /* of the session */
	/* What became of it: shutdown, free of the session, close. */
	char order[8];
	size_t steps;

	bool opening_channel;
	bool quick; /* acknowledgements, since the last poll() */
	unsigned waits, slow_waits;

	unsigned lists; /* asked for */
	bool list_goes_on;

	const char
	    *secret; /* looked for in each block that is freed, or NULL */
	unsigned blocks, blocks_with_secret;

	bool stderr_is_late; /* read when the server has hung up already */

	bool no_session; /* is to be had */
	LIBSSH2_ALLOC_FUNC((*allocate));
	LIBSSH2_FREE_FUNC((*release));
	LIBSSH2_REALLOC_FUNC((*reallocate));

	const struct poll_trap *trap;
	unsigned leap_in; /* looks at the clock; 0: it does not leap */
	long leap_s, leapt_s;
	int cancel_fd; /* fired then, or -1 */
};

extern struct watch watch;

/* Nothing seen, nothing wanted. */
void watch_anew(void);

/* After so many more looks at the clock it leaps over every deadline, or the
 * run ends and a while goes by. Both in the midst of what the library does. */
void watch_leaps(unsigned looks);
void watch_fires(int cancel_fd, unsigned looks);

extern struct process near, distant; /* distant: with a network in between */

/* Of a group: starts and ends the fleets and the library. */
int fleets_start(void **state);
int fleets_stop(void **state);

/* A session before its handshake, after it, and after the login; watch.fd is
 * its socket. */
struct ssh *connected(const struct process *fleet, const char *ip,
                      const struct wait *wait);
struct ssh *shaken(const struct process *fleet, const char *ip,
                   const struct wait *wait);
/* Like ssh_login() of USER, with a password (NULL: none) and no other way. */
bool log_in(struct ssh *ssh, const char *password, struct err *err);
struct ssh *logged_in(const struct process *fleet, const char *ip,
                      const struct wait *wait);

/* Handshakes, or commands on hosts that take the login, which fail: how. */
enum err_kind handshake_fails(const char *ip, const struct wait *wait);
enum err_kind exec_fails(const char *ip, size_t out_max,
                         const struct wait *wait);

/* How often passwords were sent to ip, by whichever way in. */
unsigned long secrets_sent(const char *ip);

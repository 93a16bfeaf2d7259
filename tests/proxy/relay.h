#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "tests/proxy/plan.h"

/* Connections from a client to the server behind it, a thread for each. */

/* Over all connections; written by their threads, read at the end. */
struct relay_counts {
	_Atomic unsigned long connections, untouched, unreachable;
	_Atomic unsigned long faults[FAULT_KINDS]; /* that came to pass */
};

extern struct relay_counts relay_counts;

/* Takes the socket. False without a thread; the socket is closed then. */
bool relay_start(int client, const struct sockaddr_in *server,
                 const struct plan *plan);

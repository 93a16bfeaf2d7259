#pragma once

#include "inventory/hostkey.h"
#include "inventory/jump.h"
#include "inventory/ssh.h"

#include "tests/fleet/process.h"
#include "tests/net_fixture.h"

/* The fleet's hosts as jump hosts and as targets. */

#define JUMP_WELL "127.1.9.9"
#define JUMP_TEN "127.100.0.1"
#define JUMP_NOT "127.101.0.1"
#define JUMP_DIES "127.102.0.1"
#define JUMP_SILENT "127.103.0.1"

#define PASSWORD "fleet-secret"

/* Of the kind slow-login. */
#define SLOW_MS "4000"

/* Of a group. */
int fleet_begin(void **state);
int fleet_end(void **state);

extern struct process fleet;

/* What a test may want otherwise; then route_open(). */
struct route {
	struct hostkeys hostkeys;
	struct access access;
	struct dial dial;
	struct jump_settings settings;
	struct jump *jump;
};
void route_init(struct route *route, const char *host);
void route_open(struct route *route);
void route_close(struct route *route);
struct jump_counts route_counts(const struct route *route);

/* How many notes there were since route_init(), and the last one. */
unsigned notes_count(void);
const char *notes_last(void);

/* A connection by way of the jump host; -1: err says why. */
int reach(struct route *route, const char *ip, uint16_t port, struct err *err);

/* Jump hosts of the fleet never get an answer from a target at this port. */
#define DARK_PORT 9

/* The whole way: connect, log in, ask its name, which is the right one. */
bool visit(struct route *route, const char *ip, struct err *err);

/* The same of a host of 127.200.X.Y. */
bool visit_number(struct route *route, unsigned number, struct err *err);

/* Many of them at once, a thread each; how many were well. The
 * error of the last one that was not is in err. */
unsigned visit_many(struct route *route, unsigned count, unsigned at_once,
                    struct err *err);

/* A field of what the fleet counted for ip: 2 connections, 3 passwords. */
unsigned long fleet_counted(const char *ip, unsigned field);

unsigned open_descriptors(void);

#pragma once

#include "inventory/err.h"
#include "inventory/host.h"
#include "inventory/network.h"
#include "inventory/range.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * One word of -w and -x:
 *
 *     [USER@]HOST[:PORT]        an address or a name, IPv6 as [v6]:port
 *     [USER@]RANGE[:PORT]       web[01-20,30], 10.0.[0-3].[1-254]; see range.h
 *     [USER@]NETWORK[:PORT]     10.0.0.0/24, 2001:db8::/120; see network.h
 *     @FILE, - or @-            a file of words, standard input
 *
 * A USER may hold '@': the last one counts. Pure.
 */
enum target_kind { TARGET_HOST, TARGET_RANGE, TARGET_NETWORK, TARGET_FILE };

struct target {
	enum target_kind kind;
	char user[HOST_USER_MAX + 1]; /* "": none named */
	uint16_t port;
	bool has_port;
	char ip[HOST_IP_MAX + 1]; /* of TARGET_HOST: canonical */
	struct range range;       /* of TARGET_RANGE: in lower case */
	struct network network;   /* of TARGET_NETWORK */
	char *path;               /* of TARGET_FILE: "-" is standard input */
};

/* ERR_INPUT says what is wrong with the word. The caller ends *target with
 * target_release(). */
bool target_parse(struct target *target, const char *word, size_t length,
                  struct err *err);

/* Whether its hosts can be counted out: not too many, and not plainly wrong. A
 * TARGET_FILE has none, and can be. */
bool target_check(const struct target *target, struct err *err);

uint64_t target_count(const struct target *target);

/* Fills in address, port and user of host n, from 0, as far as they are named.
 */
bool target_host(const struct target *target, uint64_t n, struct host *host,
                 struct err *err);

/* Frees; one of zeros is fine. */
void target_release(struct target *target);

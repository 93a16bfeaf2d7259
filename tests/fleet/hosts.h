#pragma once

#include <stdbool.h>
#include <stdint.h>

/* One line per behaviour, fields parted by tabs: octet, name, expected status,
 * help. */
void hosts_list(void);

/*
 * Prints the hosts of a list such as "well=100,motd=2" or "all=1" (as many of
 * each kind) to standard output, in the order of the list: as a host file for
 * sshinv, or, with `expect`, what it has to find: address, status and hostname
 * parted by tabs, the hostname escaped as sshinv does and "-" where the status
 * is not ok.
 *
 * False for a list that makes no sense, and it has been said why.
 */
bool hosts_print(const char *list, uint16_t port, bool expect);

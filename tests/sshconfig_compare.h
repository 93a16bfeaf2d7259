#pragma once

#include <stdbool.h>

/* What `ssh -G` says of a host, and what we say. */

/* Learns what ssh says by default. False: there is no ssh that says it. */
bool sshconfig_compare_begin(void);

/* Compares both by the fixture's file name; user may be NULL. What differs is
 * shown, with the files config, one.conf and two.conf, and counted. */
void sshconfig_compare(const char *name, const char *host, const char *user);
extern unsigned sshconfig_differences;

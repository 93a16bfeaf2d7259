#pragma once

#include "inventory/sshconfig.h"

#include <stdbool.h>

/*
 * Configurations in a folder of a test's own. Notes of the last one that was
 * opened are kept, one per line.
 */
extern char sshconfig_folder[64];
extern char sshconfig_notes[4096];

int sshconfig_fixture_begin(void **state); /* a cmocka group setup */
int sshconfig_fixture_end(void **state);

/* The path of a file in the folder; the last four stay. */
const char *sshconfig_path(const char *name);

/* Writes a file in the folder, of which nobody else has the right to write. */
void sshconfig_write(const char *name, const char *text);

/* The one that a test has open, or NULL; what it says of the host that was
 * asked about last. */
extern struct sshconfig *opened;
extern struct sshconfig_host found;

/* Opens one with this text, and closes the one before. */
void open_text(const char *text);

/* Asks it; what hosts share. */
const struct sshconfig_shared *find(const char *host);

/* Opens the folder's file; home is the folder. */
bool sshconfig_open_file(struct sshconfig **config, const char *name,
                         struct err *err);

#pragma once

#include <stdbool.h>

#include <libssh/libssh.h>

/*
 * The public keys that let the user of the well hosts in: those of a file in
 * OpenSSH's form, a type and the key on a line, without options.
 */

/* In main, before any thread; says what is wrong. */
bool keys_load(const char *path);
void keys_release(void);

/* True when there is any. */
bool keys_wanted(void);
bool keys_have(struct ssh_key_struct *key);

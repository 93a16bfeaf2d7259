#pragma once

#include "inventory/err.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * --password-command as the user wrote it. %h is a host, %u its user, %% is %;
 * another % stays as it is.
 *
 * What is put in stands there as it is where it is made of letters, digits and
 * . _ : @ % + / = , - alone, so that "ssh/%h" and '%h' mean what they look
 * like. Anything else comes in single quotes of ours, and is refused where the
 * template itself has anything that quotes, expands or comments.
 */

/* True where the command depends on the host. */
bool secret_template_is_per_host(const char *template);

/* The command for a host, which the caller frees. NULL: ERR_INPUT for what
 * cannot be put in, ERR_SYSTEM. */
char *secret_template_expand(const char *template, const char *host,
                             const char *user, struct err *err);

/* What sentences call it: the program's name, or, where it is not plain to see,
 * the option's. No argument: it may be a secret. */
#define SECRET_COMMAND_NAME_SIZE 96
void secret_template_name(const char *template,
                          char name[static SECRET_COMMAND_NAME_SIZE]);

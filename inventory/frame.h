#pragma once

#include "inventory/err.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * What a host is asked, and how the answer is found in what its login shell,
 * motd and rc files print around it: between markers that nobody can know
 * before the run. Pure but for the random id.
 *
 * The hostname alone is one line for the exec request. csh, tcsh and fish as
 * login shells pass it on untouched because it holds no ', \, ! or newline
 * inside its quotes. A user's command is a script for the standard input of
 * `exec /bin/sh`: no quoting for the login shell to get wrong, and nothing of
 * it in the host's process list.
 */

#define FRAME_ID_LENGTH 32

struct frame {
	char id[FRAME_ID_LENGTH + 1];
	char hostname_command[256];
};

/* Draws the run's id. */
bool frame_init(struct frame *frame, struct err *err);

#define FRAME_SCRIPT_COMMAND "exec /bin/sh"

/* The script that asks the hostname and runs command; owned by the caller, NULL
 * without memory. */
char *frame_script(const struct frame *frame, const char *command);

/* What the markers of a part frame. */
enum frame_part { FRAME_HOSTNAME, FRAME_OUTPUT };

enum frame_found {
	FRAME_MISSING, /* not even the begin marker */
	FRAME_CUT,     /* no end marker */
	FRAME_FOUND    /* *part and *part_length are set: a piece of answer */
};

enum frame_found frame_find(const struct frame *frame, enum frame_part which,
                            const char *answer, size_t length,
                            const char **part, size_t *part_length);

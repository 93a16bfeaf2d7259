#pragma once

#include <stdbool.h>

struct counts;

/*
 * The counts on request, through a Unix socket: a client sends one line and
 * reads the answer to its end.
 *
 *   counts            a line per address seen      (fields: counts.h)
 *   counts ADDRESS    the line of that address
 *   totals            one line for all
 *   reset             everything back to 0; says "ok"
 *
 * Anything else, and an ADDRESS outside 127.0.0.0/8, gets a line that begins
 * with "error:".
 */
struct control;

/* Listens at path (a socket left there by somebody who died is replaced) and
 * answers in a thread of its own. NULL, and it has been said why. */
struct control *control_start(const char *path, struct counts *counts);

/* Ends the thread and removes the socket. NULL is fine. */
void control_stop(struct control *control);

/* The client: sends `command`, copies the answer to standard output. Returns
 * an exit status, 1 also for an answer that is an error. */
int control_ask(const char *path, const char *command);

#pragma once

struct call;

/*
 * Runs what was asked in a real /bin/sh, as a host called `name`: the script
 * from standard input when the command is SHELL_COMMAND, else the command
 * itself. Its output goes to the client as it comes.
 *
 * Returns the exit status (128 + N for signal N, 127 when it could not be
 * started), or -1 when the client left meanwhile; the shell and what it
 * started are killed then.
 */
int shell_run(struct call *call, const char *name);

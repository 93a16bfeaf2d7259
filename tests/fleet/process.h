#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A running fleet, for a test. */
struct process {
	pid_t pid;
	int out; /* its standard output, after "ready" */
	uint16_t port;
};

/* Starts the fleet with these arguments, which a NULL ends, and waits until it
 * is ready. False, and it has been said why. */
bool process_start(struct process *process, const char *const words[static 1]);

/* SIGTERM, then the exit status; 128 + N after signal N. */
int process_stop(struct process *process);

/* Runs the fleet to its end; its standard output, cut at size - 1 bytes and
 * terminated, is in text. The exit status, -1 when it could not be run. */
int process_run(const char *const words[static 1], char *text, size_t size);

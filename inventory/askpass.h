#pragma once

#include "inventory/err.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Asks for a secret on the terminal, without echo. prompt stands there as it
 * is ("password for db1: "): the caller keeps control characters out of it.
 *
 * The terminal is left as it was, also after ^C and when cancel_fd (or -1)
 * becomes readable, which are ERR_CANCELLED. A signal that ends the process
 * does so when the terminal is as it was; where SIGHUP, SIGINT, SIGQUIT or
 * SIGTERM has a handler or is blocked, it is ERR_CANCELLED. In the background
 * it stops the process until it is in the foreground. ERR_SYSTEM where there is
 * no terminal, or none that can be made silent, ERR_INPUT for an answer that
 * does not fit. The caller wipes the answer. For a process that has one thread
 * yet.
 */
bool askpass(const char *prompt, char *answer, size_t size, int cancel_fd,
             struct err *err);

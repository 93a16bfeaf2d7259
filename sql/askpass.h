#pragma once

#include "inventory/err.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Asks on the terminal for the password of what, without echo. The terminal is
 * left as it was, also after ^C and when cancel_fd (or -1) becomes readable,
 * which are ERR_CANCELLED. ERR_SYSTEM where there is no terminal or the answer
 * does not fit. The caller wipes the answer.
 */
bool askpass(const char *what, char *answer, size_t size, int cancel_fd,
             struct err *err);

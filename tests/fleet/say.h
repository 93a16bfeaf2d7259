#pragma once

/* One line on standard error, "fleet: " in front; errnum 0 means none. */
void say(int errnum, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

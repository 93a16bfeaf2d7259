#pragma once

#include <stdbool.h>

/*
 * What went wrong, in the caller's own struct: a kind for programs, a sentence
 * for people. A function that takes an err writes to it only when it fails, so
 * calls can be chained. Sentences are lower case, without a full stop, and
 * never hold a secret; they may hold remote bytes, so whoever prints one
 * escapes it.
 */
enum err_kind {
	ERR_NONE,
	/* ends of one host's probe, named as the status they become */
	ERR_UNRESOLVED,
	ERR_UNREACHABLE,
	ERR_REFUSED,
	ERR_TIMEOUT,
	ERR_PROTOCOL,
	ERR_DROPPED, /* "protocol" too, but it may pass: see probe_run() */
	ERR_HOSTKEY,
	ERR_AUTH,
	ERR_COMMAND,
	ERR_CANCELLED,
	ERR_SKIPPED, /* not tried, by a decision of ours */
	/* the machine, the user's input, the store */
	ERR_SYSTEM,       /* memory, descriptors, I/O */
	ERR_SCARCE,       /* the same, but it may pass: see probe_run() */
	ERR_INPUT,        /* options, DSN, a line */
	ERR_STORE,        /* lost or never reached */
	ERR_STORE_DATA,   /* this row was refused */
	ERR_STORE_FOREIGN /* a table that is not ours */
};

/* Bytes of a sentence with its NUL: room for two lists of SSH algorithms. */
#define ERR_TEXT_SIZE 1024

struct err {
	enum err_kind kind;
	char text[ERR_TEXT_SIZE];
};

/* Sets both and returns false: `return err_set(err, …);`. A sentence that does
 * not fit is cut. */
bool err_set(struct err *err, enum err_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same, with ": " and the text of an errno value at the end. */
bool err_errno(struct err *err, enum err_kind kind, int errnum,
               const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Puts words and ": " in front; the kind stays. Returns false. */
bool err_prefix(struct err *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

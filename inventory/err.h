#pragma once

#include <stdbool.h>

/*
 * What went wrong, in the caller's own struct: a kind for programs, a sentence
 * for people. A function that takes an err writes to it only when it fails, so
 * calls can be chained. Sentences are lower case, without a full stop, and
 * never hold a secret; they may hold remote bytes, so whoever prints one
 * escapes it.
 */
#define ERR_KINDS(X)                                                           \
	X(ERR_NONE, "none")                                                    \
	/* ends of one host's probe, named as the status they become */        \
	X(ERR_UNRESOLVED, "unresolved")                                        \
	X(ERR_UNREACHABLE, "unreachable")                                      \
	X(ERR_REFUSED, "refused")                                              \
	X(ERR_TIMEOUT, "timeout")                                              \
	X(ERR_PROTOCOL, "protocol")                                            \
	X(ERR_HOSTKEY, "hostkey")                                              \
	X(ERR_AUTH, "auth")                                                    \
	X(ERR_COMMAND, "command")                                              \
	X(ERR_CANCELLED, "cancelled")                                          \
	/* the machine, the user's input, the store */                         \
	X(ERR_SYSTEM, "system")         /* memory, descriptors, I/O */         \
	X(ERR_INPUT, "input")           /* options, DSN, a line */             \
	X(ERR_STORE, "store")           /* lost or never reached */            \
	X(ERR_STORE_DATA, "store data") /* this row was refused */             \
	X(ERR_STORE_FOREIGN, "foreign") /* a table that is not ours */

enum err_kind {
#define ERR_ENUM(kind, name) kind,
	ERR_KINDS(ERR_ENUM)
#undef ERR_ENUM
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

/* The second column of ERR_KINDS. */
const char *err_kind_name(enum err_kind kind);

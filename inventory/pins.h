#pragma once

#include "inventory/err.h"
#include "inventory/record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Host keys by (ip, port), as the store has them in server_status: the known
 * hosts of --host-keys db. Filled before the run, from the store; a host that
 * is new is remembered when its key is first looked at, and by the store when
 * its row is written. About 150 bytes a host.
 *
 * Every function but open and close may be called by any number of threads.
 */
struct pins;

bool pins_open(struct pins **pins, struct err *err);
void pins_close(struct pins *pins); /* NULL is fine */

/* A row's key; of one that is there, the later one counts. False without
 * memory. pins is a struct pins *, as store_each_pin() has it. */
bool pins_add(void *pins, const char *ip, unsigned port, const char *type,
              const char *sha256);

/* A key that was refused for another one, and is in the history. Likewise. */
bool pins_add_refused(void *pins, const char *ip, unsigned port,
                      const char *type, const char *sha256);

enum pins_verdict {
	PINS_KNOWN,
	PINS_NEW,     /* the key is remembered now */
	PINS_CHANGED, /* another one is pinned */
	PINS_UNSURE   /* out of memory */
};

struct pin {
	char type[RECORD_KEY_TYPE_MAX + 1];
	char sha256[RECORD_FINGERPRINT_MAX + 1];
};

/* *pinned is set for CHANGED. *in_history: that this key was offered in place
 * of it is in the history, or was said by an earlier call. */
enum pins_verdict pins_look(struct pins *pins, const char *ip, unsigned port,
                            const char *type, const char *sha256,
                            struct pin *pinned, bool *in_history);

/* The type of the host's key, or "". */
void pins_type(struct pins *pins, const char *ip, unsigned port,
               char type[static RECORD_KEY_TYPE_MAX + 1]);

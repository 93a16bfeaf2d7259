#pragma once

#include <stdint.h>

/*
 * A relay between a client and a server on 127.0.0.1, which can be made to fail
 * in between, without a word to either of them. It has a thread of its own.
 */
struct relay;

enum relay_mode {
	RELAY_PASS,
	RELAY_SILENT, /* nothing gets through; connections are accepted */
	RELAY_CUT,    /* every connection is cut, and every new one */
};

/* Failures of these are failed assertions. */
struct relay *relay_open(uint16_t server_port);
uint16_t relay_port(const struct relay *relay);

/* Returns when it is so. */
void relay_set(struct relay *relay, enum relay_mode mode);

/* Waits until something is not passed on that either side has sent. */
void relay_wait_for_silence(struct relay *relay);

/* Connections that were accepted so far. */
unsigned relay_accepted(struct relay *relay);

void relay_close(struct relay *relay);

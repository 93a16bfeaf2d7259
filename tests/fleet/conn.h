#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct behaviour;
struct counts;
struct link;

/*
 * One connection of a client, while a handler has it. The handler talks on fd
 * and returns when it is done; whoever called it closes fd, so a handler never
 * does. When the fleet ends, fd is shut down under the handler, which then
 * sees the end of the stream.
 */
struct conn {
	int fd;           /* the socket, or the near end of a delay */
	uint32_t address; /* of the host that was called; host byte order */
	uint64_t number;  /* which connection of this address, from 1 */
	const struct behaviour *behaviour;
	struct counts *counts;
	int slow_ms;       /* what slow kinds take for the password */
	struct link *link; /* of the delay; NULL without one */
	struct conn *next; /* these two are the crew's */
	struct conn *before;
};

#define ADDRESS_TEXT_SIZE 16

/* "127.1.2.3" */
void address_print(uint32_t address, char text[static ADDRESS_TEXT_SIZE]);

/* False unless text is an address of 127.0.0.0/8. */
bool address_parse(const char *text, uint32_t *address);

/* Writes all of it; false when the client is gone. */
bool conn_send(struct conn *conn, const void *data, size_t length);
bool conn_text(struct conn *conn, const char *text);

/* Reads and drops what the client sends until it is gone. */
void conn_wait_gone(struct conn *conn);

/* Waits this long; false, and at once, when the client is gone meanwhile. */
bool conn_sleep(struct conn *conn, int ms);

/* Ends our direction and waits for the client to end its own: closing with
 * unread bytes would reset the connection and take our last words along. */
void conn_bye(struct conn *conn);

/* Makes the coming close a reset. */
void conn_reset_on_close(struct conn *conn);

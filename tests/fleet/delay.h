#pragma once

#include <stdbool.h>
#include <stdint.h>

struct conn;
struct crew;
struct link;

/*
 * A slower network, imitated: one thread carries the bytes of every connection
 * between its TCP socket and the near end that the handler has, each byte
 * rtt/2 late, and in pieces of random size where that is asked for.
 *
 * What it cannot do: the kernel itself answers a client's SYN, so connect()
 * returns at once. That round trip is made up for: the client's bytes and the
 * start of the handler count from one RTT after the accept, so that the first
 * byte of a host arrives two RTT after connect() was called, as in a network.
 * Likewise FIN and RST travel with the delay, and acknowledgements without it.
 */
struct delay;

struct delay_settings {
	int64_t rtt_ns;
	bool segments; /* cut into random pieces, many of a single byte */
	uint64_t seed; /* of the sizes; the same host gets the same sizes */
};

/* Conns go to crew when they are due. NULL: *errnum says why. */
struct delay *delay_new(const struct delay_settings *settings,
                        struct crew *crew, int *errnum);

/* Takes the conn, whose fd is the accepted socket, and hands it to the crew
 * with a near end in its place. False: errno says why, and the conn is still
 * the caller's. */
bool delay_add(struct delay *delay, struct conn *conn);

/* Stops the thread: nothing is handed to the crew afterwards. */
void delay_stop(struct delay *delay);

/* After delay_stop() and after the crew has ended. NULL is fine. */
void delay_free(struct delay *delay);

/* The handler's coming close of its end is to reset the TCP connection. */
void link_reset_on_close(struct link *link);

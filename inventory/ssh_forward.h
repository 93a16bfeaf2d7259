#pragma once

#include "inventory/err.h"
#include "inventory/ssh.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A session that carries other connections: channels of the type direct-tcpip
 * (RFC 4254 section 7.2). From ssh_forward_begin(), after the login, until
 * ssh_close(): no call waits, none has a deadline, and the caller polls the
 * socket. For one thread.
 *
 * The library can have one opening at a time under way (see
 * ssh_channel_open_leave()), and takes no other call until a packet that was
 * begun is sent. So all that it sends goes into a queue
 * here, which ssh_forward_flush() empties: what it sends is always sent whole.
 * Its inner loops end when a round's share of bytes has been received.
 *
 * The calls that are marked "in a trap" go into the library: the caller has a
 * trap set (ssh_trap.h). After a failure only ssh_close() is left to call.
 */

/* False with ERR_SCARCE. */
bool ssh_forward_begin(struct ssh *ssh, struct err *err);

int ssh_forward_fd(const struct ssh *ssh);

/* What was found out about the socket; edges, as of EPOLLET. */
void ssh_forward_ready(struct ssh *ssh, bool readable, bool writable);

/* Begins a round. True: it need not wait for an event, for the last one left
 * something undone that can be done now. */
bool ssh_forward_round(struct ssh *ssh);

/* In a trap. Takes in what has come, for whichever channel. False when the
 * server has ended the session, or what it keeps us from freeing is too much.
 */
bool ssh_forward_pump(struct ssh *ssh, struct err *err);

/* Sends what the socket takes of the queue. False: the connection is lost. */
bool ssh_forward_flush(struct ssh *ssh, struct err *err);

/* Bytes received so far; and whether more have come than that, taken in or not.
 */
size_t ssh_forward_received(const struct ssh *ssh);
bool ssh_forward_hears(const struct ssh *ssh, size_t received);

/* In a trap. Asks the server for a sign of life; false: not sent, for another
 * question was sent a moment ago. */
bool ssh_forward_ask(struct ssh *ssh);

struct ssh_channel;

enum ssh_opening {
	SSH_OPENING, /* call again after the next round */
	SSH_OPENED,
	SSH_OPEN_FAILED,     /* the target cannot be reached from there */
	SSH_OPEN_PROHIBITED, /* by the server's administrator */
	SSH_OPEN_SHORTAGE,   /* too many are open */
	SSH_OPEN_TIMEOUT,    /* the library waits for a minute at most */
	SSH_OPEN_LEFT, /* the library knows of it no more, the server does:
	                * see ssh_forward_answer() */
	SSH_OPEN_LOST  /* *err says why */
};

/* In a trap. Begins; no other opening is under way. */
enum ssh_opening ssh_channel_open(struct ssh *ssh, const char *host,
                                  uint16_t port, struct ssh_channel **channel,
                                  struct err *err);

/* In a trap. Goes on. */
enum ssh_opening ssh_channel_open_more(struct ssh *ssh,
                                       struct ssh_channel **channel,
                                       struct err *err);

/*
 * In a trap. Leaves the opening that is under way, so that the next one can
 * begin: SSH_OPEN_LEFT; or what has become of it at that moment.
 */
enum ssh_opening ssh_channel_open_leave(struct ssh *ssh,
                                        struct ssh_channel **channel,
                                        struct err *err);

/* Whether answers to those that were left are received when nothing else is
 * under way; and, in a trap, opens a channel that is for that alone, as for a
 * command that is never sent: to be called, with stop if it takes too long,
 * until it is no SSH_OPENING. After SSH_OPEN_LEFT it may be begun again. */
bool ssh_forward_receives(const struct ssh *ssh);
enum ssh_opening ssh_channel_open_idle(struct ssh *ssh, bool stop,
                                       struct err *err);

/* The number of the one that was left last; of those that were, the server's
 * answers are awaited for so many at a time. */
#define SSH_LEFT_MAX 256
uint32_t ssh_forward_left(const struct ssh *ssh);

/* The answer to one that was left, each once. SSH_OPENED: the server has made a
 * connection that nobody can use; but another opening will not take long. */
bool ssh_forward_answer(struct ssh *ssh, uint32_t *number,
                        enum ssh_opening *answer);

/* How many bytes the channel takes now. */
size_t ssh_channel_room(const struct ssh_channel *channel);

/* In a trap. *taken may be less than length: then the same bytes come first
 * next time. */
bool ssh_channel_write(struct ssh_channel *channel, const char *bytes,
                       size_t length, size_t *taken, struct err *err);

/* In a trap. *got is 0 when there is nothing. At most a quarter of the window.
 */
#define SSH_CHANNEL_READ_MAX 8192
bool ssh_channel_read(struct ssh_channel *channel, char *buffer, size_t size,
                      size_t *got, struct err *err);

/* In a trap. Whether the server has sent its end, and all was read. */
bool ssh_channel_ended(struct ssh_channel *channel);

/* In a trap. Whether it has closed the channel. */
bool ssh_channel_closed(struct ssh_channel *channel);

/* In a trap. Sends our end; false: call again after the next round. */
bool ssh_channel_end(struct ssh_channel *channel);

/* In a trap. Closes; true: the server has, too, and the channel is freed. With
 * at_once nobody waits for that. */
bool ssh_channel_close(struct ssh_channel *channel, bool at_once);

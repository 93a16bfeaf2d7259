#pragma once

#include <stdbool.h>

#include <libssh/libssh.h>

struct conn;

/*
 * The hosts as jump hosts: connections to hosts of 127.0.0.0/8 that a client
 * asks for through its session (direct-tcpip, RFC 4254 section 7.2). For the
 * session's thread. What a kind of host does of it is the forward column of
 * behaviour.c; libssh knows one reason to refuse: "administratively
 * prohibited".
 */
struct forwards;

/* NULL without memory. */
struct forwards *forwards_new(struct conn *conn);

/* A request for one; what ssh_set_message_callback() wants: 1 refuses. */
int forwards_open(struct forwards *forwards, ssh_event event,
                  ssh_message message);

/* After each ssh_event_dopoll(). False: this kind of host dies now. */
bool forwards_look(struct forwards *forwards, ssh_event event);

/* Before the session is freed, which frees the channels. NULL is fine. */
void forwards_free(struct forwards *forwards, ssh_event event);

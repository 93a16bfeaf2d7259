#pragma once

#include <stdbool.h>

struct conn;

/*
 * Threads that serve connections: one each, started when none is idle and
 * reused (a first use of OpenSSL's random numbers costs a thread 0.1 ms). A
 * connection never waits for another one to end.
 *
 * Ownership: crew_submit() takes the conn and its fd; it is served, then
 * closed and freed.
 */
struct crew;

/* NULL without memory. */
struct crew *crew_new(void);

/* From any thread. */
void crew_submit(struct crew *crew, struct conn *conn);

/*
 * Shuts down every connection and waits for the threads to end; false when
 * some are still at work after timeout_ms: then the crew cannot be freed and
 * the process had better end. Nothing may be submitted any more.
 */
bool crew_close(struct crew *crew, int timeout_ms);

/* After crew_close() returned true; NULL is fine. */
void crew_free(struct crew *crew);

/* Closes and frees a connection that was not submitted. */
void conn_free(struct conn *conn);

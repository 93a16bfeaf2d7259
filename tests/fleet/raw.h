#pragma once

struct conn;

/*
 * Handlers for faults below SSH: they write bytes and need no library. What
 * each one does is in the help column of behaviour.c.
 */
void serve_banner_lines(struct conn *conn);
void serve_banner_blank(struct conn *conn);
void serve_no_banner(struct conn *conn);
void serve_half_kexinit(struct conn *conn);
void serve_drip(struct conn *conn);
void serve_line_flood(struct conn *conn);
void serve_endless_line(struct conn *conn);
void serve_close_after_banner(struct conn *conn);
void serve_reset_after_banner(struct conn *conn);
void serve_garbage(struct conn *conn);
void serve_http(struct conn *conn);
void serve_first_dropped(struct conn *conn);
void serve_ignore_flood(struct conn *conn);
void serve_no_common_kex(struct conn *conn);
void serve_close_at_once(struct conn *conn);
void serve_no_kex_reply(struct conn *conn);
void serve_max_startups(struct conn *conn);
void serve_penalty(struct conn *conn);
void serve_reset_at_once(struct conn *conn);
void serve_drop_in_kex(struct conn *conn);
void serve_bad_host_key(struct conn *conn);
void serve_keys_too_soon(struct conn *conn);
void serve_two_dropped(struct conn *conn);
void serve_busy_once(struct conn *conn);

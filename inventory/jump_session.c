#include "inventory/jump_inside.h"

#include "inventory/jump_pipe.h"
#include "inventory/ssh_trap.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define EVENTS_MAX 64
#define HOST_SIZE 256

/* Openings that were given up or left, and not refused. The server may still
 * make those connections, or has, and keeps them; after so many the session
 * takes nobody any more. */
#define STOPPED_MAX SSH_LEFT_MAX

/* For a sign of life, after a question. */
#define DOUBT_NS (5 * NS_PER_S)

/* While channels close, and memory is short. */
#define SOON_MS 500

/* What the thread has. */
struct server {
	struct jump_session *session;
	struct ssh *ssh;
	int epoll;
	bool hung_up; /* the server; there may be something left to read */

	/* The opening that is under way, and what will become of it. */
	bool begins, opening;
	/* Another one goes first: see ssh_channel_open_idle(). */
	bool opening_idle, idle_refused;
	nanoseconds idle_until;
	char host[HOST_SIZE];
	uint16_t port;
	enum ssh_opening opened;
	struct ssh_channel *channel;
	struct jump_pipe *spare;
	size_t received; /* when it began */
	unsigned stopped;
	bool carried;           /* somebody, at some time */
	nanoseconds doubt_ends; /* 0: no doubt */
	bool doubted;           /* so that nobody is taken meanwhile */
	nanoseconds idle_ends;  /* 0: it carries somebody */

	struct jump_pipe *first; /* those that are open or being closed */
	char buffer[SSH_CHANNEL_READ_MAX];
};

/* --- who asks ------------------------------------------------------------- */

/* Channels that nobody is closing. */
static unsigned count_live(const struct server *s)
{
	unsigned live = 0;

	for (const struct jump_pipe *pipe = s->first; pipe != NULL;
	     pipe = pipe->next)
		live += pipe->fd >= 0;
	return live;
}

/* Takes the next one who waits, if there is one and the library is free. */
static void take_next(struct server *s)
{
	if (s->opening || s->opening_idle || s->hung_up)
		return;
	if (s->spare == NULL)
		s->spare = calloc(1, sizeof(*s->spare));
	if (s->spare == NULL)
		return; /* soon again */
	s->opening = s->begins = jump_session_take(
	    s->session, count_live(s), s->host, sizeof(s->host), &s->port);
	s->opened = SSH_OPENING;
	s->received = ssh_forward_received(s->ssh);
}

/* Whether nobody waits for what is being opened. */
static bool is_unwanted(const struct server *s)
{
	bool unwanted;

	jump_lock(s->session->jump);
	unwanted = s->session->request == NULL;
	jump_unlock(s->session->jump);
	return unwanted;
}

static void set_flags(struct server *s)
{
	jump_lock(s->session->jump);
	s->session->doubted = s->doubted;
	if (s->stopped >= STOPPED_MAX)
		s->session->retires = true;
	jump_unlock(s->session->jump);
}

static bool watch(struct server *s, int fd, void *what)
{
	struct epoll_event event = {
		.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
		.data.ptr = what,
	};

	return epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

/* The opening has ended, well or not; the trap is not set. */
static void settle_opening(struct server *s)
{
	struct jump_pipe *pipe = s->spare;
	int fd = -1;

	s->opening = false;
	(void)jump_session_opened(s->session, s->opened, &fd);
	if (s->opened != SSH_OPENED)
		return;
	/* Unwanted, or without memory in the kernel: to be closed. */
	jump_pipe_begin(pipe, s->channel, fd);
	if (fd >= 0 && !watch(s, fd, pipe))
		jump_pipe_end(pipe);
	pipe->closing_since = monotonic_ns();
	pipe->next = s->first;
	s->first = pipe;
	s->spare = NULL;
	s->carried = true;
}

/* --- a round -------------------------------------------------------------- */

/* When others have waited for long enough; 0: never. */
static nanoseconds leaves_at(const struct server *s)
{
	bool can = s->stopped < STOPPED_MAX &&
	           (!s->idle_refused || ssh_forward_receives(s->ssh));

	return s->opening ? jump_session_leaves(s->session, can) : 0;
}

static bool is_to_leave(const struct server *s)
{
	nanoseconds when = leaves_at(s);

	return when != 0 && monotonic_ns() >= when;
}

/*
 * In a trap. It goes on without us, for others' sake or since whoever asked has
 * gone. Where nothing at all came meanwhile, it may be the server that does not
 * answer: it is asked, and after the other's whole time takes nobody until it
 * does.
 */
static void note_left(struct server *s, bool unwanted)
{
	bool receives = ssh_forward_receives(s->ssh) || !s->idle_refused;

	s->opening = false;
	s->stopped++;
	if (!ssh_forward_receives(s->ssh) && receives) {
		s->opening_idle = true;
		s->idle_until = monotonic_ns() + DOUBT_NS;
	}
	/* Another's answer has ended it, and the next one would be ended by
	 * its own: that is for another session. */
	if (!receives && !unwanted)
		s->stopped = STOPPED_MAX;
	jump_session_left(s->session, ssh_forward_left(s->ssh), receives);
	if (ssh_forward_received(s->ssh) != s->received)
		return;
	if (s->doubt_ends == 0 && ssh_forward_ask(s->ssh))
		s->doubt_ends = monotonic_ns() + DOUBT_NS;
	s->doubted |= unwanted && s->doubt_ends != 0;
}

static bool go_on_opening(struct server *s, bool unwanted, struct err *err)
{
	if (s->begins)
		s->opened = ssh_channel_open(s->ssh, s->host, s->port,
		                             &s->channel, err);
	else
		s->opened = ssh_channel_open_more(s->ssh, &s->channel, err);
	s->begins = false;
	if (s->opened == SSH_OPENING && (unwanted || is_to_leave(s)))
		s->opened = ssh_channel_open_leave(s->ssh, &s->channel, err);
	if (s->opened == SSH_OPEN_LEFT)
		note_left(s, unwanted);
	return s->opened != SSH_OPEN_LOST;
}

/* In a trap. A server that does not want it is not asked again. */
static bool go_on_idle(struct server *s, struct err *err)
{
	bool stop = monotonic_ns() >= s->idle_until;
	enum ssh_opening opened = ssh_channel_open_idle(s->ssh, stop, err);

	s->opening_idle =
	    !stop && (opened == SSH_OPENING || opened == SSH_OPEN_LEFT);
	s->idle_refused = !s->opening_idle && opened != SSH_OPENED;
	return opened != SSH_OPEN_LOST;
}

/* In a trap. Those at the front are served first, so the next round begins with
 * another one. */
static bool carry_all(struct server *s, bool *more, struct err *err)
{
	struct jump_pipe *pipe, **last = &s->first;

	for (pipe = s->first; pipe != NULL; pipe = pipe->next) {
		if (!jump_pipe_carry(pipe, s->buffer, more, err))
			return false;
		last = &pipe->next;
	}
	pipe = s->first;
	if (pipe != NULL && pipe->next != NULL) {
		s->first = pipe->next;
		*last = pipe;
		pipe->next = NULL;
	}
	return true;
}

/* In a trap. Whether a channel was freed, which somebody may wait for. */
static bool reap(struct server *s)
{
	struct jump_pipe **at = &s->first;
	bool freed = false;

	while (*at != NULL) {
		struct jump_pipe *pipe = *at;

		if (!jump_pipe_closed(pipe)) {
			at = &pipe->next;
			continue;
		}
		*at = pipe->next;
		free(pipe);
		jump_session_freed(s->session);
		freed = true;
	}
	return freed;
}

/* What goes into the library, in one trap. */
static bool use_library(struct server *s, bool unwanted, bool *more,
                        struct err *err)
{
	jmp_buf back;
	bool ok;

	if (setjmp(back) != 0)
		return err_set(err, ERR_PROTOCOL,
		               "a malformed packet from the server");
	ssh_trap(&back);
	ok = ssh_forward_pump(s->ssh, err) &&
	     (!s->opening_idle || go_on_idle(s, err)) &&
	     (!s->opening || go_on_opening(s, unwanted, err)) &&
	     carry_all(s, more, err);
	if (ok)
		*more |= reap(s);
	ssh_trap(NULL);
	return ok;
}

/* To openings that were left. */
static bool take_answers(struct server *s)
{
	enum ssh_opening answer;
	uint32_t number;
	bool any = false;

	while (ssh_forward_answer(s->ssh, &number, &answer)) {
		if (answer != SSH_OPENED)
			s->stopped--;
		jump_session_answered(s->session, number, answer);
		any = true;
	}
	return any;
}

static bool check_life(struct server *s, struct err *err)
{
	if (s->doubt_ends == 0)
		return true;
	if (ssh_forward_hears(s->ssh, s->received)) {
		s->doubt_ends = 0;
		s->doubted = false;
		return true;
	}
	if (monotonic_ns() >= s->doubt_ends)
		return err_set(err, ERR_TIMEOUT, "no sign of life in %d s",
		               (int)(DOUBT_NS / NS_PER_S));
	return true;
}

/* False: the session is lost. */
static bool do_round(struct server *s, bool *more, struct err *err)
{
	bool unwanted = s->opening && is_unwanted(s);
	unsigned stopped = s->stopped;
	bool doubted = s->doubted, idle = s->opening_idle;

	if (!use_library(s, unwanted, more, err) ||
	    !ssh_forward_flush(s->ssh, err) || !check_life(s, err))
		return false;
	if (s->stopped != stopped || doubted != s->doubted)
		set_flags(s);
	if (s->opening && s->opened != SSH_OPENING) {
		settle_opening(s);
		*more = true;
	}
	*more |=
	    take_answers(s) || s->stopped != stopped || idle != s->opening_idle;
	*more |= ssh_forward_round(s->ssh);
	return true;
}

/* --- events --------------------------------------------------------------- */

static void note_event(struct server *s, const struct epoll_event *event)
{
	bool in =
	    (event->events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
	bool out = (event->events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0;
	bool gone = (event->events & (EPOLLHUP | EPOLLERR)) != 0;
	struct jump_pipe *pipe = event->data.ptr;
	eventfd_t ignored;

	if (event->data.ptr == s->ssh) {
		ssh_forward_ready(s->ssh, in, out);
		s->hung_up |= gone || (event->events & EPOLLRDHUP) != 0;
	} else if (event->data.ptr == &s->session->wake) {
		(void)eventfd_read(s->session->wake, &ignored);
	} else {
		pipe->readable |= in;
		pipe->writable |= out;
		pipe->gone |= gone;
	}
}

/* When there is something to do though nothing comes; 0: never. */
static nanoseconds wakes_at(const struct server *s)
{
	nanoseconds soon = monotonic_ns() + SOON_MS * NS_PER_MS;
	nanoseconds leaves = leaves_at(s);

	if (leaves != 0 && leaves < soon)
		return leaves;
	if (s->doubt_ends != 0 || s->opening_idle ||
	    (!s->opening && s->spare == NULL))
		return soon;
	for (const struct jump_pipe *pipe = s->first; pipe != NULL;
	     pipe = pipe->next) {
		if (pipe->fd < 0)
			return soon;
	}
	return leaves != 0 ? leaves : s->idle_ends;
}

/* True: the run's end. */
static bool wait_for_events(struct server *s, bool more)
{
	struct epoll_event events[EVENTS_MAX];
	nanoseconds until = more ? 0 : wakes_at(s);
	int limit_ms = until != 0 ? deadline_poll_ms(until) : more ? 0 : -1;
	int count = epoll_wait(s->epoll, events, EVENTS_MAX, limit_ms);
	bool woken = false;

	for (int i = 0; i < count; i++) {
		woken |= events[i].data.ptr == &s->session->wake;
		note_event(s, &events[i]);
	}
	return woken && jump_session_ends(s->session);
}

/* --- serving -------------------------------------------------------------- */

static bool is_idle(const struct server *s)
{
	return s->first == NULL && !s->opening && !s->opening_idle &&
	       !jump_session_awaits(s->session);
}

/* Nothing is under way, and the server has hung up: after it was of use that is
 * no loss. */
static bool is_done(const struct server *s, bool *lost)
{
	bool idle = is_idle(s);

	*lost = idle && s->hung_up && !s->carried;
	return idle && (s->hung_up || s->stopped >= STOPPED_MAX);
}

/* Whether it has carried nobody for long enough, and nobody waits. */
static bool is_idle_long(struct server *s)
{
	bool idle = is_idle(s) && s->doubt_ends == 0;
	nanoseconds now;

	if (!idle) {
		if (s->idle_ends != 0)
			jump_idle_end(s->session);
		s->idle_ends = 0;
		return false;
	}
	now = monotonic_ns();
	if (s->idle_ends == 0) {
		s->idle_ends =
		    now + s->session->jump->settings.idle_ms * NS_PER_MS;
		jump_idle_begin(s->session);
	}
	return (now >= s->idle_ends || jump_idle_is_surplus(s->session)) &&
	       jump_session_retires(s->session);
}

/* Until the end; false: the session was lost. */
static bool serve(struct server *s, struct err *err)
{
	bool more = true, lost = false;

	for (;;) {
		if (wait_for_events(s, more))
			return true;
		more = false;
		if (is_done(s, &lost))
			break;
		take_next(s);
		if (is_idle_long(s))
			break;
		if (!do_round(s, &more, err))
			return false;
	}
	return !lost ||
	       err_set(err, ERR_DROPPED, "the server closed the connection");
}

static bool set_up(struct server *s, struct err *err)
{
	struct epoll_event wake = { .events = EPOLLIN,
		                    .data.ptr = &s->session->wake };

	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (s->epoll < 0)
		return err_errno(err, ERR_SCARCE, errno, "epoll");
	if (epoll_ctl(s->epoll, EPOLL_CTL_ADD, s->session->wake, &wake) != 0 ||
	    !watch(s, ssh_forward_fd(s->ssh), s->ssh))
		return err_errno(err, ERR_SCARCE, errno, "epoll");
	return true;
}

/* After what became of the session is known to all, so that a probe that finds
 * its connection at an end can ask why. */
static void tear_down(struct server *s)
{
	while (s->first != NULL) {
		struct jump_pipe *pipe = s->first;

		s->first = pipe->next;
		jump_pipe_end(pipe);
		free(pipe);
	}
	free(s->spare);
	if (s->epoll >= 0)
		close(s->epoll);
}

void *jump_session_run(void *arg)
{
	struct jump_session *session = arg;
	struct server *s = calloc(1, sizeof(*s));
	struct err err;
	bool ok;

	if (s == NULL) {
		err_set(&err, ERR_SCARCE, "out of memory");
		jump_session_over(session, &err);
		jump_session_gone(session);
		return NULL;
	}
	s->session = session;
	s->epoll = -1;
	ok = jump_log_in(session, &s->ssh, &err) && set_up(s, &err);
	if (ok) {
		jump_session_serves(session);
		ok = serve(s, &err);
	}
	jump_idle_end(session);
	jump_session_over(session, ok ? NULL : &err);
	tear_down(s);
	ssh_close(s->ssh);
	free(s);
	jump_session_gone(session);
	return NULL;
}

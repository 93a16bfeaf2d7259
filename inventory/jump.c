#include "inventory/jump_inside.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "inventory/thread.h"

/* How often who waits looks whether another session is due, and whether a
 * session has taken his request: from then on he has a time limit, of which it
 * is a part. */
#define LOOK_MS 250
#define LOOK_LEAST_MS 10
#define LOOK_PART 10

/* An opening that takes longer than this is not waited for where there may be
 * another session; nor is the queue in front, after this. */
#define BUSY_NS (1 * NS_PER_S)
#define PATIENCE_NS (5 * NS_PER_S)

void jump_lock(struct jump *jump)
{
	int failed = pthread_mutex_lock(&jump->lock);

	assert(failed == 0);
}

void jump_unlock(struct jump *jump)
{
	int failed = pthread_mutex_unlock(&jump->lock);

	assert(failed == 0);
}

static void wake(int fd)
{
	(void)eventfd_write(fd, 1);
}

/* --- sessions ------------------------------------------------------------- */

static bool is_full(const struct jump_session *session)
{
	return session->channels >= session->jump->cap;
}

/* Whether it looks as if it will take the next one soon. */
static bool is_quick(const struct jump_session *session, nanoseconds now)
{
	return session->state == JUMP_SERVES && session->opening &&
	       !session->doubted && !is_full(session) &&
	       now - session->opening_since < BUSY_NS;
}

static bool were_losses_many(const struct jump *jump, nanoseconds now)
{
	return jump->losses > JUMP_LOSSES_MAX &&
	       now - jump->lost_at < JUMP_ROW_NS;
}

/* Whether another session is due. One that is free is told that somebody
 * waits. */
static bool is_session_due(const struct jump *jump)
{
	nanoseconds now = monotonic_ns();
	bool quick = false, logs_in = false;
	unsigned live;

	if (jump->first == NULL)
		return false;
	for (const struct jump_session *s = jump->sessions; s != NULL;
	     s = s->next) {
		logs_in |= s->state == JUMP_LOGS_IN;
		if (s->retires)
			continue;
		if (jump_may_take(s) || jump_may_leave(s)) {
			wake(s->wake);
			return false;
		}
		quick |= is_quick(s, now);
	}
	if (logs_in || now < jump->not_before)
		return false;
	live = jump_live(jump);
	if (live == 0)
		return true;
	return live < jump->sessions_max && !were_losses_many(jump, now) &&
	       (!quick || now - jump->first->since > PATIENCE_NS);
}

/* Frees those that are done with; of those that were lost somebody may ask why.
 */
static void reap_sessions(struct jump *jump)
{
	struct jump_session **at = &jump->sessions;

	jump_many_reap();
	while (*at != NULL) {
		struct jump_session *session = *at;

		if (session->lost || !jump_many_is_joined(session)) {
			at = &session->next;
			continue;
		}
		*at = session->next;
		free(session);
	}
}

static bool start_session(struct jump *jump, struct err *err)
{
	struct jump_session *session = calloc(1, sizeof(*session));
	int failed = ENOMEM;

	reap_sessions(jump);
	if (session == NULL)
		goto fail;
	session->jump = jump;
	session->number = jump->counts.logins + 1;
	session->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	failed = session->wake < 0
	             ? errno
	             : thread_start(&session->thread, jump->settings.stack_size,
	                            jump_session_run, session);
	if (failed != 0)
		goto fail;
	session->next = jump->sessions;
	jump->sessions = session;
	jump->counts.logins++;
	return true;
fail:
	if (session != NULL && session->wake >= 0)
		close(session->wake);
	free(session);
	/* Not at once again. */
	jump->not_before = monotonic_ns() + JUMP_PAUSE_NS;
	return err_errno(err, ERR_SCARCE, failed,
	                 "jump host %s: could not start a session",
	                 jump->settings.host);
}

/* False: there is no session, and there cannot be one. */
static bool look_after_sessions(struct jump *jump, struct err *err)
{
	return !is_session_due(jump) || start_session(jump, err) ||
	       jump_live(jump) > 0;
}

/* --- asking --------------------------------------------------------------- */

static bool is_settled(const struct jump_request *request)
{
	return request->state == JUMP_OPEN || request->state == JUMP_FAILED;
}

/* The lock is held. */
static void give_up(struct jump *jump, struct jump_request *request)
{
	if (request->state == JUMP_WAITS)
		jump_dequeue(jump, request);
	if (request->state == JUMP_TAKEN) {
		request->session->request = NULL;
		wake(request->session->wake);
	}
	if (request->state == JUMP_LEFT) {
		jump_forget_left(request);
		wake(request->session->wake);
	}
}

/* When this state has lasted too long. */
static nanoseconds time_limit(const struct jump *jump,
                              const struct jump_request *request,
                              const struct wait *wait)
{
	const struct jump_settings *settings = &jump->settings;
	nanoseconds limit;

	/* As long as the queue moves, even by hosts that do not answer, it is
	 * worth waiting in it. */
	if (request->state == JUMP_WAITS) {
		limit = request->since - request->waited;
		if (limit < jump->moved_at)
			limit = jump->moved_at;
		return limit + settings->host_timeout_ms * NS_PER_MS;
	}
	limit = request->since + settings->dial->connect_timeout_ms * NS_PER_MS;
	return limit < wait->deadline + request->waited
	           ? limit
	           : wait->deadline + request->waited;
}

static bool took_too_long(const struct jump *jump,
                          const struct jump_request *request,
                          const struct wait *wait, struct err *err)
{
	const struct jump_settings *settings = &jump->settings;
	unsigned limit_ms = settings->dial->connect_timeout_ms;
	nanoseconds end = request->since + limit_ms * NS_PER_MS;

	if (request->state == JUMP_WAITS)
		return err_set(err, ERR_TIMEOUT, "jump host %s: no %s in %g s",
		               settings->host,
		               jump->was_in ? "free channel" : "login",
		               settings->host_timeout_ms / 1000.0);
	if (end > wait->deadline + request->waited)
		limit_ms = wait->limit_ms;
	return err_set(err, ERR_TIMEOUT,
	               "no answer in %g s through jump host %s",
	               limit_ms / 1000.0, settings->host);
}

/* Until the request is settled, or it is time to look again. */
static bool doze(const struct jump *jump, int near_end, nanoseconds until,
                 const struct wait *wait, struct err *err)
{
	struct pollfd fds[2] = {
		{ .fd = near_end, .events = POLLIN },
		{ .fd = wait->cancel_fd, .events = POLLIN },
	};
	int left_ms = deadline_poll_ms(until);
	int look_ms =
	    (int)(jump->settings.dial->connect_timeout_ms / LOOK_PART);

	if (look_ms > LOOK_MS)
		look_ms = LOOK_MS;
	if (look_ms < LOOK_LEAST_MS)
		look_ms = LOOK_LEAST_MS;
	if (left_ms > look_ms)
		left_ms = look_ms;
	if (poll(fds, 2, left_ms) < 0 && errno != EINTR)
		return err_errno(err, ERR_SYSTEM, errno, "poll");
	if (fds[1].revents != 0)
		return err_set(err, ERR_CANCELLED, "interrupted");
	return true;
}

/* False: err says why, and nobody knows the request any more. */
static bool wait_until_settled(struct jump *jump, struct jump_request *request,
                               int near_end, const struct wait *wait,
                               struct err *err)
{
	bool ok = true;

	jump_lock(jump);
	if (jump->over)
		jump_refuse(request, &jump->err);
	else
		jump_enqueue(jump, request, false);
	while (ok && !is_settled(request)) {
		nanoseconds until = time_limit(jump, request, wait);

		if (monotonic_ns() >= until) {
			ok = took_too_long(jump, request, wait, err);
		} else if (!look_after_sessions(jump, err)) {
			ok = false;
		} else {
			jump_unlock(jump);
			ok = doze(jump, near_end, until, wait, err);
			jump_lock(jump);
		}
	}
	if (is_settled(request))
		ok = request->state == JUMP_OPEN;
	else
		give_up(jump, request);
	jump_unlock(jump);
	return ok;
}

bool jump_connect(struct jump *jump, const char *host, uint16_t port, int *fd,
                  unsigned *session, struct wait *wait, struct err *err)
{
	int ends[2];
	struct err refusal = {
		.kind = ERR_NONE
	}; /* a session may write it while we write ours */
	struct jump_request request = { .host = host,
		                        .port = port,
		                        .err = &refusal };
	char byte;
	bool ok;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
	               ends) != 0)
		return err_errno(err, ERR_SCARCE, errno, "socketpair");
	request.far_end = ends[1];
	ok = wait_until_settled(jump, &request, ends[0], wait, err);
	wait->deadline += request.waited;
	if (request.state == JUMP_FAILED)
		*err = refusal;
	if (ok && recv(ends[0], &byte, 1, 0) != 1) /* of tell() */
		ok = err_errno(err, ERR_SYSTEM, errno, "socketpair");
	if (ok) {
		*fd = ends[0];
		*session = request.number;
		return true;
	}
	close(ends[0]);
	if (request.state != JUMP_OPEN)
		close(ends[1]);
	return false;
}

/* --- the whole ------------------------------------------------------------ */

bool jump_open(struct jump **jump, const struct jump_settings *settings,
               struct err *err)
{
	struct jump *j = calloc(1, sizeof(*j));

	if (j == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	assert(settings->channels_max > 0 && settings->sessions_max > 0);
	j->settings = *settings;
	j->settings.password = NULL;
	if (j->settings.stack_size == 0)
		j->settings.stack_size = JUMP_STACK_SIZE;
	if (j->settings.idle_ms == 0)
		j->settings.idle_ms = JUMP_IDLE_MS;
	j->cap = settings->channels_max;
	j->sessions_max = settings->sessions_max;
	j->patience = JUMP_PATIENCE_FIRST_NS;
	if (settings->password != NULL) {
		j->password = strdup(settings->password);
		if (j->password == NULL) {
			err_set(err, ERR_SYSTEM, "out of memory");
			goto fail;
		}
	}
	if (pthread_mutex_init(&j->lock, NULL) != 0) {
		err_set(err, ERR_SYSTEM, "out of memory");
		goto fail;
	}
	*jump = j;
	return true;
fail:
	if (j->password != NULL)
		explicit_bzero(j->password, strlen(j->password));
	free(j->password);
	free(j);
	return false;
}

void jump_close(struct jump *jump)
{
	struct jump_session *session;

	if (jump == NULL)
		return;
	assert(jump->first == NULL);
	jump_lock(jump);
	jump->ends = true;
	for (session = jump->sessions; session != NULL;
	     session = session->next) {
		if (session->wake >= 0)
			wake(session->wake);
	}
	jump_unlock(jump);
	/* They look at each other until the last one is gone. */
	for (session = jump->sessions; session != NULL; session = session->next)
		jump_many_join(session);
	while ((session = jump->sessions) != NULL) {
		jump->sessions = session->next;
		free(session);
	}
	pthread_mutex_destroy(&jump->lock);
	if (jump->password != NULL)
		explicit_bzero(jump->password, strlen(jump->password));
	free(jump->password);
	free(jump);
}

void jump_explain(struct jump *jump, unsigned session, struct err *err)
{
	if (err->kind != ERR_PROTOCOL && err->kind != ERR_DROPPED &&
	    err->kind != ERR_COMMAND)
		return;
	jump_lock(jump);
	for (const struct jump_session *s = jump->sessions; s != NULL;
	     s = s->next) {
		if (s->number == session && s->lost)
			err_prefix(err, "%s", s->err.text);
	}
	jump_unlock(jump);
}

void jump_counts(struct jump *jump, struct jump_counts *counts)
{
	jump_lock(jump);
	*counts = jump->counts;
	counts->sessions = jump_live(jump);
	counts->channels_cap = jump->cap;
	jump_unlock(jump);
}

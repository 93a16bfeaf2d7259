#include "inventory/jump_inside.h"

#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

void jump_enqueue(struct jump *jump, struct jump_request *request, bool front)
{
	struct jump_request **to = front ? &jump->first : &jump->last;
	struct jump_request *neighbour = *to;

	request->state = JUMP_WAITS;
	request->since = monotonic_ns();
	request->next = front ? neighbour : NULL;
	request->previous = front ? NULL : neighbour;
	if (neighbour == NULL)
		jump->first = jump->last = request;
	else if (front)
		neighbour->previous = request;
	else
		neighbour->next = request;
	*to = request;
}

void jump_dequeue(struct jump *jump, struct jump_request *request)
{
	if (request->previous != NULL)
		request->previous->next = request->next;
	else
		jump->first = request->next;
	if (request->next != NULL)
		request->next->previous = request->previous;
	else
		jump->last = request->previous;
	request->waited += monotonic_ns() - request->since;
	request->since = monotonic_ns();
}

/* The byte goes in front of all that the channel brings. */
static void tell(struct jump_request *request)
{
	(void)send(request->far_end, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

void jump_refuse(struct jump_request *request, const struct err *err)
{
	*request->err = *err;
	request->state = JUMP_FAILED;
	tell(request);
}

static void fail_all(struct jump *jump, const struct err *err)
{
	while (jump->first != NULL) {
		struct jump_request *request = jump->first;

		jump_dequeue(jump, request);
		jump_refuse(request, err);
	}
}

/* --- what is learnt ------------------------------------------------------- */

unsigned jump_live(const struct jump *jump)
{
	unsigned live = 0;

	for (const struct jump_session *s = jump->sessions; s != NULL;
	     s = s->next)
		live += s->state != JUMP_ENDED && !s->retires;
	return live;
}

/* note: what the administrator is told, or ERR_NONE. */
static void unlock_and_say(struct jump *jump, struct err *note)
{
	jump_unlock(jump);
	if (note->kind == ERR_NONE || jump->settings.note == NULL)
		return;
	err_prefix(note, "jump host %s", jump->settings.host);
	jump->settings.note(note->text);
}

/* Said once: it may turn out to be fewer. */
static void learn_cap(struct jump *jump, unsigned cap, struct err *note)
{
	if (cap >= jump->cap)
		return;
	if (jump->cap == jump->settings.channels_max)
		err_set(note, ERR_SYSTEM,
		        "refused a channel beside %u others: sessions carry no "
		        "more than that",
		        cap);
	jump->cap = cap;
}

void jump_session_serves(struct jump_session *session)
{
	struct jump *jump = session->jump;

	jump_lock(jump);
	session->state = JUMP_SERVES;
	jump->was_in = true;
	if (jump_live(jump) > jump->counts.sessions_most)
		jump->counts.sessions_most = jump_live(jump);
	jump_unlock(jump);
}

bool jump_may_take(const struct jump_session *session)
{
	return session->jump->first != NULL && session->state == JUMP_SERVES &&
	       !session->opening && !session->retires && !session->doubted &&
	       jump_has_room(session);
}

bool jump_session_take(struct jump_session *session, unsigned live, char *host,
                       size_t size, uint16_t *port)
{
	struct jump *jump = session->jump;
	struct jump_request *request = NULL;

	jump_lock(jump);
	if (jump_may_take(session)) {
		request = jump->first;
		jump_dequeue(jump, request);
		request->state = JUMP_TAKEN;
		jump->moved_at = monotonic_ns();
		request->session = session;
		session->request = request;
		session->opening = true;
		session->opening_since = request->since;
		session->live = live;
		session->beside = session->channels++;
		snprintf(host, size, "%s", request->host);
		*port = request->port;
	}
	jump_unlock(jump);
	return request != NULL;
}

/* --- how an opening ended; the lock is held ------------------------------- */

static void note_opened(struct jump *jump, struct jump_request *request,
                        struct err *note)
{
	/* Where fewer were open it was not prohibited. */
	if (request->tried_again) {
		jump->prohibited = JUMP_TOO_MANY;
		learn_cap(jump, request->refused_beside, note);
	}
	jump->counts.channels++;
	jump->channels++;
	if (jump->channels > jump->counts.channels_most)
		jump->counts.channels_most = jump->channels;
}

/* err: without the jump host's name yet. */
static void refuse(const struct jump *jump, struct jump_request *request,
                   struct err *err)
{
	err_prefix(err, "jump host %s", jump->settings.host);
	jump_refuse(request, err);
}

/* Some servers say so of a target, others when there are too many channels. */
static void settle_prohibited(struct jump *jump, struct jump_request *request,
                              const struct jump_session *session)
{
	struct err err;

	if (session->beside == 0 || request->tried_again)
		jump->prohibited = JUMP_POLICY;
	if (jump->prohibited == JUMP_POLICY) {
		err_set(&err, ERR_UNREACHABLE,
		        "forwarding to %s, port %u, is not allowed",
		        request->host, (unsigned)request->port);
		refuse(jump, request, &err);
		return;
	}
	request->tried_again = true;
	request->refused_beside = session->beside;
	request->beside_max = session->live / 2;
	jump_enqueue(jump, request, true);
}

/* Channels may have gone since it was asked for: then too high a number is
 * learnt, and soon another one. */
static void settle_refused(struct jump *jump, struct jump_request *request,
                           enum ssh_opening opened,
                           const struct jump_session *session, struct err *note)
{
	struct err err;

	if (opened == SSH_OPEN_PROHIBITED && session->beside > 0 &&
	    jump->prohibited == JUMP_TOO_MANY)
		opened = SSH_OPEN_SHORTAGE;
	if (opened == SSH_OPEN_PROHIBITED) {
		settle_prohibited(jump, request, session);
	} else if (opened == SSH_OPEN_SHORTAGE && session->beside > 0) {
		learn_cap(jump, session->beside, note);
		jump_enqueue(jump, request, true);
	} else if (opened == SSH_OPEN_SHORTAGE) {
		err_set(&err, ERR_UNREACHABLE,
		        "it opens no channel: resource shortage");
		refuse(jump, request, &err);
	} else if (opened == SSH_OPEN_TIMEOUT) {
		err_set(&err, ERR_TIMEOUT,
		        "no answer for a channel to %s, port %u", request->host,
		        (unsigned)request->port);
		refuse(jump, request, &err);
	} else {
		err_set(&err, ERR_UNREACHABLE,
		        "it cannot connect to %s, port %u", request->host,
		        (unsigned)request->port);
		refuse(jump, request, &err);
	}
}

bool jump_session_opened(struct jump_session *session, enum ssh_opening opened,
                         int *fd)
{
	struct jump *jump = session->jump;
	struct jump_request *request;
	struct err note = { .kind = ERR_NONE };
	bool wanted;

	jump_lock(jump);
	request = session->request;
	session->request = NULL;
	session->opening = false;
	wanted = opened == SSH_OPENED && request != NULL;
	if (wanted) {
		jump_note_quick(session);
		note_opened(jump, request, &note);
		*fd = request->far_end;
		request->number = session->number;
		request->state = JUMP_OPEN;
		tell(request);
	} else if (opened != SSH_OPENED) {
		session->channels--;
	} else {
		jump->channels++; /* until it is freed */
	}
	if (!wanted && request != NULL)
		settle_refused(jump, request, opened, session, &note);
	unlock_and_say(jump, &note);
	return wanted;
}

void jump_session_freed(struct jump_session *session)
{
	jump_lock(session->jump);
	session->channels--;
	session->jump->channels--;
	jump_unlock(session->jump);
}

/* --- how a session ended; the lock is held -------------------------------- */

static unsigned count_serving(const struct jump *jump)
{
	unsigned serving = 0;

	for (const struct jump_session *s = jump->sessions; s != NULL;
	     s = s->next)
		serving += s->state == JUMP_SERVES && !s->retires;
	return serving;
}

/* What may be another time: a login is not tried again with what was refused.
 */
static bool may_pass(const struct jump *jump, const struct err *err)
{
	if (err->kind == ERR_DROPPED || err->kind == ERR_SCARCE)
		return true;
	return jump->was_in &&
	       (err->kind == ERR_REFUSED || err->kind == ERR_UNREACHABLE ||
	        err->kind == ERR_TIMEOUT || err->kind == ERR_PROTOCOL);
}

/* Many sessions lost at once are one loss in a row: only one that has begun
 * since then, which is after the pause, was another try. */
static void note_loss(struct jump_session *session)
{
	struct jump *jump = session->jump;
	nanoseconds now = monotonic_ns();

	jump->counts.losses++;
	if (session->number <= jump->lost_number)
		return;
	if (now - jump->lost_at > JUMP_ROW_NS)
		jump->losses = 0;
	if (jump->losses <= JUMP_LOSSES_MAX)
		jump->losses++;
	jump->lost_number = jump->counts.logins;
	jump->lost_at = now;
	jump->not_before = now + (JUMP_PAUSE_NS << jump->losses) / 2;
}

static void be_over(struct jump *jump, const struct err *err)
{
	jump->over = true;
	jump->err = *err;
}

static void settle_end(struct jump_session *session, const struct err *err,
                       struct err *note)
{
	struct jump *jump = session->jump;
	unsigned others = count_serving(jump);

	if (!session->lost && others > 0) {
		/* As many as it takes, then. */
		jump->sessions_max = others;
		err_set(note, ERR_SYSTEM, "no more than %u sessions: %s",
		        others, err->text);
		return;
	}
	note_loss(session);
	session->err = *err;
	if (session->lost)
		err_prefix(&session->err, "session lost");
	*note = session->err;
	err_prefix(&session->err, "jump host %s", jump->settings.host);
	if (jump_live(jump) > 0 || ((session->lost || may_pass(jump, err)) &&
	                            jump->losses <= JUMP_LOSSES_MAX))
		return;
	if (err->kind == ERR_SCARCE) {
		/* Ours, and that of those who wait: the next may have more
		 * luck. */
		jump->losses = 0;
		jump->not_before = jump->lost_at + JUMP_PAUSE_NS;
		fail_all(jump, &session->err);
	} else {
		be_over(jump, &session->err);
	}
}

bool jump_session_ends(struct jump_session *session)
{
	bool ends;

	jump_lock(session->jump);
	ends = session->jump->ends;
	jump_unlock(session->jump);
	return ends;
}

bool jump_session_retires(struct jump_session *session)
{
	bool retires;

	jump_lock(session->jump);
	if (session->jump->first == NULL)
		session->retires = true;
	retires = session->retires;
	jump_unlock(session->jump);
	return retires;
}

void jump_session_over(struct jump_session *session, const struct err *err)
{
	struct jump *jump = session->jump;
	struct err note = { .kind = ERR_NONE };

	jump_lock(jump);
	session->lost = session->state == JUMP_SERVES && err != NULL;
	session->state = JUMP_ENDED;
	if (session->request != NULL)
		jump_enqueue(jump, session->request, true);
	session->request = NULL;
	jump_put_back(session);
	jump->channels -= session->channels - session->opening;
	session->channels = 0;
	session->opening = false;
	if (err != NULL && err->kind != ERR_CANCELLED)
		settle_end(session, err, &note);
	if (jump->over)
		fail_all(jump, &jump->err);
	unlock_and_say(jump, &note);
}

void jump_session_gone(struct jump_session *session)
{
	jump_lock(session->jump);
	close(session->wake);
	session->wake = -1;
	jump_unlock(session->jump);
	jump_many_done(session);
}

#include "inventory/jump_inside.h"

#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>

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

/* What the administrator is told, once the lock is left. */
struct note {
	char text[ERR_TEXT_SIZE];
};

__attribute__((format(printf, 3, 4))) static void
make_note(const struct jump *jump, struct note *note, const char *format, ...)
{
	int used = snprintf(note->text, sizeof(note->text),
	                    "jump host %s: ", jump->settings.host);
	va_list args;

	va_start(args, format);
	if (used > 0 && (size_t)used < sizeof(note->text))
		vsnprintf(note->text + used, sizeof(note->text) - (size_t)used,
		          format, args);
	va_end(args);
}

static void unlock_and_say(struct jump *jump, const struct note *note)
{
	jump_unlock(jump);
	if (note->text[0] != '\0' && jump->settings.note != NULL)
		jump->settings.note(note->text);
}

static void learn_cap(struct jump *jump, unsigned cap, struct note *note)
{
	if (cap >= jump->cap)
		return;
	jump->cap = cap;
	make_note(jump, note, "no more than %u channels in a session", cap);
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

/* The lock is held. */
static struct jump_request *next_for(const struct jump_session *session)
{
	struct jump_request *request = session->jump->first;

	while (request != NULL && request->prohibited_at > 0 &&
	       session->channels >= request->prohibited_at)
		request = request->next;
	return request;
}

bool jump_session_take(struct jump_session *session, char *host, size_t size,
                       uint16_t *port)
{
	struct jump *jump = session->jump;
	struct jump_request *request = NULL;

	jump_lock(jump);
	if (session->channels < jump->cap && !session->retires &&
	    !session->doubted)
		request = next_for(session);
	if (request != NULL) {
		jump_dequeue(jump, request);
		request->state = JUMP_TAKEN;
		request->session = session;
		session->request = request;
		session->opening = true;
		session->opening_since = request->since;
		session->beside = session->channels++;
		snprintf(host, size, "%s", request->host);
		*port = request->port;
	}
	jump_unlock(jump);
	return request != NULL;
}

/* --- how an opening ended; the lock is held ------------------------------- */

static void note_opened(struct jump *jump, struct jump_request *request,
                        struct note *note)
{
	/* Where fewer were open it was not prohibited: so there were too many.
	 */
	if (request->prohibited_at > 0)
		learn_cap(jump, request->prohibited_at, note);
	jump->counts.channels++;
	jump->channels++;
	if (jump->channels > jump->counts.channels_most)
		jump->counts.channels_most = jump->channels;
}

__attribute__((format(printf, 4, 5))) static void
refuse(const struct jump *jump, struct jump_request *request,
       enum err_kind kind, const char *format, ...)
{
	struct err err;
	va_list args;

	err.kind = kind;
	va_start(args, format);
	vsnprintf(err.text, sizeof(err.text), format, args);
	va_end(args);
	err_prefix(&err, "jump host %s", jump->settings.host);
	jump_refuse(request, &err);
}

/* others: channels that were open when it was asked for; some may have gone
 * since, but who learns too high a number learns again. */
static void settle_refused(struct jump *jump, struct jump_request *request,
                           enum ssh_opening opened, unsigned others,
                           struct note *note)
{
	if (opened == SSH_OPEN_SHORTAGE && others > 0) {
		learn_cap(jump, others, note);
		jump_enqueue(jump, request, true);
	} else if (opened == SSH_OPEN_SHORTAGE) {
		refuse(jump, request, ERR_UNREACHABLE,
		       "it opens no channel: resource shortage");
	} else if (opened == SSH_OPEN_TIMEOUT) {
		refuse(jump, request, ERR_TIMEOUT,
		       "no answer for a channel to %s, port %u", request->host,
		       (unsigned)request->port);
	} else if (opened == SSH_OPEN_FAILED) {
		refuse(jump, request, ERR_UNREACHABLE,
		       "it cannot connect to %s, port %u", request->host,
		       (unsigned)request->port);
	} else if (others > 0 && request->prohibited_at == 0) {
		/* Some servers say so when there are too many. */
		request->prohibited_at = others;
		jump_enqueue(jump, request, true);
	} else {
		refuse(jump, request, ERR_UNREACHABLE,
		       "forwarding to %s, port %u, is not allowed",
		       request->host, (unsigned)request->port);
	}
}

bool jump_session_opened(struct jump_session *session, enum ssh_opening opened,
                         int *fd)
{
	struct jump *jump = session->jump;
	struct jump_request *request;
	struct note note = { .text = "" };
	bool wanted;

	jump_lock(jump);
	request = session->request;
	session->request = NULL;
	session->opening = false;
	wanted = opened == SSH_OPENED && request != NULL;
	if (wanted) {
		note_opened(jump, request, &note);
		*fd = request->far_end;
		request->state = JUMP_OPEN;
		tell(request);
	} else if (opened != SSH_OPENED) {
		session->channels--;
	} else {
		jump->channels++; /* until it is freed */
	}
	if (!wanted && request != NULL)
		settle_refused(jump, request, opened, session->beside, &note);
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

static void note_loss(struct jump *jump)
{
	nanoseconds now = monotonic_ns();

	if (now - jump->lost_at > JUMP_ROW_NS)
		jump->losses = 0;
	jump->losses++;
	jump->lost_at = now;
	jump->not_before = now + (JUMP_PAUSE_NS << jump->losses) / 2;
	jump->counts.losses++;
}

static void be_over(struct jump *jump, const struct err *err)
{
	jump->over = true;
	jump->err = *err;
}

static void settle_end(struct jump_session *session, const struct err *err,
                       struct note *note)
{
	struct jump *jump = session->jump;
	unsigned others = count_serving(jump);

	if (!session->lost && others > 0) {
		/* As many as it takes, then. */
		jump->sessions_max = others;
		make_note(jump, note, "no more than %u sessions: %s", others,
		          err->text);
		return;
	}
	note_loss(jump);
	make_note(jump, note, "%s", err->text);
	session->err = *err;
	err_prefix(&session->err, "jump host %s", jump->settings.host);
	if (jump_live(jump) == 0 && (!(session->lost || may_pass(jump, err)) ||
	                             jump->losses > JUMP_LOSSES_MAX))
		be_over(jump, &session->err);
}

void jump_session_over(struct jump_session *session, const struct err *err)
{
	struct jump *jump = session->jump;
	struct note note = { .text = "" };

	jump_lock(jump);
	session->lost = session->state == JUMP_SERVES && err != NULL;
	session->state = JUMP_ENDED;
	if (session->request != NULL)
		jump_enqueue(jump, session->request, true);
	session->request = NULL;
	jump->channels -= session->channels - session->opening;
	session->channels = 0;
	session->opening = false;
	if (err != NULL && err->kind != ERR_CANCELLED)
		settle_end(session, err, &note);
	if (jump->over)
		fail_all(jump, &jump->err);
	unlock_and_say(jump, &note);
}

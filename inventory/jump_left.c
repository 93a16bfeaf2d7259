#include "inventory/jump_inside.h"

/*
 * The library opens one channel at a time, and a target that does not answer
 * would keep all the others waiting for as long as a connection may take. So
 * the opening is left when it has gone first for a while and somebody waits:
 * the server goes on with it, and what it answers is seen (ssh_forward.h). A
 * target that could not be reached is told so. One that was reached is opened
 * once more, in front of all, since the channel that the server has made is
 * nobody's: that is a connection too many at the target, so it is to be rare.
 */

/* --- how long an opening goes first --------------------------------------- */

/* Of an opening that is as quick as others the time is no part of. */
#define PATIENCE_TIMES 4

static nanoseconds larger(nanoseconds a, nanoseconds b)
{
	return a > b ? a : b;
}

void jump_note_quick(struct jump_session *session)
{
	struct jump *jump = session->jump;
	nanoseconds took = monotonic_ns() - session->opening_since;

	jump->patience =
	    larger(jump->patience - jump->patience / 8,
	           larger(PATIENCE_TIMES * took, JUMP_PATIENCE_LEAST_NS));
}

static void note_late(struct jump *jump, nanoseconds took)
{
	jump->patience = larger(jump->patience, 2 * took);
}

/* --- leaving -------------------------------------------------------------- */

bool jump_has_room(const struct jump_session *session)
{
	const struct jump *jump = session->jump;

	return session->channels < jump->cap &&
	       (!jump->first->tried_again ||
	        session->channels - session->lefts <= jump->first->beside_max);
}

/* But for the time. */
static bool may_leave_soon(const struct jump_session *session)
{
	return session->jump->first != NULL && session->opening &&
	       !session->stays && session->request != NULL &&
	       !session->request->late && !session->retires &&
	       !session->doubted && jump_has_room(session);
}

bool jump_may_leave(const struct jump_session *session)
{
	return may_leave_soon(session) &&
	       monotonic_ns() - session->opening_since >=
	           session->jump->patience;
}

nanoseconds jump_session_leaves(struct jump_session *session, bool can)
{
	nanoseconds when = 0;

	jump_lock(session->jump);
	session->stays = !can;
	if (may_leave_soon(session))
		when = session->opening_since + session->jump->patience;
	jump_unlock(session->jump);
	return when;
}

void jump_session_left(struct jump_session *session, uint32_t number,
                       bool receives)
{
	struct jump_request *request;

	jump_lock(session->jump);
	request = session->request;
	session->request = NULL;
	session->opening = false;
	if (request != NULL && receives) {
		request->state = JUMP_LEFT;
		request->number_left = number;
		request->next = session->left;
		session->left = request;
		session->lefts++;
	} else {
		session->channels--;
		if (request != NULL)
			jump_enqueue(session->jump, request, true);
	}
	jump_unlock(session->jump);
}

/* --- what becomes of it --------------------------------------------------- */

static struct jump_request *take_off(struct jump_session *session,
                                     struct jump_request **at)
{
	struct jump_request *request = *at;

	*at = request->next;
	session->lefts--;
	session->channels--;
	return request;
}

void jump_forget_left(struct jump_request *request)
{
	struct jump_request **at = &request->session->left;

	while (*at != request)
		at = &(*at)->next;
	(void)take_off(request->session, at);
}

void jump_put_back(struct jump_session *session)
{
	while (session->left != NULL)
		jump_enqueue(session->jump, take_off(session, &session->left),
		             true);
}

static void settle(struct jump *jump, struct jump_request *request,
                   enum ssh_opening answer)
{
	struct err err;

	if (answer != SSH_OPEN_FAILED) {
		/* Why it was not opened is found out once more, too. */
		if (answer == SSH_OPENED)
			note_late(jump, monotonic_ns() - request->since);
		request->late = true;
		jump_enqueue(jump, request, true);
		return;
	}
	err_set(&err, ERR_UNREACHABLE, "it cannot connect to %s, port %u",
	        request->host, (unsigned)request->port);
	err_prefix(&err, "jump host %s", jump->settings.host);
	jump_refuse(request, &err);
}

void jump_session_answered(struct jump_session *session, uint32_t number,
                           enum ssh_opening answer)
{
	struct jump_request **at = &session->left;

	jump_lock(session->jump);
	while (*at != NULL && (*at)->number_left != number)
		at = &(*at)->next;
	if (*at != NULL)
		settle(session->jump, take_off(session, at), answer);
	jump_unlock(session->jump);
}

bool jump_session_awaits(struct jump_session *session)
{
	bool awaits;

	jump_lock(session->jump);
	awaits = session->left != NULL;
	jump_unlock(session->jump);
	return awaits;
}

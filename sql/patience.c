#include "sql/patience.h"

#include "inventory/wait.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

/* Waits between attempts: doubled each time, up to the longest. */
#define AGAIN_FIRST_MS 5
#define AGAIN_LONGEST_MS 500
#define GONE_FIRST_MS 100
#define GONE_LONGEST_MS 3000

/* Locks of others come and go; one that stays is worth a word. */
#define AGAIN_TELL_AFTER (2 * NS_PER_S)

void patience_begin(struct patience *patience)
{
	patience->deadline = 0;
	patience->attempt = 0;
	patience->told = DB_OK;
}

void patience_call(struct patience *patience)
{
	patience->called = monotonic_ns();
	limit_set(patience->limit, patience->deadline != 0
	                               ? patience->deadline
	                               : patience->called + patience->length);
}

void patience_progress(struct patience *patience)
{
	limit_set(patience->limit, monotonic_ns() + patience->length);
}

enum db_result patience_called(struct patience *patience, enum db_result result,
                               struct err *err)
{
	bool passed = limit_lift(patience->limit);

	if (passed && result == DB_GONE)
		err_set(err, ERR_STORE, "no answer in %.1f s",
		        (double)(monotonic_ns() - patience->called) / 1e9);
	if (patience->deadline == 0 &&
	    (result == DB_AGAIN || result == DB_GONE))
		patience->deadline = patience->called + patience->length;
	return result;
}

/* Between half and the whole of first << attempt, at most longest. */
static int jittered(struct patience *patience, unsigned attempt, int first,
                    int longest)
{
	int ms = longest;

	if (attempt < 8 && first << attempt < longest)
		ms = first << attempt;
	return ms / 2 + rand_r(&patience->seed) % (ms / 2 + 1);
}

/* True when nothing is waited for any longer. */
static bool is_over(const struct patience *patience)
{
	return wait_cancelled(patience->cancel_fd) ||
	       monotonic_ns() >= patience->deadline;
}

/* Waits before another try. False when it is time to give up: the run ends, or
 * patience does. */
static bool pause_before(struct patience *patience, unsigned attempt, int first,
                         int longest)
{
	struct pollfd pfd = { .fd = patience->cancel_fd, .events = POLLIN };
	int ms = jittered(patience, attempt, first, longest);
	int left = deadline_poll_ms(patience->deadline);

	/* poll() takes no notice of a negative descriptor. */
	poll(&pfd, 1, ms < left ? ms : left);
	return !is_over(patience);
}

static bool reconnect(struct patience *patience, struct err *err)
{
	const struct wait wait = {
		.deadline = patience->deadline,
		.limit_ms = (unsigned)(patience->length / NS_PER_MS),
		.cancel_fd = patience->cancel_fd,
	};

	for (unsigned attempt = 0;; attempt++) {
		struct err failed;
		enum db_result result =
		    patience->db->ops->connect(patience->db, &wait, &failed);

		if (result == DB_OK)
			return true;
		/* The end of the run is not what is wrong with it. */
		if (failed.kind != ERR_CANCELLED)
			*err = failed;
		if (result != DB_GONE && result != DB_AGAIN)
			return false;
		if (!pause_before(patience, attempt, GONE_FIRST_MS,
		                  GONE_LONGEST_MS))
			return false;
	}
}

static nanoseconds outage(const struct patience *patience)
{
	return monotonic_ns() - (patience->deadline - patience->length);
}

/* Once for an outage, whatever becomes of it. */
static void tell_outage(struct patience *patience, enum db_result result,
                        const struct err *err)
{
	char text[ERR_TEXT_SIZE + 128];
	nanoseconds left = patience->deadline - monotonic_ns();

	if (patience->warn == NULL || patience->told != DB_OK ||
	    (result == DB_AGAIN && outage(patience) < AGAIN_TELL_AFTER))
		return;
	patience->told = result;
	snprintf(text, sizeof(text),
	         "the database %s (%s); trying again for up to %lld s",
	         result == DB_GONE ? "was lost" : "does not go on", err->text,
	         (long long)((left + NS_PER_S - 1) / NS_PER_S));
	patience->warn(patience->warn_arg, text);
}

static void tell_end(const struct patience *patience)
{
	char text[128];

	if (patience->told == DB_OK)
		return;
	snprintf(text, sizeof(text), "the database %s after %lld s",
	         patience->told == DB_GONE ? "is back" : "goes on",
	         (long long)(outage(patience) / NS_PER_S));
	patience->warn(patience->warn_arg, text);
}

/* Prepares for another try at what failed. False when there is none. */
static bool prepare(struct patience *patience, unsigned attempt,
                    enum db_result result, struct err *err)
{
	if (result == DB_AGAIN)
		return pause_before(patience, attempt, AGAIN_FIRST_MS,
		                    AGAIN_LONGEST_MS);
	/* One that comes and goes at once is no better. */
	if (attempt > 0 &&
	    !pause_before(patience, attempt, GONE_FIRST_MS, GONE_LONGEST_MS))
		return false;
	return reconnect(patience, err);
}

bool patience_again(struct patience *patience, enum db_result result,
                    struct err *err)
{
	if (result == DB_OK || result == DB_DATA)
		tell_end(patience);
	if ((result != DB_AGAIN && result != DB_GONE) || is_over(patience))
		return false;
	tell_outage(patience, result, err);
	return prepare(patience, patience->attempt++, result, err);
}

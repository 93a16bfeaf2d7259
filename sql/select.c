#include "sql/store_private.h"

#include "inventory/deadline.h"
#include "inventory/wait.h"

#include <poll.h>
#include <stdio.h>

/* Waits between attempts: doubled each time, up to the longest. */
#define FIRST_MS 100
#define LONGEST_MS 1600

struct selection {
	struct store *store;
	const char *sql;
	db_row_function *row;
	void *arg;
	bool connected;
	struct wait wait;
};

static enum db_result attempt(struct selection *selection, struct err *err)
{
	struct db *db = selection->store->db;
	enum db_result result = DB_OK;

	if (!selection->connected)
		result = db->ops->connect(db, &selection->wait, err);
	selection->connected = result == DB_OK;
	if (result == DB_OK)
		result = db->ops->select(db, selection->sql, selection->row,
		                         selection->arg, err);
	if (result == DB_GONE)
		selection->connected = false;
	return result;
}

/* False when it is time to give up: the run ends, or patience does. */
static bool wait_for_next(const struct wait *wait, int ms)
{
	struct pollfd pfd = { .fd = wait->cancel_fd, .events = POLLIN };
	int left = deadline_poll_ms(wait->deadline);

	/* poll() takes no notice of a negative descriptor. */
	return left > 0 && poll(&pfd, 1, ms < left ? ms : left) <= 0;
}

static void warn_lost(const struct writer *writer, const struct err *err)
{
	char text[ERR_TEXT_SIZE + 128];

	if (writer->warn == NULL)
		return;
	snprintf(text, sizeof(text),
	         "cannot read from the database (%s); trying again for up to "
	         "%lld s",
	         err->text, (long long)(writer->patience / NS_PER_S));
	writer->warn(writer->warn_arg, text);
}

static enum db_result select_patiently(struct selection *selection,
                                       struct err *err)
{
	enum db_result result = attempt(selection, err);

	for (int ms = FIRST_MS; result == DB_GONE || result == DB_AGAIN;
	     ms = ms < LONGEST_MS ? ms * 2 : ms) {
		if (ms == FIRST_MS)
			warn_lost(&selection->store->writer, err);
		if (!wait_for_next(&selection->wait, ms))
			break;
		result = attempt(selection, err);
	}
	return result;
}

bool store_select(struct store *store, const char *sql, db_row_function *row,
                  void *arg, struct err *err)
{
	const struct writer *writer = &store->writer;
	struct selection selection = {
		.store = store,
		.sql = sql,
		.row = row,
		.arg = arg,
		.connected = true,
		.wait = { .deadline = monotonic_ns() + writer->patience,
		          .limit_ms = (unsigned)(writer->patience / NS_PER_MS),
		          .cancel_fd = writer->cancel_fd },
	};
	struct err failed = { .kind = ERR_NONE };
	enum db_result result;

	db_thread_begin(store->db->ops);
	result = select_patiently(&selection, &failed);
	db_thread_end(store->db->ops);
	if (result == DB_OK)
		return true;
	*err = failed;
	err->kind = ERR_STORE;
	return err_prefix(err, "%s", store->name);
}

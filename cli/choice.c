#include "cli/choice.h"

static bool leave_out(void *arg, const char *ip, unsigned port)
{
	struct choice *choice = arg;
	uint32_t before;

	return hostset_add(&choice->without, ip, port, 1, &before);
}

bool choice_without_done(struct choice *choice, struct store *store,
                         const char *run_id, struct err *err)
{
	return store_each_key(store, STORE_KEYS_OF_RUN, run_id, leave_out,
	                      choice, err);
}

bool choice_without_ok(struct choice *choice, struct store *store,
                       struct err *err)
{
	return store_each_key(store, STORE_KEYS_OK, NULL, leave_out, choice,
	                      err);
}

static bool remember_ok(void *arg, const char *ip, unsigned port)
{
	struct choice *choice = arg;
	uint32_t before;

	return hostset_add(&choice->ok, ip, port, 1, &before);
}

bool choice_knows_failures(struct choice *choice, struct store *store,
                           struct err *err)
{
	choice->knows_failures = true;
	return store_each_key(store, STORE_KEYS_OK, NULL, remember_ok, choice,
	                      err);
}

enum choice_verdict choice_of(struct choice *choice, const struct host *host)
{
	/* Asked for each, so that it knows which are in the host file. */
	bool wanted = choice->only == NULL || retryfile_has(choice->only, host);
	bool done = hostset_find(&choice->without, host->ip, host->port) != 0;

	if (wanted && !done)
		return CHOICE_TAKES;
	choice->passed_over++;
	if (done && choice->knows_failures &&
	    hostset_find(&choice->ok, host->ip, host->port) == 0)
		return CHOICE_HAD_FAILED;
	return CHOICE_PASSES_OVER;
}

void choice_release(struct choice *choice)
{
	hostset_release(&choice->without);
	hostset_release(&choice->ok);
}

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

bool choice_takes(struct choice *choice, const struct host *host)
{
	bool takes =
	    hostset_find(&choice->without, host->ip, host->port) == 0 &&
	    (choice->only == NULL || retryfile_has(choice->only, host));

	if (!takes)
		choice->passed_over++;
	return takes;
}

void choice_release(struct choice *choice)
{
	hostset_release(&choice->without);
}

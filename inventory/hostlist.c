#include "inventory/hostlist.h"

#include <stdio.h>
#include <string.h>

bool hostlist_open(struct hostlist *list, const char *const *lists,
                   size_t count, int cancel_fd, unsigned *uses_stdin,
                   struct err *err)
{
	memset(list, 0, sizeof(*list));
	return words_open(&list->words, "-w", lists, count, true, cancel_fd,
	                  uses_stdin, err);
}

void hostlist_release(struct hostlist *list)
{
	target_release(&list->target);
	words_release(&list->words);
}

/* Takes up the next word. One without a user is bad as a whole, not once for
 * each of its hosts. */
static enum host_read next_word(struct hostlist *list,
                                const struct host_defaults *defaults,
                                const struct hostfile_wake *wake,
                                struct err *err)
{
	enum host_read got;

	target_release(&list->target);
	list->next = 0;
	list->count = 0;
	got = words_next(&list->words, wake, &list->target, err);
	if (got != HOST_READ)
		return got;
	if (list->target.user[0] == '\0' && defaults->user == NULL &&
	    !defaults->may_lack_user) {
		err_set(err, ERR_INPUT, "no user (USER@HOST)");
		words_blame(&list->words, err);
		return HOST_BAD;
	}
	list->count = target_count(&list->target);
	return HOST_READ;
}

enum host_read hostlist_next(struct hostlist *list, struct host *host,
                             const struct host_defaults *defaults,
                             const struct hostfile_wake *wake, struct err *err)
{
	while (list->next == list->count) {
		enum host_read got = next_word(list, defaults, wake, err);

		if (got != HOST_READ)
			return got;
	}
	memset(host, 0, sizeof(*host));
	host->port = defaults->port;
	host->line = words_line(&list->words);
	host->lacks_password = true;
	if (!target_host(&list->target, list->next++, host, err)) {
		words_blame(&list->words, err);
		return HOST_BAD;
	}
	if (host->user[0] == '\0' && defaults->user != NULL)
		snprintf(host->user, sizeof(host->user), "%s", defaults->user);
	return HOST_READ;
}

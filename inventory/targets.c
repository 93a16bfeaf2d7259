#include "inventory/targets.h"

#include "inventory/ansible.h"
#include "inventory/exclude.h"
#include "inventory/hostlist.h"
#include "inventory/hostset.h"
#include "inventory/shuffle.h"
#include "inventory/wait.h"

#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/*
 *     host file --> lists --> inventory --> -x --> complete --> repeats -->
 *
 * and, to shuffle, all of them into the bag before the first is handed out.
 * Repeats come last: ssh_config may name the port.
 */

/* Hosts that are passed over in a row before somebody is asked whether that is
 * still wanted. */
#define PATIENCE 1024

enum source { SOURCE_FILE, SOURCE_LISTS, SOURCE_INVENTORY, SOURCE_NONE };

struct targets {
	struct targets_settings settings;
	enum source source; /* the one that is being read */
	struct hostfile *file;
	struct hostlist lists;
	struct ansible *ansible;
	struct exclude exclude;
	size_t excluded;
	struct hostset seen; /* with the line of each in the host file */
	struct shuffle bag;
	bool bag_is_full; /* all was read */
};

static unsigned count_stdin(const char *path)
{
	return path != NULL && strcmp(path, "-") == 0;
}

static bool check_stdin(unsigned uses, struct err *err)
{
	return uses <= 1 ||
	       err_set(err, ERR_INPUT, "standard input can be read once only");
}

static bool open_ansible(struct targets *targets, struct err *err)
{
	const struct targets_settings *s = &targets->settings;
	struct ansible_settings settings = { .path = s->inventory,
		                             .cancel_fd = s->cancel_fd,
		                             .way_is_known = s->way_is_known,
		                             .warn = s->warn,
		                             .arg = s->arg };

	return s->inventory == NULL ||
	       ansible_open(&targets->ansible, &settings, err);
}

/* What is quickly refused comes first, what may have to be waited for last. */
static bool open_all(struct targets *targets, struct err *err)
{
	const struct targets_settings *s = &targets->settings;
	unsigned uses_stdin =
	    count_stdin(s->host_file) + count_stdin(s->inventory);

	if (s->host_file != NULL &&
	    !hostfile_open(&targets->file, s->host_file, &s->defaults,
	                   s->cancel_fd, err))
		return false;
	return hostlist_open(&targets->lists, s->lists, s->list_count,
	                     s->cancel_fd, &uses_stdin, err) &&
	       check_stdin(uses_stdin, err) &&
	       exclude_read(&targets->exclude, s->excludes, s->exclude_count,
	                    s->cancel_fd, &uses_stdin, err) &&
	       open_ansible(targets, err);
}

bool targets_open(struct targets **targets,
                  const struct targets_settings *settings, struct err *err)
{
	struct targets *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	t->settings = *settings;
	t->source = SOURCE_FILE;
	if (open_all(t, err)) {
		*targets = t;
		return true;
	}
	targets_close(t);
	return false;
}

void targets_close(struct targets *targets)
{
	if (targets == NULL)
		return;
	hostfile_close(targets->file);
	hostlist_release(&targets->lists);
	ansible_close(targets->ansible);
	exclude_release(&targets->exclude);
	hostset_release(&targets->seen);
	shuffle_release(&targets->bag);
	free(targets);
}

size_t targets_excluded(const struct targets *targets)
{
	return targets->excluded;
}

const struct hostfile *targets_hostfile(const struct targets *targets)
{
	return targets->file;
}

/* The next host of the source that is being read; HOST_END at its end. */
static enum host_read read_source(struct targets *targets, struct host *host,
                                  const struct hostfile_wake *wake,
                                  struct err *err)
{
	const struct host_defaults *defaults = &targets->settings.defaults;

	switch (targets->source) {
	case SOURCE_FILE:
		return targets->file != NULL
		           ? hostfile_next(targets->file, host, wake, err)
		           : HOST_END;
	case SOURCE_LISTS:
		return hostlist_next(&targets->lists, host, defaults, wake,
		                     err);
	case SOURCE_INVENTORY:
		return targets->ansible != NULL
		           ? ansible_next(targets->ansible, host, defaults, err)
		           : HOST_END;
	case SOURCE_NONE:
		break;
	}
	return HOST_END;
}

/* The next host of all. */
static enum host_read read_any(struct targets *targets, struct host *host,
                               const struct hostfile_wake *wake,
                               struct err *err)
{
	while (targets->source != SOURCE_NONE) {
		enum host_read got;

		if (wait_cancelled(targets->settings.cancel_fd))
			return HOST_END;
		got = read_source(targets, host, wake, err);
		if (got != HOST_END)
			return got;
		/* The end of the run is not that of a source. */
		if (wait_cancelled(targets->settings.cancel_fd))
			return HOST_END;
		targets->source = (enum source)(targets->source + 1);
	}
	return HOST_END;
}

/* Says where the host that was read stands. */
static void blame(struct targets *targets, const struct host *host,
                  struct err *err)
{
	switch (targets->source) {
	case SOURCE_FILE:
		err_prefix(err, "%s:%zu", hostfile_name(targets->file),
		           host->line);
		break;
	case SOURCE_LISTS:
		words_blame(&targets->lists.words, err);
		break;
	case SOURCE_INVENTORY:
		ansible_blame(targets->ansible, err);
		break;
	case SOURCE_NONE:
		break;
	}
}

/* HOST_READ for a new host, which is remembered. */
static enum host_read check_repeat(struct targets *targets,
                                   const struct host *host, struct err *err)
{
	bool in_file = targets->source == SOURCE_FILE;
	uint32_t line = in_file ? (uint32_t)host->line : 1;
	uint32_t before = 0;

	if (!hostset_add(&targets->seen, host->ip, host->port, line, &before)) {
		err_set(err, ERR_SYSTEM, "out of memory");
		blame(targets, host, err);
		return HOST_FAILED;
	}
	if (before == 0)
		return HOST_READ;
	if (!in_file)
		return HOST_REPEATED;
	err_set(err, ERR_INPUT,
	        "%s port %u was on line %u already; it is probed once",
	        host->ip, (unsigned)host->port, (unsigned)before);
	blame(targets, host, err);
	return HOST_REPEATED;
}

static bool is_excluded(struct targets *targets, const struct host *host,
                        bool port_known)
{
	bool is = exclude_has(&targets->exclude, host, port_known);

	targets->excluded += is;
	return is;
}

/* HOST_READ: a host to be handed out. HOST_END: one to be passed over. */
static enum host_read judge(struct targets *targets, struct host *host,
                            struct err *err)
{
	const struct targets_settings *s = &targets->settings;
	enum host_read judged;

	if (is_excluded(targets, host, false))
		return HOST_END;
	if (s->complete != NULL && !s->complete(s->arg, host, err)) {
		blame(targets, host, err);
		return err->kind == ERR_INPUT ? HOST_BAD : HOST_FAILED;
	}
	/* ssh_config may name its port. */
	if (targets->exclude.has_ports && is_excluded(targets, host, true))
		return HOST_END;
	judged = check_repeat(targets, host, err);
	if (judged == HOST_REPEATED && targets->source != SOURCE_FILE)
		return HOST_END;
	return judged;
}

/* Whether the caller wants to be woken by now. */
static bool is_wanted(const struct hostfile_wake *wake)
{
	struct pollfd fd = { .fd = wake != NULL ? wake->fd : -1,
		             .events = POLLIN };

	if (wake == NULL)
		return false;
	return (wake->until != 0 && monotonic_ns() >= wake->until) ||
	       poll(&fd, 1, 0) > 0;
}

/* In the order of the sources. */
static enum host_read next_in_order(struct targets *targets, struct host *host,
                                    const struct hostfile_wake *wake,
                                    struct err *err)
{
	for (unsigned passed = 1;; passed++) {
		enum host_read got = read_any(targets, host, wake, err);

		if (got != HOST_READ)
			return got;
		got = judge(targets, host, err);
		if (got == HOST_READ)
			return HOST_READ;
		host_wipe(host);
		if (got != HOST_END)
			return got;
		if (passed % PATIENCE == 0 && is_wanted(wake))
			return HOST_NOT_YET;
	}
}

/* Reads all there is. HOST_READ: the bag has every host. */
static enum host_read fill_bag(struct targets *targets, struct host *host,
                               const struct hostfile_wake *wake,
                               struct err *err)
{
	for (unsigned read = 1; !targets->bag_is_full; read++) {
		enum host_read got = next_in_order(targets, host, wake, err);
		bool kept;

		if (got == HOST_END) {
			if (wait_cancelled(targets->settings.cancel_fd))
				return HOST_END;
			targets->bag_is_full = true;
			break;
		}
		if (got != HOST_READ)
			return got;
		kept = shuffle_put(&targets->bag, host, err);
		host_wipe(host);
		if (!kept)
			return HOST_FAILED;
		if (read % PATIENCE == 0 && is_wanted(wake))
			return HOST_NOT_YET;
	}
	return HOST_READ;
}

enum host_read targets_next(struct targets *targets, struct host *host,
                            const struct hostfile_wake *wake, struct err *err)
{
	enum host_read got;

	if (!targets->settings.shuffle)
		return next_in_order(targets, host, wake, err);
	got = fill_bag(targets, host, wake, err);
	if (got != HOST_READ)
		return got;
	if (targets->bag.count == 0 ||
	    wait_cancelled(targets->settings.cancel_fd))
		return HOST_END;
	return shuffle_take(&targets->bag, host, err) ? HOST_READ : HOST_FAILED;
}

#include "cli/parts_inside.h"

#include "cli/log.h"
#include "inventory/words.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>

/* So that a run is not taken up again while it goes on. */
static bool hold_host_file(const struct run *run, const struct hostfile *file,
                           struct err *err)
{
	bool alone = run->options->resume != 0;

	/* Somebody else may have that open for longer than we run. */
	if (strcmp(run->options->host_file, "-") == 0)
		return true;
	switch (hostfile_hold(file, alone)) {
	case HOSTFILE_HOLDS:
		break;
	case HOSTFILE_HELD:
		if (alone)
			return err_set(err, ERR_SYSTEM,
			               "not resumed: another sshinv is at work "
			               "on %s",
			               hostfile_name(file));
		break;
	case HOSTFILE_CANNOT_HOLD:
		if (alone)
			return err_set(err, ERR_INPUT,
			               "--resume needs a regular file that can "
			               "be locked (flock), and %s is none",
			               hostfile_name(file));
		break;
	}
	return true;
}

static bool is_file(const void *arg, const char *path)
{
	return parts_same_file(path, arg);
}

static bool lists_have_file(const struct option_list *lists, bool are_paths,
                            const char *path)
{
	for (size_t i = 0; i < lists->count; i++) {
		const char *item = lists->items[i];

		if (are_paths ? parts_same_file(item, path)
		              : words_name_file(item, is_file, path))
			return true;
	}
	return false;
}

/* What is written must be none of the files that are read. */
static bool check_written(const struct options *options, const char *option,
                          const char *path, struct err *err)
{
	const struct {
		const char *read, *what;
	} files[] = {
		{ options->inventory, "the inventory" },
		{ options->password_file, "the password's file" },
		{ options->ssh_config, "the file of --ssh-config" },
	};
	const struct {
		const struct option_list *lists;
		bool are_paths;
		const char *what;
	} lists[] = {
		{ &options->targets, false, "a file of --targets" },
		{ &options->exclude, false, "a file of --exclude" },
		{ &options->identities, true, "a private key" },
		{ &options->known_hosts, true, "a file of --known-hosts" },
	};

	if (path == NULL)
		return true;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		if (files[i].read != NULL &&
		    parts_same_file(files[i].read, path))
			return err_set(err, ERR_INPUT, "%s would overwrite %s",
			               option, files[i].what);
	}
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		if (lists_have_file(lists[i].lists, lists[i].are_paths, path))
			return err_set(err, ERR_INPUT, "%s would overwrite %s",
			               option, lists[i].what);
	}
	return true;
}

static bool check_files(const struct run *run, struct err *err)
{
	const struct hostfile *file = targets_hostfile(run->targets);
	const struct options *options = run->options;

	if (!check_written(options, "--output", options->output, err) ||
	    !check_written(options, "--retry-file", options->retry_file, err))
		return false;
	if (file == NULL)
		return true;
	if (options->output != NULL && hostfile_is(file, options->output))
		return err_set(err, ERR_INPUT,
		               "--output would overwrite the host file");
	if (options->retry_file != NULL &&
	    hostfile_is(file, options->retry_file))
		return err_set(err, ERR_INPUT,
		               "--retry-file would overwrite the host file");
	if (hostfile_is_exposed(file))
		log_say(LOG_NOTICE,
		        "warning: %s holds passwords and others can read it "
		        "(chmod o= %s)",
		        hostfile_name(file), hostfile_name(file));
	return hold_host_file(run, file, err);
}

static void warn(void *arg, const char *sentence)
{
	(void)arg;
	reach_warn(sentence);
}

static bool open_targets(struct run *run, struct err *err)
{
	const struct options *options = run->options;
	struct targets_settings settings = {
		.host_file = options->host_file,
		.lists = options->targets.items,
		.list_count = options->targets.count,
		.excludes = options->exclude.items,
		.exclude_count = options->exclude.count,
		.inventory = options->inventory,
		.way_is_known = options->jump != NULL,
		.shuffle = options->shuffle != 0,
		.cancel_fd = run->cancel.fd,
		.complete = reach_complete,
		.warn = warn,
		.arg = run->reach,
	};

	reach_defaults(run->reach, &settings.defaults);
	return targets_open(&run->targets, &settings, err) &&
	       check_files(run, err);
}

static bool make_dial(struct run *run, struct err *err)
{
	static const int families[] = {
		[FAMILY_ANY] = AF_UNSPEC,
		[FAMILY_V4] = AF_INET,
		[FAMILY_V6] = AF_INET6,
	};
	const struct options *options = run->options;

	run->dial.connect_timeout_ms = options->connect_timeout_ms;
	run->dial.family = families[options->family];
	return options->bind == NULL ||
	       dial_from(&run->dial, options->bind, err);
}

bool parts_open_hosts(struct run *run, struct err *err)
{
	struct reach_settings settings = {
		.options = run->options,
		.dial = &run->dial,
		.cancel_fd = run->cancel.fd,
	};

	if (!make_dial(run, err))
		return false;
	if (run->options->host_keys_mode == HOSTKEYS_DB &&
	    !pins_open(&run->pins, err))
		return false;
	settings.pins = run->pins;
	return reach_open(&run->reach, &settings, err) &&
	       open_targets(run, err);
}

/* Sorts by time, and two runs that begin in one second differ. */
static bool make_id(struct run *run, struct err *err)
{
	time_t seconds = (time_t)(run->begin_us / 1000000);
	unsigned random;
	struct tm tm;
	size_t used;

	if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return err_errno(err, ERR_SYSTEM, errno, "no random bytes");
	gmtime_r(&seconds, &tm);
	used = strftime(run->id, sizeof(run->id), "%Y%m%dT%H%M%SZ-", &tm);
	snprintf(run->id + used, sizeof(run->id) - used, "%08x", random);
	return true;
}

const char *parts_host_file(const struct run *run, char path[PATH_MAX])
{
	const char *file = run->options->host_file;

	if (file == NULL)
		file = run->options->inventory;
	if (file == NULL)
		return "-w";
	if (strcmp(file, "-") != 0 && realpath(file, path) != NULL)
		return path;
	return file;
}

/* Takes up the host file's unfinished run, if there is one. */
static bool resume(struct run *run, struct err *err)
{
	struct store_unfinished before;
	char path[PATH_MAX];
	const char *file = parts_host_file(run, path);

	if (!store_resume(run->store, file, &before, err))
		return false;
	if (before.id[0] == '\0') {
		log_say(LOG_INFO, "no unfinished run of %s: a new one begins",
		        file);
		return make_id(run, err);
	}
	memcpy(run->id, before.id, sizeof(run->id));
	memcpy(run->tally.before, before.counts, sizeof(before.counts));
	run->begin_us = before.begin;
	log_say(LOG_NOTICE, "going on with run %s", run->id);
	return choice_without_done(&run->choice, run->store, run->id, err) &&
	       (run->retryfile == NULL ||
	        choice_knows_failures(&run->choice, run->store, err));
}

bool parts_open_choice(struct run *run, struct err *err)
{
	const struct options *options = run->options;

	if (options->retry_file != NULL) {
		if (!retryfile_open(&run->retryfile, options->retry_file,
		                    (uint16_t)options->port, err))
			return false;
		if (retryfile_is_old(run->retryfile))
			run->choice.only = run->retryfile;
	}
	if (options->only_failed &&
	    !choice_without_ok(&run->choice, run->store, err))
		return false;
	return options->resume ? resume(run, err) : make_id(run, err);
}

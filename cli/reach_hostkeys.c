#include "cli/reach_inside.h"

#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Each is a memory of its own, and keeps a descriptor: with a file for each
 * host (UserKnownHostsFile with %h) they would be too many. */
#define TABLES_MAX 64

/* What some known_hosts files say, read once. */
struct table {
	char *paths; /* one after the other, each with a newline; first */
	struct knownhosts *known;
};

static int compare_tables(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;

	return strcmp(*x, *y);
}

static void free_table(void *node)
{
	struct table *table = node;

	knownhosts_close(table->known);
	free(table->paths);
	free(table);
}

void reach_free_tables(struct reach *reach)
{
	tdestroy(reach->tables, free_table);
}

#define FILES_MAX (OPTION_LIST_MAX + 4)

struct files {
	const char *paths[FILES_MAX];
	size_t count;
	const char *append_to;
	char usual[2][PATH_MAX + 32];
};

static void add(struct files *files, const char *const *paths, size_t count)
{
	for (size_t i = 0; i < count && files->count < FILES_MAX; i++) {
		if (strcmp(paths[i], "none") != 0)
			files->paths[files->count++] = paths[i];
	}
}

/* One that nobody named: as for ssh(1), it need not be there or readable.
 * /dev/null is how some say that there is none. */
static void add_usual(struct files *files, const char *path)
{
	char sentence[PATH_MAX + 64];
	struct stat status;
	bool there = stat(path, &status) == 0;

	if ((there && S_ISCHR(status.st_mode)) || (!there && errno == ENOENT))
		return;
	if (there && S_ISREG(status.st_mode) && access(path, R_OK) == 0) {
		add(files, &path, 1);
		return;
	}
	snprintf(sentence, sizeof(sentence),
	         "%s cannot be read: its hosts count as unknown", path);
	reach_warn(sentence);
}

/* --known-hosts alone, or ssh_config's, or what OpenSSH reads without any. */
static void find_files(const struct reach *reach,
                       const struct sshconfig_shared *shared,
                       struct files *files)
{
	static const char *const global[] = { "/etc/ssh/ssh_known_hosts",
		                              "/etc/ssh/ssh_known_hosts2" };
	static const char *const names[] = { "known_hosts", "known_hosts2" };
	const struct option_list *own = &reach->settings.options->known_hosts;

	if (own->count > 0) {
		add(files, own->items, own->count);
		files->append_to = own->items[0];
		return;
	}
	if (reach->state_file[0] != '\0')
		files->append_to = reach->state_file;
	add(files, shared->user_known_hosts, shared->user_known_hosts_count);
	for (size_t i = 0; shared->user_known_hosts_count == 0 &&
	                   reach->home[0] != '\0' && i < 2;
	     i++) {
		snprintf(files->usual[i], sizeof(files->usual[i]), "%s/.ssh/%s",
		         reach->home, names[i]);
		add_usual(files, files->usual[i]);
	}
	add(files, shared->global_known_hosts,
	    shared->global_known_hosts_count);
	for (size_t i = 0; shared->global_known_hosts_count == 0 && i < 2; i++)
		add_usual(files, global[i]);
}

static char *join(const struct files *files)
{
	char *text = NULL;
	size_t length;
	FILE *stream = open_memstream(&text, &length);
	bool bad;

	if (stream == NULL)
		return NULL;
	for (size_t i = 0; i < files->count; i++)
		fprintf(stream, "%s\n", files->paths[i]);
	bad = ferror(stream) != 0;
	if (fclose(stream) == 0 && !bad)
		return text;
	free(text);
	return NULL;
}

static struct table *read_table(struct reach *reach, const struct files *files,
                                char *paths, struct err *err)
{
	struct knownhosts_settings settings = {
		.files = files->paths,
		.file_count = files->count,
		.append_to = files->append_to,
		.warn = reach_warn,
	};
	struct table *table = NULL;

	if (reach->table_count == TABLES_MAX) {
		free(paths);
		err_set(err, ERR_INPUT,
		        "ssh_config names known_hosts files of their own for "
		        "more than %d kinds of hosts (--known-hosts names "
		        "those for all)",
		        TABLES_MAX);
		return NULL;
	}
	table = calloc(1, sizeof(*table));
	if (table == NULL) {
		free(paths);
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	table->paths = paths;
	if (!knownhosts_open(&table->known, &settings, err)) {
		table->known = NULL;
		free_table(table);
		return NULL;
	}
	if (tsearch(table, &reach->tables, compare_tables) == NULL) {
		free_table(table);
		err_set(err, ERR_SYSTEM, "out of memory");
		return NULL;
	}
	reach->table_count++;
	return table;
}

static bool find_table(struct reach *reach,
                       const struct sshconfig_shared *shared,
                       struct knownhosts **known, struct err *err)
{
	struct files files = { .count = 0 };
	struct table *table, *const *found;
	char *paths;

	find_files(reach, shared, &files);
	paths = join(&files);
	if (paths == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	found = tfind(&paths, &reach->tables, compare_tables);
	if (found != NULL) {
		free(paths);
		table = *found;
	} else {
		table = read_table(reach, &files, paths, err);
	}
	if (table != NULL)
		*known = table->known;
	return table != NULL;
}

/* A jump host has no row in the store. */
static bool mode_is_named(const struct options *options,
                          const struct way_key *key)
{
	return options->host_keys != NULL &&
	       !(options->host_keys_mode == HOSTKEYS_DB && key->is_jump_host);
}

/* What the user says here counts before what he has written down. */
static enum hostkeys_mode find_mode(const struct reach *reach,
                                    const struct way_key *key)
{
	const struct options *options = reach->settings.options;

	if (mode_is_named(options, key))
		return options->host_keys_mode;
	switch (key->shared->checking) {
	case SSHCONFIG_YES:
		return HOSTKEYS_STRICT;
	/* With "no" ssh(1) goes on with a changed key, but sends it no
	 * password: here that is the same as refusing it. */
	case SSHCONFIG_NO:
	case SSHCONFIG_ACCEPT_NEW:
	case SSHCONFIG_UNSET:
		break;
	}
	return HOSTKEYS_ACCEPT_NEW;
}

/* A key that only the command knows would be taken for a new host's: that is
 * done for who has said here by what he goes. */
static bool check_command(const struct reach *reach, const struct way_key *key,
                          enum hostkeys_mode mode, struct err *err)
{
	const struct options *options = reach->settings.options;

	if (!key->shared->known_hosts_command || mode != HOSTKEYS_ACCEPT_NEW ||
	    mode_is_named(options, key) || options->known_hosts.count > 0)
		return true;
	return err_set(err, ERR_INPUT,
	               "ssh_config has a KnownHostsCommand for this host, "
	               "which sshinv does not run (--known-hosts names files, "
	               "--host-keys says what is made of other keys)");
}

bool reach_hostkeys(struct reach *reach, const struct way_key *key,
                    struct hostkeys *hostkeys, struct err *err)
{
	hostkeys->mode = find_mode(reach, key);
	if (!check_command(reach, key, hostkeys->mode, err))
		return false;
	hostkeys->alias = key->shared->host_key_alias;
	if (hostkeys->mode == HOSTKEYS_DB)
		hostkeys->pins = reach->settings.pins;
	if (hostkeys->mode >= HOSTKEYS_OFF)
		return true;
	return find_table(reach, key->shared, &hostkeys->known, err);
}

bool reach_check_known_hosts(struct reach *reach, struct err *err)
{
	static const struct sshconfig_shared nothing;
	const struct options *options = reach->settings.options;
	const struct option_list *files = &options->known_hosts;
	struct knownhosts *ignored;

	for (size_t i = 0; i < files->count; i++) {
		bool may_be_new =
		    i == 0 && options->host_keys_mode != HOSTKEYS_STRICT;

		if (access(files->items[i], R_OK) != 0 &&
		    !(may_be_new && errno == ENOENT))
			return err_errno(err, ERR_INPUT, errno,
			                 "--known-hosts: cannot read '%s'",
			                 files->items[i]);
	}
	return files->count == 0 || find_table(reach, &nothing, &ignored, err);
}

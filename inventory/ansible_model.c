#include "inventory/ansible_model.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

/* Groups within groups, more deeply than anybody nests them. */
#define DEPTH_MAX 200

static const char *const variable_names[ANSIBLE_VARIABLES] = {
	[ANSIBLE_HOST] = "ansible_host",
	[ANSIBLE_SSH_HOST] = "ansible_ssh_host",
	[ANSIBLE_PORT] = "ansible_port",
	[ANSIBLE_SSH_PORT] = "ansible_ssh_port",
	[ANSIBLE_USER] = "ansible_user",
	[ANSIBLE_SSH_USER] = "ansible_ssh_user",
	[ANSIBLE_PASSWORD] = "ansible_password",
	[ANSIBLE_SSH_PASS] = "ansible_ssh_pass",
	[ANSIBLE_SSH_PASSWORD] = "ansible_ssh_password",
	[ANSIBLE_KEY] = "ansible_private_key_file",
	[ANSIBLE_SSH_KEY] = "ansible_ssh_private_key_file",
	[ANSIBLE_SSH_ARGS] = "ansible_ssh_args",
	[ANSIBLE_SSH_COMMON_ARGS] = "ansible_ssh_common_args",
	[ANSIBLE_SSH_EXTRA_ARGS] = "ansible_ssh_extra_args",
	[ANSIBLE_SSH_EXECUTABLE] = "ansible_ssh_executable",
	[ANSIBLE_PARAMIKO_PROXY] = "ansible_paramiko_proxy_command",
	[ANSIBLE_LIBSSH_PROXY] = "ansible_libssh_proxy_command",
	[ANSIBLE_CONNECTION] = "ansible_connection",
	[ANSIBLE_PRIORITY] = "ansible_group_priority",
};

const char *ansible_variable_name(enum ansible_variable variable)
{
	return variable_names[variable];
}

enum ansible_variable ansible_variable_find(const char *name, size_t length)
{
	for (int i = 0; i < ANSIBLE_VARIABLES; i++) {
		if (strlen(variable_names[i]) == length &&
		    memcmp(variable_names[i], name, length) == 0)
			return (enum ansible_variable)i;
	}
	return ANSIBLE_VARIABLES;
}

static bool out_of_memory(struct err *err)
{
	return err_set(err, ERR_SYSTEM, "out of memory for the inventory");
}

/* Room for one more in an array that doubles. */
static bool grow(void *array, size_t count, size_t *room, size_t size)
{
	void *items, *more;

	if (count < *room)
		return true;
	memcpy(&items, array, sizeof(items));
	more = reallocarray(items, *room > 0 ? 2 * *room : 1, size);
	if (more == NULL)
		return false;
	memcpy(array, &more, sizeof(more));
	*room = *room > 0 ? 2 * *room : 1;
	/* cppcheck-suppress memleak ; array has it */
	return true;
}

static void forget(struct ansible_value *value)
{
	explicit_bzero(value->text, strlen(value->text));
	free(value->text);
	value->text = NULL;
}

/* Takes the text over. */
static bool set(struct ansible_values *values, enum ansible_variable variable,
                char *text, bool unknown, struct err *err)
{
	struct ansible_value value = { variable, unknown, text };

	if (text == NULL)
		return out_of_memory(err);
	for (size_t i = 0; i < values->count; i++) {
		struct ansible_value *old = &values->list[i];

		if (old->variable != variable)
			continue;
		forget(old);
		old->text = text;
		old->unknown = unknown;
		return true;
	}
	if (!grow(&values->list, values->count, &values->room, sizeof(value))) {
		forget(&value);
		return out_of_memory(err);
	}
	values->list[values->count++] = value;
	return true;
}

bool ansible_set_plain(struct ansible_values *values,
                       enum ansible_variable variable, const char *text,
                       size_t length, struct err *err)
{
	return set(values, variable, strndup(text, length), false, err);
}

bool ansible_set_unknown(struct ansible_values *values,
                         enum ansible_variable variable, struct err *err)
{
	return set(values, variable, strdup(""), true, err);
}

bool ansible_set(struct ansible_values *values, enum ansible_variable variable,
                 const char *text, size_t length, struct err *err)
{
	if (memmem(text, length, "{{", 2) != NULL ||
	    memmem(text, length, "{%", 2) != NULL)
		return ansible_set_unknown(values, variable, err);
	return ansible_set_plain(values, variable, text, length, err);
}

bool ansible_set_all(struct ansible_values *values,
                     const struct ansible_values *from, struct err *err)
{
	for (size_t i = 0; i < from->count; i++) {
		const struct ansible_value *value = &from->list[i];

		if (!set(values, value->variable, strdup(value->text),
		         value->unknown, err))
			return false;
	}
	return true;
}

void ansible_values_release(struct ansible_values *values)
{
	for (size_t i = 0; i < values->count; i++)
		forget(&values->list[i]);
	free(values->list);
	memset(values, 0, sizeof(*values));
}

/* Both structs begin with their name. */
static int compare_names(const void *a, const void *b)
{
	const char *const *x = a;
	const char *const *y = b;

	return strcmp(*x, *y);
}

/* NULL when there is none. */
static void *find(void *const *tree, const char *name)
{
	void *const *found = tfind(&name, tree, compare_names);

	return found != NULL ? *found : NULL;
}

static void group_free(struct ansible_group *group)
{
	ansible_values_release(&group->values);
	free(group->parents);
	free(group->name);
	free(group);
}

static void host_free(struct ansible_host *host)
{
	ansible_values_release(&host->values);
	free(host->groups);
	free(host->wrong);
	free(host->name);
	free(host);
}

static struct ansible_group *add_group(struct ansible_model *model, char *name)
{
	struct ansible_group *group = calloc(1, sizeof(*group));

	if (group == NULL) {
		free(name);
		return NULL;
	}
	group->name = name;
	if (!grow(&model->groups, model->group_count, &model->group_room,
	          sizeof(void *)) ||
	    tsearch(group, &model->groups_by_name, compare_names) == NULL) {
		group_free(group);
		return NULL;
	}
	model->groups[model->group_count++] = group;
	return group;
}

struct ansible_group *ansible_model_group(struct ansible_model *model,
                                          const char *name, size_t length,
                                          struct err *err)
{
	char *copy = strndup(name, length);
	struct ansible_group *group = NULL;

	if (copy != NULL)
		group = find(&model->groups_by_name, copy);
	if (group != NULL) {
		free(copy);
		return group;
	}
	if (copy != NULL)
		group = add_group(model, copy);
	if (group == NULL)
		out_of_memory(err);
	return group;
}

/* Takes the name over; NULL for a line that is none. */
static struct ansible_host *add_host(struct ansible_model *model, char *name)
{
	struct ansible_host *host = calloc(1, sizeof(*host));

	if (host == NULL) {
		free(name);
		return NULL;
	}
	host->name = name;
	if (!grow(&model->hosts, model->host_count, &model->host_room,
	          sizeof(void *)) ||
	    (name != NULL &&
	     tsearch(host, &model->hosts_by_name, compare_names) == NULL)) {
		host_free(host);
		return NULL;
	}
	model->hosts[model->host_count++] = host;
	return host;
}

struct ansible_host *ansible_model_host(struct ansible_model *model,
                                        const char *name, size_t length,
                                        struct err *err)
{
	char *copy = strndup(name, length);
	struct ansible_host *host = NULL;

	if (copy != NULL)
		host = find(&model->hosts_by_name, copy);
	if (host != NULL) {
		free(copy);
		return host;
	}
	if (copy != NULL)
		host = add_host(model, copy);
	if (host == NULL)
		out_of_memory(err);
	return host;
}

bool ansible_model_wrong(struct ansible_model *model, size_t line,
                         struct err *err)
{
	char *wrong = strdup(err->text);
	struct ansible_host *host =
	    wrong != NULL ? add_host(model, NULL) : NULL;

	if (host == NULL) {
		free(wrong);
		return out_of_memory(err);
	}
	host->wrong = wrong;
	host->line = line;
	return true;
}

bool ansible_group_add(struct ansible_group *group, struct ansible_host *host,
                       struct err *err)
{
	for (size_t i = 0; i < host->group_count; i++) {
		if (host->groups[i] == group)
			return true;
	}
	if (!grow(&host->groups, host->group_count, &host->group_room,
	          sizeof(void *)))
		return out_of_memory(err);
	host->groups[host->group_count++] = group;
	return true;
}

bool ansible_group_adopt(struct ansible_group *parent,
                         struct ansible_group *child, struct err *err)
{
	for (size_t i = 0; i < child->parent_count; i++) {
		if (child->parents[i] == parent)
			return true;
	}
	if (!grow(&child->parents, child->parent_count, &child->parent_room,
	          sizeof(void *)))
		return out_of_memory(err);
	child->parents[child->parent_count++] = parent;
	return true;
}

bool ansible_model_init(struct ansible_model *model, struct err *err)
{
	struct ansible_group *all, *ungrouped;

	memset(model, 0, sizeof(*model));
	all = ansible_model_group(model, "all", strlen("all"), err);
	ungrouped = all != NULL ? ansible_model_group(model, "ungrouped",
	                                              strlen("ungrouped"), err)
	                        : NULL;
	if (ungrouped == NULL)
		return false;
	all->declared = true;
	ungrouped->declared = true;
	return true;
}

static void free_nothing(void *node)
{
	(void)node;
}

void ansible_model_release(struct ansible_model *model)
{
	tdestroy(model->groups_by_name, free_nothing);
	tdestroy(model->hosts_by_name, free_nothing);
	for (size_t i = 0; i < model->group_count; i++)
		group_free(model->groups[i]);
	for (size_t i = 0; i < model->host_count; i++)
		host_free(model->hosts[i]);
	free(model->groups);
	free(model->hosts);
	memset(model, 0, sizeof(*model));
}

/* The longest way down from "all", which is above everything. */
static bool set_depth(struct ansible_group *group,
                      const struct ansible_group *all, unsigned nested,
                      struct err *err)
{
	unsigned depth = 1;

	if (group == all || group->depth > 0)
		return true;
	if (group->in_progress || nested > DEPTH_MAX)
		return err_set(err, ERR_INPUT,
		               group->in_progress
		                   ? "group '%.80s' is within itself"
		                   : "group '%.80s' is nested too deeply",
		               group->name);
	group->in_progress = true;
	for (size_t i = 0; i < group->parent_count; i++) {
		struct ansible_group *parent = group->parents[i];

		if (!set_depth(parent, all, nested + 1, err))
			return false;
		if (parent->depth + 1 > depth)
			depth = parent->depth + 1;
	}
	group->in_progress = false;
	group->depth = depth;
	return true;
}

static void set_priority(struct ansible_group *group)
{
	group->priority = 1;
	for (size_t i = 0; i < group->values.count; i++) {
		const struct ansible_value *value = &group->values.list[i];

		if (value->variable == ANSIBLE_PRIORITY && !value->unknown)
			group->priority = strtol(value->text, NULL, 10);
	}
}

bool ansible_model_complete(struct ansible_model *model, struct err *err)
{
	for (size_t i = 0; i < model->group_count; i++) {
		set_priority(model->groups[i]);
		if (!set_depth(model->groups[i], model->groups[0], 0, err))
			return false;
	}
	return true;
}

/* Whose values come first, and are overridden. */
static int compare_rank(const void *a, const void *b)
{
	const struct ansible_group *x = *(struct ansible_group *const *)a;
	const struct ansible_group *y = *(struct ansible_group *const *)b;

	if (x->depth != y->depth)
		return x->depth < y->depth ? -1 : 1;
	if (x->priority != y->priority)
		return x->priority < y->priority ? -1 : 1;
	return strcmp(x->name, y->name);
}

static void take(const struct ansible_value *values[ANSIBLE_VARIABLES],
                 const struct ansible_values *from)
{
	for (size_t i = 0; i < from->count; i++)
		values[from->list[i].variable] = &from->list[i];
}

/* Puts the group and those above it into the list, once for each host. */
static size_t collect(struct ansible_group *group, size_t stamp,
                      struct ansible_group **list, size_t count)
{
	if (group->stamp == stamp)
		return count;
	group->stamp = stamp;
	list[count++] = group;
	for (size_t i = 0; i < group->parent_count; i++)
		count = collect(group->parents[i], stamp, list, count);
	return count;
}

bool ansible_model_values(struct ansible_model *model,
                          const struct ansible_host *host,
                          const struct ansible_value *values[ANSIBLE_VARIABLES],
                          struct err *err)
{
	struct ansible_group **list =
	    reallocarray(NULL, model->group_count, sizeof(void *));
	size_t stamp = model->groups[0]->stamp + 1, count;

	if (list == NULL)
		return out_of_memory(err);
	count = collect(model->groups[0], stamp, list, 0);
	for (size_t i = 0; i < host->group_count; i++)
		count = collect(host->groups[i], stamp, list, count);
	qsort(list, count, sizeof(void *), compare_rank);
	for (int i = 0; i < ANSIBLE_VARIABLES; i++)
		values[i] = NULL;
	for (size_t i = 0; i < count; i++)
		take(values, &list[i]->values);
	take(values, &host->values);
	free(list);
	return true;
}

static bool has_password(const struct ansible_values *values)
{
	for (size_t i = 0; i < values->count; i++) {
		const struct ansible_value *value = &values->list[i];

		if (value->variable >= ANSIBLE_PASSWORD &&
		    value->variable <= ANSIBLE_SSH_PASSWORD && !value->unknown)
			return true;
	}
	return false;
}

bool ansible_model_has_passwords(const struct ansible_model *model)
{
	for (size_t i = 0; i < model->group_count; i++) {
		if (has_password(&model->groups[i]->values))
			return true;
	}
	for (size_t i = 0; i < model->host_count; i++) {
		if (has_password(&model->hosts[i]->values))
			return true;
	}
	return false;
}

#include "inventory/ansible_model.h"

#include "inventory/host.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

/*
 * {"_meta": {"hostvars": {HOST: {KEY: VALUE …} …}},
 *  GROUP: {"hosts": [HOST …], "children": [GROUP …], "vars": {KEY: VALUE …}},
 *  GROUP: [HOST …] …}
 *
 * A host is what a group lists: hostvars alone make none.
 */

/* Values are secrets, and jansson keeps copies of what it reads. */
static void free_wiped(void *memory)
{
	if (memory != NULL)
		explicit_bzero(memory, malloc_usable_size(memory));
	free(memory);
}

/* {"__ansible_unsafe": TEXT} is no template, whatever stands in it. */
static bool set(struct ansible_values *values, const char *key,
                const json_t *value, struct err *err)
{
	enum ansible_variable variable =
	    ansible_variable_find(key, strlen(key));
	const json_t *plain = json_object_get(value, "__ansible_unsafe");
	char number[32];
	int length;

	if (variable == ANSIBLE_VARIABLES || json_is_null(value))
		return true;
	if (json_is_string(plain))
		return ansible_set_plain(values, variable,
		                         json_string_value(plain),
		                         json_string_length(plain), err);
	if (json_is_string(value))
		return ansible_set(values, variable, json_string_value(value),
		                   json_string_length(value), err);
	if (!json_is_integer(value)) /* encrypted, most likely */
		return ansible_set_unknown(values, variable, err);
	length = snprintf(number, sizeof(number), "%" JSON_INTEGER_FORMAT,
	                  json_integer_value(value));
	return ansible_set_plain(values, variable, number, (size_t)length, err);
}

static bool set_all(struct ansible_values *values, json_t *variables,
                    struct err *err)
{
	const char *key;
	json_t *value;

	json_object_foreach(variables, key, value)
	{
		if (!set(values, key, value, err))
			return false;
	}
	return true;
}

static bool add_host(struct ansible_model *model, struct ansible_group *group,
                     const json_t *name, const json_t *hostvars,
                     struct err *err)
{
	struct ansible_host *host;

	if (!json_is_string(name) || json_string_length(name) == 0)
		return err_set(err, ERR_INPUT,
		               "group '%.80s' has a host that is no name",
		               group->name);
	host = ansible_model_host(model, json_string_value(name),
	                          json_string_length(name), err);
	if (host == NULL || !ansible_group_add(group, host, err))
		return false;
	/* Of the first group that lists it. */
	return host->group_count > 1 ||
	       set_all(&host->values, json_object_get(hostvars, host->name),
	               err);
}

static bool add_hosts(struct ansible_model *model, struct ansible_group *group,
                      const json_t *hosts, const json_t *hostvars,
                      struct err *err)
{
	if (hosts != NULL && !json_is_array(hosts))
		return err_set(err, ERR_INPUT,
		               "the hosts of group '%.80s' are no list",
		               group->name);
	for (size_t i = 0; i < json_array_size(hosts); i++) {
		if (!add_host(model, group, json_array_get(hosts, i), hostvars,
		              err))
			return false;
	}
	return true;
}

static bool add_children(struct ansible_model *model,
                         struct ansible_group *group, const json_t *children,
                         struct err *err)
{
	for (size_t i = 0; i < json_array_size(children); i++) {
		const json_t *name = json_array_get(children, i);
		struct ansible_group *child;

		if (!json_is_string(name))
			return err_set(err, ERR_INPUT,
			               "group '%.80s' has a child that is no "
			               "name",
			               group->name);
		child = ansible_model_group(model, json_string_value(name),
		                            json_string_length(name), err);
		if (child == NULL || !ansible_group_adopt(group, child, err))
			return false;
	}
	return true;
}

static bool add_group(struct ansible_model *model, const char *name,
                      json_t *content, const json_t *hostvars, struct err *err)
{
	struct ansible_group *group =
	    ansible_model_group(model, name, strlen(name), err);

	if (group == NULL)
		return false;
	if (json_is_array(content))
		return add_hosts(model, group, content, hostvars, err);
	if (!json_is_object(content))
		return err_set(err, ERR_INPUT,
		               "group '%.80s' is neither {…} nor […]", name);
	return add_hosts(model, group, json_object_get(content, "hosts"),
	                 hostvars, err) &&
	       add_children(model, group, json_object_get(content, "children"),
	                    err) &&
	       set_all(&group->values, json_object_get(content, "vars"), err);
}

static bool add_groups(struct ansible_model *model, json_t *root,
                       struct err *err)
{
	const json_t *hostvars =
	    json_object_get(json_object_get(root, "_meta"), "hostvars");
	const char *name;
	json_t *content;

	json_object_foreach(root, name, content)
	{
		if (strcmp(name, "_meta") != 0 &&
		    !add_group(model, name, content, hostvars, err))
			return false;
	}
	return true;
}

bool ansible_json_read(struct ansible_model *model, const char *text,
                       size_t length, const char *name, struct err *err)
{
	json_malloc_t old_malloc;
	json_free_t old_free;
	json_error_t error;
	json_t *root;
	bool ok;

	json_get_alloc_funcs(&old_malloc, &old_free);
	json_set_alloc_funcs(old_malloc, free_wiped);
	root = json_loadb(text, length, 0, &error);
	/* Its words quote what they are about: a secret, perhaps. */
	if (root == NULL)
		ok = err_set(err, ERR_INPUT, "%s:%d: no JSON (column %d)", name,
		             error.line, error.column);
	else
		ok = add_groups(model, root, err) ||
		     (err->kind == ERR_INPUT && err_prefix(err, "%s", name));
	json_decref(root);
	json_set_alloc_funcs(old_malloc, old_free);
	explicit_bzero(&error, sizeof(error));
	return ok;
}

#pragma once

#include "inventory/err.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * What an Ansible inventory says, as far as it matters here: hosts in the order
 * in which they first come, groups, and the values of known variables. Its
 * functions fail without memory only (ERR_SYSTEM), unless they say more.
 */

/* Variables with the same meaning stand together; where a host has several of
 * them, Ansible takes the last. */
enum ansible_variable {
	ANSIBLE_HOST,
	ANSIBLE_SSH_HOST,
	ANSIBLE_PORT,
	ANSIBLE_SSH_PORT,
	ANSIBLE_USER,
	ANSIBLE_SSH_USER,
	ANSIBLE_PASSWORD,
	ANSIBLE_SSH_PASS,
	ANSIBLE_SSH_PASSWORD,
	ANSIBLE_KEY,
	ANSIBLE_SSH_KEY,
	/* These add up. */
	ANSIBLE_SSH_ARGS,
	ANSIBLE_SSH_COMMON_ARGS,
	ANSIBLE_SSH_EXTRA_ARGS,
	ANSIBLE_SSH_EXECUTABLE,
	ANSIBLE_PARAMIKO_PROXY,
	ANSIBLE_LIBSSH_PROXY,
	ANSIBLE_CONNECTION,
	ANSIBLE_PRIORITY, /* of a group */
	ANSIBLE_VARIABLES
};

const char *ansible_variable_name(enum ansible_variable variable);

struct ansible_value {
	enum ansible_variable variable;
	bool unknown; /* a template, or encrypted: text is "" */
	char *text;   /* may be a secret */
};

struct ansible_values {
	struct ansible_value *list;
	size_t count, room;
};

struct ansible_group {
	char *name;
	struct ansible_group **parents;
	size_t parent_count, parent_room;
	struct ansible_values values;
	bool declared; /* not only mentioned */
	size_t line;   /* where it was mentioned first; 0: nowhere */
	unsigned depth;
	long priority;
	size_t stamp; /* the last host that asked for it */
	bool in_progress;
};

struct ansible_host {
	char *name;  /* NULL: a line that is none */
	char *wrong; /* why */
	struct ansible_values values;
	struct ansible_group **groups; /* that list it */
	size_t group_count, group_room;
	size_t line; /* 0: unknown */
};

struct ansible_model {
	struct ansible_group **groups; /* the first is all, then ungrouped */
	size_t group_count, group_room;
	struct ansible_host **hosts;
	size_t host_count, host_room;
	void *groups_by_name, *hosts_by_name; /* tsearch(3) */
};

bool ansible_model_init(struct ansible_model *model, struct err *err);

/* Finds one, or adds it. NULL without memory. */
struct ansible_group *ansible_model_group(struct ansible_model *model,
                                          const char *name, size_t length,
                                          struct err *err);
struct ansible_host *ansible_model_host(struct ansible_model *model,
                                        const char *name, size_t length,
                                        struct err *err);

bool ansible_group_add(struct ansible_group *group, struct ansible_host *host,
                       struct err *err);
bool ansible_group_adopt(struct ansible_group *parent,
                         struct ansible_group *child, struct err *err);

/* Keeps a line that is no host, and what *err says of it. */
bool ansible_model_wrong(struct ansible_model *model, size_t line,
                         struct err *err);

/* ANSIBLE_VARIABLES for one that does not matter. */
enum ansible_variable ansible_variable_find(const char *name, size_t length);

/* Sets or replaces; one with "{{" or "{%" in it is a template. */
bool ansible_set(struct ansible_values *values, enum ansible_variable variable,
                 const char *text, size_t length, struct err *err);
/* Sets what is not known here. */
bool ansible_set_unknown(struct ansible_values *values,
                         enum ansible_variable variable, struct err *err);
/* The same, byte for byte. */
bool ansible_set_plain(struct ansible_values *values,
                       enum ansible_variable variable, const char *text,
                       size_t length, struct err *err);
bool ansible_set_all(struct ansible_values *values,
                     const struct ansible_values *from, struct err *err);

/* Overwrites and frees. */
void ansible_values_release(struct ansible_values *values);

/* When all was said: ERR_INPUT for a group that is its own ancestor. */
bool ansible_model_complete(struct ansible_model *model, struct err *err);

/*
 * The host's values, those of its groups included, by variable; borrowed. NULL:
 * not set. Of equally near groups the later by name wins, as with Ansible.
 */
bool ansible_model_values(struct ansible_model *model,
                          const struct ansible_host *host,
                          const struct ansible_value *values[ANSIBLE_VARIABLES],
                          struct err *err);

/* Whether some password is known. */
bool ansible_model_has_passwords(const struct ansible_model *model);

/* Overwrites and frees. */
void ansible_model_release(struct ansible_model *model);

/*
 * The readers. They may change the text. name is the file's, for messages:
 * ERR_INPUT with it and the line.
 */
bool ansible_ini_read(struct ansible_model *model, char *text, size_t length,
                      const char *name, struct err *err);
bool ansible_json_read(struct ansible_model *model, const char *text,
                       size_t length, const char *name, struct err *err);

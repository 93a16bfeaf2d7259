#pragma once

#include "inventory/err.h"
#include "inventory/host.h"
#include "inventory/lines.h"

#include <stdbool.h>

/*
 * An Ansible inventory: the INI form, or the JSON that `ansible-inventory
 * --list` and inventory programs print. It is read as a whole when it is
 * opened; group_vars/ and host_vars/ beside it are not read (ansible-inventory
 * reads them).
 *
 * Understood are groups, groups of groups and their variables with Ansible's
 * precedence, and of the variables
 *
 *     ansible_host, ansible_port, ansible_user, ansible_password,
 *     ansible_ssh_private_key_file
 *
 * with their other names (ansible_ssh_host, ansible_ssh_pass …). The name in
 * the inventory becomes host.name, ansible_host (else the name) the address,
 * the first group that lists the host, but for all and ungrouped, host.group.
 *
 * A host whose ansible_connection is not SSH is left out. One whose
 * ansible_ssh_args, ansible_ssh_common_args, ansible_ssh_extra_args or
 * ansible_ssh_executable have ProxyCommand, ProxyJump or -J, or that has an
 * ansible_paramiko_proxy_command or ansible_libssh_proxy_command, is a bad one,
 * unless the user has said how it is reached. Other arguments do not matter.
 *
 * A value that is a template ("{{ … }}") or encrypted (!vault) is not known
 * here: the host is a bad one, but for its password and key, which it then
 * lacks. For one thread.
 */
struct ansible;

struct ansible_settings {
	const char *path; /* "-": standard input */
	int cancel_fd;
	bool way_is_known; /* jump hosts in it count for nothing */
	/* Told once each: that hosts are left out (when all were read), that
	 * some password or key is not known, and that anybody on the machine
	 * may read the passwords. NULL: nobody. */
	void (*warn)(void *arg, const char *sentence);
	void *arg;
};

/*
 * ERR_INPUT with file and line for what makes no inventory, or one of another
 * form; ERR_CANCELLED once cancel_fd is readable. While it reads JSON no other
 * thread may use jansson, whose memory is wiped meanwhile.
 */
bool ansible_open(struct ansible **ansible,
                  const struct ansible_settings *settings, struct err *err);

/*
 * HOST_READ: the next host, in the order in which they first come. What is
 * missing is taken from the defaults; a password always may. HOST_BAD: a line,
 * or a host, that is none. HOST_END.
 */
enum host_read ansible_next(struct ansible *ansible, struct host *host,
                            const struct host_defaults *defaults,
                            struct err *err);

/* Puts the last host's place in front. Returns false. */
bool ansible_blame(const struct ansible *ansible, struct err *err);

/* NULL is fine. Secrets are overwritten. */
void ansible_close(struct ansible *ansible);

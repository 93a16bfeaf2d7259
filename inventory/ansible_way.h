#pragma once

#include "inventory/ansible_model.h"

/*
 * What a host's variables say of the way to it: Ansible may reach it by other
 * means than a connection of ssh(1) to its address.
 */

/* False: Ansible does not reach it by SSH at all (local, winrm, docker …). */
bool ansible_is_ssh(const struct ansible_value *const *values);

/*
 * False, ERR_INPUT: there is a jump host in the arguments of ssh(1), or may be.
 * Whoever has the host's address here need not be the host.
 */
bool ansible_is_direct(const struct ansible_value *const *values,
                       struct err *err);

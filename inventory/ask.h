#pragma once

#include "inventory/err.h"
#include "inventory/probe.h"
#include "inventory/record.h"
#include "inventory/ssh.h"

#include <stdbool.h>

/*
 * What a host that let us in is asked, and what is made of the answer: its
 * hostname, and the output of the user's command. Part of probe.c's story.
 *
 * False: ERR_COMMAND, or as ssh_exec(). The record has then what had come.
 */
bool ask_host(const struct probe *probe, struct record *record, struct ssh *ssh,
              struct err *err);

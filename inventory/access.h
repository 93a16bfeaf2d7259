#pragma once

#include "inventory/login.h"

struct hostkeys;
struct jump;

/*
 * How some hosts are reached and logged in to: shared by all hosts with the
 * same settings, borrowed by them, there until the run has ended. Read-only but
 * for its parts, which guard themselves.
 */
struct access {
	struct jump *jump; /* NULL: directly */
	struct hostkeys *hostkeys;
	const struct identity *key; /* key= of the line; NULL: none */
	struct login_settings login;
};

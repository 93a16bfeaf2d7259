#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * What a server's prompt (RFC 4256 section 3.2) is for, by its words: the
 * password must not become the answer to a question for something else, whose
 * refusal would count, and which may be logged or shown.
 *
 * 1. A prompt with a word for something of one use (code, token, PIN, OTP, …)
 *    is for that, even if "password" is in it: "One-time password (OATH)".
 * 2. A hidden one with "password" in it is for the password; with a word for a
 *    change (new, current, retype, …) it is for a new one.
 * 3. A hidden one without these words (in another language, say) is for the
 *    password if it is the only one.
 * 4. One with echo is for the user's name, if it says so; else it can be passed
 *    over.
 */
enum prompt {
	PROMPT_PASSWORD,
	PROMPT_NEW_PASSWORD,
	PROMPT_USER,
	PROMPT_NOTHING, /* an empty answer will do */
	PROMPT_OTHER    /* nobody here knows the answer */
};

/* only: no other hidden prompt, and the password was not given yet. What stands
 * behind an '@' is a host's name, and no word. */
enum prompt prompt_read(const char *text, size_t length, bool echo, bool only);

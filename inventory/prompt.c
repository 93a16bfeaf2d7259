#include "inventory/prompt.h"

#include <string.h>
#include <strings.h>

#define WORD_MAX 31

static const char *const other_words[] = { "authenticator",
	                                   "challenge",
	                                   "code",
	                                   "codes",
	                                   "continue",
	                                   "duo",
	                                   "einmalpasswort",
	                                   "factor",
	                                   "hotp",
	                                   "key",
	                                   "mfa",
	                                   "nonce",
	                                   "onetime",
	                                   "otp",
	                                   "passcode",
	                                   "passcodes",
	                                   "pin",
	                                   "response",
	                                   "securid",
	                                   "skey",
	                                   "sms",
	                                   "tan",
	                                   "token",
	                                   "totp",
	                                   "verification",
	                                   "yubikey",
	                                   NULL };
static const char *const change_words[] = { "again",   "change",  "changing",
	                                    "confirm", "current", "expired",
	                                    "new",     "old",     "reenter",
	                                    "repeat",  "retype",  NULL };
static const char *const user_words[] = { "account", "login",    "name",
	                                  "user",    "username", NULL };
static const char *const password_words[] = { "passphrase", "passwd",
	                                      "password", NULL };

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_one_of(const char *const *words, const char *word)
{
	while (*words != NULL && strcasecmp(*words, word) != 0)
		words++;
	return *words != NULL;
}

static bool ends_address(char c)
{
	return (unsigned char)c <= ' ' || c == ':' || c == ')';
}

/* The next word, without what stands behind an '@'; false at the end. */
static bool next_word(const char **text, const char *end,
                      char word[static WORD_MAX + 1])
{
	const char *at = *text;
	size_t length = 0;

	while (at < end && !is_letter(*at)) {
		if (*at++ != '@')
			continue;
		while (at < end && !ends_address(*at))
			at++;
	}
	for (; at < end && is_letter(*at); at++) {
		if (length < WORD_MAX)
			word[length++] = *at;
	}
	word[length] = '\0';
	*text = at;
	return length > 0;
}

/* What words a prompt has. */
struct words {
	bool other, change, user, password;
};

static struct words words_of(const char *text, size_t length)
{
	const char *end = text + length;
	struct words words = { .other = false };
	char word[WORD_MAX + 1], before[WORD_MAX + 1] = "";

	while (next_word(&text, end, word)) {
		words.other |= is_one_of(other_words, word) ||
		               (strcasecmp(before, "one") == 0 &&
		                strcasecmp(word, "time") == 0);
		words.change |= is_one_of(change_words, word);
		words.user |= is_one_of(user_words, word);
		words.password |= is_one_of(password_words, word);
		memcpy(before, word, sizeof(before));
	}
	return words;
}

enum prompt prompt_read(const char *text, size_t length, bool echo, bool only)
{
	const struct words words = words_of(text, length);

	if (words.other)
		return PROMPT_OTHER;
	if (echo)
		return words.user ? PROMPT_USER : PROMPT_NOTHING;
	if (words.password)
		return words.change ? PROMPT_NEW_PASSWORD : PROMPT_PASSWORD;
	return only ? PROMPT_PASSWORD : PROMPT_OTHER;
}

#include "tests/identity_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static bool answer(void *arg, const char *path, char *passphrase, size_t size,
                   struct err *err)
{
	struct answers *answers = arg;
	const char *given = answers->given[answers->asked++];

	assert_non_null(strstr(path, "/tmp/"));
	if (given == NULL)
		return err_set(err, ERR_CANCELLED, "nobody there");
	snprintf(passphrase, size, "%s", given);
	return true;
}

bool load_with(struct identity **identity, const char *name,
               struct answers *answers, struct err *err)
{
	const struct identity_passphrase passphrase = { answer, answers };
	bool exposed;

	*identity = NULL;
	return identity_load(identity, key_path(name),
	                     answers != NULL ? &passphrase : NULL, &exposed,
	                     err);
}

struct identity *loaded(const char *name, struct answers *answers)
{
	struct identity *identity;
	struct err err = { .kind = ERR_NONE };

	if (!load_with(&identity, name, answers, &err))
		fail_msg("%s: %s", name, err.text);
	assert_string_equal(identity_path(identity), key_path(name));
	return identity;
}

const char *unloaded(const char *name, struct answers *answers)
{
	static struct err err;

	struct identity *identity;

	if (load_with(&identity, name, answers, &err))
		fail_msg("%s is taken for a key", name);
	assert_null(identity);
	assert_int_equal(err.kind, ERR_INPUT);
	/* The path stands in front. */
	assert_memory_equal(err.text, key_path(""), strlen(key_path("")));
	return err.text;
}

void certify(const char *name)
{
	char public[80];

	snprintf(public, sizeof(public), "%s.pub", name);
	const char *const words[] = {
		"ssh-keygen", "-q", "-s",   key_path("authority"), "-I",
		"me",         "-n", "root", key_path(public),      NULL
	};

	make_key("authority", "ed25519", "RFC4716", "");
	assert_int_equal(run_program(words), 0);
}

#pragma once

#include "inventory/identity.h"
#include "tests/key_fixture.h"

/* Identities of the files of key_fixture.h. */

/* Answers to the question for a passphrase, in turn; NULL: nobody answers. */
struct answers {
	const char *given[4];
	unsigned asked;
};

/* answers NULL: there is nobody to ask. */
bool load_with(struct identity **identity, const char *name,
               struct answers *answers, struct err *err);
struct identity *loaded(const char *name, struct answers *answers);

/* Why it is not loaded; until the next call. */
const char *unloaded(const char *name, struct answers *answers);

/* Makes a certificate beside the key. */
void certify(const char *name);

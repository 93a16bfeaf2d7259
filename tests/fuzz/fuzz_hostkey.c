#include "inventory/ssh_session.h"

#include <stdio.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

/* A host key as the library hands it on: type and fingerprint of any bytes. */

static const uint8_t *key;
static size_t key_size;

const char *__wrap_libssh2_session_hostkey(LIBSSH2_SESSION *session,
                                           size_t *length, int *type);
const char *__wrap_libssh2_hostkey_hash(LIBSSH2_SESSION *session, int type);

const char *__wrap_libssh2_session_hostkey(LIBSSH2_SESSION *session,
                                           size_t *length, int *type)
{
	(void)session;
	*type = 0;
	*length = key_size;
	return key_size > 0 ? (const char *)key : NULL;
}

const char *__wrap_libssh2_hostkey_hash(LIBSSH2_SESSION *session, int type)
{
	static const char hash[32] = "\xFF\xFE and thirty bytes behind it";

	(void)session;
	PROMISE(type == LIBSSH2_HOSTKEY_HASH_SHA256);
	return hash;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ssh ssh;
	char type[64];
	char sha256[64];
	struct err err = { .kind = ERR_NONE };

	memset(&ssh, 0, sizeof(ssh));
	memset(type, 'x', sizeof(type));
	key = data;
	key_size = size;
	if (!ssh_host_key(&ssh, type, sizeof(type), sha256, sizeof(sha256),
	                  &err)) {
		PROMISE(err.kind == ERR_PROTOCOL);
		return 0;
	}
	/* The type is the key's front, and ends in its place. */
	PROMISE(size >= 4 && memchr(type, '\0', sizeof(type)) != NULL);
	PROMISE(strlen(type) <= size - 4);
	PROMISE(memcmp(type, data + 4, strlen(type)) == 0);
	PROMISE(strlen(sha256) == 43);
	return 0;
}

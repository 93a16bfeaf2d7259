#include "inventory/ssh_algorithms.h"

#include <string.h>

#define OFFER_SIZE 320

struct offer {
	int method;
	enum greeting_list list; /* of the server, to compare with */
	const char *what;
	const char *wanted;
};

static const char ciphers[] =
    "aes128-ctr,aes256-ctr,aes192-ctr,aes256-gcm@openssh.com,"
    "aes128-gcm@openssh.com";
static const char macs[] = "hmac-sha2-256,hmac-sha2-512";

static const struct offer offers[] = {
	{ LIBSSH2_METHOD_KEX, GREETING_KEX, "key exchange",
	  "curve25519-sha256,curve25519-sha256@libssh.org,"
	  "ecdh-sha2-nistp256,ecdh-sha2-nistp384,ecdh-sha2-nistp521,"
	  "diffie-hellman-group14-sha256,diffie-hellman-group16-sha512,"
	  "diffie-hellman-group18-sha512,"
	  "diffie-hellman-group-exchange-sha256" },
	{ LIBSSH2_METHOD_HOSTKEY, GREETING_HOST_KEY, "host key",
	  "ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,"
	  "ecdsa-sha2-nistp521,rsa-sha2-512,rsa-sha2-256" },
	{ LIBSSH2_METHOD_CRYPT_CS, GREETING_CIPHER_OUT, "cipher", ciphers },
	{ LIBSSH2_METHOD_CRYPT_SC, GREETING_CIPHER_IN, "cipher", ciphers },
	{ LIBSSH2_METHOD_MAC_CS, GREETING_MAC_OUT, "MAC", macs },
	{ LIBSSH2_METHOD_MAC_SC, GREETING_MAC_IN, "MAC", macs },
};

#define OFFERS (sizeof(offers) / sizeof(offers[0]))

/* Written by algorithms_init() alone. */
static char offered[OFFERS][OFFER_SIZE];

bool name_list_has(const char *names, size_t length, const char *name,
                   size_t name_length)
{
	while (length > 0) {
		const char *comma = memchr(names, ',', length);
		size_t size = comma != NULL ? (size_t)(comma - names) : length;

		if (size == name_length && memcmp(names, name, size) == 0)
			return true;
		if (comma == NULL)
			return false;
		names += size + 1;
		length -= size + 1;
	}
	return false;
}

/* True when a name of ours is among the server's. */
static bool names_meet(const char *ours, const char *names, size_t length)
{
	while (*ours != '\0') {
		size_t size = strcspn(ours, ",");

		if (name_list_has(names, length, ours, size))
			return true;
		ours += size + (ours[size] == ',');
	}
	return false;
}

static bool supports(const char **supported, int count, const char *name,
                     size_t length)
{
	for (int i = 0; i < count; i++) {
		if (strlen(supported[i]) == length &&
		    memcmp(supported[i], name, length) == 0)
			return true;
	}
	return false;
}

static void append(char *list, const char *name, size_t length)
{
	size_t used = strlen(list);

	if (used + length + 2 > OFFER_SIZE)
		return;
	if (used > 0)
		list[used++] = ',';
	memcpy(list + used, name, length);
	list[used + length] = '\0';
}

static bool choose(LIBSSH2_SESSION *session, size_t index, struct err *err)
{
	const struct offer *offer = &offers[index];
	const char *wanted = offer->wanted;
	const char **supported = NULL;
	int count =
	    libssh2_session_supported_algs(session, offer->method, &supported);

	if (count < 0)
		return err_set(err, ERR_SYSTEM,
		               "libssh2 names no %s algorithms", offer->what);
	while (*wanted != '\0') {
		size_t size = strcspn(wanted, ",");

		if (supports(supported, count, wanted, size))
			append(offered[index], wanted, size);
		wanted += size + (wanted[size] == ',');
	}
	if (offer->method == LIBSSH2_METHOD_HOSTKEY &&
	    strstr(offered[index], "rsa-sha2") == NULL &&
	    supports(supported, count, "ssh-rsa", strlen("ssh-rsa")))
		append(offered[index], "ssh-rsa", strlen("ssh-rsa"));
	libssh2_free(session, (void *)supported);
	return offered[index][0] != '\0' ||
	       err_set(err, ERR_SYSTEM,
	               "this libssh2 has no %s algorithm that is safe",
	               offer->what);
}

bool algorithms_init(struct err *err)
{
	LIBSSH2_SESSION *session = libssh2_session_init();
	bool ok = true;

	if (session == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	memset(offered, 0, sizeof(offered));
	for (size_t i = 0; ok && i < OFFERS; i++)
		ok = choose(session, i, err);
	libssh2_session_free(session);
	return ok;
}

bool algorithms_apply(LIBSSH2_SESSION *session, struct err *err)
{
	for (size_t i = 0; i < OFFERS; i++) {
		if (libssh2_session_method_pref(session, offers[i].method,
		                                offered[i]) != 0)
			return err_set(err, ERR_SCARCE, "out of memory");
	}
	return true;
}

bool algorithms_explain(const struct greeting *greeting, struct err *err)
{
	for (size_t i = 0; i < OFFERS; i++) {
		const char *names;
		size_t length;

		if (!greeting_list(greeting, offers[i].list, &names, &length))
			return false;
		if (names_meet(offered[i], names, length))
			continue;
		err_set(err, ERR_PROTOCOL,
		        "no common %s algorithm: we offer %s; the server "
		        "offers %.*s",
		        offers[i].what, offered[i], (int)length, names);
		return true;
	}
	return false;
}

#include "inventory/ssh_algorithms.h"

#include <string.h>

#define OFFER_SIZE 512

struct offer {
	int method;
	enum greeting_list list; /* of the server, to compare with */
	const char *what;
	const char *wanted;
	const char *legacy; /* behind them, for --legacy */
};

/* With these there is no MAC to agree on. Not first: libssh2 1.11.1 leaks 160
 * bytes for each session with one. */
#define AEAD "aes256-gcm@openssh.com,aes128-gcm@openssh.com"

static const char ciphers[] = "aes128-ctr,aes256-ctr,aes192-ctr," AEAD;
static const char macs[] = "hmac-sha2-256,hmac-sha2-512";

/* What network devices and servers of twenty years have instead. Not what is no
 * protection at all: RC4, MD5 cut to 96 bits. */
static const char old_ciphers[] = "aes128-cbc,aes256-cbc,aes192-cbc,3des-cbc";
static const char old_macs[] = "hmac-sha1,hmac-sha1-96,hmac-md5";

static const char host_keys[] =
    "ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,"
    "ecdsa-sha2-nistp521,rsa-sha2-512,rsa-sha2-256";
static const char old_host_keys[] = "ssh-rsa,ssh-dss";

/* Places of lists that a session may have otherwise. */
#define OFFER_HOST_KEY 1
#define OFFER_MAC_OUT 4
#define OFFER_MAC_IN 5

static const struct offer offers[] = {
	{ LIBSSH2_METHOD_KEX, GREETING_KEX, "key exchange",
	  "curve25519-sha256,curve25519-sha256@libssh.org,"
	  "ecdh-sha2-nistp256,ecdh-sha2-nistp384,ecdh-sha2-nistp521,"
	  "diffie-hellman-group14-sha256,diffie-hellman-group16-sha512,"
	  "diffie-hellman-group18-sha512,"
	  "diffie-hellman-group-exchange-sha256",
	  "diffie-hellman-group14-sha1,diffie-hellman-group-exchange-sha1,"
	  "diffie-hellman-group1-sha1" },
	[OFFER_HOST_KEY] = { LIBSSH2_METHOD_HOSTKEY, GREETING_HOST_KEY,
	                     "host key", host_keys, old_host_keys },
	{ LIBSSH2_METHOD_CRYPT_CS, GREETING_CIPHER_OUT, "cipher", ciphers,
	  old_ciphers },
	{ LIBSSH2_METHOD_CRYPT_SC, GREETING_CIPHER_IN, "cipher", ciphers,
	  old_ciphers },
	[OFFER_MAC_OUT] = { LIBSSH2_METHOD_MAC_CS, GREETING_MAC_OUT, "MAC",
	                    macs, old_macs },
	[OFFER_MAC_IN] = { LIBSSH2_METHOD_MAC_SC, GREETING_MAC_IN, "MAC", macs,
	                   old_macs },
};

#define OFFERS (sizeof(offers) / sizeof(offers[0]))

/* Written before the first session, and only read from then on. */
static char offered[OFFERS][OFFER_SIZE];
static char legacy[OFFERS][OFFER_SIZE]; /* what is not offered yet */
static char aead[OFFER_SIZE];           /* what of them the library has */

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

/* What of the names the library has. */
static void append_supported(char *list, const char *names,
                             const char **supported, int count)
{
	while (*names != '\0') {
		size_t size = strcspn(names, ",");

		if (supports(supported, count, names, size))
			append(list, names, size);
		names += size + (names[size] == ',');
	}
}

static bool choose(LIBSSH2_SESSION *session, size_t index, struct err *err)
{
	const struct offer *offer = &offers[index];
	const char **supported = NULL;
	int count =
	    libssh2_session_supported_algs(session, offer->method, &supported);

	if (count < 0)
		return err_set(err, ERR_SYSTEM,
		               "libssh2 names no %s algorithms", offer->what);
	append_supported(offered[index], offer->wanted, supported, count);
	if (index == OFFER_HOST_KEY &&
	    strstr(offered[index], "rsa-sha2") == NULL)
		append_supported(offered[index], "ssh-rsa", supported, count);
	append_supported(legacy[index], offer->legacy, supported, count);
	if (offer->method == LIBSSH2_METHOD_CRYPT_CS)
		append_supported(aead, AEAD, supported, count);
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
	memset(legacy, 0, sizeof(legacy));
	memset(aead, 0, sizeof(aead));
	for (size_t i = 0; ok && i < OFFERS; i++)
		ok = choose(session, i, err);
	libssh2_session_free(session);
	return ok;
}

void algorithms_allow_legacy(void)
{
	for (size_t i = 0; i < OFFERS; i++) {
		for (const char *name = legacy[i]; *name != '\0';) {
			size_t size = strcspn(name, ",");

			/* ssh-rsa may be there already. */
			if (!name_list_has(offered[i], strlen(offered[i]), name,
			                   size))
				append(offered[i], name, size);
			name += size + (name[size] == ',');
		}
		legacy[i][0] = '\0';
	}
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

/* What a key of the type is offered as. */
static bool is_of_type(const char *types, const char *name, size_t length)
{
	static const char rsa[] = "rsa-sha2-";
	size_t size = strlen(types);

	if (name_list_has(types, size, name, length))
		return true;
	return length > strlen(rsa) && memcmp(name, rsa, strlen(rsa)) == 0 &&
	       name_list_has(types, size, "ssh-rsa", strlen("ssh-rsa"));
}

/* Those of the types, or the others. */
static void append_host_keys(char *list, const char *types, bool of_types)
{
	const char *name = offered[OFFER_HOST_KEY];

	while (*name != '\0') {
		size_t size = strcspn(name, ",");

		if (is_of_type(types, name, size) == of_types)
			append(list, name, size);
		name += size + (name[size] == ',');
	}
}

bool algorithms_prefer_host_keys(LIBSSH2_SESSION *session, const char *types,
                                 struct err *err)
{
	char list[OFFER_SIZE] = "";

	append_host_keys(list, types, true);
	append_host_keys(list, types, false);
	if (libssh2_session_method_pref(session, LIBSSH2_METHOD_HOSTKEY,
	                                list) != 0)
		return err_set(err, ERR_SCARCE, "out of memory");
	return true;
}

/* True when the server's list has none of ours, but is known. */
static bool is_at_odds(const struct greeting *greeting, size_t index,
                       const char *ours)
{
	const char *names;
	size_t length;

	return greeting_list(greeting, offers[index].list, &names, &length) &&
	       !names_meet(ours, names, length);
}

/* Whether both of the server's lists of ciphers have one of these. */
static bool takes_ciphers(const struct greeting *greeting, const char *out,
                          const char *in)
{
	const char *names;
	size_t length;

	return greeting_list(greeting, GREETING_CIPHER_OUT, &names, &length) &&
	       names_meet(out, names, length) &&
	       greeting_list(greeting, GREETING_CIPHER_IN, &names, &length) &&
	       names_meet(in, names, length);
}

bool algorithms_want_aead(const struct greeting *greeting)
{
	return aead[0] != '\0' && takes_ciphers(greeting, aead, aead) &&
	       (is_at_odds(greeting, OFFER_MAC_OUT, offered[OFFER_MAC_OUT]) ||
	        is_at_odds(greeting, OFFER_MAC_IN, offered[OFFER_MAC_IN]));
}

bool algorithms_only_aead(LIBSSH2_SESSION *session, struct err *err)
{
	static const int methods[] = { LIBSSH2_METHOD_CRYPT_CS,
		                       LIBSSH2_METHOD_CRYPT_SC };

	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		if (libssh2_session_method_pref(session, methods[i], aead) != 0)
			return err_set(err, ERR_SCARCE, "out of memory");
	}
	return true;
}

/* The way out, if there is one. */
static const char *hint(const struct greeting *greeting, size_t index,
                        const char *names, size_t length)
{
	static const char etm[] = "hmac-sha2-256-etm@openssh.com,"
				  "hmac-sha2-512-etm@openssh.com,"
				  "umac-128-etm@openssh.com,"
				  "umac-64-etm@openssh.com";

	if (names_meet(legacy[index], names, length))
		return " (with --legacy there is one)";
	if (names_meet(offers[index].wanted, names, length))
		return " (a newer libssh2 has one)";
	if (!names_meet(etm, names, length))
		return "";
	if (aead[0] == '\0' && takes_ciphers(greeting, AEAD, AEAD))
		return " (a newer libssh2 can do without, by AES-GCM)";
	return " (no -etm for the sake of libssh2's safety: the server's "
	       "\"MACs\" should have hmac-sha2-256, too)";
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
		        "no common %s algorithm%s: we offer %s; the server "
		        "offers %.*s",
		        offers[i].what, hint(greeting, i, names, length),
		        offered[i], (int)length, names);
		return true;
	}
	return false;
}

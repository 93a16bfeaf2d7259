#include "inventory/ssh_key.h"

#include "inventory/agent.h"
#include "inventory/identity.h"
#include "inventory/keypair.h"
#include "inventory/ssh_session.h"
#include "inventory/wire.h"

#include <stdlib.h>
#include <string.h>

#define CERTIFICATE_SUFFIX "-cert-v01@openssh.com"
#define BLOB_MAX 16384    /* a certificate holds other keys, and names */
#define RSA_BLOB_MAX 2304 /* of a key of 16384 bits: 2071 */

/* A key that may be offered. */
struct offer {
	const unsigned char *blob;
	size_t length;
	const char *name; /* for the sentence */
	/* Either of them signs. */
	const struct identity *identity;
	struct agent *agent;
	size_t index; /* in the agent */
};

/* What the library's callback needs, and leaves. */
struct signer {
	const struct offer *offer;
	const struct wait *wait;
	bool renamed;      /* see rename_rsa() */
	unsigned refusals; /* before */
	bool failed;
	struct err err; /* when it failed */
};

/* --- Signing -------------------------------------------------------------- */

/* Whether there was such an end. */
static bool strip_certificate(struct wire_string *name)
{
	const size_t suffix = strlen(CERTIFICATE_SUFFIX);

	if (name->length <= suffix ||
	    memcmp(name->bytes + name->length - suffix, CERTIFICATE_SUFFIX,
	           suffix) != 0)
		return false;
	name->length -= suffix;
	return true;
}

/* RFC 4252 section 7: the algorithm stands in what is signed. That of a
 * certificate signs as its key does. */
static bool read_algorithm(const unsigned char *data, size_t length,
                           struct wire_string *algorithm)
{
	struct wire from = { data, length };
	const unsigned char *byte;
	struct wire_string skipped;

	if (!wire_take_string(&from, &skipped) || /* session */
	    !wire_take_bytes(&from, 1, &byte) ||
	    !wire_take_string(&from, &skipped) || /* user */
	    !wire_take_string(&from, &skipped) || /* service */
	    !wire_take_string(&from, &skipped) || /* "publickey" */
	    !wire_take_bytes(&from, 1, &byte) ||
	    !wire_take_string(&from, algorithm))
		return false;
	(void)strip_certificate(algorithm);
	return true;
}

static bool sign(struct signer *signer, const unsigned char *data,
                 size_t length, unsigned char **signature,
                 size_t *signature_length)
{
	const struct offer *offer = signer->offer;
	struct wire_string algorithm;
	const char *name;

	if (!read_algorithm(data, length, &algorithm))
		return err_set(&signer->err, ERR_PROTOCOL,
		               "libssh2 asks for a signature of nothing");
	name = (const char *)algorithm.bytes;
	if (offer->identity != NULL)
		return identity_sign(offer->identity, name, algorithm.length,
		                     data, length, signature, signature_length,
		                     &signer->err);
	return agent_sign(offer->agent, offer->index, name, algorithm.length,
	                  data, length, signature, signature_length,
	                  signer->wait, &signer->err);
}

/* The library frees the signature by the session's memory_free(), which takes
 * what malloc() gave. */
static LIBSSH2_USERAUTH_PUBLICKEY_SIGN_FUNC(sign_callback)
{
	struct signer *signer = *abstract;

	(void)session;
	signer->failed = !sign(signer, data, data_len, sig, sig_len);
	return signer->failed ? -1 : 0;
}

/* --- Offering ------------------------------------------------------------- */

/* The key's type, without what makes it a certificate's. "" for what is no key:
 * an agent may have anything. */
static struct wire_string type_of(const struct offer *offer, bool *certificate)
{
	struct wire from = { offer->blob, offer->length };
	struct wire_string type = { .length = 0 };

	if (!wire_take_string(&from, &type))
		type.length = 0;
	*certificate = strip_certificate(&type);
	return type;
}

static bool is_rsa(const struct offer *offer)
{
	bool certificate;
	struct wire_string type = type_of(offer, &certificate);

	return wire_is_text(&type, "ssh-rsa");
}

/* 1.11 brought rsa-sha2 and certificates. */
static bool is_old_library(void)
{
	return libssh2_version(0x010b00) == NULL;
}

/* A key may come from a file and from the agent. */
static bool was_offered(const struct ssh *ssh, const struct offer *offer)
{
	for (size_t i = 0; i < ssh->keys.count; i++) {
		const struct ssh_offered *old = &ssh->keys.offered[i];

		if (old->length == offer->length &&
		    memcmp(old->blob, offer->blob, old->length) == 0)
			return true;
	}
	return false;
}

static enum ssh_key_verdict refused(const struct offer *offer, const char *user,
                                    const char *why, struct err *err)
{
	err_set(err, ERR_AUTH, "key '%s' refused for '%s'%s%s", offer->name,
	        user, why[0] != '\0' ? ": " : "", why);
	return SSH_KEY_REFUSED;
}

/* Others the library would not survive (no type at all, larger than a packet),
 * or the server: libssh's gives no answer to a type that it does not know. */
static bool is_known(const struct wire_string *type)
{
	const char *known =
	    keypair_type_of_algorithm((const char *)type->bytes, type->length);

	return known != NULL && wire_is_text(type, known);
}

/* Why a key is not even offered; NULL when it is. */
static const char *unfit(const struct ssh *ssh, const struct offer *offer)
{
	bool certificate;
	struct wire_string type = type_of(offer, &certificate);

	if (type.length > 3 && memcmp(type.bytes, "sk-", 3) == 0)
		return "keys in security tokens are not supported";
	if (!is_known(&type) || offer->length > BLOB_MAX)
		return "a key of a kind that is not supported";
	if (certificate && is_old_library() &&
	    memcmp(type.bytes, "ecdsa-", 6) != 0)
		return "this libssh2 cannot use its certificate, 1.11 can";
	if (ssh->keys.stuck && !is_rsa(offer))
		return "not offered, after an RSA key of which the server "
		       "takes no signature";
	if (ssh->keys.count == SSH_KEYS_MAX)
		return "not offered, after " SSH_KEYS_MAX_TEXT " others";
	return NULL;
}

static void note_offer(struct ssh *ssh, const struct offer *offer)
{
	ssh->keys.offered[ssh->keys.count++] =
	    (struct ssh_offered){ offer->blob, offer->length };
}

/*
 * Up to 1.10 the library knows no algorithm but the key's type, "ssh-rsa", and
 * that means a signature by SHA-1, which OpenSSH refuses since 8.8. But it
 * takes the algorithm from the key's first string, and OpenSSH from 7 on reads
 * a key by either name; so there it is called by the other, though RFC 8332
 * section 3 would have it keep the first. False: as it is.
 */
static bool rename_rsa(const struct ssh *ssh, const struct offer *offer,
                       unsigned char *renamed, size_t size, size_t *length)
{
	static const char openssh[] = "SSH-2.0-OpenSSH_";
	static const unsigned char old[] = "\0\0\0\x07ssh-rsa";
	static const unsigned char new[] = "\0\0\0\x0crsa-sha2-512";
	const size_t old_length = sizeof(old) - 1, new_length = sizeof(new) - 1;
	const char *version = ssh_version(ssh);

	if (!is_old_library() || !is_rsa(offer) ||
	    strncmp(version, openssh, strlen(openssh)) != 0)
		return false;
	version += strlen(openssh);
	if (version[0] < '7' && (version[0] != '1' || version[1] == '.'))
		return false;
	if (offer->length < old_length ||
	    memcmp(offer->blob, old, old_length) != 0 ||
	    offer->length - old_length > size - new_length)
		return false;
	*length = new_length + offer->length - old_length;
	memcpy(renamed, new, new_length);
	memcpy(renamed + new_length, offer->blob + old_length,
	       offer->length - old_length);
	return true;
}

/* The key was not signed with. */
static enum ssh_key_verdict sign_failed(const struct offer *offer,
                                        const char *user,
                                        const struct signer *signer,
                                        struct err *err)
{
	if (signer->err.kind == ERR_TIMEOUT ||
	    signer->err.kind == ERR_CANCELLED) {
		*err = signer->err;
		return SSH_KEY_FAILED;
	}
	err_set(err, ERR_AUTH, "key '%s' not used for '%s': %s", offer->name,
	        user, signer->err.text);
	return SSH_KEY_REFUSED;
}

static enum ssh_key_verdict judge(struct ssh *ssh, int rc,
                                  const struct offer *offer, const char *user,
                                  const struct signer *signer, struct err *err)
{
	if (rc == 0)
		return SSH_KEY_ACCEPTED;
	if (signer->failed)
		return sign_failed(offer, user, signer, err);
	if (rc == LIBSSH2_ERROR_AUTHENTICATION_FAILED)
		return refused(offer, user,
		               !signer->renamed && is_rsa(offer) &&
		                       is_old_library()
		                   ? "this libssh2 has no rsa-sha2, which most "
		                     "servers ask for; 1.11 has"
		                   : "",
		               err);
	/* Of the algorithms that the server named none is RSA's; the library
	 * then keeps the key's type for all further ones. */
	if (rc == LIBSSH2_ERROR_METHOD_NONE) {
		ssh->keys.stuck = true;
		return refused(offer, user,
		               "the server takes no signature of its kind",
		               err);
	}
	if (ssh->packets.refusals != signer->refusals) /* signed in vain */
		return refused(offer, user, "", err);
	ssh_failed(ssh, ERR_PROTOCOL, "login", err);
	return SSH_KEY_FAILED;
}

static enum ssh_key_verdict try_offer(struct ssh *ssh, const char *user,
                                      const struct offer *offer,
                                      struct err *err)
{
	struct signer signer = { .offer = offer,
		                 .wait = &ssh->wait,
		                 .refusals = ssh->packets.refusals };
	void *abstract = &signer;
	const char *why = unfit(ssh, offer);
	/* Not allocated: the trap of ssh_login() would lose it. */
	unsigned char renamed[RSA_BLOB_MAX];
	const unsigned char *blob = offer->blob;
	size_t length = offer->length;
	int rc;

	if (why != NULL)
		return refused(offer, user, why, err);
	signer.renamed =
	    rename_rsa(ssh, offer, renamed, sizeof(renamed), &length);
	if (signer.renamed)
		blob = renamed;
	note_offer(ssh, offer);
	ssh->keys.rsa = is_rsa(offer);
	while ((rc = libssh2_userauth_publickey(
		    ssh->session, user, blob, length, sign_callback,
		    &abstract)) == LIBSSH2_ERROR_EAGAIN) {
		if (!ssh_wait(ssh, err))
			return SSH_KEY_FAILED;
	}
	ssh->keys.rsa = false;
	return judge(ssh, rc, offer, user, &signer, err);
}

enum ssh_key_verdict ssh_try_identity(struct ssh *ssh, const char *user,
                                      const struct identity *identity,
                                      struct err *err)
{
	struct offer offer = { .name = identity_path(identity),
		               .identity = identity };
	enum ssh_key_verdict verdict = SSH_KEY_REFUSED;
	const char *why = NULL; /* the certificate is not even offered */

	offer.blob = identity_certificate(identity, &offer.length);
	if (offer.blob != NULL && !was_offered(ssh, &offer)) {
		why = unfit(ssh, &offer);
		if (why == NULL)
			verdict = try_offer(ssh, user, &offer, err);
	}
	if (verdict != SSH_KEY_REFUSED)
		return verdict;
	offer.blob = identity_blob(identity, &offer.length);
	if (!was_offered(ssh, &offer))
		verdict = try_offer(ssh, user, &offer, err);
	else
		refused(&offer, user, "", err);
	if (verdict == SSH_KEY_REFUSED && why != NULL)
		refused(&offer, user, why, err);
	return verdict;
}

bool ssh_key_goes_last(const struct identity *identity)
{
	struct offer offer = { .identity = identity };

	offer.blob = identity_blob(identity, &offer.length);
	return is_rsa(&offer);
}

static struct offer agent_offer(struct agent *agent, size_t index)
{
	struct offer offer = { .name = agent_key_comment(agent, index),
		               .agent = agent,
		               .index = index };

	offer.blob = agent_key(agent, index, &offer.length);
	return offer;
}

static enum ssh_key_verdict try_some(struct ssh *ssh, const char *user,
                                     struct agent *agent, bool rsa,
                                     struct err *err)
{
	enum ssh_key_verdict verdict = SSH_KEY_REFUSED;

	/* A key that was one step of several is "refused", and enough. */
	for (size_t i = 0; i < agent_key_count(agent) &&
	                   verdict == SSH_KEY_REFUSED && !ssh->packets.partial;
	     i++) {
		struct offer offer = agent_offer(agent, i);

		if (is_rsa(&offer) == rsa && !was_offered(ssh, &offer))
			verdict = try_offer(ssh, user, &offer, err);
	}
	return verdict;
}

enum ssh_key_verdict ssh_try_agent(struct ssh *ssh, const char *user,
                                   struct agent *agent, struct err *err)
{
	enum ssh_key_verdict verdict;

	err_set(err, ERR_AUTH, "the ssh-agent has no keys for '%s'", user);
	verdict = try_some(ssh, user, agent, false, err);
	if (verdict == SSH_KEY_REFUSED)
		verdict = try_some(ssh, user, agent, true, err);
	return verdict;
}

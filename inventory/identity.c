#include "inventory/identity.h"

#include "inventory/keyfile.h"
#include "inventory/keypair.h"
#include "inventory/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* As ssh does. */
#define PASSPHRASE_ATTEMPTS 3
#define PASSPHRASE_SIZE 1024

#define CERTIFICATE_SUFFIX "-cert.pub"
#define CERTIFICATE_TYPE_SUFFIX "-cert-v01@openssh.com"

struct identity {
	char *path;
	EVP_PKEY *key;
	struct wire_out blob;
	unsigned char *certificate; /* NULL: none */
	size_t certificate_length;
};

/* --- Files ---------------------------------------------------------------- */

static bool read_all(int fd, char *text, size_t size, size_t *length,
                     struct err *err)
{
	ssize_t got;

	*length = 0;
	while ((got = read(fd, text + *length, size - *length)) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_errno(err, ERR_INPUT, errno, "cannot read");
		*length += (size_t)got;
		if (*length == size)
			return err_set(err, ERR_INPUT, "too large for a key");
	}
	return true;
}

/* A pipe may wait for whoever writes to it, where somebody may wait at all. */
static bool may_read(int fd, const struct stat *status, bool patient,
                     struct err *err)
{
	if (S_ISREG(status->st_mode))
		return true;
	if (!patient)
		return err_set(err, ERR_INPUT, "not a file");
	return fcntl(fd, F_SETFL, 0) == 0 ||
	       err_errno(err, ERR_INPUT, errno, "cannot read");
}

/* text has room for KEYFILE_MAX bytes. *missing: there is no such file. */
static bool read_file(const char *path, bool patient, char *text,
                      size_t *length, mode_t *mode, bool *missing,
                      struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat status;
	bool ok;

	*missing = fd < 0 && errno == ENOENT;
	if (fd < 0)
		return err_errno(err, ERR_INPUT, errno, "cannot open");
	ok = fstat(fd, &status) == 0;
	if (!ok)
		err_errno(err, ERR_INPUT, errno, "cannot read");
	ok = ok && may_read(fd, &status, patient, err) &&
	     read_all(fd, text, KEYFILE_MAX, length, err);
	close(fd);
	if (ok)
		*mode = status.st_mode;
	return ok;
}

/* --- The private key ------------------------------------------------------ */

static bool decrypt(struct identity *identity, const char *text, size_t length,
                    const struct identity_passphrase *passphrase,
                    struct err *err)
{
	enum keyfile_verdict verdict = KEYFILE_ENCRYPTED;

	for (int i = 0; i < PASSPHRASE_ATTEMPTS && verdict == KEYFILE_ENCRYPTED;
	     i++) {
		char answer[PASSPHRASE_SIZE] = "";

		if (!passphrase->ask(passphrase->arg, identity->path, answer,
		                     sizeof(answer), err)) {
			explicit_bzero(answer, sizeof(answer));
			return false;
		}
		/* As ssh: an empty one gives up. */
		if (answer[0] == '\0')
			return err_set(err, ERR_INPUT, "no passphrase given");
		verdict =
		    keyfile_parse(&identity->key, text, length, answer, err);
		explicit_bzero(answer, sizeof(answer));
	}
	if (verdict == KEYFILE_ENCRYPTED)
		err_set(err, ERR_INPUT, "the passphrase does not fit");
	return verdict == KEYFILE_READ;
}

static bool parse(struct identity *identity, const char *text, size_t length,
                  const struct identity_passphrase *passphrase, struct err *err)
{
	switch (keyfile_parse(&identity->key, text, length, NULL, err)) {
	case KEYFILE_READ:
		return true;
	case KEYFILE_BAD:
		return false;
	case KEYFILE_ENCRYPTED:
		break;
	}
	if (passphrase == NULL)
		return err_set(err, ERR_INPUT,
		               "encrypted, and there is nobody to ask for its "
		               "passphrase");
	return decrypt(identity, text, length, passphrase, err);
}

static bool load_key(struct identity *identity, char *text,
                     const struct identity_passphrase *passphrase,
                     bool *exposed, struct err *err)
{
	size_t length = 0;
	mode_t mode = 0;
	bool missing;

	if (!read_file(identity->path, passphrase != NULL, text, &length, &mode,
	               &missing, err) ||
	    !parse(identity, text, length, passphrase, err))
		return false;
	keypair_put_public(&identity->blob, identity->key);
	if (identity->blob.failed)
		return err_set(err, ERR_SYSTEM, "out of memory");
	*exposed = S_ISREG(mode) && (mode & (S_IRWXG | S_IRWXO)) != 0;
	return true;
}

/* --- The certificate ------------------------------------------------------ */

/* OpenSSH's PROTOCOL.certkeys: after the type and a nonce stands the public
 * key, as it does in a blob after its type. */
static bool is_certificate_of(const struct identity *identity)
{
	struct wire from = { identity->certificate,
		             identity->certificate_length };
	struct wire own = { identity->blob.bytes, identity->blob.length };
	const char suffix[] = CERTIFICATE_TYPE_SUFFIX;
	struct wire_string type, own_type, nonce;

	return wire_take_string(&own, &own_type) &&
	       wire_take_string(&from, &type) &&
	       type.length == own_type.length + strlen(suffix) &&
	       memcmp(type.bytes, own_type.bytes, own_type.length) == 0 &&
	       memcmp(type.bytes + own_type.length, suffix, strlen(suffix)) ==
	           0 &&
	       wire_take_string(&from, &nonce) && from.left > own.left &&
	       memcmp(from.at, own.at, own.left) == 0;
}

/* "TYPE BASE64 COMMENT" */
static bool parse_certificate(struct identity *identity, const char *text,
                              size_t length, struct err *err)
{
	const char *end = text + length;
	const char *base64 = memchr(text, ' ', length);
	const char *comment;

	if (base64 == NULL)
		return err_set(err, ERR_INPUT, "not a certificate");
	base64++;
	for (comment = base64; comment < end; comment++) {
		if (*comment == ' ' || *comment == '\n' || *comment == '\r')
			break;
	}
	if (!wire_from_base64(base64, (size_t)(comment - base64),
	                      &identity->certificate,
	                      &identity->certificate_length))
		return err_set(err, ERR_INPUT, "not a certificate");
	return is_certificate_of(identity) ||
	       err_set(err, ERR_INPUT, "not a certificate of this key");
}

static bool load_certificate(struct identity *identity, char *text,
                             struct err *err)
{
	size_t length = 0;
	mode_t mode;
	bool missing = false, ok;
	struct err why;
	char *path;

	if (asprintf(&path, "%s" CERTIFICATE_SUFFIX, identity->path) < 0)
		return err_set(err, ERR_SYSTEM, "out of memory");
	ok = read_file(path, false, text, &length, &mode, &missing, &why) &&
	     parse_certificate(identity, text, length, &why);
	if (!ok && !missing) {
		*err = why;
		err_prefix(err, "%s", path);
	}
	free(path);
	return ok || missing;
}

/* -------------------------------------------------------------------------- */

bool identity_load(struct identity **identity, const char *path,
                   const struct identity_passphrase *passphrase, bool *exposed,
                   struct err *err)
{
	struct identity *i = calloc(1, sizeof(*i));
	char *text = malloc(KEYFILE_MAX);
	bool ok = i != NULL && text != NULL;

	*exposed = false;
	if (ok)
		ok = (i->path = strdup(path)) != NULL;
	if (!ok) {
		err_set(err, ERR_SYSTEM, "out of memory");
	} else if (!load_key(i, text, passphrase, exposed, err)) {
		ok = err_prefix(err, "%s", path);
	} else {
		ok = load_certificate(i, text, err);
	}
	if (text != NULL)
		explicit_bzero(text, KEYFILE_MAX);
	free(text);
	if (!ok) {
		identity_free(i);
		return false;
	}
	*identity = i;
	return true;
}

void identity_free(struct identity *identity)
{
	if (identity == NULL)
		return;
	EVP_PKEY_free(identity->key);
	wire_out_release(&identity->blob);
	free(identity->certificate);
	free(identity->path);
	free(identity);
}

const char *identity_path(const struct identity *identity)
{
	return identity->path;
}

const unsigned char *identity_blob(const struct identity *identity,
                                   size_t *length)
{
	*length = identity->blob.length;
	return identity->blob.bytes;
}

const unsigned char *identity_certificate(const struct identity *identity,
                                          size_t *length)
{
	*length = identity->certificate_length;
	return identity->certificate;
}

bool identity_sign(const struct identity *identity, const char *algorithm,
                   size_t algorithm_length, const unsigned char *data,
                   size_t length, unsigned char **signature,
                   size_t *signature_length, struct err *err)
{
	struct wire_out out = { 0 };

	if (!keypair_sign(&out, identity->key, algorithm, algorithm_length,
	                  data, length, err)) {
		wire_out_release(&out);
		return false;
	}
	*signature = out.bytes;
	*signature_length = out.length;
	return true;
}

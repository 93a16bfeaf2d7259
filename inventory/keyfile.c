#include "inventory/keyfile.h"

#include "inventory/bcrypt_kdf.h"
#include "inventory/keypair.h"
#include "inventory/wire.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>

/* --- OpenSSH's format (its PROTOCOL.key) ---------------------------------- */

#define OPENSSH_BEGIN "-----BEGIN OPENSSH PRIVATE KEY-----"
#define OPENSSH_END "-----END OPENSSH PRIVATE KEY-----"

/* ssh-keygen -a takes any number, and makes 16; this takes some minutes. */
#define KDF_ROUNDS_MAX 100000

#define KEY_MAX 64 /* bytes of a cipher's key and first block together */

struct cipher {
	const char *name, *openssl;
	size_t tag; /* what it adds at the end */
};

static const struct cipher ciphers[] = {
	{ "aes256-ctr", "AES-256-CTR", 0 },
	{ "aes256-cbc", "AES-256-CBC", 0 },
	{ "aes192-ctr", "AES-192-CTR", 0 },
	{ "aes192-cbc", "AES-192-CBC", 0 },
	{ "aes128-ctr", "AES-128-CTR", 0 },
	{ "aes128-cbc", "AES-128-CBC", 0 },
	{ "aes256-gcm@openssh.com", "AES-256-GCM", 16 },
	{ "aes128-gcm@openssh.com", "AES-128-GCM", 16 },
	{ "3des-cbc", "DES-EDE3-CBC", 0 },
};

/* What stands in the file; borrowed. */
struct envelope {
	struct wire_string cipher, kdf, kdf_options, public, private;
	struct wire tag; /* and nothing else */
};

static bool open_envelope(struct envelope *envelope, struct wire *from)
{
	static const char magic[] = "openssh-key-v1"; /* with its NUL */

	const unsigned char *bytes;
	uint32_t keys;

	if (!wire_take_bytes(from, sizeof(magic), &bytes) ||
	    memcmp(bytes, magic, sizeof(magic)) != 0 ||
	    !wire_take_string(from, &envelope->cipher) ||
	    !wire_take_string(from, &envelope->kdf) ||
	    !wire_take_string(from, &envelope->kdf_options) ||
	    !wire_take_u32(from, &keys) || keys != 1 ||
	    !wire_take_string(from, &envelope->public) ||
	    !wire_take_string(from, &envelope->private))
		return false;
	envelope->tag = *from;
	return true;
}

static const struct cipher *find_cipher(const struct wire_string *name)
{
	for (size_t i = 0; i < sizeof(ciphers) / sizeof(ciphers[0]); i++) {
		if (wire_is_text(name, ciphers[i].name))
			return &ciphers[i];
	}
	return NULL;
}

/* OpenSSL decides by the tag whether all is well. */
static bool run_cipher(const EVP_CIPHER *type, unsigned char *key,
                       const struct envelope *envelope, unsigned char *plain)
{
	const struct wire_string *in = &envelope->private;
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	size_t key_length = (size_t)EVP_CIPHER_get_key_length(type);
	unsigned char *end = plain;
	int length = 0;
	bool ok = context != NULL &&
	          EVP_DecryptInit_ex2(context, type, key, key + key_length,
	                              NULL) == 1 &&
	          EVP_CIPHER_CTX_set_padding(context, 0) == 1;

	if (ok && envelope->tag.left > 0) {
		unsigned char tag[16];

		memcpy(tag, envelope->tag.at, sizeof(tag));
		ok = EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG,
		                         sizeof(tag), tag) == 1;
	}
	ok = ok && EVP_DecryptUpdate(context, plain, &length, in->bytes,
	                             (int)in->length) == 1;
	end += length;
	ok = ok && EVP_DecryptFinal_ex(context, end, &length) == 1;
	EVP_CIPHER_CTX_free(context);
	return ok;
}

/* False with an err, or with a passphrase that does not fit (*wrong). */
static bool decrypt(const struct envelope *envelope, const char *passphrase,
                    unsigned char *plain, bool *wrong, struct err *err)
{
	struct wire options = { envelope->kdf_options.bytes,
		                envelope->kdf_options.length };
	const struct cipher *cipher = find_cipher(&envelope->cipher);
	unsigned char key[KEY_MAX];
	struct wire_string salt;
	EVP_CIPHER *type;
	uint32_t rounds;
	size_t key_length;

	if (cipher == NULL || !wire_is_text(&envelope->kdf, "bcrypt"))
		return err_set(err, ERR_INPUT,
		               "encrypted in a way that is not supported; "
		               "ssh-keygen -p -Z aes256-ctr -f FILE changes "
		               "that");
	if (!wire_take_string(&options, &salt) || salt.length == 0 ||
	    !wire_take_u32(&options, &rounds) || rounds == 0 ||
	    rounds > KDF_ROUNDS_MAX || envelope->tag.left != cipher->tag)
		return err_set(err, ERR_INPUT, "a broken key file");
	type = EVP_CIPHER_fetch(NULL, cipher->openssl, NULL);
	if (type == NULL)
		return err_set(err, ERR_INPUT, "OpenSSL has no %s",
		               cipher->openssl);
	key_length = (size_t)EVP_CIPHER_get_key_length(type) +
	             (size_t)EVP_CIPHER_get_iv_length(type);
	bcrypt_kdf(passphrase, strlen(passphrase), salt.bytes, salt.length,
	           rounds, key, key_length);
	*wrong = !run_cipher(type, key, envelope, plain);
	explicit_bzero(key, sizeof(key));
	EVP_CIPHER_free(type);
	return !*wrong;
}

/* What is left after the key: a comment, and 1, 2, 3, … to a full block. */
static bool ends_well(struct wire *rest)
{
	struct wire_string comment;

	if (!wire_take_string(rest, &comment) || rest->left > 255)
		return false;
	for (size_t i = 0; i < rest->left; i++) {
		if (rest->at[i] != i + 1)
			return false;
	}
	return true;
}

/* Two equal numbers tell that the passphrase fits. */
static bool begins_well(struct wire *from)
{
	uint32_t one, other;

	return wire_take_u32(from, &one) && wire_take_u32(from, &other) &&
	       one == other;
}

static EVP_PKEY *take_private(const struct envelope *envelope,
                              struct wire *from, struct err *err)
{
	struct wire_out public = { 0 };
	EVP_PKEY *key = keypair_take(from, err);
	bool ok;

	if (key == NULL)
		return NULL;
	keypair_put_public(&public, key);
	ok = !public.failed && ends_well(from) &&
	     public.length == envelope->public.length &&
	     memcmp(public.bytes, envelope->public.bytes, public.length) == 0;
	wire_out_release(&public);
	if (ok)
		return key;
	EVP_PKEY_free(key);
	err_set(err, ERR_INPUT, "a broken key file");
	return NULL;
}

/* plain is as long as the envelope's private part. */
static enum keyfile_verdict read_private(EVP_PKEY **key,
                                         const struct envelope *envelope,
                                         const char *passphrase,
                                         unsigned char *plain, struct err *err)
{
	struct wire from = { envelope->private.bytes,
		             envelope->private.length };
	bool encrypted = !wire_is_text(&envelope->cipher, "none");
	bool wrong = false;

	if (encrypted && passphrase == NULL)
		return KEYFILE_ENCRYPTED;
	if (encrypted) {
		if (!decrypt(envelope, passphrase, plain, &wrong, err))
			return wrong ? KEYFILE_ENCRYPTED : KEYFILE_BAD;
		from.at = plain;
	}
	if (!begins_well(&from)) {
		if (encrypted)
			return KEYFILE_ENCRYPTED;
		err_set(err, ERR_INPUT, "a broken key file");
		return KEYFILE_BAD;
	}
	*key = take_private(envelope, &from, err);
	return *key != NULL ? KEYFILE_READ : KEYFILE_BAD;
}

static enum keyfile_verdict parse_openssh(EVP_PKEY **key, const char *text,
                                          size_t length, const char *passphrase,
                                          struct err *err)
{
	const char *end =
	    memmem(text, length, OPENSSH_END, strlen(OPENSSH_END));
	unsigned char *bytes, *plain;
	size_t bytes_length;
	struct envelope envelope;
	struct wire from;
	enum keyfile_verdict verdict = KEYFILE_BAD;

	if (end == NULL || !wire_from_base64(text, (size_t)(end - text), &bytes,
	                                     &bytes_length)) {
		err_set(err, ERR_INPUT, "a broken key file");
		return KEYFILE_BAD;
	}
	from = (struct wire){ bytes, bytes_length };
	plain = malloc(bytes_length);
	if (plain == NULL)
		err_set(err, ERR_SYSTEM, "out of memory");
	else if (!open_envelope(&envelope, &from))
		err_set(err, ERR_INPUT, "a broken key file");
	else
		verdict = read_private(key, &envelope, passphrase, plain, err);
	if (plain != NULL)
		explicit_bzero(plain, bytes_length);
	free(plain);
	explicit_bzero(bytes, bytes_length);
	free(bytes);
	return verdict;
}

/* --- PEM ------------------------------------------------------------------ */

struct pem_passphrase {
	const char *passphrase;
	bool wanted;
};

static int give_passphrase(char *to, int size, int writing, void *arg)
{
	struct pem_passphrase *given = arg;
	size_t length;

	(void)writing;
	given->wanted = true;
	if (given->passphrase == NULL)
		return -1;
	length = strlen(given->passphrase);
	if (length > (size_t)size)
		return -1;
	memcpy(to, given->passphrase, length);
	return (int)length;
}

static enum keyfile_verdict parse_pem(EVP_PKEY **key, const char *text,
                                      size_t length, const char *passphrase,
                                      struct err *err)
{
	struct pem_passphrase given = { passphrase, false };
	BIO *bio = BIO_new_mem_buf(text, (int)length);

	if (bio == NULL) {
		err_set(err, ERR_SYSTEM, "out of memory");
		return KEYFILE_BAD;
	}
	*key = PEM_read_bio_PrivateKey(bio, NULL, give_passphrase, &given);
	BIO_free(bio);
	ERR_clear_error();
	if (*key != NULL)
		return KEYFILE_READ;
	if (given.wanted)
		return KEYFILE_ENCRYPTED;
	err_set(err, ERR_INPUT, "a broken key file");
	return KEYFILE_BAD;
}

/* --- Which ---------------------------------------------------------------- */

static bool has(const char *text, size_t length, const char *what)
{
	return memmem(text, length, what, strlen(what)) != NULL;
}

/* What people give for a private key. */
static const char *not_a_key(const char *text, size_t length)
{
	if (has(text, length, "PuTTY-User-Key-File"))
		return "a key in PuTTY's format; puttygen FILE -O "
		       "private-openssh changes that";
	if (has(text, length, "BEGIN DSA PRIVATE"))
		return "a DSA key, which is not supported";
	if (has(text, length, "BEGIN SSH2 ENCRYPTED PRIVATE"))
		return "a key in ssh.com's format, which is not supported";
	if (has(text, length, "PRIVATE KEY-----"))
		return NULL;
	for (size_t i = 0; i < length && text[i] != ' '; i++) {
		if (keypair_type_of_algorithm(text, i + 1) != NULL)
			return "a public key; the private one is needed";
	}
	return "not a private key";
}

#define KEY_BITS_MAX 16384

static enum keyfile_verdict check(EVP_PKEY **key, struct err *err)
{
	/* OpenSSL verifies with no larger one, and signs for minutes. */
	if (EVP_PKEY_get_bits(*key) > KEY_BITS_MAX)
		err_set(err, ERR_INPUT, "a key of more than %d bits",
		        KEY_BITS_MAX);
	else if (keypair_type(*key) == NULL)
		err_set(err, ERR_INPUT,
		        "a key of a kind that is not supported");
	else if (!keypair_is_sound(*key))
		err_set(err, ERR_INPUT, "a broken key");
	else
		return KEYFILE_READ;
	EVP_PKEY_free(*key);
	*key = NULL;
	return KEYFILE_BAD;
}

enum keyfile_verdict keyfile_parse(EVP_PKEY **key, const char *text,
                                   size_t length, const char *passphrase,
                                   struct err *err)
{
	const char *openssh =
	    memmem(text, length, OPENSSH_BEGIN, strlen(OPENSSH_BEGIN));
	const char *wrong = not_a_key(text, length);
	enum keyfile_verdict verdict;

	if (length > KEYFILE_MAX || wrong != NULL) {
		err_set(err, ERR_INPUT, "%s",
		        wrong != NULL ? wrong : "not a private key");
		return KEYFILE_BAD;
	}
	if (openssh != NULL) {
		openssh += strlen(OPENSSH_BEGIN);
		verdict = parse_openssh(key, openssh,
		                        length - (size_t)(openssh - text),
		                        passphrase, err);
	} else {
		verdict = parse_pem(key, text, length, passphrase, err);
	}
	return verdict == KEYFILE_READ ? check(key, err) : verdict;
}

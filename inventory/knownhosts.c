#include "inventory/knownhosts_private.h"

#include "inventory/knownhosts_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BAD_LINES_TOLD 10

struct file_reading {
	struct knownhosts *known;
	size_t file;
	size_t bad;
};

bool knownhosts_digest(const struct knownhosts *known,
                       const unsigned char *blob, size_t length,
                       unsigned char sha256[KNOWN_DIGEST_SIZE])
{
	return EVP_Digest(blob, length, sha256, NULL, known->sha256, NULL) == 1;
}

/* False without memory, and for more types than any file has. */
bool knownhosts_type(struct knownhosts *known, const char *type, size_t length,
                     uint16_t *number)
{
	for (size_t i = 0; i < known->type_count; i++) {
		if (strlen(known->types[i]) == length &&
		    memcmp(known->types[i], type, length) == 0) {
			*number = (uint16_t)i;
			return true;
		}
	}
	if (known->type_count == KNOWNHOSTS_TYPES_MAX)
		return false;
	known->types[known->type_count] = strndup(type, length);
	if (known->types[known->type_count] == NULL)
		return false;
	*number = (uint16_t)known->type_count++;
	return true;
}

void knownhosts_tell(const struct knownhosts *known, const char *sentence)
{
	if (known->warn != NULL)
		known->warn(sentence);
}

static bool tell_bad(struct file_reading *reading, size_t number,
                     const char *why)
{
	const struct knownhosts *known = reading->known;
	char sentence[ERR_TEXT_SIZE];

	if (reading->bad++ >= BAD_LINES_TOLD)
		return true;
	snprintf(sentence, sizeof(sentence), "%s:%zu: %s: line ignored",
	         known->files[reading->file], number, why);
	knownhosts_tell(known, sentence);
	return true;
}

static bool take_line(void *arg, char *text, size_t length, size_t number)
{
	struct file_reading *reading = arg;
	struct knownhosts *known = reading->known;
	struct known_key key = { .line = (uint32_t)number,
		                 .file = (uint8_t)reading->file };
	struct knownhosts_line line;
	const char *why = "the line is too long";

	if (text == NULL)
		return tell_bad(reading, number, why);
	switch (knownhosts_parse(text, length, &line, &why)) {
	case KNOWNHOSTS_BLANK:
		return true;
	case KNOWNHOSTS_BAD:
		return tell_bad(reading, number, why);
	case KNOWNHOSTS_KEY:
		break;
	}
	if (line.marker == KNOWNHOSTS_CERT_AUTHORITY)
		return true;
	key.revoked = line.marker == KNOWNHOSTS_REVOKED_KEY;
	if (known->type_count == KNOWNHOSTS_TYPES_MAX)
		return tell_bad(reading, number, "too many types of keys");
	return knownhosts_type(known, line.type, line.type_length, &key.type) &&
	       knownhosts_digest(known, line.blob, line.blob_length,
	                         key.sha256) &&
	       known_table_add(&known->read, &line, &key);
}

/* The same file by another name would be no more than a waste. */
static bool find_file(const struct knownhosts *known, const char *path,
                      size_t *index)
{
	struct stat other, st;

	if (stat(path, &st) != 0)
		return false;
	for (*index = 0; *index < known->file_count; (*index)++) {
		if (stat(known->files[*index], &other) == 0 &&
		    other.st_dev == st.st_dev && other.st_ino == st.st_ino)
			return true;
	}
	return false;
}

static bool name_file(struct knownhosts *known, const char *path, size_t *index,
                      struct err *err)
{
	if (known->file_count == KNOWNHOSTS_FILES_MAX)
		return err_set(err, ERR_INPUT,
		               "more than %d files of known hosts",
		               KNOWNHOSTS_FILES_MAX - 1);
	*index = known->file_count;
	known->files[*index] = strdup(path);
	if (known->files[*index] == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	known->file_count++;
	return true;
}

static bool read_file(struct knownhosts *known, const char *path, size_t *index,
                      struct err *err)
{
	struct file_reading reading = { .known = known };
	char sentence[ERR_TEXT_SIZE];

	if (find_file(known, path, index))
		return true;
	if (!name_file(known, path, index, err))
		return false;
	reading.file = *index;
	if (!knownhosts_read(path, take_line, &reading, err))
		return false;
	if (reading.bad > BAD_LINES_TOLD) {
		snprintf(sentence, sizeof(sentence),
		         "%s: %zu more lines ignored", path,
		         reading.bad - BAD_LINES_TOLD);
		knownhosts_tell(known, sentence);
	}
	return true;
}

static bool read_files(struct knownhosts *known,
                       const struct knownhosts_settings *settings,
                       struct err *err)
{
	size_t index = 0;

	for (size_t i = 0; i < settings->file_count; i++) {
		if (!read_file(known, settings->files[i], &index, err))
			return false;
	}
	if (settings->append_to == NULL
	        ? !name_file(known, "this run", &index, err)
	        : !read_file(known, settings->append_to, &index, err))
		return false;
	known->append_file = (uint8_t)index;
	if (settings->append_to != NULL)
		known->append_to = known->files[index];
	return true;
}

bool knownhosts_open(struct knownhosts **out,
                     const struct knownhosts_settings *settings,
                     struct err *err)
{
	struct knownhosts *known = calloc(1, sizeof(*known));

	if (known == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	known->append_fd = -1;
	known->warn = settings->warn;
	/* With the attributes that are the default, neither can fail. */
	(void)pthread_mutex_init(&known->lock, NULL);
	(void)pthread_mutex_init(&known->append_lock, NULL);
	known->sha1 = EVP_MD_fetch(NULL, "SHA1", NULL);
	known->sha256 = EVP_MD_fetch(NULL, "SHA2-256", NULL);
	if (known->sha1 == NULL || known->sha256 == NULL) {
		err_set(err, ERR_SYSTEM, "OpenSSL has no SHA-1 or SHA-256");
		goto failed;
	}
	if (!read_files(known, settings, err))
		goto failed;
	known_table_trim(&known->read);
	*out = known;
	return true;
failed:
	knownhosts_close(known);
	return false;
}

void knownhosts_close(struct knownhosts *known)
{
	if (known == NULL)
		return;
	known_table_release(&known->read);
	known_table_release(&known->since);
	for (size_t i = 0; i < known->file_count; i++)
		free(known->files[i]);
	for (size_t i = 0; i < known->type_count; i++)
		free(known->types[i]);
	if (known->append_fd >= 0)
		close(known->append_fd);
	EVP_MD_free(known->sha1);
	EVP_MD_free(known->sha256);
	pthread_mutex_destroy(&known->lock);
	pthread_mutex_destroy(&known->append_lock);
	free(known);
}

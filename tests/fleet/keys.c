#include "tests/fleet/keys.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/fleet/say.h"

#define KEYS_MAX 16
#define LINE_SIZE 4096

static ssh_key keys[KEYS_MAX]; /* written before there are threads */
static size_t key_count;

static bool add(const char *path, char *line)
{
	char *rest = NULL;
	const char *type = strtok_r(line, " \t\n", &rest);
	const char *text = strtok_r(NULL, " \t\n", &rest);

	if (type == NULL || type[0] == '#')
		return true;
	if (text != NULL && key_count < KEYS_MAX &&
	    ssh_pki_import_pubkey_base64(text, ssh_key_type_from_name(type),
	                                 &keys[key_count]) == SSH_OK) {
		key_count++;
		return true;
	}
	say(0, "%s: cannot use a key of type '%s'", path, type);
	return false;
}

bool keys_load(const char *path)
{
	char line[LINE_SIZE];
	bool ok = true;
	FILE *file = fopen(path, "re");

	if (file == NULL) {
		say(errno, "could not open %s", path);
		return false;
	}
	while (ok && fgets(line, sizeof(line), file) != NULL)
		ok = add(path, line);
	fclose(file);
	return ok;
}

void keys_release(void)
{
	while (key_count > 0)
		ssh_key_free(keys[--key_count]);
}

bool keys_wanted(void)
{
	return key_count > 0;
}

bool keys_have(struct ssh_key_struct *key)
{
	for (size_t i = 0; i < key_count; i++) {
		if (ssh_key_cmp(keys[i], key, SSH_KEY_CMP_PUBLIC) == 0)
			return true;
	}
	return false;
}

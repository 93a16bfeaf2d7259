#include "inventory/ansible.h"

#include "inventory/ansible_model.h"
#include "inventory/ansible_way.h"
#include "inventory/utf8.h"
#include "inventory/wait.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* It is kept in memory. */
#define SIZE_LIMIT ((size_t)512 * 1024 * 1024)
#define SIZE_FIRST ((size_t)64 * 1024)

struct ansible {
	struct ansible_settings settings;
	char *name;
	struct ansible_model model;
	size_t next;  /* host */
	bool exposed; /* anybody may read the file */
	bool warned;  /* of a value that is not known */
	size_t left_out;
};

/* The whole file; its bytes are wiped. */
struct content {
	char *bytes;
	size_t used, size;
};

static void content_release(struct content *content)
{
	if (content->bytes != NULL)
		explicit_bzero(content->bytes, content->size);
	free(content->bytes);
	memset(content, 0, sizeof(*content));
}

/* realloc() would leave the old bytes behind. */
static bool content_grow(struct content *content, struct err *err)
{
	size_t size = content->size > 0 ? 2 * content->size : SIZE_FIRST;
	struct content larger = { NULL, content->used, size };

	if (size > SIZE_LIMIT)
		return err_set(err, ERR_INPUT, "over %zu MiB",
		               SIZE_LIMIT / 1024 / 1024);
	larger.bytes = malloc(size);
	if (larger.bytes == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	if (content->used > 0)
		memcpy(larger.bytes, content->bytes, content->used);
	content_release(content);
	*content = larger;
	return true;
}

static bool wait_for_input(int fd, int cancel_fd, struct err *err)
{
	struct pollfd fds[2] = {
		{ .fd = fd, .events = POLLIN },
		{ .fd = cancel_fd, .events = POLLIN }, /* -1: ignored */
	};

	while (poll(fds, 2, -1) < 0 && errno == EINTR)
		;
	if (fds[1].revents != 0)
		return err_set(err, ERR_CANCELLED, "interrupted");
	return true;
}

static bool read_all(struct content *content, int fd, int cancel_fd,
                     struct err *err)
{
	for (;;) {
		ssize_t got;

		if (content->used == content->size &&
		    !content_grow(content, err))
			return false;
		if (!wait_for_input(fd, cancel_fd, err))
			return false;
		got = read(fd, content->bytes + content->used,
		           content->size - content->used);
		if (got < 0 && errno != EINTR && errno != EAGAIN)
			return err_errno(err, ERR_INPUT, errno, "cannot read");
		if (got == 0)
			return true;
		if (got > 0)
			content->used += (size_t)got;
	}
}

static bool read_file(struct ansible *ansible, struct content *content,
                      struct err *err)
{
	const char *path = ansible->settings.path;
	bool is_stdin = strcmp(path, "-") == 0;
	int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	bool ok;

	if (fd < 0)
		return err_errno(err, ERR_INPUT, errno, "cannot open");
	if (fstat(fd, &st) != 0)
		ok = err_errno(err, ERR_INPUT, errno, "cannot read");
	else if (S_ISDIR(st.st_mode))
		ok = err_set(err, ERR_INPUT,
		             "a folder, which `ansible-inventory -i FOLDER "
		             "--list` turns into JSON");
	else
		ok = read_all(content, fd, ansible->settings.cancel_fd, err);
	ansible->exposed =
	    ok && S_ISREG(st.st_mode) && (st.st_mode & S_IROTH) != 0;
	if (!is_stdin)
		close(fd);
	return ok;
}

static bool begins_with(const char *text, size_t length, const char *with)
{
	return length >= strlen(with) && memcmp(text, with, strlen(with)) == 0;
}

/* Tells the forms apart by how they begin. */
static bool parse(struct ansible *ansible, char *text, size_t length,
                  struct err *err)
{
	static const char blanks[] = " \t\r\n";
	size_t i = 0;

	if (begins_with(text, length, "\xEF\xBB\xBF")) {
		text += 3;
		length -= 3;
	}
	while (i < length && strchr(blanks, text[i]) != NULL && text[i] != '\0')
		i++;
	if (begins_with(text + i, length - i, "{"))
		return ansible_json_read(&ansible->model, text, length,
		                         ansible->name, err);
	if (begins_with(text, length, "#!"))
		return err_set(err, ERR_INPUT,
		               "%s: a program; what it prints with --list can "
		               "be read",
		               ansible->name);
	if (begins_with(text, length, "$ANSIBLE_VAULT"))
		return err_set(err, ERR_INPUT,
		               "%s: encrypted; what `ansible-inventory --list` "
		               "makes of it can be read",
		               ansible->name);
	return ansible_ini_read(&ansible->model, text, length, ansible->name,
	                        err);
}

static void warn_if_exposed(const struct ansible *ansible)
{
	char sentence[1024];

	if (!ansible->exposed || ansible->settings.warn == NULL ||
	    !ansible_model_has_passwords(&ansible->model))
		return;
	snprintf(sentence, sizeof(sentence),
	         "%.400s holds passwords and others can read it (chmod o= "
	         "%.400s)",
	         ansible->name, ansible->name);
	ansible->settings.warn(ansible->settings.arg, sentence);
}

static bool load(struct ansible *ansible, struct err *err)
{
	struct content content = { NULL, 0, 0 };
	bool ok;

	if (!ansible_model_init(&ansible->model, err))
		return false;
	ok = read_file(ansible, &content, err);
	if (!ok && err->kind != ERR_CANCELLED)
		err_prefix(err, "inventory '%s'", ansible->name);
	ok = ok && parse(ansible, content.bytes, content.used, err);
	content_release(&content);
	if (ok && !ansible_model_complete(&ansible->model, err))
		return err_prefix(err, "%s", ansible->name);
	if (ok)
		warn_if_exposed(ansible);
	return ok;
}

bool ansible_open(struct ansible **ansible,
                  const struct ansible_settings *settings, struct err *err)
{
	bool is_stdin = strcmp(settings->path, "-") == 0;
	struct ansible *a = calloc(1, sizeof(*a));

	if (a == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	a->settings = *settings;
	a->name = strdup(is_stdin ? "standard input" : settings->path);
	if (a->name == NULL) {
		free(a);
		return err_set(err, ERR_SYSTEM, "out of memory");
	}
	if (load(a, err)) {
		*ansible = a;
		return true;
	}
	ansible_close(a);
	return false;
}

void ansible_close(struct ansible *ansible)
{
	if (ansible == NULL)
		return;
	ansible_model_release(&ansible->model);
	free(ansible->name);
	free(ansible);
}

/* The last of the variables [first, last] that is set; NULL for none. */
static const struct ansible_value *
find(const struct ansible_value *const values[ANSIBLE_VARIABLES],
     enum ansible_variable first, enum ansible_variable last)
{
	const struct ansible_value *found = NULL;

	for (int i = (int)first; i <= (int)last; i++) {
		if (values[i] != NULL)
			found = values[i];
	}
	return found;
}

/* Copies a value that has to be known, where it is set and not empty. */
static bool copy_known(char *to, size_t size, const struct ansible_value *value,
                       struct err *err)
{
	const char *name;

	if (value == NULL)
		return true;
	name = ansible_variable_name(value->variable);
	if (value->unknown)
		return err_set(
		    err, ERR_INPUT,
		    "%s is a template or encrypted (`ansible-inventory "
		    "--list` knows it)",
		    name);
	if (strlen(value->text) >= size)
		return err_set(err, ERR_INPUT, "%s over %zu bytes", name,
		               size - 1);
	memcpy(to, value->text, strlen(value->text) + 1);
	return true;
}

static void warn(struct ansible *ansible, const char *host,
                 const struct ansible_value *value)
{
	char sentence[512];

	if (ansible->warned || ansible->settings.warn == NULL)
		return;
	ansible->warned = true;
	snprintf(sentence, sizeof(sentence),
	         "%.200s: %s of '%.80s' is a template or encrypted, so it is "
	         "not known here; so may be that of others",
	         ansible->name, ansible_variable_name(value->variable), host);
	ansible->settings.warn(ansible->settings.arg, sentence);
}

/* The same for one that may be missing. */
static bool copy_secret(struct ansible *ansible, const char *host, char *to,
                        size_t size, const struct ansible_value *value,
                        struct err *err)
{
	if (value == NULL || !value->unknown)
		return copy_known(to, size, value, err);
	warn(ansible, host, value);
	return true;
}

static bool set_address(struct host *host, const char *name,
                        const struct ansible_value *value, struct err *err)
{
	char address[HOST_IP_MAX + 3] = "";

	if (!copy_known(address, sizeof(address), value, err))
		return false;
	if (address[0] == '\0') {
		if (strlen(name) > HOST_IP_MAX)
			return err_set(err, ERR_INPUT,
			               "its name is no address");
		memcpy(address, name, strlen(name) + 1);
	}
	if (!host_set_address(host, address, strlen(address), err))
		return false;
	if (host->has_port)
		return err_set(
		    err, ERR_INPUT,
		    "a port in ansible_host (ansible_port names it)");
	return true;
}

static bool set_port(struct host *host, const struct ansible_value *value,
                     struct err *err)
{
	char text[8] = "h:"; /* a port is read as the one of an address */
	struct host port = { .port = 0 };

	if (value == NULL || (!value->unknown && value->text[0] == '\0'))
		return true;
	if (!value->unknown && strlen(value->text) > 5)
		return err_set(err, ERR_INPUT, "bad %s (1 to 65535)",
		               ansible_variable_name(value->variable));
	if (!copy_known(text + 2, sizeof(text) - 2, value, err))
		return false;
	if (!host_set_address(&port, text, strlen(text), err))
		return err_set(err, ERR_INPUT, "bad %s (1 to 65535)",
		               ansible_variable_name(value->variable));
	host->port = port.port;
	host->has_port = true;
	return true;
}

static bool set_user(struct host *host, const struct ansible_value *value,
                     const struct host_defaults *defaults, struct err *err)
{
	if (!copy_known(host->user, sizeof(host->user), value, err))
		return false;
	if (host->user[0] == '\0' && defaults->user != NULL)
		snprintf(host->user, sizeof(host->user), "%s", defaults->user);
	if (host->user[0] == '\0' && !defaults->may_lack_user)
		return err_set(err, ERR_INPUT, "no user (ansible_user)");
	return true;
}

/* The first group that lists it and is one of its own. */
static void set_group(struct host *host, const struct ansible_host *from)
{
	for (size_t i = 0; i < from->group_count; i++) {
		const char *name = from->groups[i]->name;

		if (strcmp(name, "all") == 0 || strcmp(name, "ungrouped") == 0)
			continue;
		utf8_clean(host->group, sizeof(host->group), name,
		           strlen(name));
		return;
	}
}

static bool fill(struct ansible *ansible, struct host *host,
                 const struct ansible_host *from,
                 const struct ansible_value *const *values,
                 const struct host_defaults *defaults, struct err *err)
{
	char connection[32]; /* one of ansible_is_ssh()'s */

	memset(host, 0, sizeof(*host));
	host->line = from->line;
	host->port = defaults->port;
	utf8_clean(host->name, sizeof(host->name), from->name,
	           strlen(from->name));
	set_group(host, from);
	if (!copy_known(connection, sizeof(connection),
	                values[ANSIBLE_CONNECTION], err))
		return false;
	if (!ansible->settings.way_is_known && !ansible_is_direct(values, err))
		return false;
	if (!set_address(host, from->name,
	                 find(values, ANSIBLE_HOST, ANSIBLE_SSH_HOST), err) ||
	    !set_port(host, find(values, ANSIBLE_PORT, ANSIBLE_SSH_PORT),
	              err) ||
	    !set_user(host, find(values, ANSIBLE_USER, ANSIBLE_SSH_USER),
	              defaults, err) ||
	    !copy_secret(
		ansible, from->name, host->password, sizeof(host->password),
		find(values, ANSIBLE_PASSWORD, ANSIBLE_SSH_PASSWORD), err) ||
	    !copy_secret(ansible, from->name, host->key, sizeof(host->key),
	                 find(values, ANSIBLE_KEY, ANSIBLE_SSH_KEY), err))
		return false;
	host->has_password = host->password[0] != '\0';
	host->lacks_password = !host->has_password;
	return true;
}

bool ansible_blame(const struct ansible *ansible, struct err *err)
{
	const struct ansible_host *host =
	    ansible->model.hosts[ansible->next - 1];

	err_prefix(err, "host '%.80s'", host->name);
	if (host->line > 0)
		return err_prefix(err, "%s:%zu", ansible->name, host->line);
	return err_prefix(err, "%s", ansible->name);
}

/* HOST_END: it is to be left out. */
static enum host_read read_host(struct ansible *ansible, struct host *host,
                                struct ansible_host *from,
                                const struct host_defaults *defaults,
                                struct err *err)
{
	const struct ansible_value *values[ANSIBLE_VARIABLES];
	enum host_read got = HOST_READ;

	if (from->name == NULL) {
		err_set(err, ERR_INPUT, "%s", from->wrong);
		return HOST_BAD;
	}
	if (!ansible_model_values(&ansible->model, from, values, err))
		return HOST_FAILED;
	if (!ansible_is_ssh(values))
		got = HOST_END;
	else if (!fill(ansible, host, from, values, defaults, err))
		got = err->kind == ERR_INPUT ? HOST_BAD : HOST_FAILED;
	ansible_values_release(&from->values);
	if (got != HOST_READ)
		host_wipe(host);
	if (got == HOST_BAD)
		ansible_blame(ansible, err);
	return got;
}

/* Once, at the end. */
static void tell_left_out(struct ansible *ansible)
{
	size_t count = ansible->left_out;
	char sentence[512];

	ansible->left_out = 0;
	if (count == 0 || ansible->settings.warn == NULL)
		return;
	snprintf(sentence, sizeof(sentence),
	         count == 1 ? "%zu host of %.400s has another connection than "
	                      "ssh: left out"
	                    : "%zu hosts of %.400s have another connection "
	                      "than ssh: left out",
	         count, ansible->name);
	ansible->settings.warn(ansible->settings.arg, sentence);
}

enum host_read ansible_next(struct ansible *ansible, struct host *host,
                            const struct host_defaults *defaults,
                            struct err *err)
{
	for (;;) {
		enum host_read got;

		if (ansible->next == ansible->model.host_count) {
			tell_left_out(ansible);
			return HOST_END;
		}
		got = read_host(ansible, host,
		                ansible->model.hosts[ansible->next++], defaults,
		                err);
		if (got != HOST_END)
			return got;
		ansible->left_out++;
	}
}

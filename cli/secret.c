#include "cli/secret.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/secret_command.h"
#include "cli/secret_line.h"
#include "cli/secret_template.h"
#include "inventory/askpass.h"

#define PASSWORD_SIZE (HOST_PASSWORD_MAX + 1)

struct secret {
	char *password; /* of PASSWORD_SIZE bytes, in pages of its own */
	bool per_host;
	struct secret_commands commands; /* where it is per host */
};

/* Locked and not dumped as far as the system goes along. */
static char *secret_memory(struct err *err)
{
	char *memory = mmap(NULL, PASSWORD_SIZE, PROT_READ | PROT_WRITE,
	                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED) {
		err_errno(err, ERR_SYSTEM, errno, "out of memory");
		return NULL;
	}
	(void)mlock(memory, PASSWORD_SIZE);
	(void)madvise(memory, PASSWORD_SIZE, MADV_DONTDUMP);
	return memory;
}

static void warn_if_exposed(const struct secret_settings *settings, int fd)
{
	char sentence[1024];
	struct stat st;

	if (settings->warn == NULL || fstat(fd, &st) != 0 ||
	    !S_ISREG(st.st_mode) || (st.st_mode & S_IROTH) == 0)
		return;
	snprintf(sentence, sizeof(sentence),
	         "%.400s holds a password and others can read it (chmod o= "
	         "%.400s)",
	         settings->file, settings->file);
	settings->warn(sentence);
}

static bool from_file(char *password, const struct secret_settings *settings,
                      struct err *err)
{
	bool ok;
	int fd;

	if (strcmp(settings->file, "-") == 0)
		return secret_line_read(STDIN_FILENO, settings->cancel_fd,
		                        "standard input", password,
		                        PASSWORD_SIZE, err);
	fd = open(settings->file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return err_errno(err, ERR_INPUT, errno, "cannot read %s",
		                 settings->file);
	warn_if_exposed(settings, fd);
	ok = secret_line_read(fd, settings->cancel_fd, settings->file, password,
	                      PASSWORD_SIZE, err);
	close(fd);
	return ok;
}

static bool from_descriptor(char *password,
                            const struct secret_settings *settings,
                            struct err *err)
{
	int flags = fcntl(settings->fd, F_GETFD);
	char what[32];
	bool ok;

	/* One that nobody gave to us is closed, or ours: then it would not have
	 * come through exec(). */
	if (flags < 0 || (flags & FD_CLOEXEC) != 0)
		return err_set(err, ERR_INPUT, "descriptor %d is not open",
		               settings->fd);
	snprintf(what, sizeof(what), "descriptor %d", settings->fd);
	ok = secret_line_read(settings->fd, settings->cancel_fd, what, password,
	                      PASSWORD_SIZE, err);
	if (settings->fd > STDERR_FILENO)
		close(settings->fd);
	return ok;
}

static bool from_environment(char *password, const char *name, struct err *err)
{
	struct secret_line line;
	char *value;

	/* NOLINTNEXTLINE(concurrency-mt-unsafe): no threads yet */
	value = getenv(name);
	if (value == NULL)
		return err_set(err, ERR_INPUT, "%s is not set", name);
	secret_line_begin(&line, password, PASSWORD_SIZE);
	secret_line_feed(&line, value, strlen(value));
	explicit_bzero(value, strlen(value));
	unsetenv(name); /* NOLINT(concurrency-mt-unsafe) */
	return secret_line_finish(&line, name, err);
}

/* An error says which option it is about; an interrupt is about none. */
static bool named(bool ok, const char *option, struct err *err)
{
	return ok ||
	       (err->kind != ERR_CANCELLED && err_prefix(err, "%s", option));
}

static bool fill(char *password, const struct secret_settings *settings,
                 struct err *err)
{
	if (settings->ask) {
		if (!askpass("password for the hosts: ", password,
		             PASSWORD_SIZE, settings->cancel_fd, err))
			return err->kind == ERR_SYSTEM &&
			       err_prefix(err, "--ask-password");
		return *password != '\0' ||
		       err_set(err, ERR_INPUT, "no password was given");
	}
	if (settings->file != NULL)
		return named(from_file(password, settings, err),
		             "--password-file", err);
	if (settings->fd >= 0)
		return named(from_descriptor(password, settings, err),
		             "--password-fd", err);
	if (settings->env != NULL)
		return named(from_environment(password, settings->env, err),
		             "--password-env", err);
	return secret_command_once(settings->command, !settings->input_taken,
	                           settings->cancel_fd, password, PASSWORD_SIZE,
	                           err);
}

bool secret_open(struct secret **secret, const struct secret_settings *settings,
                 struct err *err)
{
	struct secret *opened;
	bool ok;

	*secret = NULL;
	if (!settings->ask && settings->file == NULL && settings->fd < 0 &&
	    settings->env == NULL && settings->command == NULL)
		return true;
	opened = calloc(1, sizeof(*opened));
	if (opened == NULL)
		return err_set(err, ERR_SYSTEM, "out of memory");
	opened->per_host = settings->command != NULL &&
	                   secret_template_is_per_host(settings->command);
	if (opened->per_host) {
		ok = secret_commands_open(&opened->commands, settings->command,
		                          err);
	} else {
		opened->password = secret_memory(err);
		ok = opened->password != NULL &&
		     fill(opened->password, settings, err);
	}
	if (!ok) {
		secret_close(opened);
		return false;
	}
	*secret = opened;
	return true;
}

void secret_close(struct secret *secret)
{
	if (secret == NULL)
		return;
	if (secret->password != NULL) {
		explicit_bzero(secret->password, PASSWORD_SIZE);
		munmap(secret->password, PASSWORD_SIZE);
	}
	secret_commands_close(&secret->commands);
	free(secret);
}

unsigned secret_commands_most(const struct secret *secret)
{
	return secret->per_host ? secret->commands.most : 0;
}

bool secret_get(struct secret *secret, const char *host, const char *user,
                char *password, size_t size, const struct wait *wait,
                struct err *err)
{
	assert(size >= PASSWORD_SIZE);
	if (secret->per_host)
		return secret_command_for(&secret->commands, host, user,
		                          password, size, wait, err);
	memcpy(password, secret->password, strlen(secret->password) + 1);
	return true;
}

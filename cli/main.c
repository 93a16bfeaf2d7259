#include "cli/limits.h"
#include "cli/log.h"
#include "cli/options.h"
#include "cli/replay.h"
#include "cli/run.h"
#include "cli/watch.h"
#include "inventory/probe.h"
#include "inventory/ssh.h"
#include "sql/store.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

/*
 * A socket or database that got descriptor 1 would receive our lines. What
 * fills a descriptor that was closed is open the wrong way round, so that its
 * use is an error and not silence.
 */
static void fill_standard_descriptors(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	while (fd >= 0 && fd <= STDERR_FILENO) {
		int way = fd == STDIN_FILENO ? O_WRONLY : O_RDONLY;

		close(fd);
		if (open("/dev/null", way) != fd) /* takes the lowest */
			return;
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	}
	if (fd >= 0)
		close(fd);
}

/* No core dump, no debugger of others: memory holds passwords. */
static void protect_memory(void)
{
	struct rlimit none = { 0, 0 };

	(void)setrlimit(RLIMIT_CORE, &none);
#if !defined(__SANITIZE_ADDRESS__) /* its leak check attaches to us */
	(void)prctl(PR_SET_DUMPABLE, 0);
#endif
}

/* What was printed counts only if it arrived. */
static int finish_stdout(void)
{
	if (fflush(stdout) == 0)
		return EXIT_SUCCESS;
	log_say(LOG_ERROR, "cannot write to standard output");
	return EXIT_FAILURE;
}

static int print_schema(const char *dialect)
{
	struct err err;
	char *text;

	if (!store_schema(dialect, &text, &err)) {
		log_say(LOG_ERROR, "%s", err.text);
		return 2;
	}
	fputs(text, stdout);
	free(text);
	return finish_stdout();
}

static bool start(const struct options *options, struct err *err)
{
	if (!probe_library_init(err) || !store_library_init(err))
		return false;
	if (options->legacy)
		ssh_allow_legacy();
	return true;
}

static int start_and_run(const struct options *options)
{
	struct err err;
	int status = EXIT_FAILURE;

	if (!start(options, &err))
		log_say(LOG_ERROR, "%s", err.text);
	else if (options->verb == VERB_REPLAY)
		status = replay_spool(options);
	else
		status = run_hosts(options);
	/* What a thread that was left behind still uses must not be taken from
	 * under it. */
	if (!store_library_end())
		_exit(status);
	probe_library_end();
	return status;
}

int main(int argc, char **argv)
{
	struct options options;
	struct err err;

	fill_standard_descriptors();
	log_open();
	protect_memory();
	limits_raise();
	watch_prepare();
	if (!options_parse(&options, argc, argv, &err)) {
		log_say(LOG_ERROR, "%s (try 'sshinv --help')", err.text);
		return 2;
	}
	if (options.quiet != 0)
		log_set_level(LOG_ERROR);
	else
		log_set_level(options.verbose == 0   ? LOG_NOTICE
		              : options.verbose == 1 ? LOG_INFO
		                                     : LOG_DEBUG);
	if (options.help != 0) {
		options_help(stdout);
		return finish_stdout();
	}
	if (options.version != 0) {
		puts("sshinv " SSHINV_VERSION);
		return finish_stdout();
	}
	if (options.print_schema != NULL)
		return print_schema(options.print_schema);
	return start_and_run(&options);
}

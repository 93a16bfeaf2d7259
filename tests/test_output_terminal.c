#include "cli/output.h"

#include "pool/cancel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <fcntl.h>
#include <pty.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* A terminal as standard output, which nobody reads. */
struct terminal {
	int master, kept;
	struct cancel cancel;
	struct output output;
};

static void terminal_open(struct terminal *terminal)
{
	struct err err;
	int slave;

	assert_int_equal(openpty(&terminal->master, &slave, NULL, NULL, NULL),
	                 0);
	terminal->kept = dup(STDOUT_FILENO);
	assert_true(terminal->kept >= 0);
	assert_int_equal(dup2(slave, STDOUT_FILENO), STDOUT_FILENO);
	close(slave);
	assert_int_equal(cancel_open(&terminal->cancel), 0);
	assert_true(
	    output_open(&terminal->output, NULL, terminal->cancel.fd, &err));
}

static void terminal_close(struct terminal *terminal)
{
	struct err err;

	assert_true(output_close(&terminal->output, &err));
	cancel_close(&terminal->cancel);
	dup2(terminal->kept, STDOUT_FILENO);
	close(terminal->kept);
	close(terminal->master);
}

/* Its write() used to wait for ever: a terminal tells of any room. */
static void a_stopped_terminal_does_not_hold_up_the_end(void **state)
{
	static char line[256 * 1024];
	enum output_state is = OUTPUT_OPEN;
	struct err err = { .kind = ERR_NONE };
	struct terminal terminal;
	bool written;

	(void)state;
	memset(line, 'x', sizeof(line));
	terminal_open(&terminal);
	cancel_fire(&terminal.cancel);
	written = output_write(&terminal.output, line, sizeof(line), &is, &err);
	terminal_close(&terminal);
	assert_false(written);
	assert_int_equal(is, OUTPUT_FAILED);
	assert_string_equal(err.text,
	                    "cannot write the results: nobody reads them");
}

static void the_shells_terminal_stays_blocking(void **state)
{
	struct terminal terminal;
	int shells, ours;

	(void)state;
	terminal_open(&terminal);
	shells = fcntl(STDOUT_FILENO, F_GETFL);
	ours = fcntl(terminal.output.fd, F_GETFL);
	terminal_close(&terminal);
	assert_int_equal(shells & O_NONBLOCK, 0);
	assert_int_equal(ours & O_NONBLOCK, O_NONBLOCK);
}

static void lines_reach_a_terminal(void **state)
{
	enum output_state is;
	struct err err = { .kind = ERR_NONE };
	struct terminal terminal;
	char got[16] = "";
	bool written;

	(void)state;
	terminal_open(&terminal);
	written = output_write(&terminal.output, "line\n", 5, &is, &err);
	if (written)
		written = read(terminal.master, got, sizeof(got) - 1) == 6;
	terminal_close(&terminal);
	assert_true(written);
	assert_string_equal(got, "line\r\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stopped_terminal_does_not_hold_up_the_end),
		cmocka_unit_test(the_shells_terminal_stays_blocking),
		cmocka_unit_test(lines_reach_a_terminal),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}

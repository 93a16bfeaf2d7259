#pragma once

#include "inventory/probe.h"

#include "tests/fake_ssh.h"
#include "tests/net_fixture.h"

#include <string.h>

/* A probe of 127.0.0.1, where somebody listens and a fake session answers. */
struct fixture {
	int server;
	uint16_t port;
	struct probe probe;
	struct record *record;
	struct probe_progress progress;
};

static const struct probe_settings usual_settings = {
	.dial.connect_timeout_ms = PLENTY_MS,
	.host_timeout_ms = PLENTY_MS,
};

static inline void fixture_open(struct fixture *f,
                                const struct probe_settings *settings)
{
	struct err err;

	memset(&fake_ssh, 0, sizeof(fake_ssh));
	fake_ssh.version = "SSH-2.0-fake";
	fake_ssh.answers[0].out = "%B\nweb1\n%E\n";
	f->progress = (struct probe_progress){ 0 };
	f->server = listener(8, &f->port);
	if (!probe_init(&f->probe, settings, &err))
		fail_msg("%s", err.text);
	f->record = record_new();
	assert_non_null(f->record);
	strcpy(f->record->host.ip, "127.0.0.1");
	strcpy(f->record->host.user, "root");
	strcpy(f->record->host.password, "S3cr3t!");
	f->record->host.has_password = true;
	f->record->host.port = f->port;
	fake_ssh.watched = f->record->host.password;
}

static inline void fixture_close(struct fixture *f)
{
	/* What was opened is closed, what was answered is freed. */
	assert_int_equal(fake_ssh.closed, fake_ssh.opened);
	assert_int_equal(fake_ssh.released, fake_ssh.execs);
	record_free(f->record);
	probe_release(&f->probe);
	close(f->server);
}

/* One attempt, and whatever its end: within the total, and no secret in its
 * sentence. */
static inline bool fixture_run(struct fixture *f, int cancel_fd)
{
	const struct record *record = f->record;
	bool done = probe_run(&f->probe, f->record, &f->progress, cancel_fd) ==
	            PROBE_DONE;

	assert_true(record->total_ms >= 0);
	assert_true(record->connect_ms <= record->total_ms);
	assert_true(record->last_attempt > 0);
	assert_null(strstr(record->error, "S3cr3t!"));
	assert_int_equal(record->status == STATUS_OK, record->error[0] == '\0');
	if (record->status == STATUS_OK)
		assert_int_equal(record->phase, PHASE_NONE);
	return done;
}

static inline void assert_ended(const struct fixture *f, enum status status,
                                enum phase phase, const char *error)
{
	assert_string_equal(f->record->error, error);
	assert_string_equal(status_name(f->record->status),
	                    status_name(status));
	assert_string_equal(phase_name(f->record->phase), phase_name(phase));
}

static inline void assert_forgotten(const struct fixture *f)
{
	static const char zeros[sizeof(f->record->host.password)];

	assert_memory_equal(f->record->host.password, zeros, sizeof(zeros));
}

/* Every way a probe can end before its answer. */
enum end { END_OPEN, END_HANDSHAKE, END_HOST_KEY, END_LOGIN, END_EXEC, ENDS };

static inline void set_end(enum end end, enum err_kind kind)
{
	struct fake_step *steps[ENDS] = {
		[END_OPEN] = &fake_ssh.open,
		[END_HANDSHAKE] = &fake_ssh.handshake,
		[END_HOST_KEY] = &fake_ssh.host_key,
		[END_LOGIN] = &fake_ssh.login,
		[END_EXEC] = &fake_ssh.answers[0].step,
	};

	*steps[end] = (struct fake_step){ kind, "words of the session" };
}

static const enum phase phase_of[ENDS] = {
	[END_OPEN] = PHASE_CONNECT,       [END_HANDSHAKE] = PHASE_HANDSHAKE,
	[END_HOST_KEY] = PHASE_HANDSHAKE, [END_LOGIN] = PHASE_AUTH,
	[END_EXEC] = PHASE_COMMAND,
};

/* Around all tests of a group. */
static int libraries_set_up(void **state)
{
	struct err err;

	(void)state;
	return probe_library_init(&err) ? 0 : -1;
}

static int libraries_tear_down(void **state)
{
	(void)state;
	probe_library_end();
	return 0;
}

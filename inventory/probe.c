#include "inventory/probe.h"

#include "inventory/access.h"
#include "inventory/ask.h"
#include "inventory/guard.h"
#include "inventory/hostkey.h"
#include "inventory/jump.h"
#include "inventory/resolve.h"
#include "inventory/ssh.h"
#include "inventory/wait.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Of a host whose reader gave it none. */
static struct hostkeys any_key = { .mode = HOSTKEYS_OFF };
static const struct access usual_access = {
	.hostkeys = &any_key,
	.login = { .ways = { LOGIN_PASSWORD, LOGIN_PROMPTS }, .way_count = 2 },
};

static const struct err no_error = { .kind = ERR_NONE };

bool probe_library_init(struct err *err)
{
	return resolve_library_init(err) && ssh_library_init(err);
}

void probe_library_end(void)
{
	ssh_library_end();
	resolve_library_end();
}

static int64_t wall_clock_us(void)
{
	struct timespec wall;

	clock_gettime(CLOCK_REALTIME, &wall);
	return wall.tv_sec * INT64_C(1000000) + wall.tv_nsec / 1000;
}

bool probe_init(struct probe *probe, const struct probe_settings *settings,
                struct err *err)
{
	memset(probe, 0, sizeof(*probe));
	probe->settings = *settings;
	probe->settings.command = NULL;
	if (!frame_init(&probe->frame, err))
		return false;
	if (settings->command != NULL) {
		probe->script = frame_script(&probe->frame, settings->command);
		if (probe->script == NULL)
			return err_set(err, ERR_SYSTEM, "out of memory");
		probe->script_length = strlen(probe->script);
	}
	probe->wall_us =
	    settings->now_us != 0 ? settings->now_us : wall_clock_us();
	probe->monotonic = monotonic_ns();
	return true;
}

void probe_release(struct probe *probe)
{
	free(probe->script);
	probe->script = NULL;
}

int64_t probe_now(const struct probe *probe)
{
	return probe->wall_us + (monotonic_ns() - probe->monotonic) / 1000;
}

/* One attempt. */
struct attempt {
	const struct probe *probe;
	struct record *record;
	struct probe_progress *progress;
	const struct access *access;
	struct wait wait;
	enum phase phase; /* that was entered last */
	struct address addresses[DIAL_ADDRESSES_MAX];
	size_t count;
	unsigned jump_session; /* that carries the connection */
	bool parked;
	bool shook_hands;
	/* What another visit would be for: */
	bool other_key;  /* see struct hostkey_outcome */
	bool wants_aead; /* see ssh_wants_aead() */
	bool only_aead;  /* it was for that */
};

static void enter(struct attempt *attempt, enum phase phase)
{
	attempt->phase = phase;
	attempt->record->phase = phase;
	atomic_store_explicit(&attempt->progress->phase, (int)phase,
	                      memory_order_relaxed);
}

/* Time that was waited for others does not count as the host's. */
static void pass_over(struct attempt *attempt, nanoseconds waited)
{
	attempt->wait.deadline += waited;
	attempt->progress->begin += waited;
}

/* Where the connection goes to. */
static const char *target_of(const struct host *host)
{
	return host->target[0] != '\0' ? host->target : host->ip;
}

/* Whether nobody sends any more what all hosts without a password share. */
static bool is_asked_in_vain(const struct attempt *attempt, struct err *err)
{
	const struct probe_settings *settings = &attempt->probe->settings;
	const struct host *host = &attempt->record->host;
	char password[HOST_PASSWORD_MAX + 1];
	struct err ignored; /* whoever needs it will say so */
	bool open = true;

	if (settings->ask(settings->ask_arg, host, password, sizeof(password),
	                  &attempt->wait, &ignored))
		open = guard_is_open(attempt->access->login.guard, host->user,
		                     password, err);
	explicit_bzero(password, sizeof(password));
	return !open;
}

/* False where it has nothing to show but a password that nobody sends any
 * more: such hosts need not be called. */
static bool has_a_chance(const struct attempt *attempt, struct err *err)
{
	const struct probe_settings *settings = &attempt->probe->settings;
	const struct host *host = &attempt->record->host;
	const struct access *access = attempt->access;

	if (access->login.guard == NULL || access->key != NULL ||
	    access->login.identity_count > 0 || access->login.agent != NULL)
		return true;
	if (host->has_password)
		return guard_is_open(access->login.guard, host->user,
		                     host->password, err);
	return settings->ask == NULL || !settings->one_password ||
	       !is_asked_in_vain(attempt, err);
}

/* Its addresses, and a place in their network. */
static bool find_host(struct attempt *attempt, struct err *err)
{
	const struct probe_settings *settings = &attempt->probe->settings;
	const struct host *host = &attempt->record->host;

	if (!wait_check(&attempt->wait, err) || !has_a_chance(attempt, err))
		return false;
	if (attempt->access->jump != NULL) {
		struct err ignored;

		/* Names are the jump host's to look up. */
		if (host_is_name(target_of(host)) ||
		    !address_parse(&attempt->addresses[0], target_of(host),
		                   host->port, &ignored))
			return true;
	} else {
		enter(attempt, PHASE_RESOLVE);
		if (!dial_find(&settings->dial, target_of(host), host->port,
		               attempt->addresses, &attempt->count,
		               &attempt->wait, err))
			return false;
	}
	attempt->parked = settings->pace != NULL &&
	                  !pace_enter(settings->pace, &attempt->progress->place,
	                              &attempt->addresses[0]);
	return !attempt->parked;
}

static bool wait_for_turn(struct attempt *attempt, struct err *err)
{
	struct pace *pace = attempt->probe->settings.pace;
	nanoseconds begin;

	if (pace == NULL)
		return true;
	begin = monotonic_ns();
	if (!pace_connection(pace, attempt->wait.cancel_fd, err))
		return false;
	pass_over(attempt, monotonic_ns() - begin);
	return true;
}

static bool connect_directly(struct attempt *attempt, int *fd, struct err *err)
{
	struct record *record = attempt->record;
	size_t which = 0;
	bool ok =
	    dial_connect(&attempt->probe->settings.dial, attempt->addresses,
	                 attempt->count, fd, &which, &attempt->wait, err);

	address_format(&attempt->addresses[which], record->address,
	               sizeof(record->address));
	return ok;
}

static bool connect_by_jump(struct attempt *attempt, int *fd, struct err *err)
{
	const struct host *host = &attempt->record->host;
	struct wait wait = attempt->wait;
	bool ok =
	    jump_connect(attempt->access->jump, target_of(host), host->port, fd,
	                 &attempt->jump_session, &wait, err);

	pass_over(attempt, wait.deadline - attempt->wait.deadline);
	return ok;
}

static bool connect_host(struct attempt *attempt, int *fd, struct err *err)
{
	struct probe_progress *progress = attempt->progress;
	nanoseconds begin;
	bool ok;

	enter(attempt, PHASE_CONNECT);
	if (!wait_for_turn(attempt, err))
		return false;
	begin = monotonic_ns() - progress->begin;
	ok = attempt->access->jump != NULL ? connect_by_jump(attempt, fd, err)
	                                   : connect_directly(attempt, fd, err);
	if (ok)
		attempt->record->connect_ms =
		    (monotonic_ns() - progress->begin - begin) / NS_PER_MS;
	return ok;
}

/* What the host's key is known by: DB knows rows. */
static const char *known_as(const struct attempt *attempt)
{
	const struct host *host = &attempt->record->host;

	return attempt->access->hostkeys->mode == HOSTKEYS_DB ? host->ip
	                                                      : target_of(host);
}

static bool check_key(struct attempt *attempt, struct ssh *ssh,
                      const char *preferred, struct err *err)
{
	struct record *record = attempt->record;
	struct hostkey key = { .type = record->host_key_type,
		               .sha256 = record->host_key_sha256,
		               .preferred = preferred };
	struct hostkey_outcome outcome;
	bool ok;

	key.blob = ssh_host_key_blob(ssh, &key.length);
	ok = hostkey_check(attempt->access->hostkeys, known_as(attempt),
	                   record->host.port, &key, &outcome, err);
	attempt->other_key = outcome.other_type;
	memcpy(record->pinned_sha256, outcome.pinned_sha256,
	       sizeof(record->pinned_sha256));
	return ok;
}

static bool shake_hands(struct attempt *attempt, struct ssh *ssh,
                        struct err *err)
{
	struct record *record = attempt->record;
	char types[HOSTKEY_TYPES_SIZE];
	bool ok;

	hostkey_types(attempt->access->hostkeys, known_as(attempt),
	              record->host.port, types);
	if (!ssh_prefer_host_keys(ssh, types, err) ||
	    (attempt->only_aead && !ssh_only_aead(ssh, err)))
		return false;
	ok = ssh_handshake(ssh, err);
	attempt->wants_aead = !ok && !attempt->only_aead && ssh_wants_aead(ssh);
	snprintf(record->ssh_version, sizeof(record->ssh_version), "%s",
	         ssh_version(ssh));
	if (!ok || !ssh_host_key(ssh, record->host_key_type,
	                         sizeof(record->host_key_type),
	                         record->host_key_sha256,
	                         sizeof(record->host_key_sha256), err))
		return false;
	attempt->shook_hands = true;
	return check_key(attempt, ssh, types, err);
}

/* A password that the host's line has not. */
static bool ask_for_password(void *arg, char *password, size_t size,
                             const struct wait *wait, struct err *err)
{
	const struct attempt *attempt = arg;
	const struct probe_settings *settings = &attempt->probe->settings;

	return settings->ask(settings->ask_arg, &attempt->record->host,
	                     password, size, wait, err);
}

static bool log_in(struct attempt *attempt, struct ssh *ssh, struct err *err)
{
	const struct probe_settings *settings = &attempt->probe->settings;
	struct host *host = &attempt->record->host;
	struct login login = {
		.settings = &attempt->access->login,
		.user = host->user,
		.password = host->has_password ? host->password : NULL,
		.identity = attempt->access->key,
		.ask = settings->ask != NULL ? ask_for_password : NULL,
		.arg = attempt,
	};
	bool ok;

	ok = ssh_login(ssh, &login, err);
	if (!settings->keep_password)
		host_forget_password(host);
	return ok;
}

static bool talk(struct attempt *attempt, struct ssh *ssh, struct err *err)
{
	enter(attempt, PHASE_HANDSHAKE);
	if (!shake_hands(attempt, ssh, err))
		return false;
	enter(attempt, PHASE_AUTH);
	if (!log_in(attempt, ssh, err))
		return false;
	enter(attempt, PHASE_COMMAND);
	return ask_host(attempt->probe, attempt->record, ssh, err);
}

static bool visit(struct attempt *attempt, struct err *err)
{
	struct ssh *ssh = NULL;
	int fd = -1;
	bool ok;

	if (!connect_host(attempt, &fd, err) ||
	    !ssh_open(&ssh, fd, &attempt->wait, err))
		return false;
	ok = talk(attempt, ssh, err);
	ssh_close(ssh);
	if (!ok && attempt->access->jump != NULL)
		jump_explain(attempt->access->jump, attempt->jump_session, err);
	return ok;
}

/* After the first attempt there is a result already, for which no time need be
 * left. */
static bool may_begin(const struct probe_progress *progress,
                      const struct wait *wait)
{
	return progress->attempts == 0 || wait_cancelled(wait->cancel_fd) ||
	       monotonic_ns() < wait->deadline;
}

/* Only what ends before the login may pass: from there on the password counts
 * as sent. */
static bool may_pass(const struct record *record, const struct err *err)
{
	return record->phase < PHASE_AUTH &&
	       (err->kind == ERR_REFUSED || err->kind == ERR_DROPPED ||
	        err->kind == ERR_SCARCE);
}

static void tell_failure(struct record *record, unsigned attempts,
                         const struct err *err)
{
	char words[32];

	record_fail(record, err);
	if (attempts < 2 || err->kind == ERR_CANCELLED)
		return;
	snprintf(words, sizeof(words), " (%u attempts)", attempts);
	record_add_error(record, words);
}

static void leave_network(struct attempt *attempt, const struct err *err)
{
	struct pace *pace = attempt->probe->settings.pace;
	enum pace_outcome outcome = PACE_OTHER;

	if (pace == NULL)
		return;
	if (attempt->shook_hands)
		outcome = PACE_WELL;
	else if (err->kind == ERR_DROPPED)
		outcome = PACE_DROPPED;
	pace_leave(pace, &attempt->progress->place, outcome);
}

/* False: it may pass, and there is time left to see. */
static bool finish(struct attempt *attempt, bool found, struct err *err)
{
	struct record *record = attempt->record;
	struct probe_progress *progress = attempt->progress;
	bool ok, again = false;

	progress->attempts++;
	record_reset(record);
	record->phase = attempt->phase;
	ok = found && visit(attempt, err);
	if (!ok && attempt->wants_aead) {
		attempt->only_aead = true;
		record_reset(record);
		ok = visit(attempt, err);
	}
	if (!ok && attempt->other_key) {
		record_reset(record);
		ok = visit(attempt, err);
	}
	leave_network(attempt, ok ? &no_error : err);
	if (ok) {
		record->status = STATUS_OK;
		record->phase = PHASE_NONE;
	} else {
		tell_failure(record, progress->attempts, err);
		again =
		    may_pass(record, err) && wait_check(&attempt->wait, err);
	}
	record->total_ms = (monotonic_ns() - progress->begin) / NS_PER_MS;
	record->last_attempt = probe_now(attempt->probe);
	return !again;
}

static enum probe_end run_attempt(struct attempt *attempt)
{
	struct record *record = attempt->record;
	enum phase phase = record->phase;
	struct err err = { .kind = ERR_NONE };
	bool found = find_host(attempt, &err);

	if (!attempt->parked)
		return finish(attempt, found, &err) ? PROBE_DONE : PROBE_AGAIN;
	/* What the attempt before has found stays. */
	record->phase = phase;
	attempt->progress->parked = monotonic_ns();
	return PROBE_PARKED;
}

enum probe_end probe_run(const struct probe *probe, struct record *record,
                         struct probe_progress *progress, int cancel_fd)
{
	unsigned limit_ms = probe->settings.host_timeout_ms;
	const struct access *access = record->host.access;
	struct attempt attempt = {
		.probe = probe,
		.record = record,
		.progress = progress,
		.access = access != NULL ? access : &usual_access,
		.wait = { .limit_ms = limit_ms, .cancel_fd = cancel_fd },
	};
	enum probe_end end = PROBE_DONE;
	nanoseconds now = monotonic_ns();

	if (progress->begin == 0)
		progress->begin = now;
	else if (progress->parked != 0)
		progress->begin += now - progress->parked;
	progress->parked = 0;
	attempt.wait.deadline = progress->begin + limit_ms * NS_PER_MS;
	if (may_begin(progress, &attempt.wait))
		end = run_attempt(&attempt);
	atomic_store_explicit(&progress->phase, PHASE_NONE,
	                      memory_order_relaxed);
	if (end == PROBE_DONE)
		probe_give_up(probe, record, progress);
	return end;
}

void probe_give_up(const struct probe *probe, struct record *record,
                   struct probe_progress *progress)
{
	if (probe->settings.pace != NULL)
		pace_leave(probe->settings.pace, &progress->place, PACE_OTHER);
	if (!probe->settings.keep_password)
		host_forget_password(&record->host);
}

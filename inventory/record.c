#include "inventory/record.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct record *record_new(void)
{
	struct record *record = calloc(1, sizeof(*record));

	if (record != NULL)
		record_reset(record);
	return record;
}

void record_reset(struct record *record)
{
	free(record->output);
	record->output = NULL;
	record->output_length = 0;
	record->status = STATUS_SKIPPED;
	record->phase = PHASE_NONE;
	record->unfinished = false;
	record->error[0] = '\0';
	record->address[0] = '\0';
	record->hostname[0] = '\0';
	record->exit_code = RECORD_UNKNOWN;
	record->ssh_version[0] = '\0';
	record->host_key_type[0] = '\0';
	record->host_key_sha256[0] = '\0';
	record->pinned_sha256[0] = '\0';
	record->connect_ms = RECORD_UNKNOWN;
	record->total_ms = RECORD_UNKNOWN;
	record->last_attempt = RECORD_UNKNOWN;
}

void record_free(struct record *record)
{
	if (record == NULL)
		return;
	host_wipe(&record->host);
	free(record->output);
	free(record);
}

const char *status_name(enum status status)
{
	static const char *const names[] = {
#define STATUS_NAME(status, name) [status] = (name),
		STATUSES(STATUS_NAME)
#undef STATUS_NAME
	};

	return names[status];
}

const char *phase_name(enum phase phase)
{
	static const char *const names[] = {
#define PHASE_NAME(phase, name) [phase] = (name),
		PHASES(PHASE_NAME)
#undef PHASE_NAME
	};

	return names[phase];
}

static enum status status_of(enum err_kind kind)
{
	switch (kind) {
	case ERR_UNRESOLVED:
		return STATUS_UNRESOLVED;
	case ERR_UNREACHABLE:
		return STATUS_UNREACHABLE;
	case ERR_REFUSED:
		return STATUS_REFUSED;
	case ERR_TIMEOUT:
		return STATUS_TIMEOUT;
	case ERR_PROTOCOL:
	case ERR_DROPPED:
		return STATUS_PROTOCOL;
	case ERR_HOSTKEY:
		return STATUS_HOSTKEY;
	case ERR_AUTH:
		return STATUS_AUTH;
	case ERR_COMMAND:
		return STATUS_COMMAND;
	case ERR_CANCELLED:
	case ERR_SKIPPED:
		return STATUS_SKIPPED;
	case ERR_NONE:
	case ERR_SYSTEM:
	case ERR_SCARCE:
	case ERR_INPUT:
	case ERR_STORE:
	case ERR_STORE_DATA:
	case ERR_STORE_FOREIGN:
		break;
	}
	return STATUS_ERROR;
}

void record_fail(struct record *record, const struct err *err)
{
	record->status = status_of(err->kind);
	record->unfinished = err->kind == ERR_CANCELLED;
	snprintf(record->error, sizeof(record->error), "%s", err->text);
}

void record_add_error(struct record *record, const char *words)
{
	size_t length = strlen(words);
	size_t used = strlen(record->error);

	assert(length < sizeof(record->error));
	if (used + length >= sizeof(record->error))
		used = sizeof(record->error) - 1 - length;
	memcpy(record->error + used, words, length + 1);
}

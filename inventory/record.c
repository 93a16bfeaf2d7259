#include "inventory/record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct record *record_new(void)
{
	struct record *record = calloc(1, sizeof(*record));

	if (record == NULL)
		return NULL;
	record->status = STATUS_SKIPPED;
	record->exit_code = RECORD_UNKNOWN;
	record->connect_ms = RECORD_UNKNOWN;
	record->total_ms = RECORD_UNKNOWN;
	record->last_attempt = RECORD_UNKNOWN;
	return record;
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
		return STATUS_PROTOCOL;
	case ERR_HOSTKEY:
		return STATUS_HOSTKEY;
	case ERR_AUTH:
		return STATUS_AUTH;
	case ERR_COMMAND:
		return STATUS_COMMAND;
	case ERR_CANCELLED:
		return STATUS_SKIPPED;
	case ERR_NONE:
	case ERR_SYSTEM:
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
	snprintf(record->error, sizeof(record->error), "%s", err->text);
}

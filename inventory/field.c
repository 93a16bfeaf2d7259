#include "inventory/field.h"

#include <stddef.h>
#include <string.h>

/* An empty text is one that is not known. */
static struct field_value text_value(const char *text)
{
	return (struct field_value){ .is_null = text[0] == '\0',
		                     .text = text,
		                     .length = strlen(text) };
}

static struct field_value number_value(int64_t number)
{
	return (struct field_value){ .is_null = number == RECORD_UNKNOWN,
		                     .number = number };
}

static struct field_value get_text(const struct record *record, size_t offset)
{
	return text_value((const char *)record + offset);
}

static struct field_value get_number(const struct record *record, size_t offset)
{
	int64_t number;

	memcpy(&number, (const char *)record + offset, sizeof(number));
	return number_value(number);
}

static struct field_value get_port(const struct record *record, size_t offset)
{
	(void)offset;
	return number_value(record->host.port);
}

static struct field_value get_status(const struct record *record, size_t offset)
{
	(void)offset;
	return text_value(status_name(record->status));
}

static struct field_value get_phase(const struct record *record, size_t offset)
{
	(void)offset;
	return text_value(phase_name(record->phase));
}

static struct field_value get_output(const struct record *record, size_t offset)
{
	(void)offset;
	return (struct field_value){ .is_null = record->output == NULL,
		                     .text = record->output,
		                     .length = record->output_length };
}

#define TEXT(member) get_text, offsetof(struct record, member)
#define NUMBER(member) get_number, offsetof(struct record, member)

/* clang-format off */
const struct field fields[] = {
	{ "ip", FIELD_TEXT, HOST_IP_MAX,
	  "address or name, as the host file has it", TEXT(host.ip) },
	{ "port", FIELD_NUMBER, 0,
	  "TCP port", get_port, 0 },
	{ "address", FIELD_TEXT, RECORD_ADDRESS_MAX,
	  "address that was tried last", TEXT(address) },
	{ "user", FIELD_TEXT, HOST_USER_MAX,
	  "login name", TEXT(host.user) },
	{ "name", FIELD_TEXT, HOST_NAME_MAX_BYTES,
	  "name= of the line", TEXT(host.name) },
	{ "host_group", FIELD_TEXT, HOST_NAME_MAX_BYTES,
	  "group= of the line", TEXT(host.group) },
	{ "hostname", FIELD_TEXT, RECORD_HOSTNAME_MAX,
	  "what the host calls itself", TEXT(hostname) },
	{ "status", FIELD_TEXT, STATUS_NAME_MAX,
	  "ok, or the class of the failure", get_status, 0 },
	{ "phase", FIELD_TEXT, STATUS_NAME_MAX,
	  "step that failed", get_phase, 0 },
	{ "error", FIELD_TEXT, ERR_TEXT_SIZE - 1,
	  "the failure in a sentence", TEXT(error) },
	{ "output", FIELD_TEXT, RECORD_OUTPUT_MAX,
	  "standard output of the command of -c", get_output, 0 },
	{ "exit_code", FIELD_NUMBER, 0,
	  "exit status of the command of -c", NUMBER(exit_code) },
	{ "ssh_version", FIELD_TEXT, RECORD_VERSION_MAX,
	  "version string of the SSH server", TEXT(ssh_version) },
	{ "host_key_type", FIELD_TEXT, RECORD_KEY_TYPE_MAX,
	  "algorithm of the host key", TEXT(host_key_type) },
	{ "host_key_sha256", FIELD_TEXT, RECORD_FINGERPRINT_MAX,
	  "fingerprint of the host key", TEXT(host_key_sha256) },
	{ "connect_ms", FIELD_NUMBER, 0,
	  "milliseconds for the TCP connection", NUMBER(connect_ms) },
	{ "total_ms", FIELD_NUMBER, 0,
	  "milliseconds for the whole host", NUMBER(total_ms) },
	{ "run_id", FIELD_TEXT, RUN_ID_MAX,
	  "run that wrote this", TEXT(run_id) },
	{ "last_attempt", FIELD_TIME, 0,
	  "end of the probe, UTC", NUMBER(last_attempt) },
};
/* clang-format on */

const size_t fields_count = sizeof(fields) / sizeof(fields[0]);

int field_find(const char *name, size_t length)
{
	for (size_t i = 0; i < fields_count; i++) {
		if (strlen(fields[i].name) == length &&
		    memcmp(fields[i].name, name, length) == 0)
			return (int)i;
	}
	return -1;
}

struct field_value field_get(const struct record *record, size_t index)
{
	return fields[index].get(record, fields[index].offset);
}

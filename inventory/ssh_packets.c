#include "inventory/ssh_packets.h"

#include <stdint.h>
#include <string.h>

#include "inventory/wire.h"

/* RFC 4250 section 4.1.2. */
enum {
	USERAUTH_FAILURE = 51,
	USERAUTH_BANNER = 53,
	USERAUTH_INFO_REQUEST = 60,
	CHANNEL_REQUEST = 98
};

/* A message of that number that begins with a string which fits. Behind the
 * payload a block has padding and a checksum, so that this is an upper bound.
 */
static bool has_string(const unsigned char *bytes, size_t size, int message)
{
	return size >= 5 && bytes[0] == message &&
	       wire_u32_at(bytes + 1) <= size - 5;
}

/* Before the name of a signal that has ended a command: the message's number,
 * the channel's, the type of request, "want reply", the name's length. */
static const char signal_type[] = "\0\0\0\013exit-signal";
#define SIGNAL_TYPE_AT 5
#define SIGNAL_LENGTH_AT (SIGNAL_TYPE_AT + sizeof(signal_type) - 1 + 1)
#define SIGNAL_NAME_AT (SIGNAL_LENGTH_AT + 4)

/* The latest block is such a packet, and one of that size would be for the name
 * and its end. */
static bool is_for_signal(const struct ssh_block *packet, size_t size)
{
	const unsigned char *bytes = packet->bytes;

	return packet->size >= SIGNAL_NAME_AT && bytes[0] == CHANNEL_REQUEST &&
	       memcmp(bytes + SIGNAL_TYPE_AT, signal_type,
	              sizeof(signal_type) - 1) == 0 &&
	       (size_t)wire_u32_at(bytes + SIGNAL_LENGTH_AT) + 1 == size;
}

/* Not where the packet ends before the name does, or it is one too many. */
static bool allow_signal(struct ssh_packets *packets, size_t size)
{
	return size - 1 <= packets->latest.size - SIGNAL_NAME_AT &&
	       packets->signals++ < SSH_SIGNALS_MAX;
}

static bool allow_in_login(const struct ssh_packets *packets, size_t size)
{
	if (packets->count == SSH_BLOCKS_MAX)
		return false;
	for (size_t i = 0; i < packets->count; i++) {
		const unsigned char *bytes = packets->blocks[i].bytes;
		size_t whole = packets->blocks[i].size;

		if (whole >= 5 && bytes[0] == USERAUTH_INFO_REQUEST &&
		    wire_u32_at(bytes + 1) == size && size > whole - 5)
			return false;
	}
	return true;
}

bool ssh_packets_allow(struct ssh_packets *packets, size_t size)
{
	if (size > SSH_BLOCK_MAX)
		return false;
	if (is_for_signal(&packets->latest, size))
		return allow_signal(packets, size);
	return !packets->watching || allow_in_login(packets, size);
}

void ssh_packets_add(struct ssh_packets *packets, void *block, size_t size)
{
	struct ssh_block added = { .bytes = block, .size = size };

	if (block == NULL)
		return;
	/* It is looked at before the library has filled it. */
	if (size > 0)
		added.bytes[0] = 0;
	packets->latest = added;
	if (packets->watching && packets->count < SSH_BLOCKS_MAX)
		packets->blocks[packets->count++] = added;
}

static bool is_name_list(const unsigned char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (bytes[i] <= ' ' || bytes[i] > '~')
			return false;
	}
	return true;
}

static void read_refusal(struct ssh_packets *packets,
                         const unsigned char *bytes, size_t size)
{
	size_t length = wire_u32_at(bytes + 1);

	if (length + 6 > size || length > SSH_METHODS_MAX ||
	    !is_name_list(bytes + 5, length))
		return;
	memcpy(packets->methods, bytes + 5, length);
	packets->methods[length] = '\0';
	packets->partial = bytes[5 + length] != 0;
	packets->refusals++;
}

static bool is_blank(unsigned char byte)
{
	return byte <= ' ';
}

static void read_text(struct ssh_packets *packets, const unsigned char *bytes)
{
	const unsigned char *at = bytes + 5, *end = at + wire_u32_at(bytes + 1);
	size_t length = 0;

	while (at < end && is_blank(*at))
		at++;
	while (at < end && *at != '\n' && *at != '\r' && *at != '\0' &&
	       length < SSH_TEXT_MAX)
		packets->text[length++] = (char)*at++;
	while (length > 0 && packets->text[length - 1] == ' ')
		length--;
	packets->text[length] = '\0';
}

/* Its place from 1; 0: it is none of them. */
static size_t place_of(const struct ssh_packets *packets, const void *block)
{
	size_t i = packets->count;

	while (i > 0 && packets->blocks[i - 1].bytes != block)
		i--;
	return i;
}

void ssh_packets_move(struct ssh_packets *packets, const void *old, void *block,
                      size_t size)
{
	struct ssh_block moved = { .bytes = block, .size = size };
	size_t i = place_of(packets, old);

	if (packets->latest.bytes == old)
		packets->latest = (struct ssh_block){ .size = 0 };
	if (i > 0)
		packets->blocks[i - 1] = moved;
	else if (old == NULL)
		ssh_packets_add(packets, block, size);
}

void ssh_packets_remove(struct ssh_packets *packets, void *block)
{
	size_t i = place_of(packets, block), size;

	if (packets->latest.bytes == block)
		packets->latest = (struct ssh_block){ .size = 0 };
	if (i == 0)
		return;
	size = packets->blocks[i - 1].size;
	if (has_string(block, size, USERAUTH_FAILURE))
		read_refusal(packets, block, size);
	else if (has_string(block, size, USERAUTH_BANNER))
		read_text(packets, block);
	memmove(&packets->blocks[i - 1], &packets->blocks[i],
	        (packets->count - i) * sizeof(packets->blocks[0]));
	packets->count--;
}

const char *ssh_packets_text(struct ssh_packets *packets)
{
	for (size_t i = packets->count; i > 0; i--) {
		if (has_string(packets->blocks[i - 1].bytes,
		               packets->blocks[i - 1].size, USERAUTH_BANNER)) {
			read_text(packets, packets->blocks[i - 1].bytes);
			break;
		}
	}
	return packets->text;
}

#include "inventory/ssh_packets.h"

#include <stdint.h>
#include <string.h>

/* RFC 4250 section 4.1.2. */
enum {
	USERAUTH_FAILURE = 51,
	USERAUTH_BANNER = 53,
	USERAUTH_INFO_REQUEST = 60
};

static uint32_t number_at(const unsigned char *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 |
	       (uint32_t)bytes[2] << 8 | bytes[3];
}

/* A message of that number that begins with a string which fits. Behind the
 * payload a block has padding and a checksum, so that this is an upper bound.
 */
static bool has_string(const unsigned char *bytes, size_t size, int message)
{
	return size >= 5 && bytes[0] == message &&
	       number_at(bytes + 1) <= size - 5;
}

bool ssh_packets_allow(const struct ssh_packets *packets, size_t size)
{
	if (!packets->watching)
		return true;
	if (size > SSH_BLOCK_MAX || packets->count == SSH_BLOCKS_MAX)
		return false;
	for (size_t i = 0; i < packets->count; i++) {
		const unsigned char *bytes = packets->blocks[i].bytes;
		size_t whole = packets->blocks[i].size;

		if (whole >= 5 && bytes[0] == USERAUTH_INFO_REQUEST &&
		    number_at(bytes + 1) == size && size > whole - 5)
			return false;
	}
	return true;
}

void ssh_packets_add(struct ssh_packets *packets, void *block, size_t size)
{
	if (!packets->watching || block == NULL ||
	    packets->count == SSH_BLOCKS_MAX)
		return;
	packets->blocks[packets->count].bytes = block;
	packets->blocks[packets->count].size = size;
	packets->count++;
	/* It is looked at before the library has filled it. */
	if (size > 0)
		*(unsigned char *)block = 0;
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
	size_t length = number_at(bytes + 1);

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
	const unsigned char *at = bytes + 5, *end = at + number_at(bytes + 1);
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
	size_t i = place_of(packets, old);

	if (i == 0) {
		ssh_packets_add(packets, block, size);
		return;
	}
	packets->blocks[i - 1].bytes = block;
	packets->blocks[i - 1].size = size;
}

void ssh_packets_remove(struct ssh_packets *packets, void *block)
{
	size_t i = place_of(packets, block), size;

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

#include "inventory/ssh_forward_inside.h"

#include <string.h>

#include "inventory/wire.h"

/* RFC 4254 section 5.1. */
enum {
	CHANNEL_OPEN = 90,
	CHANNEL_OPEN_CONFIRMATION = 91,
	CHANNEL_OPEN_FAILURE = 92
};

enum { PROHIBITED = 1, UNKNOWN_TYPE = 3, SHORTAGE = 4 };

static const char type[] = "direct-tcpip";

#define TYPE_LENGTH (sizeof(type) - 1)

/* What the library makes of an opening: the message, the type, and three
 * numbers, the channel's own in front. */
#define OPENING_SIZE (1 + 4 + TYPE_LENGTH + 12)

/* Of an answer: the message, the channel, the reason. With its text, padding
 * and checksum it is no longer than the other. */
#define ANSWER_LEAST 9
#define ANSWER_MOST 1024

static enum ssh_opening meaning_of(const unsigned char *answer)
{
	if (answer[0] == CHANNEL_OPEN_CONFIRMATION)
		return SSH_OPENED;
	switch (wire_u32_at(answer + 5)) {
	case PROHIBITED:
	case UNKNOWN_TYPE:
		return SSH_OPEN_PROHIBITED;
	case SHORTAGE:
		return SSH_OPEN_SHORTAGE;
	default:
		return SSH_OPEN_FAILED;
	}
}

static void note_answer(struct ssh_forward *forward,
                        const unsigned char *answer)
{
	uint32_t number = wire_u32_at(answer + 1);

	for (size_t i = 0; i < forward->left_count; i++) {
		if (forward->left[i].number == number &&
		    forward->left[i].answer == SSH_OPENING) {
			forward->left[i].answer = meaning_of(answer);
			forward->answers++;
		}
	}
}

/* The block is whole, or it is zeros where it is not yet. */
static void look_at(struct ssh_forward *forward,
                    const struct forward_block *block)
{
	const unsigned char *bytes = block->bytes;

	if (bytes[0] == CHANNEL_OPEN && block->size == OPENING_SIZE &&
	    !forward->numbered && memcmp(bytes + 5, type, TYPE_LENGTH) == 0) {
		forward->number = wire_u32_at(bytes + 5 + TYPE_LENGTH);
		forward->numbered = true;
	} else if (bytes[0] == CHANNEL_OPEN_CONFIRMATION ||
	           bytes[0] == CHANNEL_OPEN_FAILURE) {
		note_answer(forward, bytes);
	}
}

void ssh_forward_takes(struct ssh *ssh, unsigned char *block, size_t size)
{
	struct ssh_forward *forward = ssh->forward;

	if (size < ANSWER_LEAST || size > ANSWER_MOST)
		return;
	/* A packet is received into one block, and the next one is taken when
	 * it is whole; but for a few to begin an opening. */
	if (forward->block_count == FORWARD_BLOCKS)
		ssh_forward_frees(ssh, forward->blocks[0].bytes);
	/* It is looked at before the library has filled it. */
	memset(block, 0, ANSWER_LEAST);
	forward->blocks[forward->block_count].bytes = block;
	forward->blocks[forward->block_count].size = size;
	forward->block_count++;
}

void ssh_forward_frees(struct ssh *ssh, const void *block)
{
	struct ssh_forward *forward = ssh->forward;

	for (size_t i = 0; i < forward->block_count; i++) {
		if (forward->blocks[i].bytes != block)
			continue;
		look_at(forward, &forward->blocks[i]);
		forward->block_count--;
		memmove(&forward->blocks[i], &forward->blocks[i + 1],
		        (forward->block_count - i) *
		            sizeof(forward->blocks[0]));
		return;
	}
}

static void look_at_all(struct ssh_forward *forward)
{
	for (size_t i = 0; i < forward->block_count; i++)
		look_at(forward, &forward->blocks[i]);
}

void ssh_forward_await(struct ssh *ssh)
{
	struct ssh_forward *forward = ssh->forward;

	look_at_all(forward);
	if (!forward->numbered || forward->left_count == SSH_LEFT_MAX)
		return;
	forward->left[forward->left_count].number = forward->number;
	forward->left[forward->left_count].answer = SSH_OPENING;
	forward->left_count++;
}

uint32_t ssh_forward_left(const struct ssh *ssh)
{
	return ssh->forward->number;
}

bool ssh_forward_answer(struct ssh *ssh, uint32_t *number,
                        enum ssh_opening *answer)
{
	struct ssh_forward *forward = ssh->forward;
	size_t i = 0;

	if (forward->left_count > 0)
		look_at_all(forward);
	if (forward->answers == 0)
		return false;
	while (forward->left[i].answer == SSH_OPENING)
		i++;
	*number = forward->left[i].number;
	*answer = forward->left[i].answer;
	forward->left[i] = forward->left[--forward->left_count];
	forward->answers--;
	return true;
}

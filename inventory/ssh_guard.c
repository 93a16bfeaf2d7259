#include "inventory/ssh_session.h"

#include <string.h>

/* Whether the library has taken a host key from a reply. */
static bool has_key(const struct ssh *ssh)
{
	size_t length = 0;
	int type;

	return libssh2_session_hostkey(ssh->session, &length, &type) != NULL;
}

/* After KEXINIT the library knows which key exchange it will be. */
static void note_key_exchange(struct ssh *ssh)
{
	static const char group[] = "diffie-hellman-group-exchange-";
	const char *name =
	    libssh2_session_methods(ssh->session, LIBSSH2_METHOD_KEX);

	if (name != NULL)
		greeting_expect(&ssh->greeting,
		                strncmp(name, group, strlen(group)) == 0);
}

size_t ssh_guard_limit(struct ssh *ssh, size_t length)
{
	struct greeting *greeting = &ssh->greeting;
	size_t wants = greeting_wants(greeting);

	/* Had NEWKEYS come before the key, the key would be looked for among
	 * encrypted bytes, and the library would still take a plain one. */
	if (greeting->state == GREETING_DONE && !has_key(ssh)) {
		ssh->stop = SSH_BAD_PACKET;
		return 0;
	}
	if (greeting->kexinit_ended && greeting->key_message == 0)
		note_key_exchange(ssh);
	return length < wants ? length : wants;
}

/* "1.99" is a server that speaks 2.0 too (RFC 4253 section 5.1). The library
 * takes any version, and would wait for a KEXINIT that never comes. */
static bool is_too_old(const struct ssh *ssh)
{
	const char *version = greeting_version(&ssh->greeting);

	return strncmp(version, "SSH-1.", 6) == 0 &&
	       strncmp(version, "SSH-1.99-", 9) != 0;
}

bool ssh_guard_pass(struct ssh *ssh, const char *bytes, size_t length)
{
	greeting_feed(&ssh->greeting, bytes, length);
	switch (ssh->greeting.state) {
	case GREETING_PACKETS:
		if (!is_too_old(ssh))
			return true;
		ssh->stop = SSH_TOO_OLD;
		break;
	case GREETING_TEXT:
	case GREETING_DONE:
		return true;
	case GREETING_FLOOD:
		ssh->stop = SSH_TEXT_FLOOD;
		break;
	case GREETING_BAD_PACKET:
		ssh->stop = SSH_BAD_PACKET;
		break;
	case GREETING_BAD_KEY:
		ssh->stop = SSH_BAD_KEY;
		break;
	case GREETING_NO_MEMORY:
		ssh->no_memory = true;
		break;
	}
	return false;
}

#include "tests/fleet/raw.h"

#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "tests/fleet/conn.h"
#include "tests/fleet/server.h"

#define BANNER "SSH-2.0-fleet\r\n"
#define DRIP_MS 1000

/* RFC 4253 section 12. */
#define SSH_IGNORE 2
#define SSH_KEXINIT 20
#define SSH_NEWKEYS 21
#define SSH_KEX_REPLY 31

#define PACKET_MAX 2048

/* A packet before the key exchange: RFC 4253 section 6, no cipher, no MAC. */
struct packet {
	size_t length;
	unsigned char bytes[PACKET_MAX];
};

/* Cuts what does not fit; nothing here comes near PACKET_MAX. */
static void put(struct packet *p, const void *data, size_t length)
{
	if (length > PACKET_MAX - p->length)
		length = PACKET_MAX - p->length;
	memcpy(p->bytes + p->length, data, length);
	p->length += length;
}

static void put_byte(struct packet *p, unsigned value)
{
	const unsigned char byte = (unsigned char)value;

	put(p, &byte, 1);
}

static void put_u32(struct packet *p, uint32_t value)
{
	put_byte(p, value >> 24);
	put_byte(p, (value >> 16) & 255U);
	put_byte(p, (value >> 8) & 255U);
	put_byte(p, value & 255U);
}

static void put_string(struct packet *p, const char *text)
{
	put_u32(p, (uint32_t)strlen(text));
	put(p, text, strlen(text));
}

static void packet_begin(struct packet *p, unsigned type)
{
	p->length = 0;
	put_u32(p, 0);  /* the length, by packet_end() */
	put_byte(p, 0); /* of the padding, likewise */
	put_byte(p, type);
}

static void packet_end(struct packet *p)
{
	size_t padding = 8 - p->length % 8;
	uint32_t length = 0;

	if (padding < 4)
		padding += 8;
	p->bytes[4] = (unsigned char)padding;
	for (size_t i = 0; i < padding; i++)
		put_byte(p, 0);
	length = (uint32_t)p->length - 4;
	p->bytes[0] = (unsigned char)(length >> 24);
	p->bytes[1] = (unsigned char)(length >> 16);
	p->bytes[2] = (unsigned char)(length >> 8);
	p->bytes[3] = (unsigned char)length;
}

/* RFC 4253 section 7.1. Everything but the key exchange is what any client
 * knows. */
static void kexinit(struct packet *p, const char *kex)
{
	static const char cookie[16] = "fleet's cookie.";

	packet_begin(p, SSH_KEXINIT);
	put(p, cookie, sizeof(cookie));
	put_string(p, kex);
	put_string(p, "ssh-ed25519,rsa-sha2-512,rsa-sha2-256,ssh-rsa");
	put_string(p, "aes128-ctr,aes192-ctr,aes256-ctr");
	put_string(p, "aes128-ctr,aes192-ctr,aes256-ctr");
	put_string(p, "hmac-sha2-256,hmac-sha2-512");
	put_string(p, "hmac-sha2-256,hmac-sha2-512");
	put_string(p, "none");
	put_string(p, "none");
	put_string(p, "");
	put_string(p, "");
	put_byte(p, 0); /* no guessed packet follows */
	put_u32(p, 0);
	packet_end(p);
}

#define USUAL_KEX "curve25519-sha256,curve25519-sha256@libssh.org"

void serve_banner_lines(struct conn *conn)
{
	if (conn_text(conn, "Authorized use only.\r\n"
	                    " \r\n"
	                    "Everything is logged. SSH-1.0 is not spoken.\r\n"
	                    "a line that ends without a carriage return\n"))
		serve_session(conn);
}

void serve_banner_blank(struct conn *conn)
{
	if (conn_text(conn, "\r\n"))
		serve_session(conn);
}

void serve_no_banner(struct conn *conn)
{
	conn_wait_gone(conn);
}

void serve_half_kexinit(struct conn *conn)
{
	struct packet p;

	kexinit(&p, USUAL_KEX);
	if (conn_text(conn, BANNER) && conn_send(conn, p.bytes, p.length / 2))
		conn_wait_gone(conn);
}

/* Each byte resets a client's timeout per read: only a deadline for all of the
 * host ends this. */
void serve_drip(struct conn *conn)
{
	struct packet p;

	for (const char *c = BANNER; *c != '\0'; c++) {
		if (!conn_send(conn, c, 1) || !conn_sleep(conn, DRIP_MS))
			return;
	}
	kexinit(&p, USUAL_KEX);
	for (size_t i = 0; i < p.length; i++) {
		if (!conn_send(conn, p.bytes + i, 1) ||
		    !conn_sleep(conn, DRIP_MS))
			return;
	}
	conn_wait_gone(conn);
}

static void flood(struct conn *conn, const void *unit, size_t length)
{
	char buf[8192];
	size_t filled = 0;

	while (filled + length <= sizeof(buf)) {
		memcpy(buf + filled, unit, length);
		filled += length;
	}
	while (conn_send(conn, buf, filled))
		;
}

void serve_line_flood(struct conn *conn)
{
	static const char line[] = "Please wait, the system is starting.\r\n";

	flood(conn, line, strlen(line));
}

void serve_endless_line(struct conn *conn)
{
	flood(conn, "x", 1);
}

void serve_close_after_banner(struct conn *conn)
{
	if (conn_text(conn, BANNER))
		conn_bye(conn);
}

void serve_reset_after_banner(struct conn *conn)
{
	if (conn_text(conn, BANNER))
		conn_reset_on_close(conn);
}

void serve_garbage(struct conn *conn)
{
	char noise[4096];
	uint32_t x = 1;

	/* A fixed sequence, so that a failure can be seen again; its first
	 * four bytes are no sensible packet length. */
	for (size_t i = 0; i < sizeof(noise); i++) {
		x = x * 1664525U + 1013904223U;
		noise[i] = (char)(x >> 24);
	}
	noise[0] = (char)0xff;
	if (conn_text(conn, BANNER) && conn_send(conn, noise, sizeof(noise)))
		conn_wait_gone(conn);
}

void serve_http(struct conn *conn)
{
	if (conn_text(conn, "HTTP/1.1 400 Bad Request\r\n"
	                    "Content-Type: text/plain\r\n"
	                    "Connection: close\r\n"
	                    "\r\n"
	                    "400 Bad Request"))
		conn_bye(conn);
}

void serve_first_dropped(struct conn *conn)
{
	if (conn->number > 1)
		serve_session(conn);
}

void serve_ignore_flood(struct conn *conn)
{
	struct packet p;

	packet_begin(&p, SSH_IGNORE);
	put_string(&p, "nothing to see here");
	packet_end(&p);
	if (conn_text(conn, BANNER))
		flood(conn, p.bytes, p.length);
}

void serve_no_common_kex(struct conn *conn)
{
	struct packet p;

	kexinit(&p, "curve448-sha512,kyber-768@fleet.invalid");
	if (conn_text(conn, BANNER) && conn_send(conn, p.bytes, p.length))
		conn_wait_gone(conn);
}

void serve_close_at_once(struct conn *conn)
{
	(void)conn;
}

void serve_no_kex_reply(struct conn *conn)
{
	struct packet p;

	kexinit(&p, USUAL_KEX);
	if (conn_text(conn, BANNER) && conn_send(conn, p.bytes, p.length))
		conn_wait_gone(conn);
}

void serve_max_startups(struct conn *conn)
{
	if (conn_text(conn, "Exceeded MaxStartups\r\n"))
		conn_bye(conn);
}

void serve_penalty(struct conn *conn)
{
	if (conn_text(conn, "Not allowed at this time\r\n"))
		conn_bye(conn);
}

void serve_reset_at_once(struct conn *conn)
{
	conn_reset_on_close(conn);
}

static bool take(struct conn *conn, void *to, size_t length)
{
	return recv(conn->fd, to, length, MSG_WAITALL) == (ssize_t)length;
}

static bool take_version(struct conn *conn)
{
	char c = '\0';

	while (c != '\n') {
		if (!take(conn, &c, 1))
			return false;
	}
	return true;
}

/* A packet before the encryption; what it says is of no interest. */
static bool take_packet(struct conn *conn)
{
	unsigned char bytes[PACKET_MAX];
	size_t length;

	if (!take(conn, bytes, 4))
		return false;
	length = (size_t)bytes[2] << 8 | bytes[3];
	return length <= sizeof(bytes) && take(conn, bytes, length);
}

/* To where the client waits for the reply of the key exchange. */
static bool begin_kex(struct conn *conn)
{
	struct packet p;

	kexinit(&p, USUAL_KEX);
	return conn_text(conn, BANNER) && conn_send(conn, p.bytes, p.length) &&
	       take_version(conn) && take_packet(conn) && take_packet(conn);
}

void serve_drop_in_kex(struct conn *conn)
{
	if (begin_kex(conn))
		conn_bye(conn);
}

/* RFC 8731 section 3, RFC 8709 section 4. A host key says that 32 bytes follow,
 * and is at its end. */
static void put_bad_reply(struct packet *p)
{
	static const char zeros[64];

	packet_begin(p, SSH_KEX_REPLY);
	put_u32(p, 4 + 11 + 4);
	put_string(p, "ssh-ed25519");
	put_u32(p, 32);
	put_u32(p, 32); /* the server's half of the secret */
	put(p, "a point on a curve, for instance", 32);
	put_u32(p, 4 + 11 + 4 + sizeof(zeros));
	put_string(p, "ssh-ed25519");
	put_u32(p, sizeof(zeros));
	put(p, zeros, sizeof(zeros));
	packet_end(p);
}

void serve_bad_host_key(struct conn *conn)
{
	struct packet p;

	put_bad_reply(&p);
	if (begin_kex(conn) && conn_send(conn, p.bytes, p.length))
		conn_wait_gone(conn);
}

void serve_keys_too_soon(struct conn *conn)
{
	struct packet newkeys, p;

	packet_begin(&newkeys, SSH_NEWKEYS);
	packet_end(&newkeys);
	put_bad_reply(&p);
	if (begin_kex(conn) && conn_send(conn, newkeys.bytes, newkeys.length) &&
	    conn_send(conn, p.bytes, p.length))
		conn_wait_gone(conn);
}

void serve_two_dropped(struct conn *conn)
{
	if (conn->number > 2)
		serve_session(conn);
}

void serve_busy_once(struct conn *conn)
{
	if (conn->number == 1)
		serve_max_startups(conn);
	else
		serve_session(conn);
}

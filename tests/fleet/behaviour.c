#include "tests/fleet/behaviour.h"

#include <stdio.h>
#include <string.h>

#include "tests/fleet/answer.h"
#include "tests/fleet/conn.h"
#include "tests/fleet/raw.h"
#include "tests/fleet/server.h"

/* Columns that most rows share. */
#define KNOWN .user = FLEET_USER, .password = FLEET_PASSWORD
/* Of a host that accepts none: it must not spoil the others' for the credential
 * guard. */
#define OWN(octet) .user = FLEET_USER, .password = "own-secret-" octet
#define SESSION .serve = serve_session
#define WELL .answer = answer_well

/*
 * Every kind of host, in the order of octets. ADD A BEHAVIOUR HERE: a row, and
 * if no handler fits, one function in raw.c (faults below SSH), answer.c (what
 * a host says to a command) or an enum value of login or offer for server.c.
 * The list in README.md is made by `fleet --list`.
 *
 *   1-19  ok    20-39  auth    40-49  timeout    50-69  protocol
 *  70-89  command    90-99  no connection    100-109  ok, but ill as jump hosts
 * 200-254 more well hosts
 */
/* clang-format off */
const struct behaviour behaviours[] = {
	{ .octet = 1, .name = "well", KNOWN, SESSION, WELL, .status = "ok",
	  .help = "answers as it should" },
	{ .octet = 2, .name = "slow-login", KNOWN, SESSION, WELL,
	  .login = LOGIN_SLOW, .status = "ok",
	  .help = "answers the password after one second" },
	{ .octet = 3, .name = "motd", KNOWN, SESSION, .answer = answer_motd,
	  .status = "ok",
	  .help = "noise on stdout around the answer, and on stderr" },
	{ .octet = 4, .name = "control", KNOWN, SESSION, WELL,
	  .suffix = "\x1b[31m\tx\a\x7f\xc2\x9b", .status = "ok",
	  .help = "escape, tab, bell, DEL and a C1 control in its name" },
	{ .octet = 5, .name = "sql", KNOWN, SESSION, WELL,
	  .suffix = "'); DROP TABLE server_status; --", .status = "ok",
	  .help = "SQL in its name" },
	{ .octet = 6, .name = "latin1", KNOWN, SESSION, WELL,
	  .suffix = "-m\xfcnchen", .status = "ok",
	  .help = "invalid UTF-8 in its name" },
	{ .octet = 7, .name = "bidi", KNOWN, SESSION, WELL,
	  .suffix = "-\xe2\x80\xaegnp.exe\xe2\x80\xac", .status = "ok",
	  .help = "a right-to-left override in its name" },
	{ .octet = 8, .name = "newline", KNOWN, SESSION, WELL,
	  .suffix = "\nIP:127.1.1.1  hostname:forged", .status = "ok",
	  .help = "a second line in its name, like a line of our output" },
	{ .octet = 9, .name = "csh", KNOWN, SESSION, .answer = answer_csh,
	  .status = "ok",
	  .help = "csh for a login shell: no '!', '\\' or newline" },
	{ .octet = 10, .name = "device", KNOWN, SESSION,
	  .answer = answer_device, .status = "ok",
	  .help = "no POSIX shell: knows the command hostname, not exec" },
	{ .octet = 11, .name = "banner-lines", KNOWN, WELL, .status = "ok",
	  .serve = serve_banner_lines,
	  .help = "lines of text before its version (RFC 4253 4.2)" },
	{ .octet = 12, .name = "login-banner", KNOWN, SESSION, WELL,
	  .login = LOGIN_BANNER, .status = "ok",
	  .help = "sends a text for the user before the login" },
	{ .octet = 13, .name = "rsa", KNOWN, SESSION, WELL, .offer = OFFER_RSA,
	  .status = "ok", .help = "an RSA host key only, SHA-1 signatures too" },
	{ .octet = 14, .name = "rsa-sha2", KNOWN, SESSION, WELL,
	  .offer = OFFER_RSA_SHA2, .status = "ok|protocol",
	  .help = "RSA with SHA-2 only: libssh2 1.10 cannot" },
	{ .octet = 15, .name = "banner-blank", KNOWN, WELL, .status = "ok",
	  .serve = serve_banner_blank,
	  .help = "an empty line before its version" },
	{ .octet = 16, .name = "hasty", KNOWN, SESSION,
	  .answer = answer_hasty, .status = "ok",
	  .help = "answers, and ends the connection at once" },
	{ .octet = 17, .name = "two-prompts", KNOWN, SESSION, WELL,
	  .login = LOGIN_TWO_PROMPTS, .status = "ok",
	  .help = "asks for a location and the password by prompts" },
	{ .octet = 18, .name = "zero-prompts", KNOWN, SESSION, WELL,
	  .login = LOGIN_ZERO_PROMPTS, .status = "ok",
	  .help = "no prompt before and after that for the password" },
	{ .octet = 19, .name = "either-way", KNOWN, SESSION, WELL,
	  .login = LOGIN_EITHER, .status = "ok",
	  .help = "takes the password as such or by a prompt" },

	{ .octet = 20, .name = "wrong-password", SESSION, WELL,
	  .user = "admin", .password = "out-of-date", .status = "auth",
	  .help = "refuses the password of its host line" },
	{ .octet = 21, .name = "keyboard-interactive", KNOWN, SESSION, WELL,
	  .login = LOGIN_PROMPT, .status = "ok",
	  .help = "asks for the password by a prompt only" },
	{ .octet = 22, .name = "publickey", KNOWN, SESSION, WELL,
	  .login = LOGIN_KEY, .status = "auth",
	  .help = "takes keys only, and knows none" },
	{ .octet = 23, .name = "one-time-code", OWN("23"), SESSION, WELL,
	  .login = LOGIN_CODE, .status = "auth",
	  .help = "asks for a code instead of the password" },
	{ .octet = 24, .name = "asks-again", OWN("24"), SESSION, WELL,
	  .login = LOGIN_PROMPT_AGAIN, .status = "auth",
	  .help = "asks for the password again and again" },
	{ .octet = 25, .name = "new-password", OWN("25"), SESSION, WELL,
	  .login = LOGIN_NEW_PASSWORD, .status = "auth",
	  .help = "wants a new password after the old one, by prompts" },
	{ .octet = 26, .name = "too-many-failures", OWN("26"), SESSION, WELL,
	  .login = LOGIN_TOO_MANY, .status = "auth",
	  .help = "says \"Too many authentication failures\" to a password" },
	{ .octet = 27, .name = "account-expired", OWN("27"), SESSION, WELL,
	  .login = LOGIN_ACCOUNT, .status = "auth",
	  .help = "tells so and ends the connection, as OpenSSH with PAM" },
	{ .octet = 28, .name = "slow-refusal", OWN("28"), SESSION, WELL,
	  .login = LOGIN_SLOW_REFUSAL, .status = "auth",
	  .help = "refuses the password after one second" },
	{ .octet = 29, .name = "one-password", .user = FLEET_USER,
	  .password = "not-this", SESSION, WELL,
	  .login = LOGIN_ONE_PASSWORD, .status = "auth",
	  .help = "refuses a password, and then takes prompts only" },

	{ .octet = 40, .name = "no-banner", KNOWN, .serve = serve_no_banner,
	  .status = "timeout", .help = "accepts and says nothing" },
	{ .octet = 41, .name = "half-kexinit", KNOWN, .status = "timeout",
	  .serve = serve_half_kexinit, .help = "half a KEXINIT, then silence" },
	{ .octet = 42, .name = "drip", KNOWN, .serve = serve_drip,
	  .status = "timeout", .help = "a byte a second" },
	{ .octet = 43, .name = "no-answer", KNOWN, SESSION,
	  .answer = answer_nothing, .status = "timeout",
	  .help = "takes the exec and never answers" },
	{ .octet = 44, .name = "no-eof", KNOWN, SESSION,
	  .answer = answer_no_eof, .status = "timeout",
	  .help = "answers, but never sends EOF or CLOSE" },
	{ .octet = 45, .name = "no-login", OWN("45"), SESSION, WELL,
	  .login = LOGIN_SILENT, .status = "timeout",
	  .help = "never answers the password" },
	{ .octet = 46, .name = "no-kex-reply", KNOWN, .status = "timeout",
	  .serve = serve_no_kex_reply,
	  .help = "a KEXINIT, then silence amid the key exchange" },

	{ .octet = 50, .name = "line-flood", KNOWN, .serve = serve_line_flood,
	  .status = "protocol", .help = "endless lines before the banner" },
	{ .octet = 51, .name = "endless-line", KNOWN, .status = "protocol",
	  .serve = serve_endless_line,
	  .help = "one endless line instead of a banner" },
	{ .octet = 52, .name = "close-after-banner", KNOWN,
	  .serve = serve_close_after_banner, .status = "protocol",
	  .help = "ends the connection after its banner" },
	{ .octet = 53, .name = "reset-after-banner", KNOWN,
	  .serve = serve_reset_after_banner, .status = "protocol",
	  .help = "resets the connection after its banner" },
	{ .octet = 54, .name = "garbage", KNOWN, .serve = serve_garbage,
	  .status = "protocol", .help = "random bytes after its banner" },
	{ .octet = 55, .name = "http", KNOWN, .serve = serve_http,
	  .status = "protocol", .help = "is a web server" },
	{ .octet = 56, .name = "first-dropped", KNOWN, WELL,
	  .serve = serve_first_dropped, .status = "ok|protocol",
	  .help = "drops the first connection; well from the second on" },
	{ .octet = 57, .name = "ignore-flood", KNOWN,
	  .serve = serve_ignore_flood, .status = "timeout|protocol",
	  .help = "endless SSH_MSG_IGNORE instead of a key exchange" },
	{ .octet = 58, .name = "no-common-kex", KNOWN,
	  .serve = serve_no_common_kex, .status = "protocol",
	  .help = "offers key exchanges that nobody knows" },
	{ .octet = 59, .name = "chacha", KNOWN, SESSION, WELL,
	  .offer = OFFER_CHACHA, .status = "protocol",
	  .help = "chacha20-poly1305 only: no AES-CTR" },
	{ .octet = 60, .name = "close-at-once", KNOWN,
	  .serve = serve_close_at_once, .status = "protocol",
	  .help = "closes before its banner, like sshd over MaxStartups" },
	{ .octet = 61, .name = "max-startups", KNOWN, .status = "protocol",
	  .serve = serve_max_startups,
	  .help = "says \"Exceeded MaxStartups\" and closes: OpenSSH 8.5" },
	{ .octet = 62, .name = "penalty", KNOWN, .status = "protocol",
	  .serve = serve_penalty,
	  .help = "says \"Not allowed at this time\", likewise: OpenSSH 9.8" },
	{ .octet = 63, .name = "reset-at-once", KNOWN, .status = "protocol",
	  .serve = serve_reset_at_once,
	  .help = "resets the connection before its banner" },
	{ .octet = 64, .name = "drop-in-kex", KNOWN, .status = "protocol",
	  .serve = serve_drop_in_kex,
	  .help = "ends the connection amid the key exchange" },
	{ .octet = 65, .name = "two-dropped", KNOWN, WELL,
	  .serve = serve_two_dropped, .status = "ok|protocol",
	  .help = "drops two connections; well from the third on" },
	{ .octet = 66, .name = "busy-once", KNOWN, WELL,
	  .serve = serve_busy_once, .status = "ok|protocol",
	  .help = "\"Exceeded MaxStartups\" at first; well from the second on" },
	{ .octet = 67, .name = "bad-host-key", KNOWN, .status = "protocol",
	  .serve = serve_bad_host_key,
	  .help = "a host key that ends before it has begun" },
	{ .octet = 68, .name = "keys-too-soon", KNOWN, .status = "protocol",
	  .serve = serve_keys_too_soon,
	  .help = "the same key, unencrypted, after NEWKEYS" },
	{ .octet = 69, .name = "drop-in-login", OWN("69"), SESSION, WELL,
	  .login = LOGIN_HANG_UP, .status = "protocol",
	  .help = "ends the connection instead of judging the password" },

	{ .octet = 70, .name = "drop-after-login", KNOWN, SESSION, WELL,
	  .login = LOGIN_DROP, .status = "command",
	  .help = "ends the connection after the login" },
	{ .octet = 71, .name = "refuse-channel", KNOWN, SESSION, WELL,
	  .no_channel = true, .status = "command", .help = "opens no channel" },
	{ .octet = 72, .name = "refuse-exec", KNOWN, SESSION, WELL,
	  .no_exec = true, .status = "command",
	  .help = "refuses every exec request" },
	{ .octet = 73, .name = "big-output", KNOWN, SESSION,
	  .answer = answer_big_output, .status = "command",
	  .help = "30 MB of output" },
	{ .octet = 74, .name = "endless-stderr", KNOWN, SESSION,
	  .answer = answer_endless_stderr, .status = "command",
	  .help = "endless stderr, nothing on stdout" },
	{ .octet = 75, .name = "exit-1", KNOWN, SESSION,
	  .answer = answer_exit_1, .status = "command",
	  .help = "names itself, but exits with 1" },
	{ .octet = 76, .name = "empty-hostname", KNOWN, SESSION,
	  .answer = answer_empty, .status = "command",
	  .help = "an empty answer" },
	{ .octet = 77, .name = "long-hostname", KNOWN, SESSION,
	  .answer = answer_long, .status = "command",
	  .help = "a name of 300 bytes" },
	{ .octet = 78, .name = "signal", KNOWN, SESSION,
	  .answer = answer_signal, .status = "command",
	  .help = "its command ends by SIGKILL: no exit status" },
	{ .octet = 79, .name = "expired", KNOWN, SESSION,
	  .answer = answer_expired, .status = "command",
	  .help = "logs in with an expired password, as OpenSSH does" },
	{ .octet = 80, .name = "drop-in-answer", KNOWN, SESSION,
	  .answer = answer_drop, .status = "command",
	  .help = "ends the connection amid the answer" },
	{ .octet = 81, .name = "banner-flood", KNOWN, SESSION,
	  .answer = answer_banner_flood, .status = "command",
	  .help = "endless login banners instead of an answer" },

	{ .octet = 90, .name = "refused", KNOWN, .serve = NULL,
	  .status = "refused", .help = "nothing listens on its port" },

	{ .octet = 100, .name = "jump-ten", KNOWN, SESSION, WELL,
	  .forward = FORWARD_TEN, .status = "ok",
	  .help = "as a jump host carries ten at once, refuses the eleventh" },
	{ .octet = 101, .name = "jump-not", KNOWN, SESSION, WELL,
	  .forward = FORWARD_NO, .status = "ok",
	  .help = "is no jump host: forwarding is prohibited" },
	{ .octet = 102, .name = "jump-dies", KNOWN, SESSION, WELL,
	  .forward = FORWARD_DIES, .status = "ok",
	  .help = "as a jump host ends the connection with the 20th channel" },
	{ .octet = 103, .name = "jump-silent", KNOWN, SESSION, WELL,
	  .forward = FORWARD_SILENT, .status = "ok",
	  .help = "as a jump host never answers who wants a channel" },
};
/* clang-format on */

const size_t behaviour_count = sizeof(behaviours) / sizeof(behaviours[0]);

const struct behaviour *behaviour_of(uint32_t address)
{
	unsigned octet = (address >> 16) & 255U;

	if (octet == 0 || (octet >= WELL_FROM && octet < 255))
		octet = 1;
	for (size_t i = 0; i < behaviour_count; i++) {
		if (behaviours[i].octet == octet)
			return &behaviours[i];
	}
	return NULL;
}

const struct behaviour *behaviour_named(const char *name, size_t length)
{
	for (size_t i = 0; i < behaviour_count; i++) {
		if (strlen(behaviours[i].name) == length &&
		    memcmp(behaviours[i].name, name, length) == 0)
			return &behaviours[i];
	}
	return NULL;
}

void behaviour_hostname(const struct behaviour *behaviour, uint32_t address,
                        char name[static HOSTNAME_SIZE])
{
	char text[ADDRESS_TEXT_SIZE];
	const char *suffix = behaviour->suffix;

	address_print(address, text);
	snprintf(name, HOSTNAME_SIZE, "host-%s%s", text,
	         suffix != NULL ? suffix : "");
}

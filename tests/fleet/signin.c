#include "tests/fleet/signin.h"

#include <string.h>
#include <sys/socket.h>

#include "tests/fleet/behaviour.h"
#include "tests/fleet/conn.h"
#include "tests/fleet/counts.h"
#include "tests/fleet/keys.h"

#define ROUNDS_MAX 3
#define PROMPTS_MAX 2

static bool any_password; /* set before there are threads */

void signin_init(bool any)
{
	any_password = any;
}

static bool known(const char *user, const char *password)
{
	return strcmp(user, FLEET_USER) == 0 &&
	       (any_password || strcmp(password, FLEET_PASSWORD) == 0);
}

/* The end of every login that succeeds. */
static int let_in(struct signin *s)
{
	s->logged_in = true;
	if (s->conn->behaviour->login == LOGIN_DROP)
		s->drop = true;
	return SSH_AUTH_SUCCESS;
}

/* --- password ------------------------------------------------------------- */

static void send_banner(ssh_session ssh, const char *words)
{
	ssh_string text = ssh_string_from_char(words);

	if (text != NULL && ssh_send_issue_banner(ssh, text) == SSH_OK)
		ssh_blocking_flush(ssh, -1);
	ssh_string_free(text);
}

/* Whatever libssh is going to say does not arrive any more. */
static int hang_up(struct signin *s)
{
	shutdown(s->conn->fd, SHUT_RDWR);
	s->drop = true;
	return SSH_AUTH_DENIED;
}

/* As OpenSSH does over MaxAuthTries. */
static int disconnect(struct signin *s)
{
	/* libssh closes at once. So that its words are sent before, it has to
	 * know that there is room for them: it looks when it has sent some. */
	ssh_send_ignore(s->ssh, "room");
	ssh_blocking_flush(s->ssh, -1);
	ssh_event_dopoll(s->event, 1000);
	ssh_session_set_disconnect_message(s->ssh,
	                                   "Too many authentication failures");
	ssh_disconnect(s->ssh);
	s->drop = true;
	return SSH_AUTH_DENIED;
}

static int say_nothing(struct signin *s)
{
	/* Its packets stay unread, which nobody can tell. */
	while (conn_sleep(s->conn, 60 * 1000))
		;
	s->drop = true;
	return SSH_AUTH_DENIED;
}

int signin_password(ssh_session ssh, const char *user, const char *password,
                    void *arg)
{
	struct signin *s = arg;

	counts_add(s->conn->counts, s->conn->address, COUNT_PASSWORD);
	switch (s->conn->behaviour->login) {
	case LOGIN_BANNER: /* where OpenSSH sends it: before the reply */
		send_banner(ssh, "Authorized use only.\n"
		                 "IP:127.1.1.1  hostname:forged\n");
		break;
	case LOGIN_ACCOUNT:
		send_banner(ssh, "Your account has expired; please contact "
		                 "your system administrator.\n");
		return hang_up(s);
	case LOGIN_HANG_UP:
		return hang_up(s);
	case LOGIN_TOO_MANY:
		return disconnect(s);
	case LOGIN_SILENT:
		return say_nothing(s);
	case LOGIN_ONE_PASSWORD:
		ssh_set_auth_methods(ssh, SSH_AUTH_METHOD_INTERACTIVE);
		return SSH_AUTH_DENIED;
	case LOGIN_SLOW:
	case LOGIN_SLOW_REFUSAL:
		if (!conn_sleep(s->conn, s->conn->slow_ms))
			return SSH_AUTH_DENIED;
		break;
	case LOGIN_PASSWORD:
	case LOGIN_DROP:
	case LOGIN_EITHER:
		break;
	case LOGIN_KEY:
	case LOGIN_PROMPT:
	case LOGIN_TWO_PROMPTS:
	case LOGIN_ZERO_PROMPTS:
	case LOGIN_CODE:
	case LOGIN_PROMPT_AGAIN:
	case LOGIN_NEW_PASSWORD:
		return SSH_AUTH_DENIED;
	}
	return known(user, password) ? let_in(s) : SSH_AUTH_DENIED;
}

/* --- publickey ------------------------------------------------------------ */

int signin_key(ssh_session ssh, const char *user, struct ssh_key_struct *key,
               char signature_state, void *arg)
{
	struct signin *s = arg;

	(void)ssh;
	counts_add(s->conn->counts, s->conn->address, COUNT_KEY);
	if (strcmp(user, FLEET_USER) != 0 || !keys_have(key))
		return SSH_AUTH_DENIED;
	if (signature_state == SSH_PUBLICKEY_STATE_VALID)
		return let_in(s);
	/* Whether the key would do is asked first. */
	return signature_state == SSH_PUBLICKEY_STATE_NONE ? SSH_AUTH_SUCCESS
	                                                   : SSH_AUTH_DENIED;
}

/* --- keyboard-interactive ------------------------------------------------- */

/* One round after the other. A prompt with a space in front is shown as it is
 * typed. */
struct talk {
	enum login login;
	unsigned rounds;
	const char *prompts[ROUNDS_MAX][PROMPTS_MAX];
	unsigned password; /* the round with it … */
	unsigned which;    /* … and which of its prompts */
	bool endless;      /* the last round comes again and again */
};

static const struct talk talks[] = {
	{ .login = LOGIN_PROMPT, .rounds = 1, .prompts = { { "Password: " } } },
	{ .login = LOGIN_EITHER, .rounds = 1, .prompts = { { "Password: " } } },
	{ .login = LOGIN_ONE_PASSWORD,
	  .rounds = 1,
	  .prompts = { { "Password: " } } },
	{ .login = LOGIN_TWO_PROMPTS,
	  .rounds = 1,
	  .prompts = { { " Location: ", "Password: " } },
	  .which = 1 },
	{ .login = LOGIN_ZERO_PROMPTS,
	  .rounds = 3,
	  .prompts = { { NULL }, { "Password: " }, { NULL } },
	  .password = 1 },
	{ .login = LOGIN_CODE,
	  .rounds = 1,
	  .prompts = { { "Verification code: " } } },
	{ .login = LOGIN_PROMPT_AGAIN,
	  .rounds = 1,
	  .prompts = { { "Password: " } },
	  .endless = true },
	{ .login = LOGIN_NEW_PASSWORD,
	  .rounds = 2,
	  .prompts = { { "Password: " },
	               { "New password: ", "Retype new password: " } },
	  .endless = true },
};

static const struct talk *talk_of(const struct signin *s)
{
	for (size_t i = 0; i < sizeof(talks) / sizeof(talks[0]); i++) {
		if (talks[i].login == s->conn->behaviour->login)
			return &talks[i];
	}
	return NULL;
}

int signin_methods(const struct signin *signin)
{
	enum login login = signin->conn->behaviour->login;
	unsigned methods = SSH_AUTH_METHOD_PASSWORD;

	if (login == LOGIN_KEY)
		methods = SSH_AUTH_METHOD_PUBLICKEY;
	else if (login == LOGIN_EITHER)
		methods |= SSH_AUTH_METHOD_INTERACTIVE;
	else if (login == LOGIN_ONE_PASSWORD)
		methods = SSH_AUTH_METHOD_PASSWORD;
	else if (talk_of(signin) != NULL)
		methods = SSH_AUTH_METHOD_INTERACTIVE;
	if (keys_wanted())
		methods |= SSH_AUTH_METHOD_PUBLICKEY;
	return (int)methods;
}

static unsigned count_prompts(const struct talk *talk, unsigned round)
{
	unsigned count = 0;

	while (count < PROMPTS_MAX && talk->prompts[round][count] != NULL)
		count++;
	return count;
}

static void ask(const struct talk *talk, unsigned round, ssh_message message)
{
	const char *prompts[PROMPTS_MAX];
	char echo[PROMPTS_MAX];
	unsigned count = count_prompts(talk, round);

	for (unsigned i = 0; i < count; i++) {
		const char *text = talk->prompts[round][i];

		echo[i] = text[0] == ' ' ? 1 : 0;
		prompts[i] = text + (text[0] == ' ' ? 1 : 0);
	}
	ssh_message_auth_interactive_request(
	    message, "fleet", "Answer, please.", count, prompts, echo);
}

static void take_answer(struct signin *s, const struct talk *talk)
{
	unsigned count = count_prompts(talk, s->round);
	const char *answer;

	if (count == 0)
		return;
	counts_add(s->conn->counts, s->conn->address, COUNT_PROMPT);
	if (s->round != talk->password ||
	    (unsigned)ssh_userauth_kbdint_getnanswers(s->ssh) != count)
		return;
	answer = ssh_userauth_kbdint_getanswer(s->ssh, talk->which);
	s->answered =
	    answer != NULL && s->user_known && known(FLEET_USER, answer);
}

int signin_message(struct signin *signin, ssh_message message)
{
	struct signin *s = signin;
	const struct talk *talk = talk_of(s);

	if (ssh_message_type(message) != SSH_REQUEST_AUTH ||
	    ssh_message_subtype(message) != SSH_AUTH_METHOD_INTERACTIVE ||
	    talk == NULL)
		return 1;
	if (!ssh_message_auth_kbdint_is_response(message)) {
		/* The answers come without the user's name. */
		const char *user = ssh_message_auth_user(message);

		s->user_known = user != NULL && strcmp(user, FLEET_USER) == 0;
		s->answered = false;
		s->round = 0;
		ask(talk, 0, message);
		return 0;
	}
	take_answer(s, talk);
	if (s->round + 1 < talk->rounds) {
		ask(talk, ++s->round, message);
		return 0;
	}
	if (talk->endless) {
		ask(talk, s->round, message);
		return 0;
	}
	if (!s->answered)
		return 1;
	ssh_message_auth_reply_success(message, 0);
	let_in(s);
	return 0;
}

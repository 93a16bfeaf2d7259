#include "inventory/ssh_session.h"

#include "inventory/ssh_algorithms.h"

#include <string.h>

/* Leaves the new password NULL: the library then reports the expiry as such,
 * and nothing is changed. */
static LIBSSH2_PASSWD_CHANGEREQ_FUNC(refuse_change)
{
	(void)session;
	(void)abstract;
	*newpw = NULL;
	*newpw_len = 0;
}

enum methods {
	METHODS_LISTED,   /* *list is set, and lives as long as the session */
	METHODS_NEEDLESS, /* "none" was a way in: the user is logged in */
	METHODS_FAILED    /* err says why */
};

/* Asks which ways in there are. */
static enum methods list_methods(struct ssh *ssh, const char *user,
                                 const char **list, struct err *err)
{
	while ((*list = libssh2_userauth_list(
		    ssh->session, user, (unsigned)strlen(user))) == NULL) {
		if (libssh2_userauth_authenticated(ssh->session))
			return METHODS_NEEDLESS;
		if (libssh2_session_last_errno(ssh->session) !=
		    LIBSSH2_ERROR_EAGAIN) {
			ssh_failed(ssh, ERR_PROTOCOL, "login", err);
			return METHODS_FAILED;
		}
		if (!ssh_wait(ssh, err))
			return METHODS_FAILED;
	}
	return METHODS_LISTED;
}

/*
 * libssh2 has one error for a wrong password and for a server that takes none;
 * the list tells them apart. The password is not sent again.
 */
static bool password_refused(struct ssh *ssh, const char *user, struct err *err)
{
	const char *list = NULL;

	switch (list_methods(ssh, user, &list, err)) {
	case METHODS_LISTED:
		if (name_list_has(list, strlen(list), "password",
		                  strlen("password")))
			break;
		return err_set(err, ERR_AUTH,
		               "the server takes no password from '%s', only "
		               "%s",
		               user, list);
	case METHODS_FAILED:
		/* Many servers hang up after a refusal. */
		if (err->kind != ERR_PROTOCOL)
			return false;
		break;
	case METHODS_NEEDLESS: /* the user was refused all the same */
		break;
	}
	return err_set(err, ERR_AUTH, "password refused for '%s'", user);
}

static bool login_without_password(struct ssh *ssh, const char *user,
                                   struct err *err)
{
	const char *list = NULL;

	switch (list_methods(ssh, user, &list, err)) {
	case METHODS_NEEDLESS:
		return true;
	case METHODS_LISTED:
		return err_set(err, ERR_AUTH,
		               "no password given for '%s'; the server wants "
		               "%s",
		               user, list);
	case METHODS_FAILED:
		break;
	}
	return false;
}

static bool login_with_password(struct ssh *ssh, const char *user,
                                const char *password, struct err *err)
{
	int rc;

	while ((rc = libssh2_userauth_password_ex(
		    ssh->session, user, (unsigned)strlen(user), password,
		    (unsigned)strlen(password), refuse_change)) ==
	       LIBSSH2_ERROR_EAGAIN) {
		if (!ssh_wait(ssh, err))
			return false;
	}
	switch (rc) {
	case 0:
		return true;
	case LIBSSH2_ERROR_AUTHENTICATION_FAILED:
		return password_refused(ssh, user, err);
	case LIBSSH2_ERROR_PASSWORD_EXPIRED:
		return err_set(err, ERR_AUTH,
		               "the password of '%s' has expired", user);
	default:
		return ssh_failed(ssh, ERR_PROTOCOL, "login", err);
	}
}

bool ssh_login(struct ssh *ssh, const struct login *login, struct err *err)
{
	const char *user = login->user, *password = login->password;
	jmp_buf back;
	bool ok;

	if (setjmp(back) != 0)
		return ssh_trapped(ssh, ERR_PROTOCOL, "login", err);
	ssh_trap(&back);
	ok = password != NULL ? login_with_password(ssh, user, password, err)
	                      : login_without_password(ssh, user, err);
	ssh_trap(NULL);
	ssh->logged_in = ok;
	return ok;
}

#!/usr/bin/env python3
"""A Paramiko server: paramiko_host.py MATERIAL PORT

Takes the password, prompts and keys of MATERIAL, runs what it is asked to, and
forwards connections. Some users find something odd, as with the SSH servers
inside network devices; ODD says what.
"""

import logging
import pathlib
import socket
import subprocess
import sys
import threading

import paramiko

MATERIAL = pathlib.Path(sys.argv[1])
PORT = int(sys.argv[2])
PASSWORD = (MATERIAL / "password").read_text(encoding="utf-8").rstrip("\n")
AUTHORIZED = {line.split()[1] for line in
              (MATERIAL / "authorized_keys").read_text().splitlines()}
HOST_KEYS = [kind.from_private_key_file(str(MATERIAL / f"host_{name}"))
             for name, kind in (("ed25519", paramiko.Ed25519Key),
                                ("ecdsa", paramiko.ECDSAKey),
                                ("rsa", paramiko.RSAKey))]

ODD = {
    # user: the ways in that it is told of
    "prompt-only": "keyboard-interactive",  # and hangs up after its answer
    "no-close": "keyboard-interactive",     # the same, in an open channel
    "two-prompts": "keyboard-interactive",  # wants a code as well
    "no-prompt": "keyboard-interactive",    # a second round without a prompt
    "endless-prompts": "keyboard-interactive",  # asks again and again
    "none-first": "password",  # no password before a "none" was refused
    "lying-list": "publickey",  # takes a password all the same
    "key-and-password": "publickey,password",  # wants both
    "no-login": "none",         # lets anybody in who says the name
    "hates-keys": "password",  # hangs up when it is offered a key
}
USUAL = "publickey,password,keyboard-interactive"


class Host(paramiko.ServerInterface):
    """One connection's rules."""

    def __init__(self, transport):
        self.transport = transport
        self.commands = {}  # channel number -> command
        self.targets = {}   # channel number -> connected socket
        self.none_seen = False
        self.key_seen = False
        self.rounds = 0
        self.user = None

    def get_banner(self):
        return "Authorised access only.\r\nAll activity is logged.\r\n", "en"

    def get_allowed_auths(self, username):
        return ODD.get(username, USUAL)

    def allows(self, username, way):
        self.user = username
        return way in self.get_allowed_auths(username)

    def check_auth_none(self, username):
        self.none_seen = True
        logging.info("attempt none %s", username)
        if self.allows(username, "none"):
            return paramiko.AUTH_SUCCESSFUL
        return paramiko.AUTH_FAILED

    def check_auth_password(self, username, password):
        logging.info("attempt password %s", username)
        self.user = username
        if password != PASSWORD:
            return paramiko.AUTH_FAILED
        if username == "none-first" and not self.none_seen:
            return paramiko.AUTH_FAILED
        if username == "key-and-password" and not self.key_seen:
            return paramiko.AUTH_FAILED
        if username == "lying-list" or self.allows(username, "password"):
            return paramiko.AUTH_SUCCESSFUL
        return paramiko.AUTH_FAILED

    def check_auth_publickey(self, username, key):
        logging.info("attempt publickey %s %s", username, key.get_name())
        if username == "hates-keys":
            self.hang_up()
            return paramiko.AUTH_FAILED
        if not self.allows(username, "publickey") or username == "lying-list":
            return paramiko.AUTH_FAILED
        if key.get_base64() not in AUTHORIZED:
            return paramiko.AUTH_FAILED
        if username == "key-and-password":
            self.key_seen = True
            return paramiko.AUTH_PARTIALLY_SUCCESSFUL
        return paramiko.AUTH_SUCCESSFUL

    def check_auth_interactive(self, username, submethods):
        logging.info("attempt keyboard-interactive %s", username)
        if not self.allows(username, "keyboard-interactive"):
            return paramiko.AUTH_FAILED
        prompts = [("Password: ", False)]
        if username == "two-prompts":
            prompts.append(("Verification code: ", True))
        return paramiko.InteractiveQuery("", "", *prompts)

    def check_auth_interactive_response(self, responses):
        logging.info("attempt answer %s %d", self.user, len(responses))
        self.rounds += 1
        if self.user == "endless-prompts":
            return paramiko.InteractiveQuery("", "", ("Password: ", False))
        if self.user == "no-prompt" and self.rounds == 2:
            good = list(responses) == []
        else:
            good = list(responses) == [PASSWORD]
        if good and self.user == "no-prompt" and self.rounds == 1:
            return paramiko.InteractiveQuery("", "Have a nice day")
        return paramiko.AUTH_SUCCESSFUL if good else paramiko.AUTH_FAILED

    def check_channel_request(self, kind, chanid):
        if kind == "session":
            return paramiko.OPEN_SUCCEEDED
        return paramiko.OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED

    def check_channel_exec_request(self, channel, command):
        self.commands[channel.get_id()] = command
        threading.Thread(target=self.execute, args=(channel, command),
                         daemon=True).start()
        return True

    def check_channel_direct_tcpip_request(self, chanid, origin, destination):
        try:
            self.targets[chanid] = socket.create_connection(destination, 10)
        except OSError:
            return paramiko.OPEN_FAILED_CONNECT_FAILED
        return paramiko.OPEN_SUCCEEDED

    def hang_up(self):
        """Not close(): a reset may overtake what was said."""
        self.transport.sock.shutdown(socket.SHUT_WR)

    def execute(self, channel, command):
        """Runs it; each stream is a thread's."""
        child = subprocess.Popen(["/bin/sh", "-c", command],
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE)
        fed = threading.Thread(target=feed, args=(channel, child.stdin),
                               daemon=True)
        fed.start()
        errors = threading.Thread(target=drain, daemon=True,
                                  args=(child.stderr, channel.sendall_stderr))
        errors.start()
        drain(child.stdout, channel.sendall)
        errors.join()
        hangs_up = self.user in ("prompt-only", "no-close")
        if hangs_up:
            # The client's end of input comes after our consent to run the
            # command, which is another thread's to send.
            fed.join()
        channel.send_exit_status(child.wait())
        if self.user != "no-close":
            channel.close()
        if hangs_up:
            self.hang_up()


def feed(channel, pipe):
    """What the client sends becomes the command's input."""
    try:
        while data := channel.recv(32768):
            pipe.write(data)
            pipe.flush()
    except OSError:
        pass
    try:
        pipe.close()
    except OSError:
        pass


def drain(pipe, send):
    """What the command says goes to the client."""
    try:
        while data := pipe.read1(32768):
            send(data)
    except OSError:
        pass


def carry(source, sink, end):
    """One direction of a forwarded connection."""
    try:
        while data := source.recv(32768):
            sink.sendall(data)
    except OSError:
        pass
    try:
        end()
    except OSError:
        pass


def forward(channel, target):
    """Both directions, until both have ended."""
    back = threading.Thread(target=carry, daemon=True,
                            args=(target, channel, channel.shutdown_write))
    back.start()
    carry(channel, target, lambda: target.shutdown(socket.SHUT_WR))
    back.join()
    channel.close()
    target.close()


def serve(connection):
    """One connection, from its key exchange to its end."""
    transport = paramiko.Transport(connection)
    host = Host(transport)
    try:
        for key in HOST_KEYS:
            transport.add_server_key(key)
        transport.start_server(server=host)
        kept = []
        while transport.is_active():
            channel = transport.accept(1)
            if channel is None:
                continue
            # A channel that nobody holds is closed.
            kept.append(channel)
            target = host.targets.pop(channel.get_id(), None)
            if target is not None:
                target.settimeout(None)
                threading.Thread(target=forward, args=(channel, target),
                                 daemon=True).start()
    except (paramiko.SSHException, EOFError, OSError) as problem:
        logging.info("connection: %s", problem)
    finally:
        transport.close()


def main():
    logging.basicConfig(level=logging.INFO)
    listener = socket.create_server(("127.0.0.1", PORT), backlog=128)
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=serve, args=(connection,), daemon=True).start()


main()

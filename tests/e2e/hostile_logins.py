# A server that answers each step of a login (RFC 4252, 4256) at random: with
# another list of methods each time, with questions, twice, malformed, with the
# connection's end, or not at all. It never lets anybody in; for the user "steps"
# a refusal may be one step of several, and "returns" meets a method again.
# AsyncSSH, since it can be bent. Hosts are told apart by their address, of which
# their answers are made. Prints "ready PORT", then "sent ADDRESS WAY SECRET" for
# each secret that came.
import asyncio
import random
import sys

import asyncssh
from asyncssh import connection
from asyncssh.packet import Boolean, NameList, String, UInt32

DISCONNECT, UNIMPLEMENTED = 1, 3
FAILURE, BANNER, INFO_REQUEST, INFO_RESPONSE = 51, 53, 60, 61
METHODS = [b"password", b"keyboard-interactive", b"publickey", b"hostbased"]
QUESTIONS = ["Password: ", "Passwort:", "(root@h) Password: ", "New password:",
             "Verification code:", "User name:", "", "x" * 300,
             "\x1b[31mPassword\x00:"]


class Login:
    """One connection's; stands in for AsyncSSH's own."""

    def __init__(self, conn):
        self.conn = conn
        self.address = conn.get_extra_info("sockname")[0]
        self.random = random.Random(f"{sys.argv[1]}/{self.address}")
        self.user = b""

    def log_received_packet(self, *_):
        pass

    def cancel(self):
        pass

    def process_packet(self, kind, _number, packet):
        if kind == INFO_RESPONSE:
            for _ in range(packet.get_uint32()):
                self.take("keyboard-interactive", packet.get_string())
            self.answer(None)
        return True

    def request(self, packet):
        self.user = packet.get_string()
        packet.get_string()
        way = packet.get_string()
        if way == b"password":
            packet.get_boolean()
            self.take("password", packet.get_string())
        self.answer(way)

    def take(self, way, secret):
        if secret not in (b"", self.user):
            print("sent", self.address, way, secret.decode(), flush=True)

    def answer(self, way):
        if self.user == b"returns":
            self.name_again(way)
            return
        if self.random.random() < .2:
            text = self.random.choice(["Welcome", "Access denied", "\n" * 50])
            self.conn.send_packet(BANNER, String(text), String(""))
        answers, weights = zip(*ANSWERS)
        self.random.choices(answers, weights)[0](self)

    def name_again(self, way):
        """Not at random: keys and password are passed over, then there is a
        step that asks for nothing, and then both are named once more."""
        if way == b"keyboard-interactive":
            self.conn.send_packet(INFO_REQUEST, String(""), String(""),
                                  String(""), UInt32(0))
            return
        methods = {b"password": METHODS[1:3], None: [METHODS[0], METHODS[2]]}
        self.conn.send_packet(FAILURE, NameList(methods.get(way, METHODS[1:2])),
                              Boolean(way is None))

    # --- answers ---

    def refuse(self):
        methods = [m for m in METHODS if self.random.random() < .5]
        step = self.user == b"steps" and self.random.random() < .3
        self.conn.send_packet(FAILURE, NameList(methods), Boolean(step))

    def refuse_twice(self):
        self.refuse()
        self.refuse()

    def refuse_and_leave(self):
        self.refuse()
        self.leave()

    def ask(self):
        count = self.random.choice([0, 0, 1, 1, 1, 2, 3, 16, 17])
        self.conn.send_packet(
            INFO_REQUEST, String(""), String("Your account has expired"),
            String(""), UInt32(count),
            *(part for _ in range(count)
              for part in (String(self.random.choice(QUESTIONS)),
                           Boolean(self.random.random() < .3))))

    def want_another_password(self):
        self.conn.send_packet(INFO_REQUEST, String("expired"), String(""))

    def turn_away(self):
        self.conn.send_packet(DISCONNECT, UInt32(self.random.choice([2, 14])),
                              String("Too many authentication failures"),
                              String(""))

    def leave(self):
        asyncio.get_running_loop().call_later(.01, self.conn.abort)

    def want_new_keys(self):
        self.conn._send_kexinit()
        self.leave()

    def talk_nonsense(self):
        kind = self.random.choice([UNIMPLEMENTED, FAILURE, INFO_REQUEST, 61, 90])
        self.conn.send_packet(kind, self.random.randbytes(
            self.random.randrange(40)))

    def be_silent(self):
        pass


ANSWERS = [(Login.refuse, 45), (Login.ask, 20), (Login.refuse_twice, 5),
           (Login.refuse_and_leave, 5), (Login.want_another_password, 4),
           (Login.turn_away, 6), (Login.leave, 6), (Login.want_new_keys, 3),
           (Login.talk_nonsense, 4), (Login.be_silent, 2)]


def request(self, _kind, _number, packet):
    if not isinstance(self._auth, Login):
        self._auth = Login(self)
    self._auth.request(packet)


connection.SSHServerConnection._process_userauth_request = request
handlers = dict(connection.SSHServerConnection._packet_handlers)
handlers[50] = request
connection.SSHServerConnection._packet_handlers = handlers


async def main():
    key = asyncssh.generate_private_key("ssh-ed25519")
    server = await asyncssh.create_server(
        asyncssh.SSHServer, "0.0.0.0", 0, server_host_keys=[key],
        login_timeout=0)
    print("ready", server.sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()


asyncio.run(main())

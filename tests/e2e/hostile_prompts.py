# A server that asks malformed questions (RFC 4256 section 3.2) once the key
# exchange is done, which takes a server that can be bent: AsyncSSH. Hosts are
# told apart by their address; prints "ready PORT".
import asyncio

import asyncssh
from asyncssh import auth
from asyncssh.packet import String, UInt32

QUESTIONS = {
    # Lengths and counts that say more than is there.
    "127.0.1.1": (UInt32(100000000), b"abc"),
    "127.0.1.2": (UInt32(60000), b"abc"),
    "127.0.1.3": (UInt32(0xFFFFFFFF), b"abc"),
    "127.0.1.4": (String(""), UInt32(4000000000), b"abc"),
    "127.0.1.5": (String(""), String(""), UInt32(0xFFFFFFFF), b"abc"),
    "127.0.1.6": (String(""), String(""), String(""), UInt32(1),
                  UInt32(4000000000), b"abc"),
    "127.0.1.7": (String(""), String(""), String(""), UInt32(100), b"abc"),
    "127.0.1.8": (String(""), String(""), String(""), UInt32(101), b"abc"),
    # Nothing at all, and no prompts, again and again, until it was too much: of
    # short ones that would be thousands.
    "127.0.1.9": (b"",),
    "127.0.2.1": (String("a" * 4000), String("b"), String(""), UInt32(0)),
}


def ask(self, _challenge):
    address = self._conn.get_extra_info("sockname")[0]
    self.send_packet(auth.MSG_USERAUTH_INFO_REQUEST, *QUESTIONS[address])


auth._ServerKbdIntAuth._send_challenge = ask


class Server(asyncssh.SSHServer):
    def begin_auth(self, username):
        return True

    def password_auth_supported(self):
        return False

    def public_key_auth_supported(self):
        return False

    def kbdint_auth_supported(self):
        return True

    def get_kbdint_challenge(self, username, lang, submethods):
        return "", "", "", [("Password:", False)]

    def validate_kbdint_response(self, username, responses):
        return "", "", "", [("Password:", False)]


async def main():
    key = asyncssh.generate_private_key("ssh-ed25519")
    server = await asyncssh.create_server(Server, "0.0.0.0", 0,
                                          server_host_keys=[key])
    print("ready", server.sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()


asyncio.run(main())

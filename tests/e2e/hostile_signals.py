# A server that says which signal has ended the command (RFC 4254 section 6.10)
# and lies about it. Hosts are told apart by their address; prints "ready PORT".
import asyncio

import asyncssh
from asyncssh.packet import Boolean, String, UInt32

CHANNEL_REQUEST = 98

SIGNALS = {
    # Times, the length that the name says to have, the name.
    "127.0.1.1": (1, 4, b"KILL"),
    "127.0.1.2": (1, 300, b"KI"),
    "127.0.1.3": (1, 40000, b"KI"),
    "127.0.1.4": (200, 0xFFFFFFF0, b"KI"),
    "127.0.1.5": (200, 3000, b"K" * 3000),
}


class Server(asyncssh.SSHServer):
    def begin_auth(self, username):
        return True

    def password_auth_supported(self):
        return True

    def validate_password(self, username, password):
        return True


def end_by_signal(process):
    channel = process.channel
    address = process.get_extra_info("sockname")[0]
    times, length, name = SIGNALS[address]
    for _ in range(times):
        channel.send_packet(CHANNEL_REQUEST, String("exit-signal"),
                            Boolean(False), UInt32(length), name)
    channel.write_eof()
    channel.close()


async def main():
    key = asyncssh.generate_private_key("ssh-ed25519")
    server = await asyncssh.create_server(Server, "0.0.0.0", 0,
                                          server_host_keys=[key],
                                          process_factory=end_by_signal)
    print("ready", server.sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()


asyncio.run(main())

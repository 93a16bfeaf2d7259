#!/usr/bin/env python3
"""An AsyncSSH server: asyncssh_host.py MATERIAL PORT

Takes the password, prompts and keys of MATERIAL, runs what it is asked to, and
forwards connections. The user "password-expired" has to change the password first.
"""

import asyncio
import logging
import pathlib
import sys

import asyncssh

MATERIAL = pathlib.Path(sys.argv[1])
PORT = int(sys.argv[2])
PASSWORD = (MATERIAL / "password").read_text(encoding="utf-8").rstrip("\n")


class Host(asyncssh.SSHServer):
    """Who may come in, and what for."""

    def begin_auth(self, username):
        return True

    def password_auth_supported(self):
        return True

    def validate_password(self, username, password):
        if username == "password-expired" and password == PASSWORD:
            raise asyncssh.PasswordChangeRequired("Choose another one")
        return password == PASSWORD

    def kbdint_auth_supported(self):
        return True

    def get_kbdint_challenge(self, username, lang, submethods):
        return "", "", "en", [("Password: ", False)]

    def validate_kbdint_response(self, username, responses):
        return list(responses) == [PASSWORD]

    def connection_requested(self, dest_host, dest_port, orig_host, orig_port):
        return True


async def carry(reader, write):
    """One stream of a command."""
    while data := await reader.read(32768):
        write(data)


async def feed(process, child):
    """What the client sends becomes the command's input."""
    try:
        await carry(process.stdin, child.stdin.write)
    except (asyncssh.Error, OSError):
        pass
    child.stdin.close()


async def session(process):
    """One exec request. (process.redirect() may lose the end of an output.)"""
    child = await asyncio.create_subprocess_exec(
        "/bin/sh", "-c", process.command or "true",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE)
    feeding = asyncio.create_task(feed(process, child))
    try:
        await asyncio.gather(carry(child.stdout, process.stdout.write),
                             carry(child.stderr, process.stderr.write))
        process.exit(await child.wait())
    except OSError:
        pass  # the client has gone
    finally:
        feeding.cancel()


async def main():
    logging.basicConfig(level=logging.DEBUG)
    asyncssh.set_debug_level(1)
    await asyncssh.listen(
        "127.0.0.1", PORT, server_factory=Host, process_factory=session,
        server_host_keys=[str(MATERIAL / f"host_{kind}")
                          for kind in ("ed25519", "ecdsa", "rsa")],
        authorized_client_keys=str(MATERIAL / "authorized_keys"),
        encoding=None)
    await asyncio.get_running_loop().create_future()


asyncio.run(main())

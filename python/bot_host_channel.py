"""The line of a bot's process to its runner. What is spoken over it is documented in `bot-messages`."""

import asyncio
import json
import os
import signal
import socket

CONTROL_FD = 3
# Longest line of the runner: a body is as large as the host allows.
MAX_LINE_BYTES = 2**30
# Longest error that the runner takes, in UTF-16 code units. Half of it fits whatever the characters are.
MAX_REASON = 2_048


class Channel:
    """The line to the runner: a JSON object each."""

    @classmethod
    async def open(cls):
        channel = cls()
        channel.reader, channel.writer = await open_descriptor(CONTROL_FD, limit=MAX_LINE_BYTES)
        return channel

    def send(self, type, **fields):
        self.writer.write(json.dumps({"type": type, **fields}).encode() + b"\n")

    async def receive(self):
        line = await self.reader.readline()
        if not line:
            end_group()
        return json.loads(line)


async def open_descriptor(fd, **options):
    return await asyncio.open_unix_connection(sock=socket.socket(fileno=fd), **options)


def reason_of(error):
    """Returns the text of an error, as far as the runner takes it."""
    return f"{type(error).__name__}: {error}"[:MAX_REASON]


def end_group():
    """Ends the process, and what it has started."""
    os.killpg(os.getpgrp(), signal.SIGKILL)

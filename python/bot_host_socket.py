"""The peer's WebSocket of a bot, in Starlette's own class. The runner relays its messages over an inherited descriptor."""

import asyncio
import collections
import urllib.parse

from bot_host_channel import open_descriptor

SOCKET_FD = 4
# Time limit for the runner to read, in the end, what the bot has sent, in seconds.
FLUSH_TIMEOUT_SECS = 2


def as_sent(text):
    """The bytes of a part of an HTTP request."""
    return text.encode("latin-1", "replace")


class PeerSocket:
    """The peer's WebSocket as an ASGI server would give it to an application: Starlette's own class stands on top.

    Nothing is read ahead, so that a bot that does not keep up slows its peer down.
    """

    def __init__(self, start):
        from websockets.server import ServerProtocol

        self.protocol = ServerProtocol(max_size=None)
        # The carrier's messages from before the bot was there; bots read them themselves.
        self.waiting = collections.deque([{"type": "websocket.connect"}])
        self.waiting.extend(
            {"type": "websocket.receive", "text": text} for text in start["handshake"]
        )
        self.upgrade = start.get("upgrade") or {}
        # Tasks that the bot leaves behind may read on while the last is flushed.
        self.reading = asyncio.Lock()
        self.is_flushing = False

    async def open(self):
        """Answers the runner's upgrade. Returns an accepted WebSocket, as Pipecat's own runner hands it to a bot."""
        from starlette.websockets import WebSocket
        from websockets.protocol import State

        self.reader, self.writer = await open_descriptor(SOCKET_FD)
        while self.protocol.state is State.CONNECTING:
            await self.read()
        websocket = WebSocket(self.scope(), self.receive, self.send)
        await websocket.accept()
        return websocket

    def scope(self):
        """The peer's own upgrade, which the runner has accepted."""
        upgrade = self.upgrade
        headers = upgrade.get("headers", {})
        path = upgrade.get("path", "/")
        address = upgrade.get("remoteAddress")
        return {
            "type": "websocket",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "scheme": "wss" if upgrade.get("isSecure") else "ws",
            "path": urllib.parse.unquote(path),
            "raw_path": as_sent(path),
            "query_string": as_sent(upgrade.get("query", "")),
            "root_path": "",
            "headers": [
                (as_sent(name), as_sent(one))
                for name, value in headers.items()
                for one in ([value] if isinstance(value, str) else value)
            ],
            "client": (address, upgrade.get("remotePort", 0)) if address else None,
            "server": None,
            # The runner has accepted it without one.
            "subprotocols": [],
            "state": {},
        }

    async def receive(self):
        while not self.waiting:
            await self.read()
        return self.waiting.popleft()

    async def send(self, message):
        from websockets.protocol import State

        if message["type"] == "websocket.accept":
            return
        if self.protocol.state is not State.OPEN or self.is_flushing:
            # As an ASGI server says that the client is gone.
            raise OSError("the connection is closed")
        if message["type"] == "websocket.close":
            self.protocol.send_close(message.get("code", 1000), message.get("reason") or "")
        elif message.get("bytes") is not None:
            self.protocol.send_binary(message["bytes"])
        else:
            self.protocol.send_text(message["text"].encode())
        self.write()
        await self.writer.drain()

    async def flush(self):
        """Returns when the runner has read everything the bot has sent, or does not within the time.

        Reads on meanwhile: a process that went with messages unread would break the connection, and what the runner had not read were lost.
        """
        self.is_flushing = True
        try:
            self.writer.write_eof()
            await asyncio.wait_for(self.discard_rest(), FLUSH_TIMEOUT_SECS)
        except (OSError, asyncio.TimeoutError):
            pass

    async def discard_rest(self):
        while await self.read_some():
            pass

    async def read_some(self):
        async with self.reading:
            return await self.reader.read(65_536)

    async def read(self):
        data = await self.read_some()
        if data:
            self.protocol.receive_data(data)
        else:
            self.protocol.receive_eof()
        for event in self.protocol.events_received():
            self.take(event)
        if not data and not self.is_over():
            self.waiting.append({"type": "websocket.disconnect", "code": 1006, "reason": ""})
        # Without waiting: a peer that does not listen may be waiting to be heard.
        self.write()

    def take(self, event):
        from websockets.frames import Close, Opcode
        from websockets.http11 import Request

        if isinstance(event, Request):
            self.protocol.send_response(self.protocol.accept(event))
        # The runner sends each message in one frame.
        elif event.opcode is Opcode.TEXT:
            text = bytes(event.data).decode()
            self.waiting.append({"type": "websocket.receive", "text": text})
        elif event.opcode is Opcode.BINARY:
            self.waiting.append({"type": "websocket.receive", "bytes": bytes(event.data)})
        elif event.opcode is Opcode.CLOSE:
            close = Close.parse(event.data)
            self.waiting.append(
                {"type": "websocket.disconnect", "code": int(close.code), "reason": close.reason}
            )

    def is_over(self):
        return bool(self.waiting) and self.waiting[-1]["type"] == "websocket.disconnect"

    def write(self):
        if self.is_flushing:
            return
        for data in self.protocol.data_to_send():
            if data:
                self.writer.write(data)
            else:
                self.writer.write_eof()

"""Runs one Pipecat bot for one conversation, as a child process of nestjs-pipecat-runner: `python bot_host.py bot.py`.

The bot is a file with `async def bot(runner_args)`, as Pipecat's own runner takes it. What is spoken over the inherited descriptors 3
and 4 is documented in `bot-messages`.
"""

import asyncio
import collections
import dataclasses
import importlib
import json
import os
import signal
import socket
import sys
import threading
import time
import traceback
import urllib.parse

from bot_host_loading import Runner
from bot_host_requests import serve

import bot_host_peer

CONTROL_FD = 3
SOCKET_FD = 4
# How long what the bot has sent may take to be read by the runner in the end, in seconds.
FLUSH_TIMEOUT_SECS = 2
# The ends of a session that come from its connection.
ENDS_OF_CONNECTIONS = ("peer_left", "peer_error", "completed")
# How much of an error the runner takes, in UTF-16 code units. Half of each fits whatever the characters are.
MAX_REASON = 2_048
MAX_STACK = 32_768
# How much the runner may say in one line: a body is as large as the host allows.
MAX_LINE_BYTES = 2**30


def end_with_runner():
    """Ends the process, and what it has started, when its runner is gone; in a thread, for a bot that hangs notices nothing."""
    runner = os.getppid()

    def watch():
        while os.getppid() == runner:
            time.sleep(1)
        end_group()

    threading.Thread(target=watch, daemon=True).start()


def end_group():
    os.killpg(os.getpgrp(), signal.SIGKILL)


def preload(modules):
    """Imports what conversations will need, which takes its time. The runner refuses them where it is not installed."""
    for name in filter(None, modules):
        try:
            importlib.import_module(name)
        except ImportError:
            pass


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
        # What the carrier said before the bot was there; bots read it themselves.
        self.waiting = collections.deque([{"type": "websocket.connect"}])
        self.waiting.extend({"type": "websocket.receive", "text": text} for text in start["handshake"])
        self.upgrade = start.get("upgrade") or {}
        # What the bot leaves behind may read on while the last is flushed.
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


def arguments_of(start, cli_args, file_storage, live):
    """The arguments in Pipecat's own classes, without what its installed version does not know."""
    from pipecat.runner import types

    given = {**start["args"], **live}
    cls = getattr(types, given.pop("type"))
    call_data_type = given.pop("call_data_type", "CallData")
    if given.get("call_data") is not None:
        given["call_data"] = getattr(types, call_data_type).model_validate(given["call_data"])
    given["cli_args"] = cli_args
    given["file_storage"] = file_storage
    fields = [field for field in dataclasses.fields(cls) if field.name in given]
    args = cls(**{field.name: given[field.name] for field in fields if field.init})
    for field in fields:
        if not field.init:
            setattr(args, field.name, given[field.name])
    return args


async def follow(channel, bot, peer, webrtc):
    while True:
        message = await channel.receive()
        if message["type"] in ("offer", "candidates"):
            webrtc.take(message)
        # A peer's own leaving reaches the bot over its connection, behind what came before.
        elif message["type"] == "stop" and not (
            (peer or webrtc) and message["code"] in ENDS_OF_CONNECTIONS
        ):
            bot.cancel()


async def announce(args, up, channel):
    """Says that the bot is ready: with MoQ when its transport says so, else at once, for bots do not say when they are up."""
    if up:
        await up.wait()
    channel.send("ready", certFingerprints=getattr(args, "cert_fingerprints", None))


async def converse(runner, module, start, channel):
    given = start["args"].get("cli_args")
    cli_args, file_storage = runner.begin(module, given, start.get("uploadsFolder"))
    if runner.routes() and start.get("requests"):
        runner.serving = await serve(runner.app, start["requests"])
        channel.send("requests")
    peer = webrtc = None
    live = {}
    if start["args"]["type"] == "WebSocketRunnerArguments":
        peer = PeerSocket(start)
        live["websocket"] = await peer.open()
    if start.get("peer"):
        webrtc = bot_host_peer.Peer(start["peer"], channel)
        live["webrtc_connection"] = webrtc.connection
        # Where the first offer has no answer, the runner says how the session ends.
        if not await webrtc.answer(await channel.receive()):
            while (await channel.receive())["type"] != "stop":
                pass
            return
    if start["args"]["type"] == "MOQRunnerArguments":
        live["ready_event"] = asyncio.Event()
    args = arguments_of(start, cli_args, file_storage, live)
    bot = asyncio.create_task(module.bot(args))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, bot.cancel)
    stopping = asyncio.create_task(follow(channel, bot, peer, webrtc))
    announcing = asyncio.create_task(announce(args, live.get("ready_event"), channel))
    await asyncio.wait([bot])
    stopping.cancel()
    announcing.cancel()
    # First, since the end of the peer's socket alone could be taken for a crash.
    if bot.cancelled():
        channel.send("done")
    else:
        conclude(channel, bot.exception())
    if peer:
        await peer.flush()
    if webrtc:
        await webrtc.close()


def conclude(channel, error):
    """Tells the runner how the conversation has ended."""
    if error is None:
        channel.send("done")
    elif isinstance(error, Exception):
        stack = "".join(traceback.format_exception(error))
        message = f"{type(error).__name__}: {error}"
        # The end of a traceback says what was raised.
        channel.send("failed", message=message[:MAX_REASON], stack=stack[-MAX_STACK:])
    else:
        # The exit code of the process says how: sys.exit(), or Ctrl-C.
        raise error


def load(runner, modules):
    """The bot's module, and the error that prevents it. Before the event loop, as in any program: a file may start its own."""
    try:
        module = runner.load()
        preload(modules)
        return module, None
    except Exception as error:
        return None, error


async def main(runner, module, error):
    channel = await Channel.open()
    try:
        if error:
            raise error
        channel.send("loaded", routes=runner.routes())
        await converse(runner, module, await channel.receive(), channel)
    except Exception as error:
        conclude(channel, error)
    channel.writer.close()
    await channel.writer.wait_closed()


if __name__ == "__main__":
    end_with_runner()
    _, path, modules, *own_args = sys.argv
    runner = Runner(path, own_args)
    asyncio.run(main(runner, *load(runner, filter(None, modules.split(",")))))

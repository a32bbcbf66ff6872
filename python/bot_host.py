"""Runs one Pipecat bot for one conversation, as a child process of nestjs-pipecat-runner: `python bot_host.py bot.py`.

The bot is a file with `async def bot(runner_args)`, as Pipecat's own runner takes it. What is spoken over the inherited descriptors 3
and 4 is documented in `bot-messages`.
"""

import asyncio
import dataclasses
import importlib
import os
import signal
import sys
import threading
import time
import traceback

from bot_host_channel import Channel, end_group, reason_of
from bot_host_files import keep_files
from bot_host_loading import Runner
from bot_host_peer import Peer
from bot_host_requests import serve
from bot_host_socket import PeerSocket

# The ends of a session that come from its connection.
ENDS_OF_CONNECTIONS = ("peer_left", "peer_error", "completed")
# Descriptor over which nothing comes, until the runner is gone.
LIFELINE = 5
# Of fcntl.h: the signal for what happens on a descriptor.
F_SETSIG = 10
# Longest traceback that the runner takes, in UTF-16 code units. Half of it fits whatever the characters are.
MAX_STACK = 32_768


def end_with_runner():
    """Ends the process, and what it has started, when its runner is gone; in a thread, for a bot that hangs notices nothing.

    On Linux the kernel does it at once, also for a bot that lets no thread run: nothing comes over the lifeline but its end.
    """
    runner = os.getppid()
    if sys.platform == "linux":
        import fcntl

        fcntl.fcntl(LIFELINE, fcntl.F_SETOWN, -os.getpgrp())
        fcntl.fcntl(LIFELINE, F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(LIFELINE, fcntl.F_SETFL, fcntl.fcntl(LIFELINE, fcntl.F_GETFL) | os.O_ASYNC)

    def watch():
        while os.getppid() == runner:
            time.sleep(1)
        end_group()

    threading.Thread(target=watch, daemon=True).start()


def preload(modules):
    """Imports what conversations will need, which takes its time. The runner refuses them where it is not installed."""
    for name in filter(None, modules):
        try:
            importlib.import_module(name)
        except ImportError:
            pass


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
        webrtc = Peer(start["peer"], channel)
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
        # The end of a traceback says what was raised.
        channel.send("failed", message=reason_of(error), stack=stack[-MAX_STACK:])
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
        first = await channel.receive()
        if first["type"] == "file":
            await keep_files(module, first, channel)
        else:
            await converse(runner, module, first, channel)
    except Exception as error:
        conclude(channel, error)
    channel.writer.close()
    await channel.writer.wait_closed()


if __name__ == "__main__":
    end_with_runner()
    _, path, modules, *own_args = sys.argv
    runner = Runner(path, own_args)
    asyncio.run(main(runner, *load(runner, filter(None, modules.split(",")))))

"""The client's WebRTC connection of a Pipecat bot: it lives in the bot's process, in Pipecat's own class. Only its signalling comes from the runner."""

import asyncio
import functools
import random
import time

from bot_host_channel import reason_of
from bot_host_datagrams import guard_datagrams

# Time limit for sending the client's last messages, in seconds.
FLUSH_TIMEOUT_SECS = 0.5
# The most chunks of 10 ms that a bot may have put on a track; it waits for them to be played after some of them.
MAX_CHUNKS = 100
# Beginnings of the messages by which Pipecat's clients tell that they are there: the one of every second, and the first of all.
HEARTBEATS = ("ping", '{"type":"signalling"')
# Messages to the runner about the states of a connection. A client that leaves closes it.
STATES = {"connected": "connected", "failed": "failed", "closed": "left"}


class Peer:
    """Answers the client's offers, adds its ICE candidates, and reports the state of the connection."""

    def __init__(self, config, channel):
        from pipecat.transports.smallwebrtc import connection

        guard_datagrams()
        apply_policy(connection, config["iceTransportPolicy"])
        limit_gathering(config["gatheringTimeoutMs"] / 1_000)
        if config.get("udpPortRange"):
            limit_ports(asyncio.get_running_loop(), *config["udpPortRange"])
        self.channel = channel
        self.silent_after_secs = config["peerTimeoutMs"] / 1_000
        self.waiting = asyncio.Queue()
        self.tasks = [
            asyncio.create_task(self.serve()),
            asyncio.create_task(self.watch_heartbeat()),
        ]
        self.heard_at = None
        self.channel_to_client = None
        self.has_left = False
        self.track = None
        self.connection = connection.SmallWebRTCConnection(
            ice_servers=[connection.IceServer(**server) for server in config["iceServers"]],
            # The runner ends the session before.
            connection_timeout_secs=config["connectTimeoutMs"] / 1_000 + 60,
        )
        self.judge_presence()
        self.note_leaving()
        self.drain_replaced_track()

    def judge_presence(self):
        """Has the client count as connected until its connection ends, which `watch_heartbeat` sees to.

        By itself Pipecat's class takes a client for gone whose last ping was read 3 s ago. A bot that loads its models meanwhile never greets it.
        """
        connection = self.connection
        connect = connection.connect
        connection.is_connected = lambda: False

        async def connect_late():
            connection.is_connected = lambda: connection.pc.connectionState == "connected"
            await connect()

        connection.connect = connect_late

    def note_leaving(self):
        """Notes that it is the bot that leaves, for the state of the connection does not tell."""
        disconnect = self.connection.disconnect

        async def leave():
            self.has_left = True
            await disconnect()

        self.connection.disconnect = leave

    def drain_replaced_track(self):
        """Reads on from a track that was replaced with its peer connection: the bot waits for what it has put there to be played, and fails."""
        replace = self.connection.replace_audio_track

        def replace_audio_track(track):
            if self.track not in (None, track):
                self.draining = asyncio.create_task(drain(self.track))
            self.track = track
            replace(track)

        self.connection.replace_audio_track = replace_audio_track

    async def answer(self, offer):
        """Answers an offer: the first one, or a renegotiation. Returns false if that is not possible."""
        connection = self.connection
        try:
            if connection.get_answer() is None:
                self.observe()
                await connection.initialize(offer["sdp"], "offer")
            else:
                await connection.renegotiate(offer["sdp"], "offer", offer["restart"])
                if offer["restart"]:
                    self.observe()
            sdp = connection.get_answer()["sdp"]
        except Exception as error:
            self.channel.send("answer", id=offer["id"], error=reason_of(error))
            return False
        self.channel.send("answer", id=offer["id"], sdp=sdp)
        return True

    def take(self, message):
        """Takes an offer or candidates, in order and without waiting for them."""
        self.waiting.put_nowait(message)

    async def close(self):
        """Tells the client that the bot leaves, unless that has been done, and closes the connection."""
        for task in self.tasks:
            task.cancel()
        if self.has_left or self.connection.pc.connectionState == "closed":
            return
        self.has_left = True
        self.connection.send_app_message({"type": "signalling", "message": {"type": "peerLeft"}})
        try:
            await asyncio.wait_for(self.flushed(), FLUSH_TIMEOUT_SECS)
        except asyncio.TimeoutError:
            pass
        await self.connection.pc.close()

    async def serve(self):
        while True:
            message = await self.waiting.get()
            if message["type"] == "offer":
                await self.answer(message)
            else:
                for candidate in message["candidates"]:
                    await self.add(candidate)

    async def add(self, candidate):
        from aiortc.sdp import candidate_from_sdp

        parsed = None
        try:
            if candidate["candidate"]:
                parsed = candidate_from_sdp(candidate["candidate"])
                parsed.sdpMid = candidate.get("mid")
                parsed.sdpMLineIndex = candidate.get("index")
            await self.connection.add_ice_candidate(parsed)
        except Exception as error:
            # A candidate after the end of candidates, or for a connection that is closed.
            print(f"An ICE candidate of the client was not added: {reason_of(error)}")

    def observe(self):
        """Reports the states of the present peer connection; a restart replaces it."""
        pc = self.connection.pc
        self.heard_at = None

        @pc.on("connectionstatechange")
        def on_state():
            state = STATES.get(pc.connectionState)
            if state and not self.has_left:
                self.channel.send("peer", state=state)

        @pc.on("datachannel")
        def on_channel(channel):
            self.channel_to_client = channel

            @channel.on("message")
            def on_message(message):
                if isinstance(message, str) and message.startswith(HEARTBEATS):
                    self.heard_at = time.monotonic()

            @channel.on("close")
            def on_close():
                # Some clients end the association of their data channels and say no other word.
                if pc.sctp.state == "closed":
                    self.closing = asyncio.create_task(pc.close())

    async def watch_heartbeat(self):
        """Reports a client as gone that has sent pings, as Pipecat's do every second, and sends none any more."""
        while True:
            await asyncio.sleep(min(1, self.silent_after_secs / 4))
            if (
                self.heard_at is not None
                and time.monotonic() - self.heard_at > self.silent_after_secs
            ):
                self.channel.send("peer", state="silent")
                return await self.connection.pc.close()

    async def flushed(self):
        while self.channel_to_client and self.channel_to_client.bufferedAmount > 0:
            await asyncio.sleep(0.01)


async def drain(track):
    try:
        for _ in range(MAX_CHUNKS):
            await asyncio.wait_for(track.recv(), FLUSH_TIMEOUT_SECS)
    except asyncio.TimeoutError:
        pass


def apply_policy(module, policy):
    """Has the connection gather TURN candidates only where the runner says so; Pipecat's class has no parameter for it."""
    from aiortc import RTCIceTransportPolicy

    if policy == "relay":
        module.RTCConfiguration = functools.partial(
            module.RTCConfiguration, iceTransportPolicy=RTCIceTransportPolicy.RELAY
        )


def limit_gathering(seconds):
    """Sets how long STUN and TURN servers may take, in seconds: aioice has a default of five and no setting."""
    from aioice import Connection

    gather = Connection.get_component_candidates
    Connection.get_component_candidates = functools.partialmethod(gather, timeout=seconds)


def limit_ports(loop, low, high):
    """Has UDP sockets without a port take one of the range; aiortc has no setting for it."""
    create = loop.create_datagram_endpoint

    async def create_in_range(protocol, local_addr=None, **options):
        if local_addr is None or local_addr[1] != 0:
            return await create(protocol, local_addr=local_addr, **options)
        ports = list(range(low, high + 1))
        random.shuffle(ports)
        for port in ports:
            try:
                return await create(protocol, local_addr=(local_addr[0], port), **options)
            except OSError as error:
                last = error
        raise last

    loop.create_datagram_endpoint = create_in_range

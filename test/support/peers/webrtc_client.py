"""A WebRTC client on aiortc: speaks to a bot, renegotiates, takes another peer connection, and is gone without a word.

`python webrtc_client.py <URL of offers> <file to speak> <file for what is heard> <message to send>`

The files are mono PCM of 16 bits, at 48 kHz and 16 kHz. It prints a line for each step that has worked; what it heard after `restarted`
is behind that of before.
"""

import asyncio
import fractions
import json
import os
import sys
import urllib.request

import numpy as np
from aiortc import MediaStreamTrack, RTCPeerConnection, RTCSessionDescription
from av import AudioFrame

RATE = 48_000
PACKET = RATE // 50
TIMEOUT_SECS = 20


class Voice(MediaStreamTrack):
    """Speaks a file again and again, at the pace of speech."""

    kind = "audio"

    def __init__(self, samples):
        super().__init__()
        self.samples = samples
        self.at = 0
        self.started_at = None

    async def recv(self):
        now = asyncio.get_running_loop().time()
        self.started_at = self.started_at or now
        await asyncio.sleep(max(0, self.started_at + self.at / RATE - now))
        frame = AudioFrame(format="s16", layout="mono", samples=PACKET)
        frame.planes[0].update(np.take(self.samples, range(self.at, self.at + PACKET), mode="wrap").tobytes())
        frame.sample_rate, frame.pts, frame.time_base = RATE, self.at, fractions.Fraction(1, RATE)
        self.at += PACKET
        return frame


class Client:
    def __init__(self, url, spoken, heard):
        self.url = url
        self.spoken = np.fromfile(spoken, np.int16)
        self.heard = open(heard, "wb")
        self.pc_id = None
        self.received = asyncio.Queue()

    def create(self):
        self.pc = RTCPeerConnection()
        self.pc.addTrack(Voice(self.spoken))
        self.channel = self.pc.createDataChannel("chat", ordered=True)
        self.opened = asyncio.Event()
        self.channel.on("open", self.opened.set)
        self.channel.on("message", self.received.put_nowait)
        self.pc.on("track", lambda track: setattr(self, "listening", asyncio.create_task(self.listen(track))))

    async def listen(self, track):
        while True:
            frame = await track.recv()
            samples = frame.to_ndarray().reshape(-1, len(frame.layout.channels))
            mono = samples.mean(axis=1)
            # Averages of three samples are good enough for a voice.
            self.heard.write(mono.reshape(-1, 3).mean(axis=1).astype(np.int16).tobytes())

    async def request(self, method, body):
        request = urllib.request.Request(
            self.url, json.dumps(body).encode(), {"content-type": "application/json"}, method=method
        )
        with await asyncio.to_thread(urllib.request.urlopen, request) as response:
            return json.load(response)

    async def negotiate(self, restart=False):
        """Sends an offer without candidates, and these one by one behind it (trickle ICE)."""
        await self.pc.setLocalDescription(await self.pc.createOffer())
        lines = self.pc.localDescription.sdp.splitlines(keepends=True)
        trickled = [line for line in lines if line.startswith(("a=candidate:", "a=end-of-candidates"))]
        offer = {
            "type": "offer",
            "sdp": "".join(line for line in lines if line not in trickled),
            "pc_id": self.pc_id,
            "restart_pc": restart,
        }
        answer = await self.request("POST", offer)
        if self.pc_id not in (None, answer["pc_id"]):
            raise ValueError("it is another connection")
        self.pc_id = answer["pc_id"]
        for line in dict.fromkeys(trickled):
            candidate = line.strip()[2:] if line.startswith("a=candidate:") else ""
            one = {"candidate": candidate, "sdp_mid": "0", "sdp_mline_index": 0}
            await self.request("PATCH", {"pc_id": self.pc_id, "candidates": [one]})
        await self.pc.setRemoteDescription(RTCSessionDescription(answer["sdp"], "answer"))

    async def ask(self, message):
        """Sends a message, and waits for the answer to it."""
        self.channel.send(message)
        wanted = json.loads(message)["id"]
        while True:
            answer = json.loads(await self.received.get())
            if answer.get("id") == wanted and answer.get("type") == "server-response":
                return answer["data"]

    async def ping(self):
        while True:
            if self.channel.readyState == "open":
                self.channel.send("ping: now")
            await asyncio.sleep(1)


async def converse(client, message):
    client.create()
    await client.negotiate()
    await client.opened.wait()
    pinging = asyncio.create_task(client.ping())
    print("asked", json.dumps(await client.ask(message)), flush=True)
    await asyncio.sleep(4)
    print("heard", client.heard.tell() // 2, flush=True)
    await client.negotiate()
    print("renegotiated", json.dumps(await client.ask(message)), flush=True)
    old = client.pc
    client.create()
    await client.negotiate(restart=True)
    await client.opened.wait()
    await old.close()
    before = client.heard.tell() // 2
    print("restarted", json.dumps(await client.ask(message)), before, flush=True)
    await asyncio.sleep(4)
    client.heard.flush()
    pinging.cancel()
    print("gone", flush=True)


async def main(url, spoken, heard, message):
    client = Client(url, spoken, heard)
    await asyncio.wait_for(converse(client, message), TIMEOUT_SECS * 3)
    # Nothing is closed.
    os._exit(0)


asyncio.run(main(*sys.argv[1:]))

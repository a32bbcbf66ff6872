"""A client over MoQ: speaks a tone to a bot for some seconds, and prints how loud that tone is in what it hears.

`python moq_client.py <the answer of /start as JSON> [Hz of the tone]`
"""

import asyncio
import base64
import json
import sys
from urllib.parse import urlparse

import numpy as np
from loguru import logger
from pipecat.frames.frames import InputAudioRawFrame, OutputAudioRawFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.transports.moq.transport import MOQParams, MOQTransport
from pipecat.workers.runner import WorkerRunner

RATE = 16_000
TONE_HZ = int(sys.argv[2]) if len(sys.argv) > 2 else 440
SECONDS = 5

logger.remove()


class Listener(FrameProcessor):
    def __init__(self):
        super().__init__()
        self.heard = []

    async def process_frame(self, frame, direction):
        await super().process_frame(frame, direction)
        if isinstance(frame, InputAudioRawFrame):
            self.heard.append(np.frombuffer(frame.audio, np.int16))
        else:
            await self.push_frame(frame, direction)


def share_of_tone(samples):
    """The largest share of the tone in the power of a fifth of a second, from 0 to 1."""
    size = RATE // 5
    wave = np.exp(-2j * np.pi * TONE_HZ * np.arange(size) / RATE)
    pieces = [samples[at : at + size].astype(float) for at in range(0, len(samples) - size, size)]
    return max([2 * abs(one @ wave) ** 2 / (size * (one @ one) + 1) for one in pieces], default=0)


async def main(answer):
    moq = answer["moq"]
    url = urlparse(moq["relayUrl"])
    transport = MOQTransport(
        params=MOQParams(
            audio_in_enabled=True,
            audio_out_enabled=True,
            audio_in_sample_rate=RATE,
            audio_out_sample_rate=RATE,
            namespace=moq["namespace"],
            participant_id=moq["clientId"],
            peer_id=moq["botId"],
            client_tls_fingerprints=[base64.b64decode(moq["certHash"]).hex()],
        ),
        host=url.hostname,
        port=url.port,
        path=url.path,
    )
    listener = Listener()
    worker = PipelineWorker(
        Pipeline([transport.input(), listener, transport.output()]),
        params=PipelineParams(audio_in_sample_rate=RATE, audio_out_sample_rate=RATE),
    )

    async def speak():
        t = np.arange(SECONDS * RATE) / RATE
        tone = (12_000 * np.sin(2 * np.pi * TONE_HZ * t)).astype(np.int16)
        await worker.queue_frames(
            OutputAudioRawFrame(tone[at : at + RATE // 50].tobytes(), RATE, 1)
            for at in range(0, len(tone), RATE // 50)
        )
        await asyncio.sleep(SECONDS)
        await worker.cancel()

    speaking = []

    @transport.event_handler("on_client_connected")
    async def on_client_connected(transport, *_):
        speaking.append(asyncio.create_task(speak()))

    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    await asyncio.wait_for(runner.run(), 30)
    heard = np.concatenate(listener.heard) if listener.heard else np.zeros(1, np.int16)
    print(json.dumps({"seconds": len(heard) / RATE, "tone": share_of_tone(heard)}))


asyncio.run(main(json.loads(sys.argv[1])))

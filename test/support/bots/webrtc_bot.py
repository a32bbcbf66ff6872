"""Says back what it hears, sharpened: each sample without the one half a millisecond before, or does what the `body` of its session says. It is written as Pipecat's documentation has it."""

import asyncio
import os
import time

if os.environ.get("BOT_LOADS_SECS"):
    time.sleep(float(os.environ["BOT_LOADS_SECS"]))

import numpy as np
from pipecat.frames.frames import Frame, InputAudioRawFrame, OutputAudioRawFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.runner.types import RunnerArguments, SmallWebRTCRunnerArguments
from pipecat.runner.utils import create_transport
from pipecat.transports.base_transport import TransportParams
from pipecat.workers.runner import WorkerRunner

transport_params = {
    "webrtc": lambda: TransportParams(audio_in_enabled=True, audio_out_enabled=True),
}


class Sharpen(FrameProcessor):
    """Its counterpart in the tests is `sharpened`."""

    def __init__(self):
        super().__init__()
        self.before = np.zeros(8, np.int16)

    async def process_frame(self, frame: Frame, direction: FrameDirection):
        await super().process_frame(frame, direction)
        if isinstance(frame, InputAudioRawFrame):
            samples = np.concatenate([self.before, np.frombuffer(frame.audio, np.int16)])
            self.before = samples[-8:]
            audio = (samples[8:] // 2 - samples[:-8] // 2).tobytes()
            await self.push_frame(OutputAudioRawFrame(audio, frame.sample_rate, frame.num_channels))
        else:
            await self.push_frame(frame, direction)


async def bot(runner_args: RunnerArguments):
    assert isinstance(runner_args, SmallWebRTCRunnerArguments)
    body = runner_args.body or {}
    deed = body.get("do")
    print("started", runner_args.session_id, body, runner_args.call_data)
    if deed == "raise":
        raise ValueError("this bot raises")
    if deed == "wait":
        try:
            await asyncio.Event().wait()
        finally:
            print("cleaned up")
    transport = await create_transport(runner_args, transport_params)
    if deed == "load late":
        # As a bot that loads its models when its client is there already.
        await asyncio.sleep(1.5)
        connect = transport._client.connect

        async def connect_late():
            time.sleep(4)
            await connect()

        transport._client.connect = connect_late
    worker = PipelineWorker(
        Pipeline([transport.input(), Sharpen(), transport.output()]),
        params=PipelineParams(audio_in_sample_rate=16000, audio_out_sample_rate=16000),
    )

    @transport.event_handler("on_client_connected")
    async def on_client_connected(transport, client):
        print("client connected", os.getpid())
        if deed == "leave":
            await worker.cancel()

    @transport.event_handler("on_client_disconnected")
    async def on_client_disconnected(transport, client):
        print("client disconnected")
        await worker.cancel()

    @transport.event_handler("on_app_message")
    async def on_app_message(transport, message, sender):
        if message.get("type") == "application":
            print("application message", message)

    @worker.rtvi.event_handler("on_client_message")
    async def on_client_message(rtvi, message):
        if message.type == "leave":
            await worker.cancel()
        elif message.type == "fail":
            os._exit(7)
        else:
            await rtvi.send_server_message({"told": message.data})
            await rtvi.send_server_response(message, {"echo": message.data})

    runner = WorkerRunner(handle_sigint=runner_args.handle_sigint)
    await runner.add_workers(worker)
    await runner.run()
    if deed == "fail after":
        raise ValueError("this bot raises in the end")

"""A bot in the style of Pipecat's documentation that says back what it hears over MoQ."""

import asyncio

from pipecat.frames.frames import InputAudioRawFrame, OutputAudioRawFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.runner.types import RunnerArguments
from pipecat.runner.utils import create_transport
from pipecat.transports.moq.transport import MOQParams
from pipecat.workers.runner import WorkerRunner

transport_params = {
    "moq": lambda: MOQParams(audio_in_enabled=True, audio_out_enabled=True),
}


class Echo(FrameProcessor):
    """Says back what it hears, in pieces of some seconds if asked to: these are sent ahead, as the speech of a TTS is."""

    def __init__(self, piece_secs):
        super().__init__()
        self.piece_secs = piece_secs
        self.heard = b""

    async def process_frame(self, frame, direction):
        await super().process_frame(frame, direction)
        if isinstance(frame, InputAudioRawFrame):
            self.heard += frame.audio
            if len(self.heard) / 2 < self.piece_secs * frame.sample_rate:
                return
            frame = OutputAudioRawFrame(self.heard, frame.sample_rate, frame.num_channels)
            self.heard = b""
        await self.push_frame(frame, direction)


async def bot(runner_args: RunnerArguments):
    body = runner_args.body or {}
    print("told", type(runner_args).__name__, runner_args.namespace, body, runner_args.session_id)
    if body.get("do") == "raise":
        raise ValueError("this bot raises")
    if body.get("do") == "wait":
        await asyncio.Event().wait()
    piece_secs = 3 if body.get("from") == "browser" else 0
    transport = await create_transport(runner_args, transport_params)
    worker = PipelineWorker(Pipeline([transport.input(), Echo(piece_secs), transport.output()]))

    @transport.event_handler("on_client_connected")
    async def on_client_connected(transport, *_):
        print("client connected")

    @transport.event_handler("on_client_disconnected")
    async def on_client_disconnected(transport, *_):
        print("client disconnected")
        await worker.cancel()

    @worker.rtvi.event_handler("on_client_message")
    async def on_client_message(rtvi, message):
        if message.type == "leave":
            await worker.cancel()
        else:
            await rtvi.send_server_message({"told": message.data})
            await rtvi.send_server_response(message, {"echo": message.data})

    runner = WorkerRunner(handle_sigint=runner_args.handle_sigint)
    await runner.add_workers(worker)
    await runner.run()

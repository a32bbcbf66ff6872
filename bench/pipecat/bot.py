"""Baseline: the same two bots in Pipecat, under Pipecat's own runner."""

from pipecat.frames.frames import InputAudioRawFrame, OutputAudioRawFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.runner import PipelineRunner
from pipecat.pipeline.task import PipelineParams, PipelineTask
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.runner.types import RunnerArguments
from pipecat.runner.utils import create_transport
from pipecat.transports.websocket.fastapi import FastAPIWebsocketParams

PARAMS = {
    "twilio": lambda: FastAPIWebsocketParams(audio_in_enabled=True, audio_out_enabled=True)
}
RATES = PipelineParams(audio_in_sample_rate=16_000, audio_out_sample_rate=16_000)


class Echo(FrameProcessor):
    """Echoes audio."""

    async def process_frame(self, frame, direction: FrameDirection):
        await super().process_frame(frame, direction)
        if isinstance(frame, InputAudioRawFrame):
            frame = OutputAudioRawFrame(frame.audio, frame.sample_rate, frame.num_channels)
        await self.push_frame(frame, direction)


async def bot(runner_args: RunnerArguments):
    if runner_args.websocket.url.path == "/ws":
        await talk(runner_args)
    else:
        await send_back(runner_args.websocket)


async def talk(runner_args: RunnerArguments):
    """Runs a phone call through the pipeline."""
    transport = await create_transport(runner_args, PARAMS)
    task = PipelineTask(Pipeline([transport.input(), Echo(), transport.output()]), params=RATES)

    @transport.event_handler("on_client_disconnected")
    async def gone(_transport, _client):
        await task.cancel()

    await PipelineRunner(handle_sigint=False).run(task)


async def send_back(socket):
    """Echoes frames unchanged."""
    while (message := await socket.receive())["type"] != "websocket.disconnect":
        if message.get("bytes") is not None:
            await socket.send_bytes(message["bytes"])
        else:
            await socket.send_text(message["text"])


if __name__ == "__main__":
    from pipecat.runner.run import main

    main()

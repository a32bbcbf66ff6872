"""A bot that reads the files it is sent as Pipecat's LLM services do, and says what is in them."""

from pipecat.frames.frames import Frame, UserFileRawFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.processors.frameworks.rtvi import RTVIServerMessageFrame
from pipecat.runner.types import RunnerArguments
from pipecat.runner.utils import create_transport
from pipecat.serializers.protobuf import ProtobufFrameSerializer
from pipecat.transports.websocket.fastapi import FastAPIWebsocketParams
from pipecat.utils.file_resolver import FileResolver
from pipecat.workers.runner import WorkerRunner

transport_params = {
    "websocket": lambda: FastAPIWebsocketParams(serializer=ProtobufFrameSerializer()),
}


class ReadFiles(FrameProcessor):
    def __init__(self, resolver: FileResolver):
        super().__init__()
        self._resolver = resolver

    async def process_frame(self, frame: Frame, direction: FrameDirection):
        await super().process_frame(frame, direction)
        if isinstance(frame, UserFileRawFrame):
            content = (await self._resolver.fetch(frame.file)).decode()
            said = {"name": frame.filename, "text": frame.text, "content": content}
            await self.push_frame(RTVIServerMessageFrame(data=said))
        else:
            await self.push_frame(frame, direction)


async def bot(runner_args: RunnerArguments):
    transport = await create_transport(runner_args, transport_params)
    resolver = FileResolver(file_storage=runner_args.file_storage)
    worker = PipelineWorker(Pipeline([transport.input(), ReadFiles(resolver), transport.output()]))

    @transport.event_handler("on_client_disconnected")
    async def on_client_disconnected(transport, client):
        await worker.cancel()

    runner = WorkerRunner(handle_sigint=runner_args.handle_sigint)
    await runner.add_workers(worker)
    await runner.run()

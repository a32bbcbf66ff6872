"""A bot in the style of Pipecat's documentation that joins a video session of Vonage."""

import os

from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.runner.types import RunnerArguments
from pipecat.runner.utils import create_transport
from pipecat.workers.runner import WorkerRunner


def params():
    from pipecat.transports.vonage.video_connector import VonageVideoConnectorTransportParams

    return VonageVideoConnectorTransportParams(audio_in_enabled=True, audio_out_enabled=True)


async def bot(runner_args: RunnerArguments):
    room = (runner_args.application_id, runner_args.vonage_session_id, runner_args.token)
    print("told", type(runner_args).__name__, *room, runner_args.session_id, runner_args.body)
    if os.environ.get("VONAGE_BOT") == "return":
        return
    transport = await create_transport(runner_args, {"vonage": params})
    print("has", type(transport).__name__)
    worker = PipelineWorker(Pipeline([transport.input(), transport.output()]))
    runner = WorkerRunner(handle_sigint=runner_args.handle_sigint)
    await runner.add_workers(worker)
    await runner.run()

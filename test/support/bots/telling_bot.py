"""Tells its client what Pipecat's own runner gives a bot, with flags of its own."""

import argparse
import json
import os

from pipecat.runner.run import (
    main,
    runner_downloads_folder,
    runner_host,
    runner_port,
)


async def bot(runner_args):
    storage = runner_args.file_storage
    facts = {
        "cli_args": vars(runner_args.cli_args),
        "host": runner_host(),
        "port": runner_port(),
        "downloads": runner_downloads_folder(),
        "ENV": os.environ.get("ENV"),
        "name": __name__,
        "body": runner_args.body,
        "storage": storage and type(storage).__name__,
        "stored": storage and (await storage.load("pipecat:" + "0a" * 16)).decode(),
    }
    await runner_args.websocket.send_text(json.dumps(facts))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--language", default="en")
    parser.add_argument("--bot", dest="bot", default="mine")
    main(parser)
    raise SystemExit("the server of Pipecat's own runner would have ended")

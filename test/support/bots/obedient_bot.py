"""Does what the `body` of its session says; else it prints what it was given."""

import asyncio
import atexit
import json
import os
import re
import signal
import sys
import time


left_behind = []


async def send_forever(websocket):
    while True:
        await websocket.send_text("late")
        await asyncio.sleep(0.01)


async def bot(runner_args):
    body = runner_args.body or {}
    deed = body.get("do")
    if "exitMs" in body:
        # As an exporter of traces that sends its last batch.
        atexit.register(time.sleep, body["exitMs"] / 1000)
    time.sleep(body.get("hangMs", 0) / 1000)
    if deed == "return":
        return
    if deed == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if deed in ("raise", "throw"):
        raise ValueError(body.get("message", "this bot raises"))
    if deed == "exit":
        sys.exit(body["code"])
    if deed == "hang":
        print(f"hanging, pid {os.getpid()}")
        while True:
            pass
    if deed == "hold":
        print("holding")
        # No other thread of Python has a turn.
        re.match(r"(a+)+$", "a" * 60 + "b")
    if deed == "mirror":
        websocket = runner_args.websocket
        while True:
            message = await websocket.receive()
            if message["type"] == "websocket.disconnect":
                print("the peer closed:", message["code"], message["reason"])
                return
            if message.get("text") is not None:
                await websocket.send_text(message["text"])
            else:
                await websocket.send_bytes(message["bytes"])
    if deed == "close":
        await runner_args.websocket.close(body["code"], body["reason"])
        return
    if deed == "flood":
        for i in range(body["count"]):
            await runner_args.websocket.send_bytes(bytes([i % 256]) * body["bytes"])
        if body.get("leavesBehind"):
            left_behind.append(asyncio.create_task(send_forever(runner_args.websocket)))
            left_behind.append(asyncio.create_task(runner_args.websocket.receive()))
            await asyncio.sleep(0)
        return
    if deed == "stay":
        print("staying")
        try:
            await asyncio.Event().wait()
        finally:
            print("cleaned up")
    facts = {name: value for name, value in vars(runner_args).items() if name != "websocket"}
    facts["class"] = type(runner_args).__name__
    call_data = facts["call_data"]
    facts["call_data"] = call_data and call_data.model_dump(by_alias=True)
    facts["call_data_class"] = call_data and type(call_data).__name__
    facts["cli_args"] = runner_args.cli_args and vars(runner_args.cli_args)
    if hasattr(runner_args, "websocket"):
        websocket = runner_args.websocket
        facts["origin"] = websocket.headers.get("origin")
        facts["headers"] = dict(websocket.headers)
        facts["query"] = dict(websocket.query_params)
        facts["url"] = str(websocket.url)
        facts["client"] = websocket.client and websocket.client.host
        facts["first"] = json.loads(await websocket.receive_text())["event"] if call_data else None
    print("told", json.dumps(facts))

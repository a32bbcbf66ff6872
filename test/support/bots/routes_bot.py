"""Adds routes as a bot does for Pipecat Cloud and for Pipecat's own runner, and stays."""

import asyncio
import os

from fastapi import Request, Response
from fastapi.responses import JSONResponse
from pipecat.runner.run import app as runner_app
from pipecatcloud_system import app
from starlette.routing import Route

assert app is runner_app


@app.get("/throws")
async def throws():
    raise ValueError("the secret recipe")


@app.get("/exit")
async def leave():
    os._exit(3)


@app.get("/never")
async def never():
    await asyncio.Event().wait()


@app.get("/nothing")
async def nothing():
    return Response(status_code=204)


class Stream:
    """Sends back what it reads, piece by piece."""

    async def __call__(self, scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        more = True
        while more:
            message = await receive()
            more = message.get("more_body", False)
            body = message.get("body", b"")
            await send({"type": "http.response.body", "body": body, "more_body": more})


app.router.routes.append(Route("/stream", Stream(), methods=["POST"]))


@app.websocket("/socket")
async def socket(websocket):
    pass


@app.api_route("/mirror/{path:path}", methods=["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
async def mirror(request: Request):
    body = await request.body()
    response = JSONResponse(
        {
            "method": request.method,
            "path": f"{request.scope['raw_path'].decode()}?{request.url.query}".rstrip("?"),
            "headers": dict(request.headers),
            "body": body.decode() or None,
        },
        status_code=201,
    )
    response.set_cookie("a", "1")
    response.set_cookie("b", "2")
    return response


async def bot(runner_args):
    print("takes requests")
    await asyncio.Event().wait()

"""Serves the FastAPI application of a bot, for requests to `/sessions/<id>/…` of its conversation."""

import asyncio
import contextlib


async def serve(app, path):
    """Resolves once the application is served at a Unix socket. It is until the process exits."""
    import uvicorn

    class Server(uvicorn.Server):
        # Signals are for the bot.
        @contextlib.contextmanager
        def capture_signals(self):
            yield

        def install_signal_handlers(self):
            pass

    config = uvicorn.Config(app, uds=path, log_config=None, access_log=False, ws="none")
    server = Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started and not serving.done():
        await asyncio.sleep(0.01)
    if serving.done():
        serving.result()
        raise RuntimeError("the routes of the bot cannot be served; the log says why")
    return serving

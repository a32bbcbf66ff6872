"""Keeps the files that clients upload in the bot's own storage: what its `create_file_storage()` returns."""

import asyncio
import pathlib

from bot_host_channel import reason_of
from bot_host_loading import file_storage_of


async def keep_files(module, message, channel):
    """Does what the runner asks for, for as long as it is there. Contents come and go as files of the runner's."""
    storage = file_storage_of(module, None)
    if storage is None:
        raise ValueError("create_file_storage() returned None")
    tasks = set()
    while True:
        task = asyncio.create_task(answer(storage, message, channel))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        message = await channel.receive()


async def answer(storage, message, channel):
    try:
        url = await DEEDS[message["do"]](storage, message)
        channel.send("file", id=message["id"], url=url)
    except Exception as error:
        channel.send("file", id=message["id"], error=reason_of(error))


async def save(storage, message):
    content = await asyncio.to_thread(pathlib.Path(message["path"]).read_bytes)
    return await storage.save(message["name"], content)


async def load(storage, message):
    content = await storage.load(message["url"])
    await asyncio.to_thread(pathlib.Path(message["path"]).write_bytes, content)


async def delete(storage, message):
    await storage.delete(message["url"])


DEEDS = {"save": save, "load": load, "delete": delete}

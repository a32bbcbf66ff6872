"""Sets the base URLs of cloud services to `STAND_IN_URL`, and nothing else: those that no variable of the environment sets.

Python imports it at its start when its folder is in `PYTHONPATH`. OpenAI's HTTP services take `OPENAI_BASE_URL`.
"""

import importlib.machinery
import os
import sys

URL = os.environ["STAND_IN_URL"]
SOCKET_URL = URL.replace("http", "ws", 1)
# By module: the class, the parameter of its constructor, and the default it gets.
BASE_URLS = {
    "pipecat.services.deepgram.stt": ("DeepgramSTTService", "base_url", SOCKET_URL),
    "pipecat.services.cartesia.tts": ("CartesiaTTSService", "url", f"{SOCKET_URL}/tts/websocket"),
    "pipecat.services.openai.responses.llm": (
        "OpenAIResponsesLLMService",
        "ws_url",
        f"{SOCKET_URL}/v1/responses",
    ),
    "pipecat.services.openai.realtime.llm": (
        "OpenAIRealtimeLLMService",
        "base_url",
        f"{SOCKET_URL}/v1/realtime",
    ),
}


class BaseUrls:
    """A finder that finds those modules where they are, and sets the default once they are executed."""

    @staticmethod
    def find_spec(name, path, target=None):
        if name not in BASE_URLS:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec:
            execute = spec.loader.exec_module

            def exec_module(module):
                execute(module)
                cls, parameter, url = BASE_URLS[name]
                getattr(module, cls).__init__.__kwdefaults__[parameter] = url

            spec.loader.exec_module = exec_module
        return spec


sys.meta_path.insert(0, BaseUrls)

"""Loads a bot as `python bot.py` does, up to where Pipecat's own runner would begin to serve, and stands in for that runner."""

import argparse
import ast
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import inspect
import os
import sys
import types

RUN = "pipecat.runner.run"
# The module whose `app` has the routes of a bot in Pipecat Cloud.
CLOUD = "pipecatcloud_system"
# The most routes of a bot that the runner takes, and the longest.
MAX_ROUTES = 100
MAX_ROUTE = 200


class Serving(BaseException):
    """Ends what runs a bot's file where Pipecat's own runner would serve until the end of the program."""


class Runner(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """The runner of a bot's process. It adjusts `pipecat.runner.run` whenever the bot imports it."""

    def __init__(self, path, own_args):
        self.path = path
        self.own_args = own_args
        # Flags by the names of the reference, with the bot's own, where the bot calls its main().
        self.flags = {}
        self.own_flags = {}
        self.globals = {}
        # Pipecat's own runner sets it, whatever the environment says.
        self.env = os.environ.setdefault("ENV", "local")

    def load(self):
        """The module that has the bot: the file itself, or one beside it."""
        sys.argv = [self.path, *self.own_args]
        sys.path.insert(0, os.path.dirname(self.path))
        sys.meta_path.insert(0, self)
        with open(self.path, "rb") as file:
            source = file.read()
        module = self.run_file(source)
        if not hasattr(module, "bot"):
            module = self.bot_beside()
        return module

    def run_file(self, source):
        # Only a file that leaves the serving to Pipecat is safe to run as a program.
        name = "__main__" if starts_runner(source) else stem_of(self.path)
        module = types.ModuleType(name)
        module.__file__ = self.path
        sys.modules[name] = module
        try:
            exec(compile(source, self.path, "exec", dont_inherit=True), module.__dict__)
        except Serving:
            pass
        return module

    def bot_beside(self):
        """The bot of a `server.py`: that of bot.py, or else of another file in its folder."""
        path = path_of_bot_beside(self.path)
        if path is None:
            raise ImportError(f"{self.path} has no bot: async def bot(runner_args)")
        try:
            return importlib.import_module(stem_of(path))
        except Serving:
            raise ImportError(f"{path} calls main() when it is imported") from None

    # The import of modules.

    def find_spec(self, name, path=None, target=None):
        if name == RUN:
            spec = importlib.machinery.PathFinder.find_spec(name, path)
            if spec:
                execute = spec.loader.exec_module
                spec.loader.exec_module = lambda module: (execute(module), self.stand_in(module))
            return spec
        if name == CLOUD and importlib.machinery.PathFinder.find_spec(name) is None:
            return importlib.machinery.ModuleSpec(name, self)
        return None

    def exec_module(self, module):
        module.app = importlib.import_module(RUN).app

    def stand_in(self, run):
        os.environ["ENV"] = self.env
        reference_main = run.main

        def main(parser=None):
            self.parse_flags(reference_main, parser or argparse.ArgumentParser())
            raise Serving

        run.main = main
        vars(run).update(self.globals)

    def parse_flags(self, reference_main, parser):
        """Has the reference's main() add its flags to those of the bot, and stops it there."""
        own = {action.dest for action in parser._actions}

        def stop(*_args, **_options):
            raise Serving

        parser.parse_args = stop
        try:
            reference_main(parser)
        except Serving:
            pass
        finally:
            del parser.parse_args
        try:
            self.flags = vars(parser.parse_args(self.own_args))
        except SystemExit:
            raise ValueError(
                f"the bot does not take its flags {self.own_args}; the log says why"
            ) from None
        self.own_flags = {name: value for name, value in self.flags.items() if name in own}

    # One conversation.

    def begin(self, module, given, uploads_folder):
        """Returns the `cli_args` and the `file_storage` of a conversation. `given` are the runner's flags, if any; the folder is its, too."""
        flags = {**self.flags, **(given or {}), **self.own_flags}
        storage = file_storage_of(module, uploads_folder)
        self.globals = {"RUNNER_FILE_STORAGE": storage}
        for name in ("host", "port", "downloads_folder"):
            if flags.get(name) is not None:
                self.globals[f"RUNNER_{name.upper()}"] = flags[name]
        if RUN in sys.modules:
            vars(sys.modules[RUN]).update(self.globals)
        return (argparse.Namespace(**flags) if flags else None), storage

    @property
    def app(self):
        """The FastAPI application to which the bot may have added routes."""
        return getattr(sys.modules.get(RUN), "app", None)

    def routes(self):
        """The routes that the bot has added to the application of Pipecat's own runner."""
        app = self.app
        if app is None:
            return []
        of_fastapi = {
            app.openapi_url,
            app.docs_url,
            app.redoc_url,
            app.swagger_ui_oauth2_redirect_url,
        }
        routes = []
        for route in app.routes:
            path = getattr(route, "path", "")
            if path not in of_fastapi:
                methods = getattr(route, "methods", None)
                is_socket = "websocket" in type(route).__name__.lower()
                kind = ",".join(sorted(methods)) if methods else "WEBSOCKET" if is_socket else "ANY"
                routes.append(f"{kind} {path}"[:MAX_ROUTE])
        return routes[:MAX_ROUTES]


def file_storage_of(module, uploads_folder):
    """The storage of uploaded files: the bot's own, or that of the runner."""
    factory = getattr(module, "create_file_storage", None)
    if factory is not None:
        storage = factory()
        if inspect.iscoroutine(storage):
            storage.close()
            raise TypeError("create_file_storage() must not be async")
        return storage
    if not uploads_folder:
        return None
    try:
        from pipecat.utils.file_storage import LocalFileStorage
    except ImportError:
        # Before Pipecat 1.13.
        return None
    # The runner alone removes the oldest files.
    return LocalFileStorage(uploads_folder, max_files=0)


def stem_of(path):
    return os.path.splitext(os.path.basename(path))[0]


def starts_runner(source):
    """True for a file that imports main() of Pipecat's own runner."""
    for node in ast.walk(parse(source)):
        if isinstance(node, ast.Import) and any(alias.name == RUN for alias in node.names):
            return True
        if isinstance(node, ast.ImportFrom):
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            if names & {RUN, f"{RUN}.main"}:
                return True
    return False


def path_of_bot_beside(path):
    """The first other file in the folder that defines a `bot`, if any."""
    folder = os.path.dirname(path)
    for name in sorted(os.listdir(folder), key=lambda name: (name != "bot.py", name)):
        other = os.path.join(folder, name)
        if name.endswith(".py") and name != "server.py" and other != path:
            if defines(other, "bot"):
                return other
    return None


def defines(path, wanted):
    """True for a file with such a name at its top level. It is not run to find out."""
    with open(path, "rb") as file:
        for node in parse(file.read()).body:
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name == wanted:
                return True
            if isinstance(node, ast.ImportFrom):
                if any((alias.asname or alias.name) == wanted for alias in node.names):
                    return True
            if isinstance(node, ast.Assign):
                if any(getattr(target, "id", None) == wanted for target in node.targets):
                    return True
    return False


def bot_defines(path, wanted):
    """True for a file whose bot has such a name beside it."""
    own = None if defines(path, "bot") else path_of_bot_beside(path)
    return defines(own or path, wanted)


def parse(source):
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError):
        # Whoever runs it is told.
        return ast.Module(body=[], type_ignores=[])


if __name__ == "__main__":
    print(bot_defines(*sys.argv[1:]))

"""Runs `pipecat init` once for each line of standard input, a JSON array of arguments: in one process, for each start takes seconds."""

import json
import sys

from pipecat.cli.main import app
from typer.testing import CliRunner

for line in sys.stdin:
    result = CliRunner().invoke(app, ["init", *json.loads(line)])
    if result.exit_code != 0:
        sys.exit(f"pipecat init {line.strip()}: {result.output or result.exception}")

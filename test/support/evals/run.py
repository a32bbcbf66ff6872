"""Has Pipecat's eval harness run scenarios against a bot: `python run.py ws://… <scenario> …`. Prints one line of JSON for each."""

import asyncio
import json
import os
import sys

from loguru import logger
from pipecat.evals.scenario import EvalScenarioFile
from pipecat.evals.session import EvalSession

logger.remove()


async def main(url, names):
    scenarios = EvalScenarioFile.load(os.path.join(os.path.dirname(__file__), "scenarios.yaml"))
    for name in names:
        scenario = scenarios[f"{scenarios.name}/{name}"]
        result = await EvalSession.from_scenario(scenario, url).run()
        failures = [str(failure) for failure in result.failures]
        print(json.dumps({"passed": result.passed, "failures": failures}), flush=True)


asyncio.run(main(sys.argv[1], sys.argv[2:]))

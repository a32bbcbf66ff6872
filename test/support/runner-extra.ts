import { execFileSync } from 'node:child_process';

const { PIPECAT_PYTHON } = process.env;

/** True where Pipecat is installed with its extra `runner`, on which `pipecat.runner.run` depends. */
export const HAS_RUNNER_EXTRA = ((): boolean => {
  if (!PIPECAT_PYTHON) return false;
  try {
    execFileSync(PIPECAT_PYTHON, ['-c', 'import uvicorn, fastapi, dotenv'], { stdio: 'ignore' });
    return true;
  } catch {
    console.warn('*** SKIPPED, for want of pipecat-ai[runner] ***');
    return false;
  }
})();

import { existsSync } from 'node:fs';

/** Loads `.env`, and removes empty variables of the runner, which count as unset: compose files and CI systems pass those on. @param env the process' own */
export function loadEnvironment(env: NodeJS.ProcessEnv): void {
  removeEmpty(env);
  if (existsSync('.env')) process.loadEnvFile('.env');
  removeEmpty(env);
}

function removeEmpty(env: NodeJS.ProcessEnv): void {
  for (const [name, value] of Object.entries(env)) {
    if (name.startsWith('PIPECAT_') && value === '') Reflect.deleteProperty(env, name);
  }
}

import { existsSync } from 'node:fs';

/** Variables that bots in processes of their own do not see. */
const SECRETS: readonly string[] = [
  'PIPECAT_PUBLIC_KEYS',
  'PIPECAT_PRIVATE_KEYS',
  'PIPECAT_FLEET',
  'PIPECAT_FLEET_SECRET',
];

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

/** Returns an environment without the runner's own secrets. */
export const environmentOfBots = (env: NodeJS.ProcessEnv): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(env).filter(([name]) => !SECRETS.includes(name)));

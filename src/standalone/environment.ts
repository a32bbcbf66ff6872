import { existsSync } from 'node:fs';

/** Loads `.env`, and removes empty variables of the runner, which count as unset: compose files and CI systems pass those on. */
export function loadEnvironment(): void {
  removeEmpty();
  if (existsSync('.env')) process.loadEnvFile('.env');
  removeEmpty();
}

function removeEmpty(): void {
  for (const [name, value] of Object.entries(process.env)) {
    if (name.startsWith('PIPECAT_') && value === '') Reflect.deleteProperty(process.env, name);
  }
}

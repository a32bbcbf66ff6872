import { describe, expect, it } from '@jest/globals';
import CensusEnvironment from './census-environment.js';

type Globals = typeof globalThis & { readonly censusRegistries?: Set<object> };

/** Returns what is said of a test file that does something. */
async function leftBy(
  tests: (globals: Globals) => void,
  testPath = 'some.e2e-spec.ts',
): Promise<string[]> {
  const projectConfig = {
    globals: {},
    testEnvironmentOptions: { patienceMs: 0 },
    fakeTimers: {},
  };
  const environment = new CensusEnvironment({ projectConfig, globalConfig: {} } as never, {
    testPath,
    docblockPragmas: {},
    console,
  });
  const unhandledErrors: Error[] = [];
  await environment.handleTestEvent({ name: 'run_start' }, { unhandledErrors });
  tests(environment.global);
  await environment.handleTestEvent({ name: 'run_finish' }, { unhandledErrors });
  await environment.teardown();
  return unhandledErrors.map(({ message }) => message);
}

const HEAD = 'The tests of this file have left:\n  ';

describe('the census after an e2e file', () => {
  it('says nothing of what is gone', async () => {
    const left = await leftBy(({ setTimeout, clearTimeout, process }) => {
      clearTimeout(setTimeout(() => undefined, 60_000));
      const listener = (): void => undefined;
      process.on('SIGUSR2', listener).off('SIGUSR2', listener);
    });
    expect(left).toEqual([]);
  });

  it('names timers and listeners that are left', async () => {
    const timers: NodeJS.Timeout[] = [];
    const left = await leftBy(({ setTimeout, process }) => {
      timers.push(setTimeout(() => 'late', 60_000).unref());
      process.on('SIGUSR2', () => undefined);
    });
    timers.forEach((timer) => clearTimeout(timer));
    expect(left).toEqual([`${HEAD}1 × timer ()=>'late'\n  1 × listener on process for SIGUSR2`]);
  });

  it('names sessions, slots and principals that a registry has kept', async () => {
    const registry = {
      live: [{ id: '3f6c', state: { name: 'running' } }],
      size: 1,
      queued: 0,
      fleet: { capacity: { taken: 2, byPrincipal: new Map([['ada', 1]]) } },
    };
    const left = await leftBy(({ censusRegistries }) => censusRegistries!.add(registry));
    expect(left).toEqual([
      `${HEAD}1 × session 3f6c, which is running\n  1 × slot without a session\n  1 × share of a principal`,
    ]);
  });

  it('leaves specs alone', async () => {
    const timers: NodeJS.Timeout[] = [];
    const keep = ({ setTimeout }: Globals) => timers.push(setTimeout(() => 'late', 60_000));
    expect(await leftBy(keep, 'some.spec.ts')).toEqual([]);
    timers.forEach((timer) => clearTimeout(timer));
  });
});
